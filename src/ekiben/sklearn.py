"""Save and load scikit-learn estimators and pipelines."""

from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import Any

from ekiben.core.tag import Tag
from ekiben.frameworks import api
from ekiben.frameworks.handle import Model

__all__ = ["get", "load_model", "save_model"]


def save_model(
    name: str | Tag,
    model: Any,
    *,
    signatures: Mapping[str, Any] | None = None,
    labels: Mapping[str, str] | None = None,
    metadata: Mapping[str, Any] | None = None,
    custom_objects: Mapping[str, Any] | None = None,
    external_modules: Sequence[ModuleType] = (),
    sample: Any = None,
) -> Model:
    """Save a fitted estimator; the arguments are those of `frameworks.api.save_model`."""
    return api.save_model(
        "sklearn",
        name,
        model,
        signatures=signatures,
        labels=labels,
        metadata=metadata,
        custom_objects=custom_objects,
        external_modules=external_modules,
        sample=sample,
    )


def load_model(tag: str | Tag | Model) -> Any:
    """Load the estimator stored under *tag*."""
    return api.load_model("sklearn", tag)


def get(tag: str | Tag | Model) -> Model:
    """Give the stored model without loading the estimator."""
    return api.get("sklearn", tag)

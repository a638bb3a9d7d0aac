"""Save and load CatBoost models."""

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
    signatures: Mapping[str, Any] | Sequence[str] | None = None,
    labels: Mapping[str, str] | None = None,
    metadata: Mapping[str, Any] | None = None,
    custom_objects: Mapping[str, Any] | None = None,
    external_modules: Sequence[ModuleType] = (),
    sample: Any = None,
) -> Model:
    """Save a fitted model as `.cbm`, which holds no Python code.

    CatBoost keeps classes, names of features and the parameters of the training in that file.

    Args:
        name: a name, which gets a new version, or `name:version`.
        model: a `CatBoostClassifier`, `CatBoostRegressor`, `CatBoostRanker` or `CatBoost`.
        signatures: which methods are served, as `{"predict": {"batchable": True, "batch_dim": 0}}`, or their names; by
            default `predict`, and `predict_proba` of a classifier.
        labels: text by text, kept with the model.
        metadata: plain data, kept with the model.
        custom_objects: any Python objects kept with the model, pickled by value.
        external_modules: modules whose code is kept with the custom objects.
        sample: a few input rows; types, documents and warms up the served endpoints.

    Raises:
        ConfigError: it is no such model, is not fitted, or a signature names a method that it does not have.
        StoreError: the store cannot be written; nothing is left behind.
    """
    return api.save_model(
        "catboost",
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
    """Load the model stored under *tag*, of the class that was saved.

    Args:
        tag: `name:version`, or the newest by `name`.

    Raises:
        NotFound: there is no such model, or another framework saved it.
        StoreError: its file is damaged.
    """
    return api.load_model("catboost", tag)


def get(tag: str | Tag | Model) -> Model:
    """Give the stored model without loading it."""
    return api.get("catboost", tag)

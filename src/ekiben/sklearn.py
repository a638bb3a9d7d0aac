"""Save and load scikit-learn estimators and pipelines."""

from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import Any, Literal

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
    format: Literal["skops", "joblib"] | None = None,
) -> Model:
    """Save a fitted estimator as skops, which is read without unpickling.

    Where skops does not fit, because it cannot hold the model or would read it slowly, a pickle is written instead and
    a warning says why.

    Args:
        name: a name, which gets a new version, or `name:version`.
        model: an estimator or a pipeline.
        signatures: which methods are served, as `{"predict": {"batchable": True, "batch_dim": 0}}`, or their names; by
            default `predict`, `predict_proba`, `decision_function`, `score_samples` and `transform` where it has them.
        labels: text by text, kept with the model.
        metadata: plain data, kept with the model.
        custom_objects: any Python objects kept with the model, pickled by value.
        external_modules: modules of yours whose classes and functions are kept by value, which takes a pickle.
        sample: a few input rows; types, documents and warms up the served endpoints.
        format: settles the format: `joblib` for arrays that processes share, `skops` where slow is better than unsafe.

    Raises:
        ConfigError: it is no estimator, a signature names a method that it does not have, or *format* does not fit.
        StoreError: the store cannot be written; nothing is left behind.
    """
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
        format=format,
    )


def load_model(tag: str | Tag | Model, *, trusted: Sequence[str] = (), mmap_mode: str | None = None) -> Any:
    """Load the estimator stored under *tag*.

    Args:
        tag: `name:version`, or the newest by `name`.
        trusted: full names of types that may be made, beside those of scikit-learn; saving the model named them.
        mmap_mode: for models saved with `format="joblib"`: `r` leaves large arrays on disk, where processes share them.

    Raises:
        NotFound: there is no such model, or another framework saved it.
        StoreError: it holds types that are not trusted, must be unpickled and may not, or is damaged.
        ConfigError: an option does not fit its format.
    """
    return api.load_model("sklearn", tag, trusted=trusted, mmap_mode=mmap_mode)


def get(tag: str | Tag | Model) -> Model:
    """Give the stored model without loading the estimator."""
    return api.get("sklearn", tag)

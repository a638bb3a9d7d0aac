"""scikit-learn estimators and pipelines.

In: a fitted estimator. Out: a skops file, which is read without unpickling.
Source: the skops persistence format.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ekiben.core.optional import loaded, need
from ekiben.frameworks.base import Method, Saved
from ekiben.store.models import ModelInfo

NAME = "sklearn"
PACKAGES = ("scikit-learn", "skops", "joblib")
FILE = "saved_model.skops"
METHODS = ("predict", "predict_proba", "decision_function", "transform")


def owns(model: Any) -> bool:
    """Say whether *model* is an estimator."""
    base = loaded("sklearn.base")
    return base is not None and isinstance(model, base.BaseEstimator)


def save(model: Any, folder: Path, **options: Any) -> Saved:
    """Write *model* as skops."""
    need("skops.io", "saving a scikit-learn model", extra="sklearn").dump(model, folder / FILE)
    return Saved("skops", needs_unpickling=False)


def load(folder: Path, info: ModelInfo, **options: Any) -> Any:
    """Read a skops file."""
    return need("skops.io", "loading a scikit-learn model", extra="sklearn").load(folder / FILE)


def methods(model: Any) -> Mapping[str, Method]:
    """List what this estimator can do with rows."""
    return {name: Method(batchable=True) for name in METHODS if hasattr(model, name)}

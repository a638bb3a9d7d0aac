"""scikit-learn models in BentoML's store."""

from typing import Any

from bentoml.front import entered
from bentoml.runners import frameworks as runners
from ekiben import sklearn as ekiben_sklearn
from ekiben.frameworks.handle import Model

__all__ = ["get", "get_runnable", "load_model", "save_model"]

load_model = entered(ekiben_sklearn.load_model)
get = entered(ekiben_sklearn.get)
get_runnable = runners.get_runnable("sklearn")


@entered
def save_model(name: str, model: Any, **options: Any) -> Model:
    """Save a fitted estimator by joblib, as BentoML does; the options are those of `ekiben.sklearn.save_model`."""
    return ekiben_sklearn.save_model(name, model, **{"format": "joblib", **options})

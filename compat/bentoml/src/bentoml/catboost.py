"""CatBoost models in BentoML's store."""

from bentoml.front import entered
from ekiben import catboost as ekiben_catboost

__all__ = ["get", "load_model", "save_model"]

save_model = entered(ekiben_catboost.save_model)
load_model = entered(ekiben_catboost.load_model)
get = entered(ekiben_catboost.get)

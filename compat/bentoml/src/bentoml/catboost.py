"""CatBoost models in BentoML's store."""

from bentoml.front import entered
from bentoml.runners import frameworks as runners
from ekiben import catboost as ekiben_catboost

__all__ = ["get", "get_runnable", "load_model", "save_model"]

save_model = entered(ekiben_catboost.save_model)
load_model = entered(ekiben_catboost.load_model)
get = entered(ekiben_catboost.get)
get_runnable = runners.get_runnable("catboost")

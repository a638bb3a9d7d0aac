"""XGBoost models in BentoML's store."""

from bentoml.front import entered
from bentoml.runners import frameworks as runners
from ekiben import xgboost as ekiben_xgboost

__all__ = ["get", "get_runnable", "load_model", "save_model"]

save_model = entered(ekiben_xgboost.save_model)
load_model = entered(ekiben_xgboost.load_model)
get = entered(ekiben_xgboost.get)
get_runnable = runners.get_runnable("xgboost")

"""XGBoost models in BentoML's store."""

from bentoml.faces import getter, loader, saver, server
from bentoml.runners import frameworks as runners
from ekiben import xgboost as ekiben_xgboost

__all__ = ["get", "get_runnable", "get_service", "load_model", "save_model"]

save_model = saver(ekiben_xgboost)
load_model = loader(ekiben_xgboost)
get = getter(ekiben_xgboost)
get_runnable = runners.get_runnable("xgboost")
get_service = server(ekiben_xgboost)

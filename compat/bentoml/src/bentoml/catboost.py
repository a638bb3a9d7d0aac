"""CatBoost models in BentoML's store."""

from bentoml.faces import getter, loader, saver, server
from bentoml.runners import frameworks as runners
from ekiben import catboost as ekiben_catboost

__all__ = ["get", "get_runnable", "get_service", "load_model", "save_model"]

save_model = saver(ekiben_catboost)
load_model = loader(ekiben_catboost)
get = getter(ekiben_catboost)
get_runnable = runners.get_runnable("catboost")
get_service = server(ekiben_catboost)

"""LightGBM models in BentoML's store."""

from bentoml.faces import getter, loader, saver, server
from bentoml.runners import frameworks as runners
from ekiben import lightgbm as ekiben_lightgbm

__all__ = ["get", "get_runnable", "get_service", "load_model", "save_model"]

save_model = saver(ekiben_lightgbm)
load_model = loader(ekiben_lightgbm)
get = getter(ekiben_lightgbm)
get_runnable = runners.get_runnable("lightgbm")
get_service = server(ekiben_lightgbm)

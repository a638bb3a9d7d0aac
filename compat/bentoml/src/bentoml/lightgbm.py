"""LightGBM models in BentoML's store."""

from bentoml.front import entered
from bentoml.runners import frameworks as runners
from ekiben import lightgbm as ekiben_lightgbm

__all__ = ["get", "get_runnable", "load_model", "save_model"]

save_model = entered(ekiben_lightgbm.save_model)
load_model = entered(ekiben_lightgbm.load_model)
get = entered(ekiben_lightgbm.get)
get_runnable = runners.get_runnable("lightgbm")

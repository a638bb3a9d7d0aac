"""Pickled models in BentoML's store."""

from bentoml.faces import getter, loader, saver
from bentoml.runners import frameworks as runners
from ekiben import picklable_model as ekiben_picklable_model

__all__ = ["get", "get_runnable", "load_model", "save_model"]

save_model = saver(ekiben_picklable_model)
load_model = loader(ekiben_picklable_model)
get = getter(ekiben_picklable_model)
get_runnable = runners.get_runnable("picklable_model")

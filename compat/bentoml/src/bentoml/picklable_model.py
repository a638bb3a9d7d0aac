"""Python callables, pickled, in BentoML's store."""

from bentoml.front import entered
from bentoml.runners import frameworks as runners
from ekiben import picklable_model as ekiben_picklable_model

__all__ = ["get", "get_runnable", "load_model", "save_model"]

save_model = entered(ekiben_picklable_model.save_model)
load_model = entered(ekiben_picklable_model.load_model)
get = entered(ekiben_picklable_model.get)
get_runnable = runners.get_runnable("picklable_model")

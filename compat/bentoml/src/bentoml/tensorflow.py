"""TensorFlow models in BentoML's store."""

from bentoml.faces import getter, loader, saver
from bentoml.runners import frameworks as runners
from ekiben import tensorflow as ekiben_tensorflow

__all__ = ["get", "get_runnable", "load_model", "save_model"]

save_model = saver(ekiben_tensorflow)
load_model = loader(ekiben_tensorflow)
get = getter(ekiben_tensorflow)
get_runnable = runners.get_runnable("tensorflow")

"""Keras models in BentoML's store."""

from bentoml.front import entered
from bentoml.runners import frameworks as runners
from ekiben import keras as ekiben_keras

__all__ = ["get", "get_runnable", "load_model", "save_model"]

save_model = entered(ekiben_keras.save_model)
load_model = entered(ekiben_keras.load_model)
get = entered(ekiben_keras.get)
get_runnable = runners.get_runnable("keras")

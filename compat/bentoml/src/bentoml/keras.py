"""Keras models in BentoML's store."""

from bentoml.faces import getter, loader, saver
from bentoml.runners import frameworks as runners
from ekiben import keras as ekiben_keras

__all__ = ["get", "get_runnable", "load_model", "save_model"]

TENSORFLOW = dict.fromkeys(
    ("tf_signatures", "tf_save_options"),
    "a Keras model is kept in its own format; `bentoml.tensorflow` saves a SavedModel",
)
save_model = saver(ekiben_keras, refused=TENSORFLOW)
load_model = loader(ekiben_keras)
get = getter(ekiben_keras)
get_runnable = runners.get_runnable("keras")

"""fastai models in BentoML's store."""

from bentoml.faces import getter, loader, saver
from bentoml.runners import frameworks as runners
from ekiben import fastai as ekiben_fastai

__all__ = ["get", "get_runnable", "load_model", "save_model"]

save_model = saver(ekiben_fastai, "learner")
load_model = loader(ekiben_fastai)
get = getter(ekiben_fastai)
get_runnable = runners.get_runnable("fastai")

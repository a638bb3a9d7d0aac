"""PyTorch models in BentoML's store."""

from bentoml.faces import getter, loader, saver
from bentoml.runners import frameworks as runners
from ekiben import pytorch as ekiben_pytorch

__all__ = ["get", "get_runnable", "load_model", "save_model"]

save_model = saver(ekiben_pytorch)
load_model = loader(ekiben_pytorch)
get = getter(ekiben_pytorch)
get_runnable = runners.get_runnable("pytorch")

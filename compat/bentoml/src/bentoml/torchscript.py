"""TorchScript models in BentoML's store."""

from bentoml.faces import getter, loader, saver
from bentoml.runners import frameworks as runners
from ekiben import torchscript as ekiben_torchscript

__all__ = ["get", "get_runnable", "load_model", "save_model"]

save_model = saver(ekiben_torchscript)
load_model = loader(ekiben_torchscript)
get = getter(ekiben_torchscript)
get_runnable = runners.get_runnable("torchscript")

"""PyTorch Lightning models in BentoML's store."""

from bentoml.faces import getter, loader, saver
from bentoml.runners import frameworks as runners
from ekiben import pytorch_lightning as ekiben_pytorch_lightning

__all__ = ["get", "get_runnable", "load_model", "save_model"]

save_model = saver(ekiben_pytorch_lightning)
load_model = loader(ekiben_pytorch_lightning)
get = getter(ekiben_pytorch_lightning)
get_runnable = runners.get_runnable("pytorch_lightning")

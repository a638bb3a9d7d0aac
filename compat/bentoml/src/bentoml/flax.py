"""Flax models in BentoML's store."""

from bentoml.faces import getter, loader, saver
from bentoml.runners import frameworks as runners
from ekiben import flax as ekiben_flax

__all__ = ["get", "get_runnable", "load_model", "save_model"]

save_model = saver(ekiben_flax, "module")
load_model = loader(ekiben_flax, idle={"init": True})
get = getter(ekiben_flax)
get_runnable = runners.get_runnable("flax")

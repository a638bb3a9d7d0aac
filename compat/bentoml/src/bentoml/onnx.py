"""ONNX models in BentoML's store."""

from bentoml.faces import getter, loader, saver
from bentoml.runners import frameworks as runners
from ekiben import onnx as ekiben_onnx

__all__ = ["get", "get_runnable", "load_model", "save_model"]

save_model = saver(ekiben_onnx)
load_model = loader(ekiben_onnx)
get = getter(ekiben_onnx)
get_runnable = runners.get_runnable("onnx")

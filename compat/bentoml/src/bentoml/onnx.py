"""ONNX models in BentoML's store."""

from bentoml.front import entered
from bentoml.runners import frameworks as runners
from ekiben import onnx as ekiben_onnx

__all__ = ["get", "get_runnable", "load_model", "save_model"]

save_model = entered(ekiben_onnx.save_model)
load_model = entered(ekiben_onnx.load_model)
get = entered(ekiben_onnx.get)
get_runnable = runners.get_runnable("onnx")

"""Refuse compiled models of onnx-mlir, and say why."""

from bentoml.frameworks.onnx import OnnxMlirModelArtifact

__all__ = ["OnnxMlirModelArtifact"]

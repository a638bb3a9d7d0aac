"""Every artifact of 0.13 by its name, and what a class of one's own inherits from."""

import importlib
from typing import Any

from bentoml.bundles.artifact import BentoServiceArtifact
from bentoml.bundles.plain import JSONArtifact, PickleArtifact, TextFileArtifact

FRAMEWORKS = {
    "CatBoostModelArtifact": "catboost",
    "CoreMLModelArtifact": "coreml",
    "DetectronModelArtifact": "detectron",
    "EasyOCRArtifact": "easyocr",
    "EvalMLModelArtifact": "evalml",
    "Fastai1ModelArtifact": "fastai",
    "FastaiModelArtifact": "fastai",
    "FasttextModelArtifact": "fasttext",
    "GluonModelArtifact": "gluon",
    "H2oModelArtifact": "h2o",
    "KerasModelArtifact": "keras",
    "LightGBMModelArtifact": "lightgbm",
    "OnnxMlirModelArtifact": "onnxmlir",
    "OnnxModelArtifact": "onnx",
    "PaddlePaddleModelArtifact": "paddle",
    "PytorchLightningModelArtifact": "pytorch",
    "PytorchModelArtifact": "pytorch",
    "SklearnModelArtifact": "sklearn",
    "SpacyModelArtifact": "spacy",
    "TensorflowSavedModelArtifact": "tensorflow",
    "TransformersModelArtifact": "transformers",
    "XgboostModelArtifact": "xgboost",
}

__all__ = ["BentoServiceArtifact", "JSONArtifact", "PickleArtifact", "TextFileArtifact", *FRAMEWORKS]  # noqa: PLE0604


def __getattr__(name: str) -> Any:
    """Import an artifact's module on first use."""
    if name not in FRAMEWORKS:
        raise AttributeError(f"bentoml.artifact has no `{name}`")
    value = getattr(importlib.import_module(f"bentoml.frameworks.{FRAMEWORKS[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List the names."""
    return sorted(__all__)

"""The adapters of 0.13: how requests become arguments, and results answers."""

from typing import Any

from bentoml.bundles.clipper import (
    ClipperBytesInput,
    ClipperDoublesInput,
    ClipperFloatsInput,
    ClipperIntsInput,
    ClipperStringsInput,
)
from bentoml.bundles.files import FileInput, MultiFileInput
from bentoml.bundles.frames import DataframeInput
from bentoml.bundles.inputs import BaseInputAdapter
from bentoml.bundles.outputs import BaseOutputAdapter, DataframeOutput, DefaultOutput, JsonOutput, TfTensorOutput
from bentoml.bundles.pictures import AnnotatedImageInput, ImageInput, MultiImageInput
from bentoml.bundles.tensors import TfTensorInput
from bentoml.bundles.texts import JsonInput, StringInput

__all__ = [
    "AnnotatedImageInput",
    "BaseInputAdapter",
    "BaseOutputAdapter",
    "ClipperBytesInput",
    "ClipperDoublesInput",
    "ClipperFloatsInput",
    "ClipperIntsInput",
    "ClipperStringsInput",
    "DataframeInput",
    "DataframeOutput",
    "DefaultOutput",
    "FileInput",
    "ImageInput",
    "JsonInput",
    "JsonOutput",
    "MultiFileInput",
    "MultiImageInput",
    "StringInput",
    "TfTensorInput",
    "TfTensorOutput",
]

INSTEAD = {
    "FastaiImageInput": "`ImageInput`, whose arrays `fastai.vision` takes",
    "LegacyImageInput": "`MultiImageInput`",
    "LegacyJsonInput": "`JsonInput`",
    "JsonSerializableOutput": "`JsonOutput`",
    "MicroBatchInput": "`batch=True` in `@api`",
}


def __getattr__(name: str) -> Any:
    """Say what stands in place of an adapter that is gone."""
    if name in INSTEAD:
        raise AttributeError(f"bentoml.adapters has no `{name}` any more: write {INSTEAD[name]}")
    raise AttributeError(f"bentoml.adapters, as Ekiben stands in for it, has no `{name}`")

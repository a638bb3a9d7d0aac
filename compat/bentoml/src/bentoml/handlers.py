"""The names that adapters had before 0.8: handlers."""

from typing import Any

from bentoml.bundles import clipper, files, frames, pictures, tensors, texts

__all__ = [
    "AnnotatedImageHandler",
    "ClipperBytesHandler",
    "ClipperDoublesHandler",
    "ClipperFloatsHandler",
    "ClipperIntsHandler",
    "ClipperStringsHandler",
    "DataframeHandler",
    "FileHandler",
    "ImageHandler",
    "JsonHandler",
    "TensorflowTensorHandler",
]

AnnotatedImageHandler = pictures.AnnotatedImageInput
ClipperBytesHandler = clipper.ClipperBytesInput
ClipperDoublesHandler = clipper.ClipperDoublesInput
ClipperFloatsHandler = clipper.ClipperFloatsInput
ClipperIntsHandler = clipper.ClipperIntsInput
ClipperStringsHandler = clipper.ClipperStringsInput
DataframeHandler = frames.DataframeInput
FileHandler = files.FileInput
ImageHandler = pictures.ImageInput
JsonHandler = texts.JsonInput
TensorflowTensorHandler = tensors.TfTensorInput


def __getattr__(name: str) -> Any:
    """Say what stands in place of a handler that is gone."""
    if name in ("FastaiImageHandler", "LegacyImageHandler", "LegacyJsonHandler"):
        instead = "JsonHandler" if "Json" in name else "ImageHandler"
        raise AttributeError(f"bentoml.handlers has no `{name}` any more: write `{instead}`")
    raise AttributeError(f"bentoml.handlers, as Ekiben stands in for it, has no `{name}`")

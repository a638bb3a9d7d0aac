"""Save ONNX models, and load them as sessions of ONNX Runtime."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from ekiben.core.tag import Tag
from ekiben.frameworks import api
from ekiben.frameworks.handle import Model
from ekiben.frameworks.onnx import read_file

__all__ = ["get", "load_model", "save_model"]


def save_model(
    name: str | Tag,
    model: Any,
    *,
    signatures: Mapping[str, Any] | Sequence[str] | None = None,
    labels: Mapping[str, str] | None = None,
    metadata: Mapping[str, Any] | None = None,
    custom_objects: Mapping[str, Any] | None = None,
    external_modules: Sequence[ModuleType] = (),
    sample: Any = None,
) -> Model:
    """Save an ONNX model as it is, once onnx has checked it.

    Args:
        name: a name, which gets a new version, or `name:version`.
        model: a `ModelProto`, or the path of an `.onnx` file.
        signatures: which methods are served; by default `run`, as `{"run": {"batchable": True, "batch_dim": 0}}`, whose
            calls are joined where the model leaves the first axis of all inputs and outputs open.
        labels: text by text, kept with the model.
        metadata: plain data, kept with the model.
        custom_objects: any Python objects kept with the model, pickled by value.
        external_modules: modules whose code is kept with the custom objects.
        sample: a few input rows: an array, or for several inputs a dictionary by their names, or a frame with a column
            for each; types, documents and warms up the served endpoint.

    Raises:
        ConfigError: it is no ONNX model or not a sound one, or a signature names another method.
        StoreError: the store cannot be written; nothing is left behind.
    """
    return api.save_model(
        "onnx",
        name,
        read_file(Path(model)) if isinstance(model, (str, Path)) else model,
        signatures=signatures,
        labels=labels,
        metadata=metadata,
        custom_objects=custom_objects,
        external_modules=external_modules,
        sample=sample,
    )


def load_model(tag: str | Tag | Model, *, providers: Sequence[Any] | None = None, session_options: Any = None) -> Any:
    """Start an `InferenceSession` with the model stored under *tag*.

    Args:
        tag: `name:version`, or the newest by `name`.
        providers: where it runs, in order of preference, such as `["CUDAExecutionProvider"]`, each a name or a name
            with its options; None takes all that are here. One that is not here is refused.
        session_options: an `onnxruntime.SessionOptions`, which may name a library of operators of your own.

    Raises:
        NotFound: there is no such model, or another framework saved it.
        StoreError: its file is damaged, or needs operators that are not here.
        ConfigError: a provider is not here.
    """
    return api.load_model("onnx", tag, providers=providers, session_options=session_options)


def get(tag: str | Tag | Model) -> Model:
    """Give the stored model without loading it."""
    return api.get("onnx", tag)

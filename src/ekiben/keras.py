"""Save and load Keras 3 models."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from ekiben.core.tag import Tag
from ekiben.frameworks import api
from ekiben.frameworks.handle import Model
from ekiben.frameworks.keras import read_file

__all__ = ["get", "load_model", "save_model"]


def save_model(
    name: str | Tag,
    model: Any,
    *,
    include_optimizer: bool = False,
    signatures: Mapping[str, Any] | Sequence[str] | None = None,
    labels: Mapping[str, str] | None = None,
    metadata: Mapping[str, Any] | None = None,
    custom_objects: Mapping[str, Any] | None = None,
    external_modules: Sequence[ModuleType] = (),
    sample: Any = None,
) -> Model:
    """Save a Keras model as `.keras`; it stays as it is, with its history.

    Args:
        name: a name, which gets a new version, or `name:version`.
        model: a Keras model, or the path of a `.keras` or HDF5 file, Keras 2's included.
        include_optimizer: keep the optimizer's state, so that `fit` of the loaded model goes on where it stopped.
        signatures: which methods are served, as `{"predict": {"batchable": True, "batch_dim": 0}}`, or their names.
        labels: text by text, kept with the model.
        metadata: plain data, kept with the model.
        custom_objects: any Python objects kept with the model, pickled by value; layers, losses and metrics of your
            own among them are used when it is loaded.
        external_modules: modules whose code is kept with the custom objects.
        sample: a few input rows; types, documents and warms up the served endpoints.

    Raises:
        ConfigError: it is no Keras model, or a signature names a method that it does not have.
        StoreError: the store cannot be written; nothing is left behind.
    """
    return api.save_model(
        "keras",
        name,
        read_file(Path(model)) if isinstance(model, (str, Path)) else model,
        signatures=signatures,
        labels=labels,
        metadata=metadata,
        custom_objects=custom_objects,
        external_modules=external_modules,
        sample=sample,
        include_optimizer=include_optimizer,
    )


def load_model(
    tag: str | Tag | Model,
    device_name: str | None = None,
    *,
    custom_objects: Mapping[str, Any] | None = None,
    compile: bool = True,
    safe_mode: bool = True,
) -> Any:
    """Load the Keras model stored under *tag*, compiled as it was saved.

    Its `predict` shows no progress bar unless it is called with `verbose=1`.

    Args:
        tag: `name:version`, or the newest by `name`.
        device_name: where its weights live, such as `cpu:0`; None leaves it to Keras.
        custom_objects: classes and functions of your own that were not saved with it, by name.
        compile: compile it with the loss, metrics and optimizer it was saved with.
        safe_mode: False runs the code that a `Lambda` layer keeps in its file.

    Raises:
        NotFound: there is no such model, or another framework saved it.
        StoreError: its files are damaged, or hold code that is not trusted.
        ConfigError: it needs a class that is not known here.
    """
    return api.load_model(
        "keras", tag, device_name=device_name, custom_objects=custom_objects, compile=compile, safe_mode=safe_mode
    )


def get(tag: str | Tag | Model) -> Model:
    """Give the stored model without loading it."""
    return api.get("keras", tag)

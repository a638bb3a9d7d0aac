"""Save and load TensorFlow modules."""

from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import Any

from ekiben.core.tag import Tag
from ekiben.frameworks import api
from ekiben.frameworks.handle import Model

__all__ = ["get", "load_model", "save_model"]


def save_model(
    name: str | Tag,
    model: Any,
    *,
    tf_signatures: Any = None,
    tf_save_options: Any = None,
    signatures: Mapping[str, Any] | Sequence[str] | None = None,
    labels: Mapping[str, str] | None = None,
    metadata: Mapping[str, Any] | None = None,
    custom_objects: Mapping[str, Any] | None = None,
    external_modules: Sequence[ModuleType] = (),
    sample: Any = None,
) -> Model:
    """Save a `tf.Module` as a SavedModel.

    Args:
        name: a name, which gets a new version, or `name:version`.
        model: a `tf.Module`, or whatever else `tf.saved_model.save` takes.
        tf_signatures: as `tf.saved_model.save` takes them.
        tf_save_options: `tf.saved_model.SaveOptions`.
        signatures: which methods are served, as `{"encode": {"batchable": True, "batch_dim": 0}}`, or their names; by
            default the call,
            or the functions that it has; a *sample* of several rows shows whether calls can be joined.
        labels: text by text, kept with the model.
        metadata: plain data, kept with the model.
        custom_objects: any Python objects kept with the model, pickled by value.
        external_modules: modules whose code is kept with the custom objects.
        sample: a tensor or array of a few rows, or a dictionary of arguments.

    Raises:
        ConfigError: it is nothing that TensorFlow tracks, or a signature names a method that it does not have.
        InvalidInput: TensorFlow cannot write it, or it does not take the sample.
        StoreError: the store cannot be written; nothing is left behind.
    """
    return api.save_model(
        "tensorflow",
        name,
        model,
        signatures=signatures,
        labels=labels,
        metadata=metadata,
        custom_objects=custom_objects,
        external_modules=external_modules,
        sample=sample,
        tf_signatures=tf_signatures,
        tf_save_options=tf_save_options,
    )


def load_model(tag: str | Tag | Model, device_name: str | None = None) -> Any:
    """Load the SavedModel stored under *tag*.

    Args:
        tag: `name:version`, or the newest by `name`.
        device_name: where its variables live, such as `cpu:0`; None leaves it to TensorFlow.

    Raises:
        NotFound: there is no such model, or another framework saved it.
        StoreError: its files are damaged, or EKIBEN_FORBID_UNPICKLING is set, as a program reaches files.
        ConfigError: there is no such device.
    """
    return api.load_model("tensorflow", tag, device_name=device_name)


def get(tag: str | Tag | Model) -> Model:
    """Give the stored model without loading it."""
    return api.get("tensorflow", tag)

"""Save and load modules of Lightning."""

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
    signatures: Mapping[str, Any] | Sequence[str] | None = None,
    labels: Mapping[str, str] | None = None,
    metadata: Mapping[str, Any] | None = None,
    custom_objects: Mapping[str, Any] | None = None,
    external_modules: Sequence[ModuleType] = (),
    sample: Any = None,
) -> Model:
    """Save a module as safetensors and its structure, without its trainer.

    Args:
        name: a name, which gets a new version, or `name:version`.
        model: a `LightningModule`, trained or not; it stays as it is.
        signatures: which methods are served, as `{"encode": {"batchable": True, "batch_dim": 0}}`, or their names; by
            default the call itself, whose calls are joined if a *sample* of several rows comes back as rows.
        labels: text by text, kept with the model.
        metadata: plain data, kept with the model.
        custom_objects: any Python objects kept with the model, pickled by value.
        external_modules: modules of yours whose classes are kept by value, as those of the training script always are.
        sample: a tensor or array of a few rows, or a dictionary of arguments; types, documents and warms up the served
            endpoints.

    Raises:
        ConfigError: it is no module of Lightning, or a signature names a method that it does not have.
        InvalidInput: it cannot be pickled, or does not take the sample.
        StoreError: the store cannot be written; nothing is left behind.
    """
    return api.save_model(
        "pytorch_lightning",
        name,
        model,
        signatures=signatures,
        labels=labels,
        metadata=metadata,
        custom_objects=custom_objects,
        external_modules=external_modules,
        sample=sample,
    )


def load_model(tag: str | Tag | Model, device_id: Any = "cpu", *, model: Any = None) -> Any:
    """Load the module stored under *tag*, set to predict; it can be trained on.

    Args:
        tag: `name:version`, or the newest by `name`.
        device_id: where its tensors go, such as `cpu` or `cuda:0`.
        model: a module of the same structure that takes the stored numbers; then nothing is unpickled.

    Raises:
        NotFound: there is no such model, or another framework saved it.
        StoreError: its files are damaged, or must be unpickled and may not.
        ConfigError: there is no such device, or *model* does not fit.
    """
    return api.load_model("pytorch_lightning", tag, device_id=device_id, model=model)


def get(tag: str | Tag | Model) -> Model:
    """Give the stored model without loading it."""
    return api.get("pytorch_lightning", tag)

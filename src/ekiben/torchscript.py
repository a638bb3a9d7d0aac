"""Save and load TorchScript modules."""

from collections.abc import Mapping, MutableMapping, Sequence
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
    _extra_files: Mapping[str, str | bytes] | None = None,
    signatures: Mapping[str, Any] | Sequence[str] | None = None,
    labels: Mapping[str, str] | None = None,
    metadata: Mapping[str, Any] | None = None,
    custom_objects: Mapping[str, Any] | None = None,
    external_modules: Sequence[ModuleType] = (),
    sample: Any = None,
) -> Model:
    """Save a module of TorchScript; it needs none of its classes to be loaded.

    Args:
        name: a name, which gets a new version, or `name:version`.
        model: what `torch.jit.script` or `torch.jit.trace` gave.
        _extra_files: texts by name that travel inside the file.
        signatures: which methods are served, as `{"encode": {"batchable": True, "batch_dim": 0}}`, or their names; by
            default the call itself, whose calls are joined if a *sample* of several rows comes back as rows.
        labels: text by text, kept with the model.
        metadata: plain data, kept with the model.
        custom_objects: any Python objects kept with the model, pickled by value.
        external_modules: modules whose code is kept with the custom objects.
        sample: a tensor or array of a few rows, or a dictionary of arguments; types, documents and warms up the served
            endpoints.

    Raises:
        ConfigError: it is no module of TorchScript, or a signature names a method that it does not have.
        InvalidInput: it does not take the sample.
        StoreError: the store cannot be written; nothing is left behind.
    """
    return api.save_model(
        "torchscript",
        name,
        model,
        signatures=signatures,
        labels=labels,
        metadata=metadata,
        custom_objects=custom_objects,
        external_modules=external_modules,
        sample=sample,
        _extra_files=_extra_files,
    )


def load_model(
    tag: str | Tag | Model, device_id: Any = "cpu", *, _extra_files: MutableMapping[str, Any] | None = None
) -> Any:
    """Load the program stored under *tag*, set to predict.

    Args:
        tag: `name:version`, or the newest by `name`.
        device_id: where its tensors go, such as `cpu` or `cuda:0`.
        _extra_files: names of texts inside the file; their values are put in.

    Raises:
        NotFound: there is no such model, or another framework saved it.
        StoreError: its file is damaged, or EKIBEN_FORBID_UNPICKLING is set, as a program reaches files.
        ConfigError: there is no such device.
    """
    return api.load_model("torchscript", tag, device_id=device_id, _extra_files=_extra_files)


def get(tag: str | Tag | Model) -> Model:
    """Give the stored model without loading it."""
    return api.get("torchscript", tag)

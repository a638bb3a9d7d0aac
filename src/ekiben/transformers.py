"""Save and load pipelines and pretrained objects of Transformers."""

from collections.abc import Mapping, Sequence
from os import PathLike
from types import ModuleType
from typing import Any

from ekiben.core.tag import Tag
from ekiben.frameworks import api
from ekiben.frameworks.handle import Model
from ekiben.frameworks.transformers import fetch

__all__ = ["get", "import_model", "load_model", "save_model"]


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
    """Save a pipeline or a pretrained object as `save_pretrained` writes it.

    Args:
        name: a name, which gets a new version, or `name:version`.
        model: a pipeline, a model, a tokenizer or a processor.
        signatures: which methods are served, as `{"generate": {"batchable": True, "batch_dim": 0}}`, or their names; by
            default the call of a pipeline, `generate` of a model that can, the call of another; a *sample* of several
            rows shows whether calls can be joined.
        labels: text by text, kept with the model.
        metadata: plain data, kept with the model.
        custom_objects: any Python objects kept with the model, pickled by value.
        external_modules: modules of yours whose classes are kept by value, as those of the training script always are.
        sample: texts, an array, or a dictionary of arguments; types, documents and warms up the served endpoints.

    Raises:
        ConfigError: it is no such object, or a signature names a method that it does not have.
        InvalidInput: it cannot be pickled, or does not take the sample.
        StoreError: the store cannot be written; nothing is left behind.
    """
    return api.save_model(
        "transformers",
        name,
        model,
        signatures=signatures,
        labels=labels,
        metadata=metadata,
        custom_objects=custom_objects,
        external_modules=external_modules,
        sample=sample,
    )


def load_model(tag: str | Tag | Model, device_id: Any = "cpu", *, dtype: str | None = None) -> Any:
    """Load the pipeline or pretrained object stored under *tag*; nothing is fetched.

    Args:
        tag: `name:version`, or the newest by `name`.
        device_id: where its weights go, such as `cpu` or `cuda:0`.
        dtype: of its weights, such as `bfloat16`; None is as they were saved.

    Raises:
        NotFound: there is no such model, or another framework saved it.
        StoreError: its files are damaged, or must be unpickled and may not.
        ConfigError: there is no such device or dtype.
    """
    return api.load_model("transformers", tag, device_id=device_id, dtype=dtype)


def import_model(
    name: str | Tag,
    source: str | PathLike[str],
    *,
    task: str | None = None,
    model_class: str = "AutoModel",
    revision: str | None = None,
    labels: Mapping[str, str] | None = None,
    metadata: Mapping[str, Any] | None = None,
    sample: Any = None,
) -> Model:
    """Save what lies in a folder, or what a hub has under a name.

    Args:
        name: a name, which gets a new version, or `name:version`.
        source: a folder written by `save_pretrained`, or a name such as `owner/model`, which is fetched.
        task: makes a pipeline of it, such as `text-classification`; without it the model alone is saved.
        model_class: the class that reads the model alone, such as `AutoModelForCausalLM`.
        revision: a branch, tag or commit on the hub.
        labels: text by text, kept with the model.
        metadata: plain data, kept with the model.
        sample: inputs that type, document and warm up the served endpoints.

    Raises:
        ConfigError: it cannot be read or fetched.
        StoreError: the store cannot be written; nothing is left behind.
    """
    found = fetch(str(source), task, revision, model_class)
    return save_model(name, found, labels=labels, metadata=metadata, sample=sample)


def get(tag: str | Tag | Model) -> Model:
    """Give the stored model without loading it."""
    return api.get("transformers", tag)

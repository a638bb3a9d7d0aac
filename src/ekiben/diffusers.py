"""Save and load pipelines of Diffusers."""

from collections.abc import Mapping, Sequence
from os import PathLike
from types import ModuleType
from typing import Any

from ekiben.core.tag import Tag
from ekiben.frameworks import api
from ekiben.frameworks.diffusers import fetch
from ekiben.frameworks.handle import Model

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
    """Save a pipeline as `save_pretrained` writes it.

    Args:
        name: a name, which gets a new version, or `name:version`.
        model: a pipeline.
        signatures: which methods are served, as `{"__call__": {"batchable": True, "batch_dim": 0}}`, or their names; by
            default the call, one
            at a time.
        labels: text by text, kept with the model.
        metadata: plain data, kept with the model.
        custom_objects: any Python objects kept with the model, pickled by value.
        external_modules: modules whose code is kept with the custom objects.
        sample: a prompt, or a dictionary of arguments.

    Raises:
        ConfigError: it is no pipeline of Diffusers.
        InvalidInput: it does not take the sample.
        StoreError: the store cannot be written; nothing is left behind.
    """
    return api.save_model(
        "diffusers",
        name,
        model,
        signatures=signatures,
        labels=labels,
        metadata=metadata,
        custom_objects=custom_objects,
        external_modules=external_modules,
        sample=sample,
    )


def load_model(tag: str | Tag | Model, device_id: Any = "cpu", **options: Any) -> Any:
    """Load the pipeline stored under *tag*; nothing is fetched.

    Args:
        tag: `name:version`, or the newest by `name`.
        device_id: where its weights go, such as `cpu` or `cuda:0`.
        options: `torch_dtype` (such as `float16`), `scheduler` (the name of another), `lora_weights` (a file or
            folder), `enable_attention_slicing`, `enable_model_cpu_offload`.

    Raises:
        NotFound: there is no such model, or another framework saved it.
        StoreError: its files are damaged.
        ConfigError: there is no such device, dtype, scheduler or option.
    """
    return api.load_model("diffusers", tag, device_id=device_id, **options)


def import_model(
    name: str | Tag,
    source: str | PathLike[str],
    *,
    pipeline_class: str = "DiffusionPipeline",
    revision: str | None = None,
    variant: str | None = None,
    labels: Mapping[str, str] | None = None,
    metadata: Mapping[str, Any] | None = None,
    sample: Any = None,
) -> Model:
    """Save the pipeline in a folder, or what a hub has under a name.

    Args:
        name: a name, which gets a new version, or `name:version`.
        source: a folder written by `save_pretrained`, or a name such as `owner/model`, which is fetched.
        pipeline_class: the pipeline that reads it.
        revision: a branch, tag or commit on the hub.
        variant: of the weights, such as `fp16`.
        labels: text by text, kept with the model.
        metadata: plain data, kept with the model.
        sample: a prompt or a dictionary of arguments.

    Raises:
        ConfigError: it cannot be read or fetched.
        StoreError: the store cannot be written; nothing is left behind.
    """
    found = fetch(str(source), pipeline_class, revision, variant)
    return save_model(name, found, labels=labels, metadata=metadata, sample=sample)


def get(tag: str | Tag | Model) -> Model:
    """Give the stored model without loading it."""
    return api.get("diffusers", tag)

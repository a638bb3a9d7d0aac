"""Save and load learners of fastai."""

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
    """Export a learner, a pickle without data and optimizer; it stays as it is.

    Args:
        name: a name, which gets a new version, or `name:version`.
        model: a `Learner`.
        signatures: which methods are served, as `{"predict": {"batchable": True, "batch_dim": 0}}`, or their names; by
            default `predict`, one item
            at a time.
        labels: text by text, kept with the model.
        metadata: plain data, kept with the model.
        custom_objects: any Python objects kept with the model, pickled by value.
        external_modules: modules of yours whose classes are kept by value, as those of the training script always are.
        sample: one item, such as a row of a table as a dictionary.

    Raises:
        ConfigError: it is no learner, or a signature names a method that it does not have.
        InvalidInput: it cannot be pickled, or does not take the sample.
        StoreError: the store cannot be written; nothing is left behind.
    """
    return api.save_model(
        "fastai",
        name,
        model,
        signatures=signatures,
        labels=labels,
        metadata=metadata,
        custom_objects=custom_objects,
        external_modules=external_modules,
        sample=sample,
    )


def load_model(tag: str | Tag | Model, *, cpu: bool = True) -> Any:
    """Load the learner stored under *tag*, which runs code of whoever saved it.

    Args:
        tag: `name:version`, or the newest by `name`.
        cpu: False puts it where fastai finds a GPU.

    Raises:
        NotFound: there is no such model, or another framework saved it.
        StoreError: its files are damaged, or must be unpickled and may not.
        ConfigError: an option is unknown.
    """
    return api.load_model("fastai", tag, cpu=cpu)


def get(tag: str | Tag | Model) -> Model:
    """Give the stored model without loading it."""
    return api.get("fastai", tag)

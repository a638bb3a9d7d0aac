"""Save and load any object that can be pickled: a function, a class of your own."""

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
    """Pickle an object; functions and classes of `__main__` go by value.

    Args:
        name: a name, which gets a new version, or `name:version`.
        model: any object that cloudpickle can write.
        signatures: which methods are served, as `{"predict": {"batchable": True, "batch_dim": 0}}`, or their names;
            by default the call itself (`__call__`), one input at a time.
        labels: text by text, kept with the model.
        metadata: plain data, kept with the model.
        custom_objects: any Python objects kept with the model, pickled by value.
        external_modules: modules of yours whose functions and classes are pickled by value too.
        sample: an input; types, documents and warms up the served endpoints.

    Raises:
        ConfigError: a signature names a method that the object does not have.
        InvalidInput: it cannot be pickled.
        StoreError: the store cannot be written; nothing is left behind.
    """
    return api.save_model(
        "picklable_model",
        name,
        model,
        signatures=signatures,
        labels=labels,
        metadata=metadata,
        custom_objects=custom_objects,
        external_modules=external_modules,
        sample=sample,
    )


def load_model(tag: str | Tag | Model) -> Any:
    """Unpickle the object stored under *tag*, which runs code of whoever saved it.

    Raises:
        NotFound: there is no such model, or another framework saved it.
        StoreError: EKIBEN_FORBID_UNPICKLING is set, or it cannot be unpickled here.
    """
    return api.load_model("picklable_model", tag)


def get(tag: str | Tag | Model) -> Model:
    """Give the stored model without unpickling it."""
    return api.get("picklable_model", tag)

"""Save and load modules of Flax with their state."""

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
    state: Mapping[str, Any],
    *,
    signatures: Mapping[str, Any] | Sequence[str] | None = None,
    labels: Mapping[str, str] | None = None,
    metadata: Mapping[str, Any] | None = None,
    custom_objects: Mapping[str, Any] | None = None,
    external_modules: Sequence[ModuleType] = (),
    sample: Any = None,
) -> Model:
    """Save a module and its variables; the numbers are read without unpickling.

    Args:
        name: a name, which gets a new version, or `name:version`.
        model: a module of `flax.linen`.
        state: its variables, as `module.init` gives them.
        signatures: which methods are served, as `{"encode": {"batchable": True, "batch_dim": 0}}`, or their names; by
            default the call itself, whose calls are joined if a *sample* of several rows comes back as rows.
        labels: text by text, kept with the model.
        metadata: plain data, kept with the model.
        custom_objects: any Python objects kept with the model, pickled by value.
        external_modules: modules of yours whose classes are kept by value, as those of the training script always are.
        sample: an array of a few rows, or a dictionary of arguments.

    Raises:
        ConfigError: it is no module of Linen with its variables.
        InvalidInput: it cannot be pickled, or does not take the sample.
        StoreError: the store cannot be written; nothing is left behind.
    """
    return api.save_model(
        "flax",
        name,
        (model, state),
        signatures=signatures,
        labels=labels,
        metadata=metadata,
        custom_objects=custom_objects,
        external_modules=external_modules,
        sample=sample,
    )


def load_model(tag: str | Tag | Model, device: str | None = None, *, module: Any = None) -> Any:
    """Load the pair of module and variables stored under *tag*.

    Args:
        tag: `name:version`, or the newest by `name`.
        device: where the variables go, such as `cpu:0`; None leaves it to JAX.
        module: takes the place of the stored one, so that nothing is unpickled.

    Raises:
        NotFound: there is no such model, or another framework saved it.
        StoreError: its files are damaged, or must be unpickled and may not.
        ConfigError: there is no such device, or *module* is none.
    """
    return api.load_model("flax", tag, device=device, module=module)


def get(tag: str | Tag | Model) -> Model:
    """Give the stored model without loading it."""
    return api.get("flax", tag)

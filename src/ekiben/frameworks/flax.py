"""Modules of Flax (Linen) with their state.

In: a pair of a module and its variables. Out: `saved_model.msgpack` with the numbers, which is read without unpickling,
and the module as a pickle. Loading gives the pair again; a module of the user's own spares the pickle.
Source: `flax.serialization`.
"""

import functools
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from ekiben.core.errors import ConfigError, InvalidInput, StoreError
from ekiben.core.front import command
from ekiben.core.optional import loaded, need
from ekiben.core.paths import write_whole
from ekiben.frameworks.base import Method, Saved
from ekiben.store.info import ModelInfo
from ekiben.store.pickles import dump_bytes, load_pickle

NAME = "flax"
LIBRARY = "flax"
PACKAGES = ("flax", "jax", "jaxlib")
STATE = "saved_model.msgpack"
MODULE = "module.pkl"


def owns(model: Any) -> bool:
    """Say whether *model* is a pair of a module and its variables."""
    return isinstance(model, tuple) and len(model) == 2 and is_module(model[0]) and isinstance(model[1], Mapping)


def is_module(value: Any) -> bool:
    """Say whether *value* is a module of Linen."""
    linen = loaded("flax.linen")
    return linen is not None and isinstance(value, linen.Module)


def save(model: Any, folder: Path, *, by_value: Sequence[ModuleType] = ()) -> Saved:
    """Write the numbers and the module.

    Raises:
        InvalidInput: the module cannot be pickled, or a value is no array.
    """
    serialization = need("flax.serialization", "saving a model of Flax", extra="flax")
    module, state = model
    try:
        data = serialization.to_bytes(state)
    except (TypeError, ValueError) as error:
        raise InvalidInput(f"`state` must hold arrays by name: {error}") from error
    write_whole(folder / STATE, data)
    write_whole(folder / MODULE, dump_bytes(module, by_value, "model"))
    return Saved("msgpack", needs_unpickling=True)


def load(folder: Path, info: ModelInfo, *, device: str | None = None, module: Any = None) -> tuple[Any, dict[str, Any]]:
    """Read a module and its variables.

    Args:
        folder: the stored model's.
        info: what is known of it.
        device: where the variables go, such as `cpu:0` or `gpu:1`; None leaves it to JAX.
        module: takes the place of the stored one, so that nothing is unpickled.

    Raises:
        StoreError: the files are missing or damaged, or must be unpickled and may not.
        ConfigError: there is no such device, or *module* is none.
    """
    serialization = need("flax.serialization", "loading a model of Flax", extra="flax")
    jax = need("jax", "loading a model of Flax", extra="flax")
    need("flax.linen", "loading a model of Flax", extra="flax")
    tag = str(info.tag)
    place = find_device(jax, device)
    if not (folder / STATE).is_file():
        raise StoreError(f"{tag} must hold {STATE}, and does not")
    if module is not None and not is_module(module):
        raise ConfigError(
            f"`module` must be a module of flax.linen: {type(module).__module__}.{type(module).__qualname__}"
        )
    try:
        state = serialization.msgpack_restore((folder / STATE).read_bytes())
    except Exception as error:
        raise StoreError(f"{tag} cannot be read by Flax: {error}", hint=f"ask {command('models verify')}") from error
    if not isinstance(state, dict):
        raise StoreError(f"{tag} must hold variables by name: {type(state).__name__}")
    made = load_pickle(folder / MODULE, tag) if module is None else module
    return made, jax.device_put(state, place)


def find_device(jax: ModuleType, name: str | None) -> Any:
    """Give a device by name; None is JAX's own choice.

    Raises:
        ConfigError: there is no such device here.
    """
    if name is None:
        return None
    kind, _, place = str(name).partition(":")
    try:
        return jax.devices(kind)[int(place or 0)]
    except (RuntimeError, ValueError, IndexError) as error:
        raise ConfigError(f"`device` must be one that JAX has here, such as `cpu:0`: {name!r}") from error


def methods(model: Any) -> Mapping[str, Method]:
    """Serve the call of the module; whether calls can be joined, the sample shows."""
    return {"__call__": any_method("__call__")}


def any_method(name: str) -> Method:
    """Apply a method of the module to its variables."""
    return Method(batchable=None, call=functools.partial(run, name))


def run(name: str, model: Any, value: Any) -> Any:
    """Apply a method; arrays of its answer are NumPy's."""
    numpy, jax = need("numpy", "a model of Flax"), need("jax", "a model of Flax", extra="flax")
    module, state = model
    method = getattr(type(module), name)
    if isinstance(value, Mapping):
        given = {str(key): numpy.asarray(each) for key, each in value.items()}
        answer = module.apply(state, **given, method=method)
    else:
        answer = module.apply(state, numpy.asarray(value), method=method)
    if isinstance(answer, jax.Array):
        return numpy.asarray(answer, dtype="float32" if str(answer.dtype) == "bfloat16" else None)
    return jax.tree_util.tree_map(lambda leaf: leaf.tolist() if hasattr(leaf, "tolist") else leaf, answer)

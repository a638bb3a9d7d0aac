"""TensorFlow modules as SavedModel.

In: a `tf.Module`, or whatever else `tf.saved_model.save` takes. Out: a SavedModel in the stored model's folder.
It is a program, whose operators reach files; so it counts as what has to be unpickled.
Source: TensorFlow's SavedModel guide, and its security page ("TensorFlow models are programs").
"""

import functools
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from types import ModuleType
from typing import Any

from ekiben.core.errors import ConfigError, InvalidInput, StoreError
from ekiben.core.front import command
from ekiben.core.optional import loaded, need
from ekiben.frameworks.base import Method, Saved
from ekiben.store.info import ModelInfo
from ekiben.store.pickles import check_unpickling

NAME = "tensorflow"
LIBRARY = "tensorflow"
PACKAGES = ("tensorflow", "tensorflow-cpu")
FILE = "saved_model.pb"
PROGRAM = "run the program that it is"


def owns(model: Any) -> bool:
    """Say whether *model* is something that TensorFlow tracks."""
    if loaded("tensorflow") is None:
        return False
    return any(kind.__name__ == "AutoTrackable" for kind in type(model).__mro__)


def save(
    model: Any,
    folder: Path,
    *,
    by_value: Sequence[ModuleType] = (),
    tf_signatures: Any = None,
    tf_save_options: Any = None,
) -> Saved:
    """Write *model* as a SavedModel.

    Args:
        model: a `tf.Module` or another trackable object.
        folder: where the files go.
        by_value: modules of the user's, which no program holds.
        tf_signatures: as `tf.saved_model.save` takes them.
        tf_save_options: `tf.saved_model.SaveOptions`.

    Raises:
        InvalidInput: TensorFlow cannot write it.
    """
    library = need("tensorflow", "saving a TensorFlow model", extra="tensorflow")
    try:
        library.saved_model.save(model, str(folder), signatures=tf_signatures, options=tf_save_options)
    except (ValueError, TypeError, AssertionError) as error:
        raise InvalidInput(f"`model` cannot be written by TensorFlow: {error}") from error
    return Saved("saved_model", needs_unpickling=True)


def load(folder: Path, info: ModelInfo, *, device_name: str | None = None) -> Any:
    """Read a SavedModel.

    Args:
        folder: the stored model's.
        info: what is known of it.
        device_name: where its variables live, such as `cpu:0` or `gpu:1`; None leaves it to TensorFlow.

    Raises:
        StoreError: the files are missing or damaged, or running programs is forbidden.
        ConfigError: there is no such device.
    """
    library = need("tensorflow", "loading a TensorFlow model", extra="tensorflow")
    tag = str(info.tag)
    if device_name is not None:
        check_device(library, device_name)
    if not (folder / FILE).is_file():
        raise StoreError(f"{tag} must hold {FILE}, and does not")
    check_unpickling(tag, must=PROGRAM)
    try:
        with library.device(device_name) if device_name else nullcontext():
            return library.saved_model.load(str(folder))
    except (OSError, ValueError, KeyError, library.errors.OpError) as error:
        words = str(error).strip().partition("\n")[0]
        raise StoreError(
            f"{tag} cannot be read by TensorFlow: {words}", hint=f"ask {command('models verify')}"
        ) from error


def check_device(library: ModuleType, name: Any) -> None:
    """Refuse a device that is not here; TensorFlow would take another without a word.

    Raises:
        ConfigError: the error names those that there are.
    """
    known = [
        f"{device.device_type}:{device.name.rpartition(':')[2]}" for device in library.config.list_logical_devices()
    ]
    asked = str(name).upper().removeprefix("/").removeprefix("DEVICE:")
    if (asked if ":" in asked else f"{asked}:0") not in known:
        raise ConfigError(f"`device_name` must be one of {', '.join(known).lower()}: {name!r}")


def methods(model: Any) -> Mapping[str, Method]:
    """Serve the call; without one, the functions that it has, or its signatures."""
    held = {name: value for kind in reversed(type(model).__mro__) for name, value in vars(kind).items()} | vars(model)
    found = [name for name, value in held.items() if is_function(value)]
    names = ["__call__"] if "__call__" in found else [name for name in found if not name.startswith("_")]
    return {name: any_method(name) for name in names or getattr(model, "signatures", {})}


def is_function(value: Any) -> bool:
    """Say whether a value is what `tf.function` gave, or a signature."""
    return hasattr(value, "get_concrete_function") or hasattr(value, "structured_input_signature")


def any_method(name: str) -> Method:
    """Call a method with tensors; the numbers of its answer are NumPy's."""
    return Method(batchable=None, call=functools.partial(run, name))


def run(name: str, model: Any, value: Any) -> Any:
    """Call a function or a signature of a model.

    Raises:
        ValueError: it does not take this value.
    """
    library = need("tensorflow", "a TensorFlow model", extra="tensorflow")
    signatures = getattr(model, "signatures", {})
    method = model if name == "__call__" else getattr(model, name, None) or signatures[name]
    try:
        if isinstance(value, Mapping):
            return to_plain(library, method(**{str(key): to_tensor(library, each) for key, each in value.items()}))
        return to_plain(library, method(to_tensor(library, value)))
    except (library.errors.InvalidArgumentError, library.errors.OutOfRangeError) as error:
        raise ValueError(str(error).strip().partition("\n")[0]) from error


def to_tensor(library: ModuleType, value: Any) -> Any:
    """Make a tensor; float64 becomes float32, as variables are."""
    if isinstance(value, bool | str) or value is None:
        return value
    tensor = library.convert_to_tensor(value)
    return library.cast(tensor, library.float32) if tensor.dtype == library.float64 else tensor


def to_plain(library: ModuleType, answer: Any, *, is_inner: bool = False) -> Any:
    """Give an array for a tensor; within lists and mappings, lists."""
    if isinstance(answer, library.Tensor):
        narrow = answer.dtype == library.bfloat16
        array = (library.cast(answer, library.float32) if narrow else answer).numpy()
        return array.tolist() if is_inner else array
    if isinstance(answer, Mapping):
        return {str(key): to_plain(library, inner, is_inner=True) for key, inner in answer.items()}
    if isinstance(answer, list | tuple):
        parts = [to_plain(library, inner, is_inner=True) for inner in answer]
        return tuple(parts) if isinstance(answer, tuple) else parts
    return answer

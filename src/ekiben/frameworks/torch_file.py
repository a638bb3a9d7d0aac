"""The files that hold PyTorch modules: numbers apart from structure.

In: a module. Out: `model.safetensors` with its state dict, which is read without unpickling, and `structure.pt`, the
same module without numbers. A structure of PyTorch's own layers is read by PyTorch's restricted unpickler; one that
names anything else is unpickled. What cannot be parted like this is one `saved_model.pt`, as BentoML writes it.
Source: the safetensors format; "Loading with weights_only" in PyTorch's serialization notes.
"""

import copy
import io
import sys
import warnings
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from ekiben.core.errors import ConfigError, InvalidInput, StoreError
from ekiben.core.front import command
from ekiben.core.optional import need
from ekiben.core.paths import write_whole
from ekiben.frameworks.base import Saved
from ekiben.frameworks.trust import trusted_types
from ekiben.store.pickles import check_unpickling, unpickling, written_whole

STATE = "model.safetensors"
STRUCTURE = "structure.pt"
WHOLE = "saved_model.pt"
LAYERS = "torch.nn.modules."
# Functions that layers hold: they take tensors and give tensors.
FUNCTIONS = {"torch.nn.functional.relu", "torch.nn.functional.gelu", "torch._C._nn.gelu", "torch.relu", "torch.tanh"}


class Unfit(Exception):
    """Why numbers and structure cannot be parted."""


def save_state(torch: ModuleType, state: Mapping[str, Any], folder: Path) -> None:
    """Write tensors by name; one that has two names is written once.

    Others that share memory are written apart.

    Raises:
        Unfit: one is no plain dense tensor.
    """
    kept, memory, written = {}, set(), set()
    for name, tensor in state.items():
        if not is_plain(torch, tensor):
            raise Unfit(f"`{name}` is no dense tensor")
        if id(tensor) in written:
            continue
        written.add(id(tensor))
        data = tensor.detach().cpu().contiguous()
        place = data.untyped_storage().data_ptr()
        if place in memory or data.untyped_storage().nbytes() > data.nbytes:
            data = data.clone()
        memory.add(data.untyped_storage().data_ptr())
        kept[name] = data
    need("safetensors.torch", "saving a PyTorch model", extra="pytorch").save_file(kept, folder / STATE)


def is_plain(torch: ModuleType, tensor: Any) -> bool:
    """Say whether safetensors can hold *tensor* and give the same again."""
    if not isinstance(tensor, torch.Tensor) or not type(tensor).__module__.startswith("torch"):
        return False
    if type(tensor) not in (torch.Tensor, torch.nn.Parameter, getattr(torch.nn, "Buffer", torch.Tensor)):
        return False
    return bool(tensor.layout is torch.strided and not tensor.is_quantized and not tensor.is_meta)


def save_module(
    torch: ModuleType, model: Any, folder: Path, by_value: Sequence[ModuleType], without: Collection[Any] = ()
) -> Saved:
    """Write a module as state and structure; whole where that cannot be.

    Args:
        torch: PyTorch.
        model: a module; it stays as it is.
        folder: where the files go.
        by_value: modules of the user's whose classes are written whole.
        without: objects that it holds and that are left out, such as a trainer.

    Raises:
        InvalidInput: it cannot be pickled.
    """
    try:
        state = model.state_dict(keep_vars=True)
        save_state(torch, state, folder)
        skeleton = bare(torch, model, state, without)
        file = folder / STRUCTURE
        write_pickle(torch, skeleton, file, by_value)
        form = "safetensors"
    except Unfit:
        (folder / STATE).unlink(missing_ok=True)
        file, form = folder / WHOLE, "torch"
        write_pickle(torch, model, file, by_value)
    foreign = foreign_names(torch, file)
    return Saved(form, needs_unpickling=foreign is None or bool(foreign), options={"types": foreign} if foreign else {})


def bare(torch: ModuleType, model: Any, state: Mapping[str, Any], without: Collection[Any]) -> Any:
    """Copy a module without the numbers of its state.

    Raises:
        Unfit: it cannot be copied, or has parameters beside its state.
    """
    empty: dict[int, Any] = {id(each): None for each in without}
    for tensor in state.values():
        place = torch.empty_like(tensor, device="meta", requires_grad=False)
        is_parameter = isinstance(tensor, torch.nn.Parameter)
        empty[id(tensor)] = torch.nn.Parameter(place, tensor.requires_grad) if is_parameter else place
    if any(id(parameter) not in empty for parameter in model.parameters()):
        raise Unfit("it has parameters that its state dict leaves out")
    try:
        return copy.deepcopy(model, empty)
    except Exception as error:
        raise Unfit(f"it cannot be copied: {error}") from error


def write_pickle(torch: ModuleType, value: Any, file: Path, by_value: Sequence[ModuleType]) -> None:
    """Write any object as PyTorch does, classes of the training script by value.

    Raises:
        InvalidInput: it cannot be pickled.
    """
    with written_whole(by_value) as cloudpickle:
        buffer = io.BytesIO()
        try:
            torch.save(value, buffer, pickle_module=cloudpickle)
        except Exception as error:
            raise InvalidInput(f"`model` cannot be pickled: {error}", hint="save its `state_dict()`") from error
    write_whole(file, buffer.getvalue())


def foreign_names(torch: ModuleType, file: Path) -> list[str] | None:
    """List the names in a file that are neither PyTorch's own nor trusted.

    None says that it cannot be looked through.
    """
    try:
        names = torch.serialization.get_unsafe_globals_in_checkpoint(file)
    except Exception:  # noqa: BLE001 - whatever it stumbles over, the file is not one that PyTorch reads safely
        return None
    return sorted(name for name in names if not is_harmless(torch, name) and name not in trusted_types())


def is_harmless(torch: ModuleType, name: str) -> bool:
    """Say whether a name is that of a layer, or of a function that layers hold."""
    found = look_up(name)
    if name in FUNCTIONS:
        return found is not None
    return name.startswith(LAYERS) and isinstance(found, type) and issubclass(found, torch.nn.Module)


def look_up(name: str) -> Any:
    """Find an object of a module that is imported already, or None."""
    module, _, attribute = name.rpartition(".")
    return getattr(sys.modules.get(module), attribute, None) if attribute else None


def load_module(torch: ModuleType, folder: Path, tag: str, device: Any, model: Any = None) -> Any:
    """Read what `save_module` or `save_state` wrote, or BentoML's `saved_model.pt`.

    Args:
        torch: PyTorch.
        folder: the stored model's.
        tag: the stored model, for errors.
        device: where its tensors go.
        model: a module that takes the stored numbers; nothing is unpickled then.

    Returns:
        The module, ready to predict; a state dict where that was saved.

    Raises:
        StoreError: the files are missing or damaged, or must be unpickled and may not.
        ConfigError: *model* does not fit.
    """
    if model is None and (folder / WHOLE).is_file():
        return read_pickle(torch, folder / WHOLE, tag, device)
    state = read_state(folder, tag, device)
    if model is None and not (folder / STRUCTURE).is_file():
        return state
    is_given = model is not None
    made = model if is_given else read_pickle(torch, folder / STRUCTURE, tag, device)
    if not isinstance(made, torch.nn.Module):
        kind = f"{type(made).__module__}.{type(made).__qualname__}"
        if is_given:
            raise ConfigError(f"`model` must be a torch.nn.Module, which takes the stored numbers: {kind}")
        raise StoreError(f"{tag} must hold a torch.nn.Module: {kind}")
    fill(torch, made, state, tag, is_given=is_given)
    return made.to(device)


def read_state(folder: Path, tag: str, device: Any) -> dict[str, Any]:
    """Read tensors by name."""
    if not (folder / STATE).is_file():
        raise StoreError(f"{tag} must hold {STATE} or {WHOLE}, and holds neither")
    library = need("safetensors.torch", "loading a PyTorch model", extra="pytorch")
    try:
        found: dict[str, Any] = library.load_file(folder / STATE, device="cpu")
    except Exception as error:
        raise StoreError(
            f"{tag} cannot be read by safetensors: {error}", hint=f"ask {command('models verify')}"
        ) from error
    return {name: tensor.to(device) for name, tensor in found.items()}


def fill(torch: ModuleType, model: Any, tensors: Mapping[str, Any], tag: str, *, is_given: bool) -> None:
    """Put tensors into a module; what it ties together stays tied.

    Raises:
        ConfigError: the user's module has other names or shapes.
        StoreError: the stored one has.
    """
    state = model.state_dict(keep_vars=True)
    names: dict[int, list[str]] = {}
    for name, place in state.items():
        names.setdefault(id(place), []).append(name)
    values: dict[str, Any] = dict(tensors)
    for tied in names.values():
        found = next((tensors[name] for name in tied if name in tensors), None)
        place = state[tied[0]]
        if found is None:
            continue
        if isinstance(place, torch.nn.Parameter):
            found = torch.nn.Parameter(found, place.requires_grad)
        values.update(dict.fromkeys(tied, found))
    try:
        model.load_state_dict(values, strict=True, assign=True)
    except (RuntimeError, TypeError, KeyError, AttributeError) as error:
        words = " ".join(str(error).split())
        if is_given:
            raise ConfigError(f"`model` must have the names and shapes of {tag}: {words}") from error
        raise StoreError(f"{tag} is damaged: {words}", hint=f"ask {command('models verify')}") from error


def read_pickle(torch: ModuleType, file: Path, tag: str, device: Any) -> Any:
    """Read a file of `torch.save`; restricted if it names layers only.

    Raises:
        StoreError: it must be unpickled and may not, or cannot be.
    """
    foreign = foreign_names(torch, file)
    if foreign is None or foreign:
        check_unpickling(tag)
        with unpickling(tag):
            return torch.load(file, map_location=device, weights_only=False)
    names = torch.serialization.get_unsafe_globals_in_checkpoint(file)
    known = [(found, name) for name in names if (found := look_up(name)) is not None]
    try:
        with torch.serialization.safe_globals(known):
            return torch.load(file, map_location=device, weights_only=True)
    except Exception as error:
        raise StoreError(f"{tag} cannot be read by PyTorch: {error}", hint=f"ask {command('models verify')}") from error


def find_device(torch: ModuleType, name: Any) -> Any:
    """Give a device by name.

    Raises:
        ConfigError: there is no such device here.
    """
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, TypeError, AssertionError) as error:
        raise ConfigError(
            f"`device_id` must be a device that PyTorch has here: {name!r}", hint="`cpu`, `cuda` or `cuda:0`"
        ) from error
    return device


@contextmanager
def quiet() -> Iterator[None]:
    """Leave out what PyTorch says of its own future."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=DeprecationWarning, module="torch")
        warnings.filterwarnings("ignore", category=FutureWarning, module="torch")
        yield

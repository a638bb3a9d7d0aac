"""PyTorch modules, and state dicts.

In: a `torch.nn.Module`, or tensors by name. Out: safetensors, and for a module its structure beside them.
A loaded module is ready to predict (`eval`); its answers are those of the saved one.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from ekiben.core.errors import ConfigError
from ekiben.core.optional import loaded, need
from ekiben.frameworks import torch_call
from ekiben.frameworks.base import Method, Saved
from ekiben.frameworks.torch_file import Unfit, find_device, load_module, quiet, save_module, save_state
from ekiben.store.info import ModelInfo

NAME = "pytorch"
LIBRARY = "torch"
PACKAGES = ("torch", "safetensors")

any_method = torch_call.any_method


def owns(model: Any) -> bool:
    """Say whether *model* is a module, or a mapping from names to tensors."""
    torch = loaded("torch")
    if torch is None or not hasattr(torch, "nn"):
        return False
    if isinstance(model, torch.nn.Module):
        return not isinstance(model, torch.jit.ScriptModule)
    return is_state(torch, model)


def is_state(torch: ModuleType, model: Any) -> bool:
    """Say whether *model* is a state dict."""
    return (
        isinstance(model, Mapping)
        and len(model) > 0
        and all(isinstance(name, str) and isinstance(value, torch.Tensor) for name, value in model.items())
    )


def save(model: Any, folder: Path, *, by_value: Sequence[ModuleType] = ()) -> Saved:
    """Write a module or a state dict.

    Raises:
        ConfigError: a state dict holds other than dense tensors.
        InvalidInput: the module cannot be pickled.
    """
    torch = need("torch", "saving a PyTorch model", extra="pytorch")
    with quiet():
        if isinstance(model, torch.nn.Module):
            return save_module(torch, model, folder, by_value)
        try:
            save_state(torch, model, folder)
        except Unfit as reason:
            raise ConfigError(f"`model` must be a state dict of dense tensors: {reason}") from reason
    return Saved("safetensors", needs_unpickling=False)


def load(folder: Path, info: ModelInfo, *, device_id: Any = "cpu", model: Any = None) -> Any:
    """Read a module or a state dict.

    Args:
        folder: the stored model's.
        info: what is known of it.
        device_id: where its tensors go, such as `cpu` or `cuda:0`.
        model: a module of the same structure, which takes the stored numbers, so that nothing is unpickled.

    Raises:
        StoreError: the files are missing or damaged, or must be unpickled and may not.
        ConfigError: there is no such device, or *model* does not fit.
    """
    torch = need("torch", "loading a PyTorch model", extra="pytorch")
    device = find_device(torch, device_id)
    with quiet():
        found = load_module(torch, folder, str(info.tag), device, model)
    return found.eval() if isinstance(found, torch.nn.Module) else found


def methods(model: Any) -> Mapping[str, Method]:
    """Serve the call of a module; whether calls can be joined, the sample shows."""
    return {"__call__": any_method("__call__")} if callable(model) else {}

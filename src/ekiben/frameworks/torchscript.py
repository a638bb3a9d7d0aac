"""TorchScript modules: programs that need none of the classes they were made of.

In: what `torch.jit.script` or `torch.jit.trace` gave. Out: one `saved_model.pt`, as BentoML writes it.
The file is a program in a language of its own. It is no Python, but its operators reach files; so it counts as what has
to be unpickled.
"""

from collections.abc import Mapping, MutableMapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from ekiben.core.optional import loaded, need
from ekiben.frameworks import torch_call
from ekiben.frameworks.base import Method, Saved
from ekiben.frameworks.torch_file import WHOLE, find_device
from ekiben.frameworks.torch_script import read_script, without_farewell
from ekiben.store.info import ModelInfo

NAME = "torchscript"
LIBRARY = "torch"
PACKAGES = ("torch",)

any_method = torch_call.any_method


def owns(model: Any) -> bool:
    """Say whether *model* is a module of TorchScript."""
    torch = loaded("torch")
    return torch is not None and hasattr(torch, "jit") and isinstance(model, torch.jit.ScriptModule)


def save(
    model: Any,
    folder: Path,
    *,
    by_value: Sequence[ModuleType] = (),
    _extra_files: Mapping[str, str | bytes] | None = None,
) -> Saved:
    """Write *model* as TorchScript.

    Args:
        model: a module of TorchScript.
        folder: where the file goes.
        by_value: modules of the user's, which no program holds.
        _extra_files: texts by name that travel inside the file.
    """
    torch = need("torch", "saving a TorchScript model", extra="pytorch")
    with without_farewell():
        torch.jit.save(model, str(folder / WHOLE), _extra_files=dict(_extra_files or {}))
    return Saved("torchscript", needs_unpickling=True)


def load(
    folder: Path,
    info: ModelInfo,
    *,
    device_id: Any = "cpu",
    _extra_files: MutableMapping[str, Any] | None = None,
) -> Any:
    """Read a module, ready to predict.

    Args:
        folder: the stored model's.
        info: what is known of it.
        device_id: where its tensors go, such as `cpu` or `cuda:0`.
        _extra_files: names of texts inside the file; their values are put in.

    Raises:
        StoreError: the file is missing or damaged, or running programs is forbidden.
        ConfigError: there is no such device.
    """
    torch = need("torch", "loading a TorchScript model", extra="pytorch")
    device = find_device(torch, device_id)
    return read_script(torch, folder / WHOLE, str(info.tag), device, _extra_files)


def methods(model: Any) -> Mapping[str, Method]:
    """Serve the call of the module; whether calls can be joined, the sample shows."""
    return {"__call__": any_method("__call__")}

"""Modules of Lightning, by either of its names, without the trainer.

In: a `LightningModule`, trained or not. Out: what `pytorch` writes; the loaded module can be trained on.
Read too: BentoML's `saved_model.pt`, which is TorchScript.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from ekiben.core.optional import loaded, need
from ekiben.frameworks import torch_call
from ekiben.frameworks.base import Method, Saved
from ekiben.frameworks.torch_file import WHOLE, find_device, load_module, quiet, save_module
from ekiben.frameworks.torch_script import is_script, read_script
from ekiben.store.info import ModelInfo

NAME = "pytorch_lightning"
LIBRARY = "lightning"
PACKAGES = ("lightning", "pytorch-lightning", "torch", "safetensors")
NAMES = ("lightning.pytorch", "pytorch_lightning")

any_method = torch_call.any_method


def owns(model: Any) -> bool:
    """Say whether *model* is a module of Lightning."""
    classes = [getattr(loaded(name), "LightningModule", None) for name in NAMES]
    return any(isinstance(kind, type) and isinstance(model, kind) for kind in classes)


def save(model: Any, folder: Path, *, by_value: Sequence[ModuleType] = ()) -> Saved:
    """Write a module without its trainer; it stays as it is.

    Raises:
        InvalidInput: it cannot be pickled.
    """
    torch = need("torch", "saving a model of Lightning", extra="pytorch_lightning")
    held = [getattr(model, name, None) for name in ("_trainer", "_fabric")]
    with quiet():
        return save_module(torch, model, folder, by_value, [each for each in held if each is not None])


def load(folder: Path, info: ModelInfo, *, device_id: Any = "cpu", model: Any = None) -> Any:
    """Read a module, ready to predict.

    Args:
        folder: the stored model's.
        info: what is known of it.
        device_id: where its tensors go, such as `cpu` or `cuda:0`.
        model: a module of the same structure, which takes the stored numbers, so that nothing is unpickled.

    Raises:
        StoreError: the files are missing or damaged, or must be unpickled and may not.
        ConfigError: there is no such device, or *model* does not fit.
    """
    torch = need("torch", "loading a model of Lightning", extra="pytorch_lightning")
    device, tag = find_device(torch, device_id), str(info.tag)
    if model is None and is_script(folder / WHOLE):
        return read_script(torch, folder / WHOLE, tag, device)
    with quiet():
        return load_module(torch, folder, tag, device, model).eval()


def methods(model: Any) -> Mapping[str, Method]:
    """Serve the call of the module; whether calls can be joined, the sample shows."""
    return {"__call__": any_method("__call__")}

"""Call PyTorch modules with plain values, as a server has them.

In: an array, a list, or a mapping of these to the module's arguments. Out: arrays and plain data.
Sources of both: PyTorch's inference mode; the rules by which `torch.from_numpy` shares memory.
"""

import functools
from collections.abc import Mapping
from types import ModuleType
from typing import Any

from ekiben.core.optional import need
from ekiben.frameworks.base import Method


def any_method(name: str) -> Method:
    """Call the method *name* with tensors on the model's device, without gradients."""
    return Method(batchable=None, call=functools.partial(run, name))


def run(name: str, model: Any, value: Any) -> Any:
    """Call a method of a module; the numbers of its answer are NumPy's.

    Args:
        name: the method; `__call__` is the module itself.
        model: any module of PyTorch; one in training is set to predict for this call.
        value: an array or a list for its one argument, or a mapping to several.

    Raises:
        ValueError: the module does not take this value.
    """
    torch = need("torch", "a PyTorch model", extra="pytorch")
    learning = [part for part in model.modules() if part.training] if getattr(model, "training", False) else []
    if learning:
        model.eval()
    try:
        with torch.inference_mode():
            return to_plain(torch, invoke(torch, model, name, value))
    finally:
        for part in learning:
            part.training = True


def invoke(torch: ModuleType, model: Any, name: str, value: Any) -> Any:
    """Call, and tell a wrong value from a fault of the machine."""
    method = getattr(model, name)
    first = next(model.parameters(), None)
    faults = (torch.OutOfMemoryError, getattr(torch, "AcceleratorError", torch.OutOfMemoryError))
    try:
        if isinstance(value, Mapping):
            return method(**{str(key): to_tensor(torch, inner, first) for key, inner in value.items()})
        return method(to_tensor(torch, value, first))
    except faults:
        raise
    except (RuntimeError, IndexError) as error:
        raise ValueError(str(error).strip().partition("\n")[0]) from error


def to_tensor(torch: ModuleType, value: Any, like: Any) -> Any:
    """Make a tensor on the device of *like*; one of fractions gets its dtype.

    Where *like* is of whole numbers, or None, float64 becomes float32, as PyTorch makes its weights.
    """
    if isinstance(value, str | bool | type(None)):
        return value
    if hasattr(value, "flags") and not value.flags.writeable:
        value = value.copy()
    tensor = torch.as_tensor(value)
    if tensor.dtype.is_floating_point and like is not None and like.dtype.is_floating_point:
        return tensor.to(device=like.device, dtype=like.dtype)
    tensor = tensor.float() if tensor.dtype is torch.float64 else tensor
    return tensor if like is None else tensor.to(like.device)


def to_plain(torch: ModuleType, answer: Any, *, is_inner: bool = False) -> Any:
    """Give an array for a tensor; within lists, tuples and mappings, lists."""
    if isinstance(answer, torch.Tensor):
        tensor = answer.detach().cpu().resolve_conj().resolve_neg()
        if tensor.dtype is torch.bfloat16:
            tensor = tensor.float()
        return tensor.tolist() if is_inner else tensor.numpy()
    if isinstance(answer, Mapping):
        return {str(key): to_plain(torch, inner, is_inner=True) for key, inner in answer.items()}
    if isinstance(answer, list | tuple):
        parts = [to_plain(torch, inner, is_inner=True) for inner in answer]
        return tuple(parts) if isinstance(answer, tuple) else parts
    return answer

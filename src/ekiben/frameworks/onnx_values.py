"""Give an ONNX model the tensors that it takes, and its answers as plain values.

In: what a session says of its inputs and outputs, and values. Out: the mapping that it runs with, and plain answers.
Source: the type strings of ONNX Runtime, such as `tensor(float)`.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from ekiben.core.optional import need
from ekiben.frameworks.sample import is_frame

DTYPES = {
    "tensor(bool)": "bool",
    "tensor(double)": "float64",
    "tensor(float)": "float32",
    "tensor(float16)": "float16",
    "tensor(int16)": "int16",
    "tensor(int32)": "int32",
    "tensor(int64)": "int64",
    "tensor(int8)": "int8",
    "tensor(string)": "object",
    "tensor(uint16)": "uint16",
    "tensor(uint32)": "uint32",
    "tensor(uint64)": "uint64",
    "tensor(uint8)": "uint8",
}


def feed(inputs: Sequence[Any], value: Any) -> dict[str, Any]:
    """Give each input its array.

    Args:
        inputs: name, type and shape of each.
        value: an array or a list for the one input; a mapping by name, or a frame with a column each, for several.

    Raises:
        ValueError: something is missing, too much, or does not fit.
    """
    if len(inputs) == 1 and not isinstance(value, Mapping):
        return {inputs[0].name: tensor(inputs[0], value.to_numpy() if is_frame(value) else value)}
    names = [place.name for place in inputs]
    if is_frame(value):
        columns = {name: value[name].to_numpy() for name in value.columns}
        value = {
            place.name: columns[place.name].reshape(-1, 1) if len(place.shape) == 2 else columns[place.name]
            for place in inputs
            if place.name in columns
        }
    if not isinstance(value, Mapping) or set(value) != set(names):
        given = ", ".join(map(str, value)) if isinstance(value, Mapping) else type(value).__name__
        raise ValueError(f"it takes the inputs {', '.join(names)}: {given}")
    return {place.name: tensor(place, value[place.name]) for place in inputs}


def tensor(place: Any, value: Any) -> Any:
    """Give *value* as the array that an input takes.

    Raises:
        ValueError: it would be another value then, or has another number of axes.
    """
    dtype = DTYPES.get(place.type)
    if dtype is None:
        return value
    numpy = need("numpy", "an ONNX model")
    array = numpy.asarray(value)
    if not fits(array.dtype.kind, dtype):
        raise ValueError(f"`{place.name}` must be {place.type}: {array.dtype}")
    changed = array.astype(dtype)
    if array.dtype.kind in "iuf" and changed.dtype.kind in "iu" and not (changed == array).all():
        raise ValueError(f"`{place.name}` must be {place.type}, and holds what is none")
    if place.shape and changed.ndim != len(place.shape):
        raise ValueError(f"`{place.name}` must have {len(place.shape)} axes: {changed.ndim}")
    return changed


def fits(kind: str, dtype: str) -> bool:
    """Say whether a kind may be given for a dtype: text for text, say."""
    if dtype == "object":
        return kind in "UO"
    return kind in ("b" if dtype == "bool" else "biuf")


def tell(outputs: Sequence[Any], values: Sequence[Any]) -> Any:
    """Give what a model answers: the one output, or several by name."""
    if len(outputs) == 1:
        return plain(values[0])
    return {place.name: plain(value) for place, value in zip(outputs, values, strict=True)}


def plain(value: Any) -> Any:
    """Give text as an array of text, and mappings of labels with text as their keys."""
    if isinstance(value, list):
        return [{str(key): item for key, item in row.items()} if isinstance(row, dict) else row for row in value]
    if getattr(value, "dtype", None) is not None and value.dtype.kind == "O":
        return value.astype(str)
    return value

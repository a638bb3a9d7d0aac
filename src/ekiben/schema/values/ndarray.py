"""NumPy arrays: nested lists in JSON, `.npy` or raw bytes in a binary body.

In: `np.ndarray` or `NDArray[...]`, with `Shape` and `DType` in `Annotated`. Out: a `Leaf`.
Source: the `.npy` format of NumPy (NEP 1); nested lists follow `np.asarray`, but ragged input is refused.
"""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any, get_args, get_origin

from pydantic_core import InitErrorDetails, PydanticCustomError, ValidationError

from ekiben.core.errors import ConfigError
from ekiben.core.optional import loaded, need
from ekiben.core.spec import JsonSchema
from ekiben.schema.annotations import DType, Shape
from ekiben.schema.content import JSON, OCTETS, Upload
from ekiben.schema.values.base import named

NPY = "application/x-npy"
MAGIC = b"\x93NUMPY"
NUMBERS = {"b": "boolean", "i": "integer", "u": "integer", "f": "number", "U": "string"}


def claims(hint: Any) -> bool:
    """Say whether *hint* is an array; NumPy is not imported for it."""
    numpy = loaded("numpy")
    if numpy is None:
        return False
    target = get_origin(hint) or hint
    return isinstance(target, type) and issubclass(target, numpy.ndarray)


def plan(hint: Any, notes: tuple[Any, ...]) -> "NdarrayLeaf":
    """Settle dtype and shape of *hint*.

    Raises:
        ConfigError: the dtype is unknown to NumPy, or of a kind that JSON cannot carry.
    """
    numpy = need("numpy", "an array parameter")
    shape = next((note.shape for note in notes if isinstance(note, Shape)), None)
    asked = next((note.dtype for note in notes if isinstance(note, DType)), None) or dtype_of(hint)
    if asked is None:
        return NdarrayLeaf(numpy, None, shape)
    try:
        dtype = numpy.dtype(asked)
    except TypeError as error:
        raise ConfigError(f"`DType` must be a NumPy dtype: {asked!r}", hint="write DType('float32')") from error
    if dtype.kind not in NUMBERS:
        raise ConfigError(f"`DType` must be of numbers, booleans or text: {asked!r}")
    return NdarrayLeaf(numpy, dtype, shape)


def dtype_of(hint: Any) -> Any:
    """Find the scalar type in `NDArray[np.float32]`; None where it is open."""
    generic = need("numpy", "an array parameter").generic
    scalars = [scalar for arg in get_args(hint) for scalar in get_args(arg)]
    return next((s for s in scalars if isinstance(s, type) and s is not Any and issubclass(s, generic)), None)


@dataclass(frozen=True, slots=True)
class NdarrayLeaf:
    """One array hint, settled."""

    numpy: ModuleType
    dtype: Any
    shape: tuple[int, ...] | None
    kind: str = "ndarray"
    media_types: tuple[str, ...] = (NPY, OCTETS)
    output_media: str = JSON

    def schema(self) -> JsonSchema:
        """Describe nested lists of the known depth, or a list of anything."""
        inner: dict[str, Any] = {"type": NUMBERS[self.dtype.kind]} if self.dtype is not None else {}
        for length in reversed(self.shape or (-1,)):
            inner = {"type": "array", "items": inner}
            if length >= 0:
                inner |= {"minItems": length, "maxItems": length}
        inner |= {} if self.dtype is None else {"x-dtype": str(self.dtype)}
        return inner | ({} if self.shape is None else {"x-shape": list(self.shape)})

    def decode(self, raw: Any) -> Any:
        """Make an array of the asked dtype and shape; raises ValueError with the first wrong place."""
        if isinstance(raw, Upload):
            return self.check(self.from_bytes(raw.read()))
        if isinstance(raw, self.numpy.ndarray):
            return self.check(raw)
        if not isinstance(raw, list | tuple | int | float | bool | str):
            raise ValueError(f"must be an array as nested lists of numbers, not {named(raw)}")
        try:
            array = self.numpy.asarray(raw)
        except ValueError:
            array = None
        if array is None or array.dtype.kind == "O" or (array.dtype.kind == "U" and not self.is_text):
            raise_first_wrong(raw, text=self.is_text)
        return self.check(array)

    @property
    def is_text(self) -> bool:
        """Whether the array is asked to hold text."""
        return self.dtype is not None and self.dtype.kind == "U"

    def check(self, array: Any) -> Any:
        """Hold an array to the asked dtype and shape."""
        if self.shape is not None:
            expected = self.shape
            fits = len(expected) == array.ndim and all(
                want in (-1, have) for want, have in zip(expected, array.shape, strict=True)
            )
            if not fits:
                raise ValueError(f"must be of shape {spell(expected)}, not {spell(array.shape)}")
        if self.dtype is None or array.dtype == self.dtype:
            return array
        if self.dtype.kind in "iu" and array.dtype.kind == "f" and not self.numpy.equal(array, array.round()).all():
            raise ValueError(f"must hold whole numbers ({self.dtype}), not fractions")
        if self.dtype.kind != "U" and array.dtype.kind == "U":
            raise ValueError(f"must hold numbers ({self.dtype}), not text")
        return array.astype(self.dtype)

    def from_bytes(self, body: bytes) -> Any:
        """Read `.npy`, or raw bytes where dtype and at most one open axis are known."""
        if body.startswith(MAGIC):
            try:
                return self.numpy.load(io.BytesIO(body), allow_pickle=False)
            except (ValueError, EOFError) as error:
                raise ValueError(f"is not a readable .npy file: {error}") from error
        if self.dtype is None:
            raise ValueError("must be in .npy format, as the endpoint names no dtype for raw bytes")
        if len(body) % self.dtype.itemsize:
            raise ValueError(f"must be a multiple of {self.dtype.itemsize} bytes ({self.dtype}), not {len(body)} bytes")
        flat = self.numpy.frombuffer(body, dtype=self.dtype)
        if self.shape is None or len(self.shape) == 1:
            return flat
        try:
            return flat.reshape(self.shape)
        except ValueError as error:
            raise ValueError(f"must be of shape {spell(self.shape)}, not {len(flat)} items") from error

    def encode(self, value: Any) -> Any:
        """Give nested lists."""
        return self.to_json(value)

    def to_json(self, value: Any) -> Any:
        """Give an array that orjson writes as nested lists; anything array-like is taken."""
        array = self.numpy.ascontiguousarray(value) if getattr(value, "ndim", 1) else value
        return array.tolist() if getattr(array, "dtype", None) is not None and array.dtype.kind in "OUSMmcf" else array

    def join(self, values: Sequence[Any], axis: int) -> tuple[Any, list[int]]:
        """Concatenate along *axis*; the arrays are alike in dtype and every other axis."""
        return self.numpy.concatenate(values, axis=axis), [value.shape[axis] for value in values]

    def split(self, batch: Any, sizes: Sequence[int], axis: int) -> list[Any]:
        """Cut along *axis* after each call's items."""
        ends = self.numpy.cumsum(sizes)[:-1]
        return list(self.numpy.split(self.numpy.asarray(batch), ends, axis=axis))


def raise_first_wrong(raw: Any, *, text: bool) -> None:
    """Raise a pydantic error at the first place that keeps *raw* from being an array."""
    place, words = first_wrong(raw, text=text) or ((), "must be an array of numbers")
    details = InitErrorDetails(
        type=PydanticCustomError("invalid_ndarray", "{reason}", {"reason": words}), loc=place, input=raw
    )
    raise ValidationError.from_exception_data("ndarray", [details])


def first_wrong(raw: Any, *, text: bool, expected: Any = None) -> tuple[tuple[int, ...], str] | None:
    """Find the first item that is no number, or whose shape differs from its first neighbour's."""
    if not isinstance(raw, list | tuple):
        if isinstance(raw, str) and not text:
            return (), f"must be a number, not {named(raw)}"
        return ((), f"must be a number, not {named(raw)}") if raw is None or isinstance(raw, dict) else None
    lengths = [len(item) if isinstance(item, list | tuple) else None for item in raw]
    for index, item in enumerate(raw):
        found = first_wrong(item, text=text)
        if found is not None:
            return (index, *found[0]), found[1]
        if lengths[index] != lengths[0]:
            return (
                index,
            ), f"must have as many items as its neighbours ({count(lengths[0])}), not {count(lengths[index])}"
    return None


def count(length: int | None) -> str:
    """Say a length in words."""
    return "a single number" if length is None else str(length)


def spell(shape: tuple[int, ...]) -> str:
    """Write a shape with `any` for an open axis."""
    return "(" + ", ".join("any" if length < 0 else str(length) for length in shape) + ")"

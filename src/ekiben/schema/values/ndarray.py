"""NumPy arrays: nested lists in JSON, `.npy` or raw bytes in a binary body.

In: `np.ndarray` or `NDArray[...]`, with `Shape`, `DType` and `ContentType` in `Annotated`. Out: a `Leaf`.
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_args, get_origin

from ekiben.core.errors import ConfigError
from ekiben.core.optional import loaded
from ekiben.core.spec import JsonSchema
from ekiben.schema.annotations import ContentType, DType, Shape
from ekiben.schema.content import JSON, OCTETS, Encoded, essence
from ekiben.schema.values.base import Encoder, cuts
from ekiben.schema.wire import numbers as wire_numbers
from ekiben.schema.wire import raw as wire_raw
from ekiben.schema.wire.raw import NPY, ArrayForm

NOTES = (Shape, DType, ContentType)


def claims(hint: Any) -> bool:
    """Say whether *hint* is an array."""
    numpy = loaded("numpy")
    if numpy is None or not hasattr(numpy, "ndarray"):
        return False
    target = get_origin(hint) or hint
    return isinstance(target, type) and issubclass(target, numpy.ndarray)


def plan(hint: Any, notes: tuple[Any, ...]) -> "NdarrayLeaf":
    """Settle dtype, shape and the form of an answer.

    Raises:
        ConfigError: the dtype or the content type is not one of arrays.
    """
    shape = next((note.shape for note in notes if isinstance(note, Shape)), None)
    dtype = next((note.dtype for note in notes if isinstance(note, DType)), None)
    media = next((essence(note.content_type) for note in notes if isinstance(note, ContentType)), JSON)
    if media not in (JSON, NPY, OCTETS):
        raise ConfigError(f"`ContentType` of an array must be {JSON}, {NPY} or {OCTETS}: {media!r}")
    return NdarrayLeaf(wire_raw.plan(dtype or dtype_of(hint), shape, "an array parameter"), media)


def dtype_of(hint: Any) -> Any:
    """Find the scalar type in `NDArray[np.float32]`; None where it is open."""
    numpy = loaded("numpy")
    assert numpy is not None  # the hint is one of its types
    scalars = [scalar for arg in get_args(hint) for scalar in get_args(arg)]
    return next((s for s in scalars if isinstance(s, type) and s is not Any and issubclass(s, numpy.generic)), None)


@dataclass(frozen=True, slots=True)
class NdarrayLeaf:
    """One array hint, settled."""

    form: ArrayForm
    output_media: str = JSON
    kind: str = "ndarray"
    media_types: tuple[str, ...] = (NPY, OCTETS)

    @property
    def encoders(self) -> Mapping[str, Encoder]:
        """Write `.npy`, or bare numbers in C order and the machine's byte order."""
        return {NPY: self.to_npy, OCTETS: self.to_bytes}

    def schema(self) -> JsonSchema:
        """Describe nested lists."""
        return self.form.schema()

    def decode(self, raw: Any) -> Any:
        """Make an array of the asked dtype and shape."""
        return self.form.decode(raw)

    def from_text(self, body: bytes, name: str | None) -> Any:
        """Read the array from JSON at once; None where `decode` has to look at its parts.

        Args:
            body: nested lists, or an object with nothing but *name* in it.
            name: the member that holds the lists.
        """
        return wire_numbers.read(self.form, body, name)

    def to_json(self, value: Any) -> Any:
        """Give an array that orjson writes as nested lists; anything array-like is taken."""
        return self.form.to_json(self.form.numpy.asarray(value))

    def to_npy(self, value: Any) -> Encoded:
        """Write a `.npy` file."""
        return Encoded(wire_raw.write_npy(self.form.numpy, value), NPY)

    def to_bytes(self, value: Any) -> Encoded:
        """Write bare numbers."""
        return Encoded(self.form.numpy.asarray(value).tobytes(), OCTETS)

    def alike(self, value: Any, axis: int) -> Hashable:
        """Arrays are alike in dtype and in every axis but the batch's."""
        shape = value.shape
        return value.dtype.str, len(shape), shape[:axis], shape[axis:][1:]

    def join(self, values: Sequence[Any], axis: int) -> tuple[Any, list[int]]:
        """Concatenate along *axis*."""
        return self.form.numpy.concatenate(values, axis=axis), [value.shape[axis] for value in values]

    def split(self, batch: Any, sizes: Sequence[int], axis: int) -> list[Any]:
        """Cut along *axis* after each call's items; the parts are views."""
        array = self.form.numpy.asarray(batch)
        if not array.ndim:
            raise ValueError("a batch must be answered by an array of its items, not by a single number")
        parts = cuts(array.shape[axis], sizes)
        if axis == 0:
            return [array[start:end] for start, end in parts]
        moved = array.swapaxes(0, axis)
        return [moved[start:end].swapaxes(0, axis) for start, end in parts]

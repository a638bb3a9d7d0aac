"""Tensors of PyTorch and TensorFlow: lists in JSON, `.npy` or raw bytes otherwise.

In: `torch.Tensor` or `tensorflow.Tensor`, with `Shape`, `DType` and `ContentType` in `Annotated`. Out: a `Leaf`.
Numbers with a fraction become float32 where no dtype is declared, as both libraries make them.
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from ekiben.core.errors import ConfigError
from ekiben.core.optional import loaded
from ekiben.core.spec import JsonSchema
from ekiben.schema.annotations import ContentType, DType, Shape
from ekiben.schema.content import JSON, OCTETS, Encoded, essence
from ekiben.schema.values.base import Encoder, cuts
from ekiben.schema.wire import raw as wire_raw
from ekiben.schema.wire.raw import NPY, ArrayForm

NOTES = (Shape, DType, ContentType)
LIBRARIES = ("torch", "tensorflow")


def claims(hint: Any) -> bool:
    """Say whether *hint* is a tensor of a library that is loaded."""
    return library_of(hint) is not None


def library_of(hint: Any) -> ModuleType | None:
    """Give the library whose tensor *hint* is."""
    if not isinstance(hint, type):
        return None
    for name in LIBRARIES:
        library = loaded(name)
        tensor = getattr(library, "Tensor", None)
        if isinstance(tensor, type) and issubclass(hint, tensor):
            return library
    return None


def plan(hint: Any, notes: tuple[Any, ...]) -> "TensorLeaf":
    """Settle dtype, shape and the form of an answer.

    Raises:
        ConfigError: the dtype or the content type is not one of tensors.
    """
    library = library_of(hint)
    assert library is not None  # `claims` said so
    shape = next((note.shape for note in notes if isinstance(note, Shape)), None)
    dtype = next((note.dtype for note in notes if isinstance(note, DType)), None)
    media = next((essence(note.content_type) for note in notes if isinstance(note, ContentType)), JSON)
    if media not in (JSON, NPY, OCTETS):
        raise ConfigError(f"`ContentType` of a tensor must be {JSON}, {NPY} or {OCTETS}: {media!r}")
    form = wire_raw.plan(dtype, shape, "a tensor parameter")
    return TorchLeaf(library, form, media) if library.__name__ == "torch" else FlowLeaf(library, form, media)


@dataclass(frozen=True, slots=True)
class TensorLeaf:
    """One tensor hint, settled: what both libraries share."""

    library: ModuleType
    form: ArrayForm
    output_media: str = JSON
    kind: str = "tensor"
    media_types: tuple[str, ...] = (NPY, OCTETS)

    @property
    def encoders(self) -> Mapping[str, Encoder]:
        """Write `.npy`, or bare numbers in C order and the machine's byte order."""
        return {NPY: self.to_npy, OCTETS: self.to_bytes}

    def schema(self) -> JsonSchema:
        """Describe nested lists."""
        return self.form.schema()

    def decode(self, raw: Any) -> Any:
        """Make a tensor of the asked dtype and shape."""
        if isinstance(raw, self.library.Tensor):
            return raw
        array = self.form.decode(raw)
        if self.form.dtype is None and array.dtype.kind == "f" and isinstance(raw, list | int | float):
            array = array.astype("float32")
        return self.from_array(array)

    def from_array(self, array: Any) -> Any:
        """Make a tensor of an array."""
        raise TypeError(f"{type(self).__name__} makes no tensor")

    def to_array(self, value: Any) -> Any:
        """Make an array of a tensor, or of anything array-like."""
        return self.form.numpy.asarray(value)

    def to_json(self, value: Any) -> Any:
        """Give an array that orjson writes as nested lists."""
        return self.form.to_json(self.to_array(value))

    def to_npy(self, value: Any) -> Encoded:
        """Write a `.npy` file."""
        return Encoded(wire_raw.write_npy(self.form.numpy, self.to_array(value)), NPY)

    def to_bytes(self, value: Any) -> Encoded:
        """Write bare numbers."""
        return Encoded(self.to_array(value).tobytes(), OCTETS)

    def alike(self, value: Any, axis: int) -> Hashable:
        """Tensors are alike in dtype and in every axis but the batch's."""
        shape = tuple(value.shape)
        return str(value.dtype), len(shape), shape[:axis], shape[axis:][1:]


@dataclass(frozen=True, slots=True)
class TorchLeaf(TensorLeaf):
    """PyTorch."""

    def from_array(self, array: Any) -> Any:
        """Share the array's memory."""
        return self.library.from_numpy(array)

    def to_array(self, value: Any) -> Any:
        """Bring the tensor to the CPU; bfloat16, which NumPy lacks, becomes float32."""
        if not isinstance(value, self.library.Tensor):
            return self.form.numpy.asarray(value)
        tensor = value.detach().cpu().resolve_conj().resolve_neg()
        return (tensor.float() if tensor.dtype is self.library.bfloat16 else tensor).numpy()

    def join(self, values: Sequence[Any], axis: int) -> tuple[Any, list[int]]:
        """Concatenate along *axis*."""
        return self.library.cat(list(values), dim=axis), [value.shape[axis] for value in values]

    def split(self, batch: Any, sizes: Sequence[int], axis: int) -> list[Any]:
        """Cut along *axis* after each call's items; the parts are views."""
        tensor = self.library.as_tensor(batch)
        cuts(tensor.shape[axis] if tensor.ndim else 1, sizes)
        return list(self.library.split(tensor, list(sizes), dim=axis))


@dataclass(frozen=True, slots=True)
class FlowLeaf(TensorLeaf):
    """TensorFlow."""

    def from_array(self, array: Any) -> Any:
        """Copy the array."""
        return self.library.convert_to_tensor(array)

    def to_array(self, value: Any) -> Any:
        """Bring the tensor to the CPU; bfloat16, which NumPy lacks, becomes float32."""
        if not isinstance(value, self.library.Tensor):
            return self.form.numpy.asarray(value)
        narrow = value.dtype == self.library.bfloat16
        return (self.library.cast(value, self.library.float32) if narrow else value).numpy()

    def join(self, values: Sequence[Any], axis: int) -> tuple[Any, list[int]]:
        """Concatenate along *axis*."""
        return self.library.concat(list(values), axis=axis), [value.shape[axis] for value in values]

    def split(self, batch: Any, sizes: Sequence[int], axis: int) -> list[Any]:
        """Cut along *axis* after each call's items."""
        tensor = self.library.convert_to_tensor(batch)
        cuts(tensor.shape[axis] if tensor.shape.rank else 1, sizes)
        return list(self.library.split(tensor, list(sizes), axis=axis))

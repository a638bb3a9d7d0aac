"""NumPy arrays, as JSON, or as `.npy`, which costs less.

In: nested lists of numbers or of text, of any shape; `null` among numbers is NaN. Out: arrays, and JSON of all that
NumPy makes an array of.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bentoml.exceptions import InvalidArgument
from bentoml.io.base import IODescriptor
from bentoml.io.notes import hint_of
from ekiben.core.optional import need
from ekiben.core.spec import JsonSchema
from ekiben.schema.content import OCTETS, Upload, essence
from ekiben.schema.refusal import refuse
from ekiben.schema.values.ndarray import NdarrayLeaf
from ekiben.schema.wire import json as wire_json
from ekiben.schema.wire import numbers as wire_numbers
from ekiben.schema.wire import raw as wire_raw
from ekiben.schema.wire.raw import NPY, NUMBERS, ArrayForm
from ekiben.schema.words import named, spell

REFUSED = (ValueError, TypeError, OverflowError, RecursionError)  # NumPy's


@dataclass(frozen=True, slots=True)
class ArrayLeaf(NdarrayLeaf):
    """Arrays of one descriptor; `form` is the open one, by which lists are read."""

    dtype: Any = None  # numpy.dtype or None
    shape: tuple[int, ...] | None = None
    is_dtype_enforced: bool = False
    is_shape_enforced: bool = False
    examples: tuple[Any, ...] = ()
    json_media: tuple[str, ...] = ("*/*",)

    @property
    def encoders(self) -> dict[str, Any]:
        """JSON is the only form."""
        return {}

    def schema(self) -> JsonSchema:
        """Describe nested lists."""
        dtype = self.dtype if self.dtype is not None and self.dtype.kind in NUMBERS else None
        shape = self.shape if self.is_shape_enforced else None
        found = ArrayForm(self.form.numpy, dtype, shape).schema()
        if self.shape is not None:
            found["x-shape"] = list(self.shape)
        return {**found, "examples": list(self.examples)} if self.examples else found

    def decode(self, raw: Any) -> Any:
        """Make an array of the asked dtype and shape; raises ValueError, ValidationError."""
        if isinstance(raw, Upload):
            if essence(raw.media_type) not in (NPY, OCTETS):
                return self.decode(wire_json.load(raw.read()))
            strict = ArrayForm(self.form.numpy, self.dtype, None)
            return self.settle(strict.from_bytes(raw.take()))
        if isinstance(raw, self.form.numpy.ndarray):
            return self.settle(raw)
        if raw is None or isinstance(raw, dict):
            raise ValueError(f"must be an array as nested lists, not {named(raw)}")
        return self.settle(self.from_lists(raw))

    def from_text(self, body: bytes, name: str | None) -> Any:
        """Read plain numbers at once; None where `decode` has to look at the parts."""
        array = wire_numbers.read(self.form, body, name)
        if array is None:
            return None
        try:
            return self.settle(array)
        except ValueError:
            return None

    def from_lists(self, raw: Any) -> Any:
        """Read lists as NumPy does; what it would keep as objects must be numbers and null."""
        numpy = self.form.numpy
        wire_raw.check_texts(raw)
        try:
            array = numpy.asarray(raw)
            if array.dtype.kind != "O":
                return array
            return numpy.asarray(raw, dtype=numpy.float64)
        except REFUSED:
            place, words = wire_raw.first_wrong(raw, text=False) or ((), "must be an array of at most 64 dimensions")
            refuse("ndarray", place, words, raw)

    def settle(self, array: Any) -> Any:
        """Give the array the descriptor's dtype and shape; raises ValueError where one is enforced and does not fit."""
        return self.shaped(self.typed(array))

    def typed(self, array: Any) -> Any:
        """Convert to the dtype: without any loss where it is enforced, else as NumPy does, or not at all."""
        if self.dtype is None or array.dtype == self.dtype:
            return array
        if self.is_dtype_enforced and self.dtype.kind in NUMBERS:
            return ArrayForm(self.form.numpy, self.dtype, None).check(array)
        try:
            with self.form.numpy.errstate(all="ignore"):
                return array.astype(self.dtype)
        except REFUSED as error:
            if self.is_dtype_enforced:
                raise ValueError(f"must be an array of {self.dtype}, not of {array.dtype}") from error
            return array

    def shaped(self, array: Any) -> Any:
        """Hold to the shape where it is enforced, else give it where the number of items allows."""
        if self.shape is None or fits(array.shape, self.shape):
            return array
        if self.is_shape_enforced:
            raise ValueError(f"must be of shape {spell(self.shape)}, not {spell(array.shape)}")
        try:
            return array.reshape(self.shape)
        except ValueError:
            return array

    def to_json(self, value: Any) -> Any:
        """Give the answer as nested lists; raises TypeError where it is not as it was declared.

        A dtype of another kind, which would cut off fractions, is given to it only where it is enforced.
        """
        numpy = self.form.numpy
        try:
            array = numpy.asarray(value)
            is_near = self.dtype is None or numpy.can_cast(array.dtype, self.dtype, "same_kind")
            settled = self.settle(array) if is_near or self.is_dtype_enforced else self.shaped(array)
            return self.form.to_json(settled)
        except ValueError as error:
            raise TypeError(f"the answer {error}") from error


def fits(shape: Sequence[int], wanted: Sequence[int]) -> bool:
    """Say whether a shape is the wanted one, in which -1 stands for any length."""
    return len(shape) == len(wanted) and all(want in (-1, have) for have, want in zip(shape, wanted, strict=True))


class NumpyNdarray(IODescriptor[Any], descriptor_id="bentoml.io.NumpyNdarray"):
    """Describes an array.

    Args:
        dtype: what values are converted to.
        enforce_dtype: refuse what cannot be, without loss.
        shape: what arrays are brought to where they have as many items; -1 for any length.
        enforce_shape: refuse other shapes.

    Raises:
        InvalidArgument: something is enforced that is not given, or the dtype is unknown to NumPy.
    """

    def __init__(
        self,
        dtype: Any = None,
        enforce_dtype: bool = False,
        shape: Sequence[int] | None = None,
        enforce_shape: bool = False,
    ) -> None:
        if enforce_dtype and dtype is None:
            raise InvalidArgument("`dtype` must be given where `enforce_dtype` is True: None")
        if enforce_shape and shape is None:
            raise InvalidArgument("`shape` must be given where `enforce_shape` is True: None")
        self._dtype = None if dtype is None else settle_dtype(dtype)
        self._shape = None if shape is None else settle_shape(shape)
        self._enforce_dtype = enforce_dtype
        self._enforce_shape = enforce_shape

    def _input_hint(self) -> Any:
        return hint_of(self._leaf())

    def _output_hint(self) -> Any:
        return hint_of(self._leaf())

    def _leaf(self) -> ArrayLeaf:
        return ArrayLeaf(
            wire_raw.plan(None, None, "`NumpyNdarray`"),
            dtype=self._dtype,
            shape=self._shape,
            is_dtype_enforced=self._enforce_dtype,
            is_shape_enforced=self._enforce_shape,
            examples=() if self.sample is None else (self.openapi_example(),),
        )

    def input_type(self) -> Any:
        """Give `numpy.ndarray`."""
        return need("numpy", "`NumpyNdarray`").ndarray

    def openapi_example(self) -> Any:
        """Give the sample as nested lists."""
        return None if self.sample is None else self.sample.tolist()

    @classmethod
    def _options_of(cls, sample: Any) -> dict[str, Any]:
        array = array_of(sample)
        return {"dtype": array.dtype, "shape": array.shape}

    def _from_sample(self, sample: Any) -> Any:
        return array_of(sample)

    def _spec_args(self) -> dict[str, Any]:
        return {
            "dtype": None if self._dtype is None else self._dtype.name if self._dtype.kind != "U" else self._dtype.str,
            "shape": None if self._shape is None else list(self._shape),
            "enforce_dtype": self._enforce_dtype,
            "enforce_shape": self._enforce_shape,
        }


def array_of(sample: Any) -> Any:
    """Give a sample as an array; raises InvalidArgument."""
    try:
        array = need("numpy", "`NumpyNdarray`").asarray(sample)
    except REFUSED as error:
        raise InvalidArgument(f"a sample of `NumpyNdarray` must be an array: {error}") from error
    if array.dtype.hasobject:
        raise InvalidArgument(f"a sample of `NumpyNdarray` must be of numbers or text, not of {array.dtype}")
    return array


def settle_dtype(dtype: Any) -> Any:
    """Give NumPy's dtype; raises InvalidArgument."""
    try:
        return need("numpy", "`dtype`").dtype(dtype)
    except TypeError as error:
        raise InvalidArgument(f"`dtype` must be a NumPy dtype: {dtype!r}") from error


def settle_shape(shape: Any) -> tuple[int, ...]:
    """Give a shape as a tuple; raises InvalidArgument."""
    found = tuple(shape) if isinstance(shape, Sequence) else (shape,)
    if not all(type(length) is int and length >= -1 for length in found):
        raise InvalidArgument(f"`shape` must hold lengths, and -1 where any will do: {shape!r}")
    return found

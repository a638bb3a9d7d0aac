"""Numbers as bytes or as nested lists: what arrays and tensors share.

In: nested lists, a `.npy` file, or bare numbers of a known dtype. Out: a NumPy array, and back.
Nested lists mean what `np.asarray` makes of them, except that ragged ones, `null` and text among numbers are refused
with their place. A `.npy` file must be exactly as long as its header says, and never unpickles.
Source: the `.npy` format of NumPy (NEP 1).
"""

import io
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from ekiben.core.errors import ConfigError
from ekiben.core.optional import need
from ekiben.schema.content import JSON, Upload, essence
from ekiben.schema.refusal import refuse
from ekiben.schema.wire.json import load
from ekiben.schema.words import named, spell

NPY = "application/x-npy"
MAGIC = b"\x93NUMPY"
MAX_HEADER = 4096  # characters
ENTRY = re.compile(
    r"""\s*(['"])(?P<name>descr|fortran_order|shape)\1\s*:\s*
    (?: (['"])(?P<value>[<>=|]?[?A-Za-z]\d{0,9}(?:\[\d{0,4}[A-Za-z]{1,2}\])?)\3
      | (?P<flag>True|False)
      | \((?P<lengths>[\d\s,]*)\) )
    \s*(?:,|(?=\}))""",
    re.VERBOSE,
)
NUMBERS = {"b": "boolean", "i": "integer", "u": "integer", "f": "number", "U": "string"}
BINARY_KINDS = "biufcUSMm"  # what a `.npy` file may hold: nothing that is pickled, no records
WORD = 2**64
LETTER = 4  # bytes of a letter in NumPy's arrays of text
MAX_TEXTS = 2**28  # bytes


def plan(dtype: str | type | None, shape: tuple[int, ...] | None, what: str) -> "ArrayForm":
    """Settle dtype and shape.

    Raises:
        ConfigError: the dtype is unknown to NumPy, or of a kind that JSON cannot carry; a length is below -1.
    """
    numpy = need("numpy", what)
    if shape is not None and any(length < -1 for length in shape):
        raise ConfigError(f"`Shape` must hold lengths, and -1 where any will do: {shape}")
    if dtype is None:
        return ArrayForm(numpy, None, shape)
    try:
        settled = numpy.dtype(dtype)
    except TypeError as error:
        raise ConfigError(f"`DType` must be a NumPy dtype: {dtype!r}", hint="write DType('float32')") from error
    if settled.kind not in NUMBERS:
        raise ConfigError(f"`DType` must be of numbers, booleans or text: {dtype!r}")
    return ArrayForm(numpy, settled, shape)


@dataclass(frozen=True, slots=True)
class ArrayForm:
    """Which arrays are taken: a dtype and a shape, either of them open."""

    numpy: ModuleType
    dtype: Any  # numpy.dtype or None
    shape: tuple[int, ...] | None  # -1 for any length

    def schema(self) -> dict[str, Any]:
        """Describe nested lists of the known depth, or a list of anything."""
        inner: dict[str, Any] = {"type": NUMBERS[self.dtype.kind]} if self.dtype is not None else {}
        shape = self.shape
        if shape is None:
            inner = {"type": "array", "items": {}}
        else:
            for length in reversed(shape):
                inner = {"type": "array", "items": inner}
                if length >= 0:
                    inner |= {"minItems": length, "maxItems": length}
            inner["x-shape"] = list(shape)
        return inner if self.dtype is None else {**inner, "x-dtype": str(self.dtype)}

    def decode(self, raw: Any) -> Any:
        """Make an array of the asked dtype and shape; raises ValueError, ValidationError."""
        kind = type(raw)
        if kind is list or kind is tuple:
            return self.check(self.from_lists(raw))
        if isinstance(raw, Upload):
            if essence(raw.media_type) == JSON:
                return self.decode(load(raw.read()))
            return self.check(self.from_bytes(raw.take()))
        if isinstance(raw, self.numpy.ndarray):
            return self.check(raw)
        if kind in (int, float, bool) or (kind is str and self.is_text):
            return self.check(self.from_lists(raw))
        raise ValueError(f"must be an array as nested lists of numbers, not {named(raw)}")

    @property
    def is_text(self) -> bool:
        """Whether the array is asked to hold text."""
        return self.dtype is not None and self.dtype.kind == "U"

    def from_lists(self, raw: Any) -> Any:
        """Read nested lists as `np.asarray` does, and refuse objects and mixed text."""
        check_texts(raw)
        try:
            array = self.numpy.asarray(raw)
        except (ValueError, OverflowError, RecursionError):
            array = None
        is_odd = array is None or array.dtype.kind == "O" or (array.dtype.kind == "U" and not self.is_text)
        if is_odd or (self.is_text and first_wrong(raw, text=True)):
            place, words = first_wrong(raw, text=self.is_text) or ((), "must be an array of at most 64 dimensions")
            refuse("ndarray", place, words, raw)
        if array.dtype.kind == "f" and self.dtype is not None and self.dtype.kind in "iu":
            return self.exact(raw, array)
        return array

    def exact(self, raw: Any, array: Any) -> Any:
        """Read whole numbers beyond 2**53 again, of which NumPy made floats."""
        if not array.size or not (abs(array) >= 2.0**53).any():
            return array
        found = self.numpy.asarray(raw, dtype=object)
        if any(type(item) is not int for item in found.flat):
            return array
        try:
            return found.astype(self.dtype)
        except OverflowError:
            return array

    def check(self, array: Any) -> Any:
        """Hold an array to the asked dtype and shape."""
        shape = self.shape
        if shape is not None and array.shape != shape:
            have = array.shape
            if len(shape) != len(have) or any(w not in (-1, h) for w, h in zip(shape, have, strict=True)):
                self.refuse_shape(shape, have)
        if self.dtype is None or array.dtype == self.dtype:
            return array
        return self.cast(array)

    def refuse_shape(self, shape: tuple[int, ...], have: tuple[int, ...]) -> None:
        """Refuse an array by its shape; one item in place of a list of such has a hint."""
        words = f"must be of shape {spell(shape)}, not {spell(have)}"
        is_item = len(shape) == len(have) + 1 and all(w in (-1, h) for w, h in zip(shape[1:], have, strict=True))
        if is_item and shape[0] in (-1, 1):
            refuse("ndarray", (), words, hint="send a list of rows, also where there is one only: [[…]]")
        raise ValueError(words)

    def cast(self, array: Any) -> Any:
        """Change the dtype where no fraction, overflow or text is lost."""
        kind, given = self.dtype.kind, array.dtype.kind
        if array.size == 0:
            return array.astype(self.dtype)
        if given not in NUMBERS or (kind == "U") != (given == "U"):
            raise ValueError(f"must hold {NUMBERS[kind]}s ({self.dtype}), not {array.dtype}")
        if kind in "iu":
            self.check_whole(array)
        elif kind == "b" and given != "b":
            self.refuse_where((array != 0) & (array != 1), array, "must be true or false")
        elif kind == "U" and self.dtype.itemsize and array.dtype.itemsize > self.dtype.itemsize:
            raise ValueError(f"must hold texts of at most {self.dtype.itemsize // 4} characters")
        try:
            with self.numpy.errstate(over="raise"):
                return array.astype(self.dtype)
        except FloatingPointError as error:
            raise ValueError(f"must hold numbers that fit into {self.dtype}") from error

    def check_whole(self, array: Any) -> None:
        """Refuse fractions, NaN, and numbers beyond the asked integer type."""
        numpy, limits = self.numpy, self.numpy.iinfo(self.dtype)
        if array.dtype.kind == "f":
            wrong = ~numpy.isfinite(array) | (array != numpy.trunc(array))
            self.refuse_where(wrong, array, f"must be a whole number ({self.dtype})")
            words = f"must be a number from {limits.min} to {limits.max} ({self.dtype})"
            # As floats, the limits of 64 bits are powers of two: the upper one is the first number that does not fit.
            self.refuse_where((array < float(limits.min)) | (array >= float(limits.max) + 1), array, words)
            return
        lowest, highest = array.min().item(), array.max().item()
        if lowest < limits.min or highest > limits.max:
            words = f"must be a number from {limits.min} to {limits.max} ({self.dtype})"
            self.refuse_where((array < max(lowest, limits.min)) | (array > min(highest, limits.max)), array, words)

    def refuse_where(self, wrong: Any, array: Any, words: str) -> None:
        """Refuse the array at the first place where *wrong* holds, if it does anywhere."""
        if wrong.any():
            place = tuple(self.numpy.argwhere(wrong)[0].tolist())
            refuse("ndarray", place, f"{words}, not {named(array[place].item())}")

    def from_bytes(self, body: bytes | bytearray) -> Any:
        """Read `.npy`, or bare numbers where dtype and shape are known; writable.

        The array lies in *body* itself where that is a `bytearray`.
        """
        if bytes(body[:6]) == MAGIC:
            return read_npy(self.numpy, body)
        if self.dtype is None or not self.dtype.itemsize:
            raise ValueError("must be in .npy format, as the endpoint names no dtype for raw bytes")
        if len(body) % self.dtype.itemsize:
            raise ValueError(f"must be a multiple of {self.dtype.itemsize} bytes ({self.dtype}), not {len(body)} bytes")
        flat = writable(self.numpy, body, 0, self.dtype)
        if self.shape is None or len(self.shape) == 1:
            return flat
        try:
            return flat.reshape(self.shape)
        except ValueError as error:
            raise ValueError(f"must be of shape {spell(self.shape)}, not {len(flat)} items") from error

    def to_json(self, array: Any) -> Any:
        """Give what orjson writes as nested lists."""
        if array.dtype.kind in "biuf" and array.ndim and array.dtype.isnative and array.dtype.itemsize <= 8:
            return self.numpy.ascontiguousarray(array)
        if array.dtype.kind in "cV":
            raise TypeError(f"an array of {array.dtype} has no JSON form")
        if array.dtype.kind == "f":
            return array.astype(self.numpy.float64).tolist()
        return (array.astype("datetime64[us]") if array.dtype.kind == "M" else array).tolist()


def writable(numpy: ModuleType, body: bytes | bytearray, start: int, dtype: Any) -> Any:
    """Make a flat array of the bytes from *start* on, one that can be written to.

    A `bytearray` is its memory, of bytes it has a copy.
    """
    if not isinstance(body, bytearray):
        return numpy.frombuffer(bytearray(memoryview(body)[start:]), dtype=dtype)
    flat = numpy.frombuffer(body, dtype=dtype, offset=start)
    return flat if flat.flags.aligned else flat.copy()


def read_npy(numpy: ModuleType, body: bytes | bytearray) -> Any:
    """Read a `.npy` file whose header tells the truth about its length.

    Raises:
        ValueError: the header cannot be read, its dtype is not of plain values, or the length differs.
    """
    width = 2 if body[6:7] == b"\1" else 4  # bytes of the header's length: 2 in version 1, 4 in versions 2 and 3
    start = 8 + width + int.from_bytes(body[8 : 8 + width], "little")
    try:
        told = read_header(bytes(body[8 + width : start]).decode())
        dtype, shape = numpy.dtype(told["descr"]), told["shape"]
    except (ValueError, TypeError, KeyError) as error:
        raise ValueError("is not a readable .npy file: its header is damaged") from error
    if dtype.kind not in BINARY_KINDS or dtype.hasobject:
        raise ValueError(f"must be a .npy file of numbers or text, not of {dtype}")
    count = math.prod(shape)
    if count * dtype.itemsize != len(body) - start:
        expected = count * dtype.itemsize
        raise ValueError(f"is not a whole .npy file: its header says {expected} bytes, not {len(body) - start}")
    if not count or not dtype.itemsize:
        return numpy.zeros(shape, dtype)
    flat = writable(numpy, body, start, dtype)
    return flat.reshape(shape[::-1]).T if told["fortran_order"] else flat.reshape(shape)


def read_header(text: str) -> dict[str, Any]:
    """Read the three entries of a header, evaluating nothing in it.

    Raises:
        ValueError: there is anything else.
    """
    found: dict[str, Any] = {}
    text = text.strip()
    if len(text) > MAX_HEADER or not text.startswith("{"):
        raise ValueError("no header")
    place = 1
    while (part := ENTRY.match(text, place)) is not None:
        name, value, flag, lengths = part.group("name", "value", "flag", "lengths")
        if name == "shape" and lengths is not None:
            found[name] = tuple(int(length) for length in lengths.replace(",", " ").split())
        elif name == "fortran_order" and flag is not None:
            found[name] = flag == "True"
        elif name == "descr" and value is not None:
            found[name] = value
        place = part.end()
    if text[place:].strip() != "}" or len(found) != len(("descr", "fortran_order", "shape")):
        raise ValueError("no header")
    return found


def write_npy(numpy: ModuleType, value: Any) -> bytes:
    """Write an array as `.npy`; raises ValueError if it would need pickling."""
    array = numpy.asarray(value)
    if array.dtype.hasobject:
        raise ValueError(f"an array of {array.dtype} has no .npy form without pickling")
    flat = numpy.ascontiguousarray(array).reshape(-1)
    head, form = io.BytesIO(), numpy.lib.format
    form.write_array_header_1_0(head, form.header_data_from_array_1_0(flat) | {"shape": array.shape})
    content = flat.view("u1").data if flat.size and flat.dtype.itemsize else b""
    return b"".join((head.getvalue(), content))


def check_texts(raw: Any) -> None:
    """Refuse nested lists whose texts would take far more memory as an array.

    There each item takes as many bytes as the longest.

    Raises:
        ValueError: they would.
    """
    count, longest = measure(raw)
    if count * longest * LETTER > MAX_TEXTS:
        raise ValueError(f"must be an array whose texts take at most {MAX_TEXTS} bytes, all as long as the longest")


def measure(raw: Any) -> tuple[int, int]:
    """Count the items of nested lists, and the letters of the longest text.

    Bytes count as letters of four.
    """
    if not isinstance(raw, list | tuple):
        return 1, letters_of(raw)
    if raw and isinstance(raw[0], list | tuple):
        inner = [measure(item) for item in raw]
        return sum(count for count, _ in inner), max(letters for _, letters in inner)
    texts = [letters_of(item) for item in raw if type(item) is str or type(item) is bytes]
    return len(raw), max(texts, default=0)


def letters_of(item: Any) -> int:
    """Give the length of an item in letters of an array; 0 for a number."""
    if isinstance(item, bytes):
        return -(-len(item) // LETTER)
    return len(item) if isinstance(item, str) else 0


def first_wrong(raw: Any, *, text: bool) -> tuple[tuple[int, ...], str] | None:
    """Find the first item that is no number, or of another form than its neighbour."""
    if not isinstance(raw, list | tuple):
        words = wrong_item(raw, text=text)
        return None if words is None else ((), words)
    lengths = [len(item) if isinstance(item, list | tuple) else None for item in raw]
    for index, item in enumerate(raw):
        found = first_wrong(item, text=text)
        if found is not None:
            return (index, *found[0]), found[1]
        if lengths[index] != lengths[0]:
            have, want = count_of(lengths[index]), count_of(lengths[0])
            return (index,), f"must have as many items as its neighbours ({want}), not {have}"
    return deeper_wrong(raw)


def deeper_wrong(raw: Sequence[Any]) -> tuple[tuple[int, ...], str] | None:
    """Find the first item whose inner form differs, where all items are of one length."""
    forms = [form_of(item) for item in raw]
    for index, form in enumerate(forms):
        if form != forms[0]:
            return (index,), f"must be of the same shape as its neighbours ({spell(forms[0])}), not {spell(form)}"
    return None


def form_of(raw: Any) -> tuple[int, ...]:
    """Give the shape by the first items."""
    lengths = []
    while isinstance(raw, list | tuple):
        lengths.append(len(raw))
        if not raw:
            break
        raw = raw[0]
    return tuple(lengths)


def wrong_item(raw: Any, *, text: bool) -> str | None:
    """Say what is wrong with one item; None where nothing is."""
    if isinstance(raw, str):
        return None if text else f"must be a number, not {named(raw)}"
    if text and not isinstance(raw, str):
        return f"must be text, not {named(raw)}"
    if type(raw) is int and not -(WORD // 2) <= raw < WORD:
        return f"must be a number of at most 64 bits, not {named(raw)}"
    return None if isinstance(raw, int | float) else f"must be a number, not {named(raw)}"


def count_of(length: int | None) -> str:
    """Say a length in words."""
    return "a single number" if length is None else str(length)

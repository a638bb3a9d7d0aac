"""Pack values for another of our processes, and unpack them there.

In: what one service gives another: plain values, arrays, frames, tensors, images, paths, records. Out: buffers, the
first of which holds all that is small. Arrays are not copied more than sharing needs, and can be written when they
arrive. A kind is a word of a fixed table; no class and no function is ever named. A record travels as its fields, and
becomes one again by the type hint of whoever takes it.
"""

import datetime
import decimal
import enum
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from pathlib import Path, PurePath
from typing import Any

from pydantic import BaseModel

from ekiben.core.optional import loaded, need
from ekiben.engine import plain
from ekiben.engine.plain import Ref, Tagged
from ekiben.engine.wire import MOST_BUFFERS, Buffer, view
from ekiben.schema.structures import aliases_of

HELD = "a value from another service"  # what needs a library
RANGE = "range"  # an index that only counts


def pack(value: Any) -> list[Buffer]:
    """Pack a value.

    Raises:
        TypeError: it holds something that cannot be sent.
        ValueError: it is nested too deep, or holds itself, or holds more arrays than a frame has room for.
    """
    packer = Packer()
    tree = plain.write(value, packer.near)
    if len(packer.buffers) >= MOST_BUFFERS:
        raise ValueError(
            f"a value must hold fewer than {MOST_BUFFERS} arrays, columns and images, which travel one by one:"
            f" {len(packer.buffers)}; join them to one array"
        )
    return [tree, *packer.buffers]


def unpack(buffers: Sequence[Buffer]) -> Any:
    """Unpack a value; raises ValueError for buffers that `pack` does not give."""
    if not buffers:
        raise ValueError("a parcel must have a buffer")
    held = list(buffers)

    def make(kind: str, value: Any) -> Any:
        maker = MAKERS.get(kind)
        if maker is None:
            raise ValueError(f"a value is of an unknown kind: {kind!r}")
        try:
            return maker(value, take)
        except (TypeError, KeyError, IndexError, AttributeError, ArithmeticError) as error:
            raise ValueError(f"a value is not well formed: {kind!r}: {error}") from error

    def take(place: Any) -> memoryview:
        if not isinstance(place, Ref) or not 0 < place < len(held):
            raise ValueError(f"a value names a buffer that is not there: {place!r}")
        seen = held[place] = view(held[place])
        return seen

    return plain.read(view(held[0]), make)


Take = Callable[[Any], memoryview]


class Packer:
    """One walk through a value; keeps what travels beside it."""

    def __init__(self) -> None:
        self.buffers: list[Buffer] = []

    def near(self, value: Any) -> Any:
        """Give something nearer to plain."""
        for is_one, change in OURS:
            if is_one(value):
                return change(value, self)
        numpy = loaded("numpy")
        if numpy is not None and isinstance(value, numpy.generic):
            return Tagged("number", [value.dtype.str, value.tobytes()])
        if hasattr(value, "__array_interface__") and numpy is not None and isinstance(value, numpy.ndarray):
            return self.array(value)
        module = type(value).__module__.partition(".")[0]
        if module == "pandas":
            return self._table(value)
        if module == "PIL":
            return self._image(value)
        if module == "torch":
            return self._tensor(value)
        return plain.refuse(value)

    def beside(self, buffer: Buffer) -> Ref:
        """Let a buffer travel beside the value."""
        self.buffers.append(buffer)
        return Ref(len(self.buffers))

    def array(self, value: Any) -> Tagged:
        """Pack an array."""
        if value.dtype.hasobject:
            return Tagged("objects", [list(value.shape), value.ravel().tolist()])
        numpy = need("numpy", HELD)
        whole = numpy.ascontiguousarray(value)
        place = self.beside(memoryview(whole.reshape(-1).view(numpy.uint8))) if whole.size else None
        return Tagged("array", [numpy.lib.format.dtype_to_descr(value.dtype), list(value.shape), place])

    def _tensor(self, value: Any) -> Any:
        torch = need("torch", HELD)
        if not isinstance(value, torch.Tensor) or value.layout is not torch.strided or value.is_quantized:
            return plain.refuse(value)
        tensor = value.detach().cpu().resolve_conj().resolve_neg()
        if tensor.dtype is torch.bfloat16:  # which NumPy lacks
            return Tagged("bfloat16", self.array(tensor.view(torch.int16).numpy()))
        return Tagged("tensor", self.array(tensor.numpy()))

    def _table(self, value: Any) -> Any:
        pandas = need("pandas", HELD)
        if isinstance(value, pandas.DataFrame) and not isinstance(value.columns, pandas.MultiIndex):
            columns = [self._column(value.iloc[:, place]) for place in range(value.shape[1])]
            return Tagged("frame", [value.columns.tolist(), self._index(value.index), columns])
        if isinstance(value, pandas.Series):
            return Tagged("series", [value.name, self._index(value.index), self._column(value)])
        if isinstance(value, pandas.Timestamp):
            return Tagged("datetime", value.isoformat())
        return plain.refuse(value)

    def _column(self, series: Any) -> list[Any]:
        numpy = need("numpy", HELD)
        if isinstance(series.dtype, numpy.dtype) and not series.dtype.hasobject:
            return ["", self.array(series.to_numpy())]
        missing = series.isna()
        return [str(series.dtype), [None if gone else item for item, gone in zip(series, missing, strict=True)]]

    def _index(self, index: Any) -> Any:
        pandas = need("pandas", HELD)
        if isinstance(index, pandas.RangeIndex):
            return [RANGE, index.start, index.stop, index.step, index.name]
        if isinstance(index, pandas.MultiIndex):
            return plain.refuse(index)
        return [index.name, *self._column(index.to_series())]

    def _image(self, value: Any) -> Any:
        if not hasattr(value, "getpalette"):
            return plain.refuse(value)
        palette = value.getpalette("RGB") if value.mode == "P" else None
        return Tagged("image", [value.mode, list(value.size), self.beside(value.tobytes()), palette])


def is_instance(*kinds: type) -> Callable[[Any], bool]:
    """Make a question."""
    return lambda value: isinstance(value, kinds)


def dumped(value: Any, packer: Packer) -> dict[str, Any]:
    """Give the fields of a record, by the names that reading them expects."""
    if isinstance(value, BaseModel):
        aliases = aliases_of(type(value))
        found = {aliases.get(name, name): getattr(value, name) for name in type(value).model_fields}
        return found | (value.model_extra or {})
    return {each.name: getattr(value, each.name) for each in fields(value)}


def is_record(value: Any) -> bool:
    """Say whether a value is a record."""
    return isinstance(value, BaseModel) or (is_dataclass(value) and not isinstance(value, type))


# In this order: a datetime is a date too, and an Enum may be a text.
OURS: tuple[tuple[Callable[[Any], bool], Callable[[Any, Packer], Any]], ...] = (
    (is_instance(bytes, bytearray), lambda value, packer: bytes(value)),
    (is_record, dumped),
    (is_instance(enum.Enum), lambda value, packer: value.value),
    (is_instance(str), lambda value, packer: str.__str__(value)),
    (is_instance(bool), lambda value, packer: bool(value)),
    (is_instance(PurePath), lambda value, packer: Tagged("path", str(value))),
    (is_instance(datetime.datetime), lambda value, packer: Tagged("datetime", value.isoformat())),
    (is_instance(datetime.date), lambda value, packer: Tagged("date", value.isoformat())),
    (is_instance(datetime.time), lambda value, packer: Tagged("time", value.isoformat())),
    (
        is_instance(datetime.timedelta),
        lambda value, packer: Tagged("timedelta", [value.days, value.seconds, value.microseconds]),
    ),
    (is_instance(uuid.UUID), lambda value, packer: Tagged("uuid", value.bytes)),
    (is_instance(decimal.Decimal), lambda value, packer: Tagged("decimal", str(value))),
    (is_instance(complex), lambda value, packer: Tagged("complex", [value.real, value.imag])),
    (lambda value: isinstance(value, int) and type(value).__module__ != "numpy", lambda value, packer: int(value)),
    (lambda value: isinstance(value, float) and type(value).__module__ != "numpy", lambda value, packer: float(value)),
    (is_instance(tuple), lambda value, packer: tuple(value)),
    (is_instance(list), lambda value, packer: list(value)),
    (is_instance(Mapping), lambda value, packer: dict(value)),
)


def array(value: Any, take: Take) -> Any:
    """Make an array that looks into its buffer."""
    numpy = need("numpy", HELD)
    described, shape, place = value
    dtype = numpy.lib.format.descr_to_dtype(described)
    if dtype.hasobject:
        raise ValueError("an array must not hold objects")
    if place is None:
        return numpy.empty(shape, dtype)
    return numpy.frombuffer(take(place), dtype=dtype).reshape(shape)


def objects(value: Any, take: Take) -> Any:
    """Make an array of objects, which are values of ours."""
    numpy = need("numpy", HELD)
    shape, items = value
    found = numpy.empty(len(items), dtype=object)
    found[:] = items
    return found.reshape(shape)


def column(described: str, values: Any) -> Any:
    """Make a pandas array, or what becomes one."""
    return need("pandas", HELD).array(values, dtype=described) if described else values


def index(value: Any) -> Any:
    """Make an index."""
    pandas = need("pandas", HELD)
    if value[0] == RANGE and len(value) == 5:
        return pandas.RangeIndex(*value[1:4], name=value[4])
    name, described, values = value
    return pandas.Index(column(described, values), name=name)


def frame(value: Any, take: Take) -> Any:
    """Make a frame; two columns may have one name."""
    pandas = need("pandas", HELD)
    names, rows, columns = value
    made = pandas.DataFrame({place: column(*each) for place, each in enumerate(columns)}, index=None)
    made.columns = names
    made.index = index(rows)
    return made


def series(value: Any, take: Take) -> Any:
    """Make a series."""
    name, rows, held = value
    return need("pandas", HELD).Series(column(*held), index=index(rows), name=name)


def image(value: Any, take: Take) -> Any:
    """Make an image."""
    mode, size, place, palette = value
    made = need("PIL.Image", HELD).frombytes(mode, tuple(size), bytes(take(place)))
    if palette is not None:
        made.putpalette(palette)
    return made


def narrow_tensor(value: Any, take: Take) -> Any:
    """Make a tensor of bfloat16 of its bits."""
    torch = need("torch", HELD)
    return torch.from_numpy(value).view(torch.bfloat16)


def number(value: Any, take: Take) -> Any:
    """Make a NumPy scalar."""
    described, data = value
    return need("numpy", HELD).frombuffer(data, dtype=described)[0]


MAKERS: Mapping[str, Callable[[Any, Take], Any]] = {
    "array": array,
    "objects": objects,
    "number": number,
    "frame": frame,
    "series": series,
    "image": image,
    "tensor": lambda value, take: need("torch", HELD).from_numpy(value),
    "bfloat16": narrow_tensor,
    "path": lambda value, take: Path(value),
    "datetime": lambda value, take: datetime.datetime.fromisoformat(value),
    "date": lambda value, take: datetime.date.fromisoformat(value),
    "time": lambda value, take: datetime.time.fromisoformat(value),
    "timedelta": lambda value, take: datetime.timedelta(*value),
    "uuid": lambda value, take: uuid.UUID(bytes=value),
    "decimal": lambda value, take: decimal.Decimal(value),
    "complex": lambda value, take: complex(*value),
}

"""Write plain values as bytes, and read them back with the same types.

In: None, truth values, whole numbers, floats, text, bytes, lists, tuples, sets, dicts, references to buffers, and
values of other kinds as a hook makes them of these.
Out: bytes; reading gives the same values, or a ValueError. What is read is never code and names none.
A value is one letter and what follows it; lengths are counted before anything is made, so that no frame claims more
than it holds.
"""

import struct
from array import array
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

DEEPEST = 100  # levels of lists and dicts within each other
LONG = 8  # items from which a list of one kind of number is written as a block

COUNT = struct.Struct("<I")
WHOLE = struct.Struct("<q")
REAL = struct.Struct("<d")
MOST_WHOLE = 2**63


LARGE = 4096  # bytes from which a hook may put them beside the value


class Ref(int):
    """The place of a buffer that travels beside the value."""


@dataclass(frozen=True, slots=True)
class Tagged:
    """A value of another kind, by the kind's name and what it is made of."""

    kind: str
    value: Any


Hook = Callable[[Any], Any]  # gives a value that is nearer to plain; raises TypeError
Make = Callable[[str, Any], Any]  # makes a tagged value


def refuse(value: Any) -> Any:
    """Be the hook of whoever knows plain values only."""
    raise TypeError(f"a value of this type cannot be sent: {type(value).__name__}")


def write(value: Any, near: Hook = refuse) -> bytes:
    """Write a value.

    Args:
        value: what to write.
        near: is asked for values of other types.

    Raises:
        TypeError: a value is not plain, and *near* knows nothing nearer.
        ValueError: it is nested deeper than `DEEPEST` levels, or holds itself.
    """
    parts: list[bytes] = []
    Writer(parts.append, near).put(value, 0)
    return b"".join(parts)


class Writer:
    """One walk through a value."""

    def __init__(self, emit: Callable[[bytes], None], near: Hook) -> None:
        self._emit = emit
        self._near = near

    def put(self, value: Any, depth: int) -> None:
        """Write one value, and what it holds."""
        if depth > DEEPEST:
            raise ValueError(f"a value must not be nested deeper than {DEEPEST} levels")
        kind, emit = type(value), self._emit
        if kind is float:
            emit(b"f" + REAL.pack(value))
        elif kind is int:
            self._put_whole(value)
        elif kind is str:
            # A lone surrogate is no text, and stays what it is.
            found = value.encode("utf-8", "surrogatepass")
            emit(b"s" + COUNT.pack(len(found)))
            emit(found)
        elif value is None:
            emit(b"n")
        elif kind is bool:
            emit(b"t" if value else b"u")
        elif kind is list:
            self._put_list(value, depth)
        elif kind is dict:
            emit(b"d" + COUNT.pack(len(value)))
            for key, inner in value.items():
                self.put(key, depth + 1)
                self.put(inner, depth + 1)
        else:
            self._put_rare(value, depth)

    def _put_rare(self, value: Any, depth: int) -> None:
        kind, emit = type(value), self._emit
        if kind is Ref:
            emit(b"r" + COUNT.pack(value))
        elif kind is Tagged:
            emit(b"x")
            self.put(value.kind, depth + 1)
            self.put(value.value, depth + 1)
        elif kind is bytes and (len(value) < LARGE or self._near is refuse):
            emit(b"b" + COUNT.pack(len(value)))
            emit(value)
        elif kind in MANY:
            emit(MANY[kind] + COUNT.pack(len(value)))
            for inner in value:
                self.put(inner, depth + 1)
        else:
            self.put(self._near(value), depth + 1)

    def _put_whole(self, value: int) -> None:
        if -MOST_WHOLE <= value < MOST_WHOLE:
            self._emit(b"i" + WHOLE.pack(value))
            return
        found = value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True)
        self._emit(b"I" + COUNT.pack(len(found)))
        self._emit(found)

    def _put_list(self, value: list[Any], depth: int) -> None:
        if len(value) >= LONG and (kinds := set(map(type, value))) in BLOCKS:
            code = b"F" if float in kinds else b"Q"
            try:
                block = array("d" if code == b"F" else "q", value)
            except OverflowError:  # a whole number beyond 64 bits
                block = None
            if block is not None:
                self._emit(code + COUNT.pack(len(value)))
                self._emit(block.tobytes())
                return
        self._emit(b"l" + COUNT.pack(len(value)))
        for inner in value:
            self.put(inner, depth + 1)


MANY: dict[type, bytes] = {tuple: b"T", set: b"S", frozenset: b"Z"}
BLOCKS = ({float}, {int})


def refuse_tag(kind: str, value: Any) -> Any:
    """Be the reader of whoever knows plain values only."""
    raise ValueError(f"a value is of a kind that is not expected: {kind}")


def read(data: memoryview | bytes, make: Make = refuse_tag) -> Any:
    """Read a value.

    Args:
        data: all of its bytes.
        make: is given the kind and the value of what is tagged; may raise ValueError.

    Raises:
        ValueError: the bytes are not what `write` gives.
    """
    reader = Reader(memoryview(data), make)
    try:
        found = reader.take(0)
    except (struct.error, IndexError) as error:
        raise ValueError("a value is cut short") from error
    except TypeError as error:  # a list as a key, or in a set
        raise ValueError(f"a value is not well formed: {error}") from error
    if reader.at != len(data):
        raise ValueError("a value is followed by something else")
    return found


class Reader:
    """One walk through bytes."""

    def __init__(self, data: memoryview, make: Make) -> None:
        self._data = data
        self._make = make
        self.at = 0

    def take(self, depth: int) -> Any:
        """Read one value, and what it holds."""
        if depth > DEEPEST:
            raise ValueError(f"a value must not be nested deeper than {DEEPEST} levels")
        code = self._data[self.at]
        self.at += 1
        simple = SIMPLE.get(code)
        if simple is not None:
            return simple(self)
        if code == 0x78:  # x
            kind = self.take(depth + 1)
            return self._make(str(kind), self.take(depth + 1))
        count = self._count()
        if code == 0x64:  # d
            self._bound(2 * count)
            return {self.take(depth + 1): self.take(depth + 1) for _ in range(count)}
        make = MADE.get(code)
        if make is None:
            raise ValueError(f"a value has an unknown mark: {code}")
        self._bound(count)
        return make(self.take(depth + 1) for _ in range(count))

    def _count(self) -> int:
        (count,) = COUNT.unpack_from(self._data, self.at)
        self.at += COUNT.size
        return int(count)

    def _bound(self, size: int) -> None:
        if size > len(self._data) - self.at:
            raise ValueError("a value claims more than there is")

    def _bytes(self) -> memoryview:
        count = self._count()
        self._bound(count)
        self.at += count
        return self._data[self.at - count : self.at]

    def _whole(self) -> int:
        (value,) = WHOLE.unpack_from(self._data, self.at)
        self.at += WHOLE.size
        return int(value)

    def _real(self) -> float:
        (value,) = REAL.unpack_from(self._data, self.at)
        self.at += REAL.size
        return float(value)

    def _block(self, code: str) -> list[Any]:
        count = self._count()
        self._bound(8 * count)
        block = array(code)
        block.frombytes(self._data[self.at : self.at + 8 * count])
        self.at += 8 * count
        return block.tolist()


SIMPLE: dict[int, Callable[[Reader], Any]] = {
    ord("n"): lambda reader: None,
    ord("t"): lambda reader: True,
    ord("u"): lambda reader: False,
    ord("i"): Reader._whole,
    ord("f"): Reader._real,
    ord("s"): lambda reader: str(reader._bytes(), "utf-8", "surrogatepass"),
    ord("b"): lambda reader: bytes(reader._bytes()),
    ord("I"): lambda reader: int.from_bytes(reader._bytes(), "little", signed=True),
    ord("F"): lambda reader: reader._block("d"),
    ord("Q"): lambda reader: reader._block("q"),
    ord("r"): lambda reader: Ref(reader._count()),
}
MADE: dict[int, Callable[[Any], Any]] = {ord("l"): list, ord("T"): tuple, ord("S"): set, ord("Z"): frozenset}

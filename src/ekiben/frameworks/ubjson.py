"""Read UBJSON, the binary form of JSON in which XGBoost writes models.

In: bytes that anybody may have written. Out: plain values; arrays of numbers as NumPy arrays over these bytes.
Strict, so that no other reader can understand the same bytes in another way: no key twice, nothing behind the end.
Source: the UBJSON specification, draft 12, with the lengths of 64 bits that XGBoost writes.
"""

import struct
from collections.abc import Callable
from typing import Any

from ekiben.core.optional import need

NUMBERS = {"i": ">i1", "U": ">u1", "I": ">i2", "l": ">i4", "L": ">i8", "d": ">f4", "D": ">f8"}
WIDTHS = {mark: int(code[-1]) for mark, code in NUMBERS.items()}
CODES = {"i": ">b", "U": ">B", "I": ">h", "l": ">i", "L": ">q", "d": ">f", "D": ">d"}
CONSTANTS = {"T": True, "F": False, "Z": None}
DEEPEST = 64  # nested objects and arrays; a model has 8


def read(data: bytes) -> Any:
    """Read the one value in *data*.

    Raises:
        ValueError: it is no UBJSON of this kind.
    """
    reader = Reader(data)
    value = reader.value(reader.mark(), 0)
    if reader.place != len(data):
        raise ValueError("there is something behind its end")
    return value


class Reader:
    """Bytes, and how far they are read."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.place = 0

    def take(self, count: int) -> bytes:
        """Give the next bytes."""
        end = self.place + count
        if count < 0 or end > len(self.data):
            raise ValueError("it is cut short")
        found = self.data[self.place : end]
        self.place = end
        return found

    def mark(self) -> str:
        """Give the letter that says what comes."""
        return self.take(1).decode("latin-1")

    def number(self, mark: str) -> Any:
        """Give one number of a kind."""
        return struct.unpack(CODES[mark], self.take(WIDTHS[mark]))[0]

    def length(self) -> int:
        """Give a length, always of 64 bits."""
        if self.mark() != "L":
            raise ValueError("a length has another width")
        return int(self.number("L"))

    def text(self) -> str:
        """Give text, after its length."""
        return self.take(self.length()).decode()

    def value(self, mark: str, depth: int) -> Any:
        """Give the value that *mark* begins."""
        if depth > DEEPEST:
            raise ValueError("it is nested too deep")
        if mark in CODES:
            return self.number(mark)
        if mark in CONSTANTS:
            return CONSTANTS[mark]
        kinds: dict[str, Callable[[int], Any]] = {"{": self.mapping, "[": self.array, "S": lambda _: self.text()}
        if mark not in kinds:
            raise ValueError(f"it has an unknown mark {mark!r}")
        return kinds[mark](depth + 1)

    def mapping(self, depth: int) -> dict[str, Any]:
        """Give an object, after its brace."""
        found: dict[str, Any] = {}
        while (mark := self.mark()) != "}":
            self.place -= 1
            if mark != "L":
                raise ValueError("a key has no length")
            key = self.text()
            if key in found:
                raise ValueError(f"it has the key {key!r} twice")
            found[key] = self.value(self.mark(), depth)
        return found

    def array(self, depth: int) -> Any:
        """Give an array, after its bracket: of one kind of number, of a length, or open."""
        mark = self.mark()
        if mark == "$":
            kind = self.mark()
            if kind not in NUMBERS or self.mark() != "#":
                raise ValueError(f"it has an array of {kind!r}")
            count = self.length()
            numpy = need("numpy", "a stored model")
            return numpy.frombuffer(self.take(count * WIDTHS[kind]), NUMBERS[kind])
        if mark == "#":
            return [self.value(self.mark(), depth) for _ in range(self.bounded(self.length()))]
        found = []
        while mark != "]":
            found.append(self.value(mark, depth))
            mark = self.mark()
        return found

    def bounded(self, count: int) -> int:
        """Refuse a count that the bytes left cannot hold."""
        if not 0 <= count <= len(self.data) - self.place:
            raise ValueError("it is cut short")
        return count

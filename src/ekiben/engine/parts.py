"""Take a stream of another service's, value by value.

In: the parts that its worker sends (`values.send_all`). Out: an async iterator of the values.
A value travels as parts, one for each of its buffers; the first says how many there are. Whoever ends early closes the
generator at the other end; a reader that waits pauses it.
"""

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from typing import Any

from ekiben.engine.incoming import Incoming, Piece
from ekiben.engine.parcel import unpack
from ekiben.engine.values import FINE, told
from ekiben.engine.wire import Buffer

Read = Callable[[Any], Any]  # what a value is, by the hint of whoever made it


class Values:
    """Puts values together from their parts."""

    def __init__(self, read: Read) -> None:
        self._read = read
        self._buffers: list[Buffer] = []
        self._missing = 0  # parts of the value that has begun

    def take(self, pieces: Sequence[Piece]) -> Iterator[Any]:
        """Give the values that are whole now; raises ValueError for parts of nothing."""
        for head, buffers in pieces:
            if not self._missing:
                if type(head) is not int or head < 1:
                    raise ValueError(f"a value must say of how many parts it is: {head!r}")
                self._missing = head
            self._buffers += buffers
            self._missing -= 1
            if not self._missing:
                buffered, self._buffers = self._buffers, []
                yield self._read(unpack(buffered))


async def values_of(begin: Callable[[], Incoming], read: Read) -> AsyncIterator[Any]:
    """Give the values of a stream from another process, which begins with the first.

    Args:
        begin: asks for it.
        read: makes values what they are.
    """
    incoming, values = begin(), Values(read)
    try:
        while pieces := await incoming.pieces():
            for value in values.take(pieces):
                yield value
        head, _ = incoming.end()
        if head != [FINE]:
            raise told(head)
    finally:
        incoming.close()

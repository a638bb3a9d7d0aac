"""Gather a body in one piece of memory, past the parser where it is long.

In: pieces of a body whose length is known. Out: one `bytearray`, which whoever decodes it may keep.
Memory is taken as the body comes: a head that promises much and sends nothing costs nothing.
Source: `asyncio.BufferedProtocol`, which a transport reads into without making bytes objects.
"""

import asyncio
from typing import Protocol

LEAST = 64 * 1024  # bytes of the first memory
AHEAD = 16  # times what came already


class Gathered:
    """A body as far as it came.

    Args:
        size: of the whole body.
    """

    __slots__ = ("_buffer", "_size", "filled")

    def __init__(self, size: int) -> None:
        self._size = size
        self._buffer = bytearray(min(size, LEAST))
        self.filled = 0

    @property
    def is_whole(self) -> bool:
        """Whether nothing is missing."""
        return self.filled == self._size

    def add(self, piece: bytes) -> None:
        """Take a piece."""
        end = self.filled + len(piece)
        self._hold(end)
        memoryview(self._buffer)[self.filled : end] = piece
        self.filled = end

    def space(self) -> memoryview:
        """Give the memory for what comes next: at least a byte while one is missing."""
        self._hold(min(self.filled + 1, self._size))
        return memoryview(self._buffer)[self.filled :]

    def whole(self) -> bytearray:
        """Give the body away."""
        buffer = self._buffer
        if len(buffer) != self.filled:
            buffer = buffer[: self.filled]
        return buffer

    def _hold(self, size: int) -> None:
        """Make room; a new array, as the old one may be read into still."""
        if size <= len(self._buffer):
            return
        larger = bytearray(max(size, min(self._size, AHEAD * max(self.filled, LEAST // AHEAD))))
        memoryview(larger)[: self.filled] = memoryview(self._buffer)[: self.filled]
        self._buffer = larger


class Connection(Protocol):
    """Whoever reads before and behind the body."""

    def body_came(self, size: int) -> bool:
        """Count bytes; False if nobody wants them."""

    def body_is_whole(self) -> None:
        """Read on."""

    def eof_received(self) -> bool | None:
        """Hear that the client closed its sending side."""

    def connection_lost(self, exc: Exception | None) -> None:
        """Hear that the connection is gone."""

    def pause_writing(self) -> None:
        """Hear that the client does not read."""

    def resume_writing(self) -> None:
        """Hear that it does again."""


class Filler(asyncio.BufferedProtocol):
    """Reads for a connection until a body is whole.

    Args:
        connection: whose body it is.
        gathered: the body so far.
    """

    def __init__(self, connection: Connection, gathered: Gathered) -> None:
        self._connection = connection
        self._gathered = gathered
        self.connection_lost = connection.connection_lost  # type: ignore[method-assign]  # as if it still read
        self.eof_received = connection.eof_received  # type: ignore[method-assign]
        self.pause_writing = connection.pause_writing  # type: ignore[method-assign]
        self.resume_writing = connection.resume_writing  # type: ignore[method-assign]

    def get_buffer(self, sizehint: int) -> memoryview:
        """Give the place of what comes next; never beyond the body's end."""
        return self._gathered.space()

    def buffer_updated(self, nbytes: int) -> None:
        """Count what came; what nobody wants is overwritten by what follows."""
        if not self._connection.body_came(nbytes):
            return
        self._gathered.filled += nbytes
        if self._gathered.is_whole:
            self._connection.body_is_whole()

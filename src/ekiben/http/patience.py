"""Say how long a client may take, and when it is not read.

In: nothing. Out: what `http/protocol` counts by.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from uvicorn.protocols.http.flow_control import FlowControl


@dataclass(frozen=True, slots=True)
class Times:
    """How long a client may take; seconds, but for `rate`."""

    head: float = 10.0  # for a whole head
    body: float = 10.0  # in which a body may come slower than `rate`, all of them together
    rate: int = 1000  # bytes a second
    linger: float = 2.0  # to read an answer after which the server hangs up
    probe: float = 0.2  # until a client that has closed its side is asked whether it still listens


class Endless(int):
    """The length of an answer of which nobody knows where it ends.

    uvicorn counts down from it, and compares it with what is sent; for HTTP/1.0, which has no chunks.
    """

    def __lt__(self, other: int) -> bool:
        return False

    def __sub__(self, other: int) -> "Endless":
        return self


class Flow(FlowControl):
    """Reads and writes of one connection; no read while requests wait their turn.

    Args:
        transport: the connection.
        is_full: whether requests wait.
    """

    def __init__(self, transport: asyncio.Transport, is_full: Callable[[], bool]) -> None:
        super().__init__(transport)
        self._is_full = is_full

    def resume_reading(self) -> None:
        """Read on, unless requests wait."""
        if not self._is_full():
            super().resume_reading()


class Phase(Enum):
    """What of a request is being read."""

    IDLE = 0
    HEAD = 1
    BODY = 2

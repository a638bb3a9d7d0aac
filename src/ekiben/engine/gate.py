"""Let the calls of one cut through together, so that they make one batch.

In: calls that are read, each in a task of its own. Out: all of them at once, when the last has come this far.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass


class Gate:
    """Lets the calls of one cut through together, so that they make one batch.

    Args:
        count: calls of the cut.
        opened: is told that all of them came this far, or ended before.
    """

    def __init__(self, count: int, opened: Callable[[], None]) -> None:
        self._count = self._left = count
        self._opened = opened
        self._open = asyncio.Event()

    def arrive(self) -> None:
        """Count one call, which is decoded or ended before that."""
        self._left -= 1
        if self._left == 0 and self._count > 1:
            # The last one too goes on in the next turn: one ahead of the others would be a batch of its own.
            asyncio.get_running_loop().call_soon(self.open)
        elif self._left == 0:
            self.open()

    def open(self) -> None:
        """Let all go on."""
        if not self._open.is_set():
            self._opened()
            self._open.set()

    async def wait(self) -> None:
        """Wait for the others."""
        await self._open.wait()


@dataclass(slots=True)
class Passing:
    """One call on its way through its gate."""

    gate: Gate
    number: int
    deadline: float | None  # of time.monotonic
    endpoint: str
    spot: int  # of the mark
    has_arrived: bool = False

    def arrive(self) -> None:
        """Count this call once."""
        if not self.has_arrived:
            self.has_arrived = True
            self.gate.arrive()

"""Send the pieces of a worker's streams, those of one turn as one frame.

In: pieces of calls. Out: a frame. A call that is too far ahead of its reader waits until the front has read more.
"""

import asyncio
from collections.abc import Callable
from typing import Any

from ekiben.engine.incoming import WINDOW
from ekiben.engine.wire import Buffer, Frame, Kind

MOST = 1024  # pieces of one frame


class Outgoing:
    """The streams of one worker.

    Args:
        send: sends a frame.
    """

    def __init__(self, send: Callable[[Frame], None]) -> None:
        self._send = send
        self._ready: list[tuple[int, Any, Buffer]] = []
        self._ahead: dict[int, int] = {}  # pieces that were sent and not read, by call
        self._waiting: dict[int, asyncio.Future[None]] = {}

    async def put(self, number: int, head: Any, body: Buffer) -> None:
        """Send a piece of a call; returns when there is room for another one."""
        loop = asyncio.get_running_loop()
        if not self._ready:
            loop.call_soon(self.flush)
        self._ready.append((number, head, body))
        self._ahead[number] = self._ahead.get(number, 0) + 1
        if self._ahead[number] >= WINDOW:
            self._waiting[number] = loop.create_future()
            try:
                await self._waiting[number]
            finally:
                self._waiting.pop(number, None)

    def more(self, number: int, count: int) -> None:
        """Note that pieces of a call were read; raises TypeError for no count."""
        if number not in self._ahead:
            return  # it has ended meanwhile
        self._ahead[number] = max(0, self._ahead[number] - count)
        waiter = self._waiting.get(number)
        if waiter is not None and not waiter.done() and self._ahead[number] < WINDOW:
            waiter.set_result(None)

    def end(self, number: int) -> None:
        """Forget a call, whose pieces are sent before its end is."""
        if self._ahead.pop(number, None) is not None:
            self.flush()

    def flush(self) -> None:
        """Send what is ready."""
        ready, self._ready = self._ready, []
        for at in range(0, len(ready), MOST):
            numbers, heads, bodies = zip(*ready[at : at + MOST], strict=True)
            self._send(Frame(Kind.PARTS, [list(numbers), list(heads)], bodies))

"""Notice a client that left while its call waits, and drop the call.

In: running calls and their `receive`. Out: `ClientLeft` in those whose connection closed.
A short call costs two dict operations; only one that is still there after a moment gets a listener of its own.
Source: the ASGI specification: `receive` gives `http.disconnect` when the client is gone.
"""

import asyncio
from collections.abc import Awaitable
from typing import Any

from ekiben.http.body import ClientLeft
from ekiben.http.exchange import Receive

AFTER = 0.1  # seconds between looks; a call is listened for at its second


class Watch:
    """The calls that one app is waiting for; *after* is the time between looks."""

    def __init__(self, after: float = AFTER) -> None:
        self._after = after
        self._new: dict[asyncio.Task[Any], Receive] = {}
        self._known: dict[asyncio.Task[Any], asyncio.Task[None]] = {}
        self._left: set[asyncio.Task[Any]] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._seen: set[asyncio.Task[Any]] = set()

    @property
    def is_empty(self) -> bool:
        """Whether no call is waited for."""
        return not (self._new or self._known or self._left)

    async def over(self, call: Awaitable[Any], receive: Receive) -> Any:
        """Await *call*; raises ClientLeft once the client is gone."""
        task = asyncio.current_task()
        assert task is not None  # a server runs each request in a task
        self._new[task] = receive
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._after, self._look)
        try:
            return await call
        except asyncio.CancelledError:
            if task in self._left:
                task.uncancel()
                raise ClientLeft from None
            raise
        finally:
            if self._new.pop(task, None) is None:
                self._known.pop(task).cancel()
                self._left.discard(task)

    def _look(self) -> None:
        """Listen for the calls that were there at the last look already."""
        for task in [task for task in self._new if task in self._seen]:
            self._known[task] = asyncio.create_task(self._listen(task, self._new.pop(task)))
        self._seen = set(self._new)
        self._timer = asyncio.get_running_loop().call_later(self._after, self._look) if self._new else None

    async def _listen(self, task: asyncio.Task[Any], receive: Receive) -> None:
        if (await receive())["type"] == "http.disconnect":
            self._left.add(task)
            task.cancel()

"""Batch the calls of an `async def` endpoint, on the event loop.

In: calls. Out: their replies. One batch runs at a time; what arrives meanwhile is the next one.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any

from ekiben.core.spec import BatchSpec
from ekiben.engine.batch import Batcher
from ekiben.engine.invoke import drive_async
from ekiben.engine.messages import Call, Reply
from ekiben.engine.outbox import settle
from ekiben.engine.policy import Cost, is_late
from ekiben.engine.queue import Lane
from ekiben.engine.threads import Note, shed

log = logging.getLogger("ekiben")


class AsyncLane:
    """The calls of one endpoint that wait, and the task that works on them."""

    def __init__(
        self, name: str, spec: BatchSpec, batcher: Batcher, invoke: Callable[[Call], Awaitable[Any]], note: Note
    ) -> None:
        self._name = name
        self._spec = spec
        self._batcher = batcher
        self._invoke = invoke
        self._note = note
        self._lane = Lane(spec, batcher.size)
        self._cost = Cost()
        self._task: asyncio.Task[None] | None = None
        self._arrival: asyncio.Future[None] | None = None

    def put(self, call: Call) -> None:
        """Let a call wait for the next batch, which starts now if none runs."""
        self._lane.add(call)
        if self._arrival is not None and not self._arrival.done():
            self._arrival.set_result(None)
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._work())

    def close(self) -> None:
        """Stop what runs."""
        if self._task is not None:
            self._task.cancel()

    async def _work(self) -> None:
        try:
            while self._lane.calls:
                pause = self._lane.pause(time.monotonic())
                if pause > 0.0:
                    await self._next_arrival(pause)
                elif calls := self._lane.cut():
                    await self._answer(calls)
                    await asyncio.sleep(0)  # answers go out, and what they provoke comes in, before the next cut
        finally:
            self._task = None

    async def _next_arrival(self, pause: float) -> None:
        """Wait for a call, at most *pause* seconds."""
        self._arrival = asyncio.get_running_loop().create_future()
        await asyncio.wait([self._arrival], timeout=pause)

    async def _answer(self, calls: list[Call]) -> None:
        started = time.monotonic()
        expected = self._cost.expect(sum(call.items for call in calls))
        late = [call for call in calls if is_late(started - call.arrived, expected, self._spec)]
        for call in late:
            settle(call, Reply(error=shed(self._spec)))
        calls = [call for call in calls if call not in late]
        if not calls:
            return
        try:
            replies = await drive_async(self._batcher.run(calls), self._invoke)
        except Exception as error:  # noqa: BLE001 - a border: the values are the user's, and so is what joins them
            replies = [Reply(error=error) for _ in calls]
        seconds, items = time.monotonic() - started, sum(call.items for call in calls)
        self._cost = self._cost.observe(items, seconds)
        self._note(self._name, items, seconds)
        for call, reply in zip(calls, replies, strict=True):
            settle(call, reply)

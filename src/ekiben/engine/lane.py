"""Batch the calls of an `async def` endpoint, on the event loop.

In: calls. Out: their replies. One batch runs at a time; what arrives meanwhile is the next one.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any

from ekiben.engine.batch import Batching
from ekiben.engine.hold import Finished, Hold
from ekiben.engine.invoke import drive_async
from ekiben.engine.messages import Call, Reply
from ekiben.engine.outbox import settle
from ekiben.engine.policy import is_late
from ekiben.engine.queue import Lane
from ekiben.engine.shed import shed
from ekiben.engine.threads import Note

log = logging.getLogger("ekiben")


class AsyncLane:
    """The calls of one endpoint that wait, and the task that works on them."""

    def __init__(self, name: str, batching: Batching, invoke: Callable[[Call], Awaitable[Any]], note: Note) -> None:
        self._name = name
        self._batching = batching
        self._invoke = invoke
        self._note = note
        self._lane = Lane(batching.spec, batching.batcher.size, batching.policy)
        self._task: asyncio.Task[None] | None = None
        self._arrival: asyncio.Future[None] | None = None
        self._hold: Hold | None = None

    def put(self, call: Call) -> None:
        """Let a call wait for the next batch, which starts now if none runs."""
        self._lane.add(call)
        if self._hold is not None:
            self._hold.see(call)
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
        finally:
            self._task = None

    async def _let_return(self, calls: list[Call], began: float) -> None:
        """Let answers go out, and what they provoke come in, before the next cut."""
        loop = asyncio.get_running_loop()
        gone: asyncio.Future[None] = loop.create_future()
        items = sum(call.items for call in calls)
        finished = Finished(self._name, len(calls), items, began, len(self._lane.calls), is_shared=False)

        def go() -> None:
            if not gone.done():
                gone.set_result(None)

        if self._hold is not None:
            self._hold.forget()
        self._hold = Hold(loop, finished, self._batching.spec, self._batching.policy, go)
        await gone

    async def _next_arrival(self, pause: float) -> None:
        """Wait for a call, at most *pause* seconds."""
        self._arrival = asyncio.get_running_loop().create_future()
        await asyncio.wait([self._arrival], timeout=pause)

    async def _answer(self, calls: list[Call]) -> None:
        spec, policy = self._batching.spec, self._batching.policy
        started = time.monotonic()
        expected = policy.expect(sum(call.items for call in calls))
        late = [call for call in calls if is_late(started - call.arrived, expected, spec)]
        for call in late:
            settle(call, Reply(error=shed(spec, policy, len(self._lane.calls))))
        calls = [call for call in calls if call not in late]
        if not calls:
            return
        waits = [started - call.arrived for call in calls]
        try:
            replies = await drive_async(self._batching.batcher.run(calls), self._invoke)
        except Exception as error:  # noqa: BLE001 - a border: the values are the user's, and so is what joins them
            replies = [Reply(error=error) for _ in calls]
        seconds, items = time.monotonic() - started, sum(call.items for call in calls)
        policy.observe(items, seconds)
        self._note(self._name, items, seconds, waits)
        for call, reply in zip(calls, replies, strict=True):
            settle(call, reply)
        await self._let_return(calls, started)

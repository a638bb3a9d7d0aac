"""Let calls into an endpoint without waiting for them, and out again.

In: a call, whose `answer` is settled like a future. Out: nothing; the answer comes there.
Whoever lets a call in lets it out too, once: when its answer is there, or when nobody waits for it any more.
"""

import asyncio
from collections.abc import Callable
from typing import Protocol

from ekiben.engine.deadline import Deadlines
from ekiben.engine.invoke import Invoke, attempt, attempt_async
from ekiben.engine.limits import Admission
from ekiben.engine.messages import Call
from ekiben.engine.outbox import settle


class Door(Protocol):
    """The way into one endpoint."""

    def enter(self, call: Call) -> None:
        """Let a call in; raises what `Admission.enter` does."""

    def leave(self, call: Call) -> None:
        """Let it out; work that still goes on for it is dropped as far as it can be."""


class QueueDoor:
    """The door of an endpoint whose calls wait in a queue.

    Args:
        admission: counts the calls of the service.
        put: the queue's.
        deadlines: of the endpoint.
    """

    def __init__(self, admission: Admission, put: Callable[[Call], None], deadlines: Deadlines) -> None:
        self._admission = admission
        self._put = put
        self._deadlines = deadlines

    def enter(self, call: Call) -> None:
        """Let a call in, and into the queue."""
        self._admission.enter()
        self._deadlines.begin(call)
        self._put(call)

    def leave(self, call: Call) -> None:
        """Let it out; one that still waits is dropped when the queue is cut."""
        assert call.answer is not None
        self._deadlines.remove(call.answer)
        self._admission.leave()


class LoopDoor:
    """The door of an `async def` endpoint, whose calls run as tasks of the event loop.

    Args:
        admission: counts the calls of the service.
        invoke: calls the method.
        deadlines: of the endpoint.
        loop: the event loop.
    """

    def __init__(
        self, admission: Admission, invoke: Invoke, deadlines: Deadlines, loop: asyncio.AbstractEventLoop
    ) -> None:
        self._admission = admission
        self._invoke = invoke
        self._deadlines = deadlines
        self._loop = loop
        self._tasks: dict[Call, asyncio.Task[None]] = {}

    def enter(self, call: Call) -> None:
        """Let a call in, and begin it."""
        self._admission.enter()
        self._deadlines.begin(call)
        self._tasks[call] = self._loop.create_task(self._work(call))

    def leave(self, call: Call) -> None:
        """Let it out; one that still runs is cancelled."""
        assert call.answer is not None
        self._deadlines.remove(call.answer)
        self._admission.leave()
        task = self._tasks.pop(call, None)
        if task is not None:
            task.cancel()

    def close(self) -> None:
        """Cancel what still runs."""
        for task in self._tasks.values():
            task.cancel()

    async def _work(self, call: Call) -> None:
        reply = await attempt_async(self._invoke, call)
        self._tasks.pop(call, None)  # first: leaving, which the answer brings about, would cancel this very task
        settle(call, reply)


def at_once(invoke: Invoke, loop: asyncio.AbstractEventLoop) -> Callable[[Call], None]:
    """Give the queue of sync methods that run on the loop: its next turn, and no task."""

    def run(call: Call) -> None:
        if call.is_wanted:
            settle(call, attempt(invoke, call))

    def put(call: Call) -> None:
        loop.call_soon(run, call)

    return put

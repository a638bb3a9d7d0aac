"""Run sync methods in the model's own threads.

In: a queue of calls. Out: their replies, through an outbox. Each thread takes, calls, answers, until the queue closes.
User code is rarely safe for several threads, so there is one unless the service asks for more.
"""

import asyncio
import contextvars
import logging
import threading
import time
from collections.abc import Callable, Mapping
from functools import partial

from ekiben.core.errors import Unavailable
from ekiben.core.spec import BatchSpec
from ekiben.engine.batch import Batcher
from ekiben.engine.invoke import Invoke, attempt, drive
from ekiben.engine.messages import Call, Reply
from ekiben.engine.outbox import Outbox
from ekiben.engine.policy import Cost, is_late
from ekiben.engine.queue import CallQueue

log = logging.getLogger("ekiben")

INTERNAL = "\0internal"  # the endpoint of a function of ours that has to run where the model runs

Note = Callable[[str, int, float], None]  # endpoint, items, seconds in the method


class ModelThreads:
    """The threads of one service.

    Args:
        calls: what they take from.
        outbox: what they answer through.
        batchers: by endpoint, for those that batch, with the endpoint's spec.
        note: is told of each batch, on the event loop.
    """

    def __init__(
        self, calls: CallQueue, outbox: Outbox, batchers: Mapping[str, tuple[Batcher, BatchSpec]], note: Note
    ) -> None:
        self._calls = calls
        self._outbox = outbox
        self._batchers = batchers
        self._note = note
        self._invoke: Mapping[str, Invoke] = {}
        self._threads: list[threading.Thread] = []
        self._ended = asyncio.Event()
        self._living = 0

    def start(self, count: int) -> None:
        """Start *count* threads, which see the context variables of now, such as the home."""
        self._living = count
        for index in range(count):
            context = contextvars.copy_context()
            thread = threading.Thread(target=context.run, args=(self._work,), name=f"ekiben-model-{index}", daemon=True)
            self._threads.append(thread)
            thread.start()

    def plan(self, invoke: Mapping[str, Invoke]) -> None:
        """Say what calls the endpoints, as soon as the instance is there."""
        self._invoke = invoke

    async def end(self, grace: float) -> bool:
        """Let the threads end; False says that one is still busy after *grace* seconds."""
        self._calls.close()
        try:
            async with asyncio.timeout(grace):
                await self._ended.wait()
        except TimeoutError:
            return False
        for thread in self._threads:
            thread.join()  # it has said goodbye already
        return True

    def _work(self) -> None:
        """Be a model thread."""
        costs: dict[str, Cost] = {}
        while (cut := self._calls.take()) is not None:
            name = cut[0].endpoint
            if name in self._batchers:
                costs[name] = self._answer_batch(cut, costs.get(name, Cost()))
            elif cut[0].is_wanted:
                self._outbox.send(cut[0], self._answer(cut[0]))
            del cut  # what was answered must not live until the next call
        self._outbox.on_loop(self._leave)

    def _leave(self) -> None:
        self._living -= 1
        if self._living == 0:
            self._ended.set()

    def _answer(self, call: Call) -> Reply:
        if call.endpoint == INTERNAL:
            return attempt(lambda given: given.args[0](), call)
        return attempt(self._invoke[call.endpoint], call)

    def _answer_batch(self, cut: list[Call], cost: Cost) -> Cost:
        """Run a batch, without the calls that are too late; give what it taught of cost."""
        name = cut[0].endpoint
        batcher, spec = self._batchers[name]
        started = time.monotonic()
        expected = cost.expect(sum(call.items for call in cut))
        calls = []
        for call in cut:
            if is_late(started - call.arrived, expected, spec):
                self._outbox.send(call, Reply(error=shed(spec)))
            else:
                calls.append(call)
        if not calls:
            return cost
        try:
            replies = drive(batcher.run(calls), self._invoke[name])
        except Exception as error:  # noqa: BLE001 - a border: the values are the user's, and so is what joins them
            replies = [Reply(error=error) for _ in calls]
        seconds = time.monotonic() - started
        items = sum(call.items for call in calls)
        self._outbox.send_batch(zip(calls, replies, strict=True), partial(self._note, name, items, seconds))
        return cost.observe(items, seconds)


def shed(spec: BatchSpec) -> Unavailable:
    """Give the error of a call that cannot be answered in time."""
    return Unavailable(
        f"the queue is too long to answer within {spec.max_latency * 1000:g} ms (`max_latency_ms`)",
        retry_after=1,
    )

"""Run sync methods in the model's own threads.

In: a queue of calls. Out: their replies, through an outbox. Each thread takes, calls, answers, until the queue closes.
User code is rarely safe for several threads, so there is one unless the service asks for more.
"""

import asyncio
import contextvars
import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from ekiben.engine.batch import Batching
from ekiben.engine.invoke import Invoke, attempt, drive
from ekiben.engine.messages import Call, Reply
from ekiben.engine.outbox import Outbox
from ekiben.engine.policy import is_late
from ekiben.engine.queue import CallQueue
from ekiben.engine.shed import shed

log = logging.getLogger("ekiben")

INTERNAL = "\0internal"  # the endpoint of a function of ours that has to run where the model runs

# endpoint, items, seconds in the method, seconds that each call waited for it
Note = Callable[[str, int, float, Sequence[float]], None]


class ModelThreads:
    """The threads of one service.

    Args:
        calls: what they take from.
        outbox: what they answer through.
        batchings: by endpoint, for those that batch.
        note: is told of each batch, on the event loop.
    """

    def __init__(self, calls: CallQueue, outbox: Outbox, batchings: Mapping[str, Batching], note: Note) -> None:
        self._calls = calls
        self._outbox = outbox
        self._batchings = batchings
        self._note = note
        self._invoke: Mapping[str, Invoke] = {}
        self._threads: list[threading.Thread] = []
        self._runs: list[Sequence[Call]] = []  # what each thread is at
        self._seen: dict[int, tuple[Sequence[Call], float]] = {}  # the same at the last look, and when it was new
        self._ended = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._living = 0

    def start(self, count: int) -> None:
        """Start *count* threads, which see the context variables of now, such as the home."""
        self._living, self._runs = count, [()] * count
        for index in range(count):
            context = contextvars.copy_context()
            name, work = f"ekiben-model-{index}", (self._work, index)
            thread = threading.Thread(target=context.run, args=work, name=name, daemon=True)
            self._threads.append(thread)
            thread.start()

    def plan(self, invoke: Mapping[str, Invoke]) -> None:
        """Say what calls the endpoints, as soon as the instance is there."""
        self._invoke = invoke

    def stuck(self, now: float, after: float) -> Call | None:
        """Give a call that a thread is still at, *after* seconds beyond its time.

        Look often: a run counts from the first look that saw it, which costs the calls nothing.
        """
        for index, cut in enumerate(self._runs):
            seen, since = self._seen.get(index, ((), now))
            if seen is not cut:
                self._seen[index] = cut, now
                continue
            for call in cut:
                if call.deadline is not None and max(call.deadline, since) + after <= now:
                    return call
        return None

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

    def _work(self, index: int) -> None:
        """Be a model thread."""
        while (cut := self._calls.take()) is not None:
            self._runs[index] = cut
            if (batching := self._batchings.get(cut[0].endpoint)) is not None:
                self._answer_batch(cut, batching)
            elif cut[0].is_wanted:
                self._outbox.send(cut[0], self._answer(cut[0]))
            self._runs[index] = ()
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

    def _answer_batch(self, cut: list[Call], batching: Batching) -> None:
        """Run a batch, without the calls that are too late."""
        name, spec, policy = cut[0].endpoint, batching.spec, batching.policy
        started = time.monotonic()
        waits = [started - call.arrived for call in cut]
        expected = policy.expect(sum(call.items for call in cut))
        calls = cut
        if is_late(max(waits), expected, spec):
            calls = [call for call, age in zip(cut, waits, strict=True) if not is_late(age, expected, spec)]
            waits = [age for age in waits if not is_late(age, expected, spec)]
            error = shed(spec, policy, len(self._calls))
            for call in set(cut).difference(calls):
                self._outbox.send(call, Reply(error=error))
        if not calls:
            return
        try:
            replies = drive(batching.batcher.run(calls), self._invoke[name])
        except Exception as error:  # noqa: BLE001 - a border: the values are the user's, and so is what joins them
            replies = [Reply(error=error) for _ in calls]
        seconds = time.monotonic() - started
        items = sum(call.items for call in calls)
        note = partial(self._learn, batching, name, items, seconds, waits)
        if len(calls) == 1 and not len(self._calls):  # a lone call: there is nobody to wait for
            self._outbox.send(calls[0], replies[0], note)
        else:
            then = partial(self._pause, note, calls, started)
            self._outbox.send_batch(zip(calls, replies, strict=True), then)

    def _learn(self, batching: Batching, name: str, items: int, seconds: float, waits: Sequence[float]) -> None:
        """Count a batch, on the loop, once its answers went."""
        batching.policy.observe(items, seconds)
        self._note(name, items, seconds, waits)

    def _pause(self, note: Callable[[], None], calls: Sequence[Call], started: float, go: Callable[[], None]) -> None:
        """Let a thread go on behind what its answers provoke."""
        note()
        self._calls.hold(self._loop, calls, started, go)

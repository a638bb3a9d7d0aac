"""Run a service here: the model in its own thread, `async def` on the loop.

In: calls, from the event loop. Out: what the methods return or raise.
Source: the hand-over of many answers by one `call_soon_threadsafe` is asyncio's own.
"""

import asyncio
import logging
import threading
import time
from collections.abc import Callable
from typing import Any

from ekiben.core.errors import DeadlineExceeded, Unavailable
from ekiben.core.spec import BoundService
from ekiben.engine import instance as instances
from ekiben.engine.batch import Batcher
from ekiben.engine.limits import Admission
from ekiben.engine.messages import Call, Reply
from ekiben.engine.queue import CallQueue, Taker
from ekiben.schema.codec import Codec

log = logging.getLogger("ekiben")

FLUSH = 0.001  # seconds that a finished answer may wait for the next one of the same cut


class LocalDispatcher:
    """One service, in this process."""

    def __init__(self, bound: BoundService, codecs: dict[str, Codec]) -> None:
        self.bound = bound
        self.admission = Admission(bound.spec.limits.max_concurrency)
        self.instance: instances.Instance | None = None
        self.failure: BaseException | None = None
        self._codecs = codecs
        self._timeouts = {e.name: e.timeout or bound.spec.limits.timeout for e in bound.spec.endpoints}
        self._async = {name for name, signature in bound.signatures.items() if signature.is_async}
        self._batchers: dict[str, Batcher] = {}
        self._queue: CallQueue | None = None
        self._threads: list[threading.Thread] = []
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def is_ready(self) -> bool:
        """Whether the instance is there and takes calls."""
        return self.instance is not None and not self.admission.draining

    async def start(self) -> None:
        """Make the instance, run its hooks, warm it up; raises what the user's code does."""
        self._loop = asyncio.get_running_loop()
        try:
            if self.bound.on_loop:
                made = instances.make(self.bound)
                self._open(made)
            else:
                self._open(None)
                made = await self.in_thread(lambda: instances.make(self.bound))
                self._plan(made)
            for hook in instances.hooks(made, "startup"):
                await self._hook(hook)
            await self.in_thread(lambda: instances.warm_up(made))
        except BaseException as error:
            self.failure = error
            raise
        self.instance = made

    async def stop(self, drain: float = 0.0) -> None:
        """Refuse new calls, wait up to *drain* seconds for those inside, and end."""
        self.admission.draining = True
        end = time.monotonic() + drain
        while self.admission.inside and time.monotonic() < end:
            await asyncio.sleep(0.02)
        if self.instance is not None:
            for hook in instances.hooks(self.instance, "shutdown"):
                await self._hook(hook)
            instances.close(self.instance)
        if self._queue is not None:
            self._queue.close(len(self._threads))
        self.instance = None

    async def submit(self, call: Call) -> Any:
        """Answer one call.

        Raises:
            Unavailable: the instance is not ready.
            TooManyRequests: a limit is reached.
            DeadlineExceeded: the answer did not come in time.
        """
        if self.instance is None:
            raise Unavailable("the service is starting", retry_after=1)
        self.admission.enter()
        limit = self._timeouts[call.endpoint]
        try:
            if call.endpoint in self._async:
                answer = self.instance.invoke[call.endpoint](call)
            else:
                answer = self._enqueue(call, limit)
            if limit is None:
                return await answer
            async with asyncio.timeout(limit):
                return await answer
        except TimeoutError as error:
            if call.answer is not None and not call.answer.cancelled() and call.answer.done():
                raise
            raise DeadlineExceeded(f"no answer within {limit:g} seconds (`traffic.timeout`)") from error
        finally:
            self.admission.leave()

    async def in_thread(self, function: Callable[[], Any]) -> Any:
        """Run *function* in the model's thread, where there is one."""
        assert self._loop is not None
        assert self._queue is not None
        call = Call(INTERNAL, (function,), {}, answer=self._loop.create_future())
        self._queue.put(call)
        return await call.answer  # type: ignore[misc]  # set one line above

    async def _hook(self, hook: Callable[[], Any]) -> None:
        if self.bound.on_loop or asyncio.iscoroutinefunction(hook):
            await instances.run_hook(hook)
        else:
            await self.in_thread(hook)

    def _enqueue(self, call: Call, limit: float | None) -> "asyncio.Future[Any]":
        assert self._loop is not None
        assert self._queue is not None
        call.arrived = time.monotonic()
        call.deadline = None if limit is None else call.arrived + limit
        call.answer = self._loop.create_future()
        self._queue.put(call)
        return call.answer

    def _open(self, made: instances.Instance | None) -> None:
        """Start the threads; what they call is planned as soon as the instance is there."""
        self._queue = CallQueue(self._batches_of())
        if made is not None:
            self._plan(made)
        count = self.bound.spec.threads
        for index in range(count):
            taker = self._queue.taker(alone=count == 1)
            thread = threading.Thread(target=self._work, args=(taker,), name=f"ekiben-model-{index}", daemon=True)
            thread.start()
            self._threads.append(thread)

    def _batches_of(self) -> dict[str, tuple[int, Callable[[Call], int]]]:
        found: dict[str, tuple[int, Callable[[Call], int]]] = {}
        for endpoint in self.bound.spec.endpoints:
            if endpoint.batch is not None and endpoint.name not in self._async:
                name = endpoint.name
                found[name] = (endpoint.batch.max_size, lambda call: self._batchers[call.endpoint].size(call))
        return found

    def _plan(self, made: instances.Instance) -> None:
        for endpoint in self.bound.spec.endpoints:
            if endpoint.batch is not None:
                codec = self._codecs[endpoint.name]
                self._batchers[endpoint.name] = Batcher(
                    endpoint.batch, codec.leaf, codec.output_leaf, made.invoke[endpoint.name], isolate=endpoint.isolate
                )
        self._invoke = made.invoke

    def _work(self, taker: Taker) -> None:
        """Be a model thread: take, call, answer, until the queue closes."""
        done: list[tuple[Call, Reply]] = []
        since = time.monotonic()
        while (cut := taker.take()) is not None:
            wanted = [call for call in cut if call.is_wanted]
            if wanted:
                done.extend(zip(wanted, self._answer(wanted), strict=True))
            now = time.monotonic()
            if done and (now - since > FLUSH or not taker.has_more):
                self._deliver(done)
                done, since = [], now

    def _answer(self, calls: list[Call]) -> list[Reply]:
        first = calls[0]
        if first.endpoint in self._batchers:
            return self._batchers[first.endpoint].run(calls)
        try:
            if first.endpoint == INTERNAL:
                return [Reply(first.args[0]())]
            return [Reply(self._invoke[first.endpoint](first))]
        except BaseException as error:  # noqa: BLE001 - also SystemExit: the thread must not end unseen
            return [Reply(error=error)]

    def _deliver(self, done: list[tuple[Call, Reply]]) -> None:
        """Hand answers to the loop in one go."""
        assert self._loop is not None
        try:
            self._loop.call_soon_threadsafe(deliver, done)
        except RuntimeError:
            log.debug("the event loop is gone; %d answers have no receiver", len(done))


INTERNAL = "\0internal"


def deliver(done: list[tuple[Call, Reply]]) -> None:
    """Set the answers, on the loop; a call that nobody waits for is passed over."""
    for call, reply in done:
        future = call.answer
        if future is None or future.done():
            continue
        if reply.error is None:
            future.set_result(reply.value)
        elif isinstance(reply.error, StopIteration):
            future.set_exception(RuntimeError("the endpoint raised StopIteration"))
        else:
            future.set_exception(reply.error)

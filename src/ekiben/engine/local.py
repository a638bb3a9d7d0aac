"""Run a service in this process: sync methods in a thread, async ones on the loop.

In: calls, from the event loop. Out: what the methods return or raise.
"""

import asyncio
import inspect
import logging
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any, Protocol

from ekiben.core import current
from ekiben.core.errors import EkibenError, ServiceLoadError, Unavailable
from ekiben.core.spec import BoundService, Convention, EndpointSpec
from ekiben.core.trace import explain, frames
from ekiben.engine import environment, streams
from ekiben.engine import instance as instances
from ekiben.engine.around import Around, Surrounded
from ekiben.engine.batch import Batcher, Batching
from ekiben.engine.deadline import Deadlines, Limit
from ekiben.engine.door import Door, LoopDoor, QueueDoor, at_once
from ekiben.engine.inbox import Inbox
from ekiben.engine.invoke import Invoke, attempt, attempt_async, tell_begin
from ekiben.engine.lane import AsyncLane
from ekiben.engine.limits import Admission
from ekiben.engine.messages import Call, Reply, told
from ekiben.engine.observe import BatchCounts
from ekiben.engine.outbox import Outbox
from ekiben.engine.policy import policy_of
from ekiben.engine.queue import CallQueue, Lane
from ekiben.engine.shed import soon
from ekiben.engine.threads import INTERNAL, ModelThreads
from ekiben.engine.timing import Spent, watched, watched_async, watched_beside
from ekiben.schema.codec import Codec

log = logging.getLogger("ekiben")

GRACE = 5.0  # seconds that a busy model thread gets beyond the drain, before it is left behind

Answer = Callable[[Call], Awaitable[Any]]


class Needs(Protocol):
    """What has to run before a service does."""

    on_failure: Callable[[BaseException], None]  # is told what ends it unasked

    @property
    def is_ready(self) -> bool:
        """Whether it takes calls."""

    async def start(self) -> None:
        """Start it, and return when it takes calls."""

    async def stop(self, drain: float = 0.0) -> None:
        """End it."""

    async def measure(self, own: Mapping[str, Any]) -> dict[str, Any]:
        """Tell what all processes counted, this one, by *own*, among them."""


class LocalDispatcher:
    """One service, in this process.

    Args:
        bound: the service.
        codecs: by endpoint; they know how values are joined and split.
        watch: makes what answers the calls of one endpoint whose time is up.
        around: stands around each batch.
        needs: what has to run before the service does, and as long: services that it calls.
    """

    def __init__(
        self,
        bound: BoundService,
        codecs: Mapping[str, Codec],
        watch: Callable[..., Deadlines] = Deadlines,
        around: Around | None = None,
        needs: Needs | None = None,
    ) -> None:
        self.bound = bound
        self.admission = Admission(bound.spec.limits.max_concurrency)
        self.instance: instances.Instance | None = None
        self.failure: BaseException | None = None
        self.current = current.Current(bound.spec)
        self.state: dict[str, Any] = {}  # `ctx.state` of every call
        self.batches = {e.name: BatchCounts() for e in bound.spec.endpoints if e.batch is not None}
        plain = [e.name for e in bound.spec.endpoints if e.batch is None and not e.stream and not e.task]
        self.methods = {name: Spent() for name in plain} if bound.spec.http.metrics.enabled else {}
        is_on_loop = bound.spec.inline  # then sync methods are called as async ones are
        self._async = {name for name, signature in bound.signatures.items() if signature.is_async or is_on_loop}
        self._batchings = {
            e.name: batching_of(e, codecs[e.name], bound, around) for e in bound.spec.endpoints if e.batch is not None
        }
        self.alone = {e.name for e in bound.spec.endpoints if e.batch is None and e.name not in self._async}
        self.begun: Callable[[Call], None] | None = None  # is told when a call of `alone` begins, on its thread
        self.needs = needs
        self.admission.soon = self._soon
        self._watch = watch
        self._answers: dict[str, Answer] = {}
        self._streams: dict[str, Callable[[Call], streams.Stream]] = {}
        self._doors: dict[str, Door] = {}
        self._closing: list[Callable[[], None]] = []
        self._calls: CallQueue | None = None
        self._threads: ModelThreads | None = None

    @property
    def has_started(self) -> bool:
        """Whether the instance is there."""
        return self.instance is not None

    @property
    def is_ready(self) -> bool:
        """Whether the instance is there and takes calls."""
        return self.has_started and not self.admission.draining and (self.needs is None or self.needs.is_ready)

    @property
    def waiting(self) -> int:
        """Calls that wait for a model thread, more or less."""
        return 0 if self._calls is None else len(self._calls)

    def stuck(self, after: float) -> Call | None:
        """Give a call that holds a thread *after* seconds beyond its time; ask often."""
        return None if self._threads is None else self._threads.stuck(time.monotonic(), after)

    async def start(self) -> None:
        """Make the instance, run its hooks, warm it up.

        Raises:
            ServiceLoadError: the user's code raised something; the error says what and where.
        """
        loop = asyncio.get_running_loop()
        try:
            if self.needs is not None:
                await self.needs.start()
            self._closing.append(environment.enter(self.bound))
            self._closing.append(current.begin(self.current))
            self._open_threads()
            for hook in instances.deployment_hooks(self.bound):
                await self._run_hook(hook)
            if instances.is_on_loop(self.bound):
                made = instances.make(self.bound, loop=loop)
            else:
                made = await self.in_thread(lambda: instances.make(self.bound, loop=loop))
            self._closing.append(lambda: instances.close(made))
            made.state, self.current.instance = self.state, made.target
            self._plan(made)
            for hook in instances.hooks(made, "startup"):
                await self._run_hook(hook)
            await self.in_thread(lambda: instances.warm_up(made))
        except BaseException as error:
            self.failure = failure_of(self.bound, error)
            await self._close()
            if self.needs is not None:
                await self.needs.stop()
            if self.failure is error:
                raise
            raise self.failure from error
        self.instance = made

    async def stop(self, drain: float = 0.0) -> None:
        """Refuse new calls, and end in order.

        Calls that are inside may end within *drain* seconds; then the last hooks run, and the threads end.
        """
        if not await self.admission.drain(drain):
            log.warning("%d calls had no answer after %g seconds and are given up", self.admission.inside, drain)
        if self.instance is not None:
            for hook in instances.hooks(self.instance, "shutdown"):
                try:
                    await self._run_hook(hook, patience=GRACE)
                except Exception:
                    log.exception("the hook `%s` failed", getattr(hook, "__name__", hook))
            await instances.leave(self.instance)
        self.instance = self.current.instance = None
        await self._close()
        if self.needs is not None:
            await self.needs.stop(drain)

    async def submit(self, call: Call) -> Any:
        """Answer one call.

        The answer of an endpoint that streams is a `Stream`, which is inside until it is closed.

        Raises:
            Unavailable: the instance is not ready, or the queue is too long.
            TooManyRequests: a limit is reached.
            DeadlineExceeded: the answer did not come in time.
        """
        if self.instance is None:
            raise Unavailable("the service is starting", retry_after=1)
        self.admission.enter()
        if (begin := self._streams.get(call.endpoint)) is not None:
            stream = begin(call)
            stream.at_end(self.admission.leave)
            return stream
        try:
            return await self._answers[call.endpoint](call)
        finally:
            self.admission.leave()

    def door(self, endpoint: str) -> Door:
        """Give the way into an endpoint; raises Unavailable as `submit` does."""
        if self.instance is None:
            raise Unavailable("the service is starting", retry_after=1)
        return self._doors[endpoint]

    async def in_thread(self, function: Callable[[], Any], patience: float | None = None) -> Any:
        """Run *function* in the model's thread, so that the model stays in one thread.

        Args:
            function: takes nothing.
            patience: seconds that the thread may be busy with something else before this starts.

        Raises:
            Unavailable: the thread was busy for longer.
        """
        assert self._calls is not None
        loop = asyncio.get_running_loop()
        begun = asyncio.Event()

        def run() -> Reply:
            loop.call_soon_threadsafe(begun.set)
            return attempt(lambda _: function(), call)

        answer: asyncio.Future[Reply] = loop.create_future()
        call = Call(INTERNAL, (run,), {}, answer=answer)
        self._calls.put(call)
        if patience is not None:
            try:
                async with asyncio.timeout(patience):
                    await begun.wait()
            except TimeoutError:
                answer.cancel()
                raise Unavailable("the model's thread is still busy") from None
        reply = await answer
        if reply.error is not None:
            raise reply.error  # as it is: whoever starts the service tells an exit from an error
        return reply.value

    def _run_soon(self, function: Callable[[], Any]) -> "asyncio.Future[Any]":
        """Run a turn of a stream in the model's thread, after what waits there."""
        assert self._calls is not None
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._calls.put(Call(INTERNAL, (function,), {}, arrived=time.monotonic(), answer=answer))
        return answer

    async def _run_hook(self, hook: Callable[[], Any], patience: float | None = None) -> None:
        if inspect.iscoroutinefunction(hook):
            await hook()
        else:
            await self.in_thread(hook, patience)

    def _open_threads(self) -> None:
        queued = {
            name: Lane(one.spec, one.batcher.size, one.policy)
            for name, one in self._batchings.items()
            if name not in self._async
        }
        self._calls = CallQueue(queued)
        self._threads = ModelThreads(self._calls, Outbox(asyncio.get_running_loop()), self._batchings, self._note)
        self._threads.start(self.bound.spec.threads)

    def _timed(self, invokes: Mapping[str, Invoke]) -> dict[str, Invoke]:
        """Let the methods be timed whose calls are no batches; those are timed as a whole."""
        found: dict[str, Invoke] = {}
        for name, spent in self.methods.items():
            if self.bound.signatures[name].is_async:
                found[name] = watched_async(invokes[name], spent)
            else:
                watch = watched if self.bound.spec.threads == 1 else watched_beside
                found[name] = watch(invokes[name], spent)
        return found

    def _plan(self, made: instances.Instance) -> None:
        """Settle how each endpoint is answered."""
        assert self._calls is not None
        assert self._threads is not None
        invokes = {**made.invoke, **self._timed(made.invoke)}
        if self.begun is not None:
            invokes |= {name: tell_begin(invokes[name], self.begun) for name in self.alone}
        self._threads.plan(invokes)
        loop = asyncio.get_running_loop()
        inbox = Inbox(self._calls.put, loop)
        self._closing.append(inbox.flush)
        for endpoint in self.bound.spec.endpoints:
            name, invoke = endpoint.name, invokes[endpoint.name]
            sync = invoke
            is_inline = not self.bound.signatures[name].is_async and name in self._async and not endpoint.stream
            if is_inline:
                invoke = lifted(invoke)
            limit = Limit.of(endpoint, self.bound.spec.limits)
            if endpoint.stream:
                is_there = name in self._async
                self._streams[name] = streams.plan(invoke, limit, self._run_soon, loop, on_loop=is_there)
                continue
            deadlines = self._watch(limit, loop)
            self._closing.append(deadlines.close)
            if name in self._async and endpoint.batch is None:
                self._answers[name] = on_loop(invoke, limit)
                if is_inline:
                    self._doors[name] = QueueDoor(self.admission, at_once(sync, loop), deadlines)
                    continue
                self._doors[name] = door = LoopDoor(self.admission, invoke, deadlines, loop)
                self._closing.append(door.close)
                continue
            put = inbox.put if endpoint.batch is None else self._calls.put  # batches are held by a rule of their own
            if name in self._async:
                lane = AsyncLane(name, self._batchings[name], invoke, self._note)
                put = lane.put
                self._closing.append(lane.close)
            self._answers[name] = queued_by(put, deadlines, loop)
            self._doors[name] = QueueDoor(self.admission, put, deadlines)

    def _note(self, endpoint: str, items: int, seconds: float, waits: Sequence[float]) -> None:
        self.batches[endpoint].note(items, seconds)
        self.batches[endpoint].note_waits(waits)

    def _soon(self) -> int:
        """Say in how many seconds what waits will be answered, by the slowest batches."""
        return max((soon(self.waiting, one.spec, one.policy) for one in self._batchings.values()), default=1)

    async def _close(self) -> None:
        """End what was started; what is there is closed in the opposite order."""
        for each in (self._answers, self._streams, self._doors):
            each.clear()
        while self._closing:
            self._closing.pop()()
        if self._threads is not None and not await self._threads.end(GRACE):
            log.warning("a call of %s is still running; its thread is left behind", self.bound.spec.name)
        self._threads = self._calls = None


def queued_by(put: Callable[[Call], None], deadlines: Deadlines, loop: asyncio.AbstractEventLoop) -> Answer:
    """Answer calls through a queue."""

    async def answer(call: Call) -> Any:
        future = call.answer = loop.create_future()
        deadlines.begin(call)
        put(call)
        try:
            return await future
        finally:
            deadlines.remove(future)

    return answer


def lifted(invoke: Invoke) -> Invoke:
    """Make a sync method one that is awaited, and still runs at once."""

    async def call(given: Call) -> Any:
        return invoke(given)

    return call


def on_loop(invoke: Invoke, limit: Limit) -> Answer:
    """Answer calls of an `async def` method where they arrive."""

    async def answer(call: Call) -> Any:
        limit.begin(call)
        scope = asyncio.timeout(None if call.deadline is None else call.deadline - call.arrived)
        try:
            async with scope:
                reply = await attempt_async(invoke, call)
        except TimeoutError:
            raise limit.error(call) from None
        if reply.error is not None:
            raise told(reply.error)
        return reply.value

    return answer


def batching_of(endpoint: EndpointSpec, codec: Codec, bound: BoundService, around: Around | None = None) -> Batching:
    """Plan how calls of one endpoint are joined and split, and when."""
    assert endpoint.batch is not None
    make = Batcher if around is None else partial(Surrounded, around, endpoint.name)
    batcher = make(
        endpoint.batch,
        codec.leaf,
        codec.output_leaf,
        isolate=endpoint.isolate,
        is_listed=endpoint.convention is Convention.LISTED,
        joined=bound.signatures[endpoint.name].batched,
    )
    return Batching(batcher, endpoint.batch, policy_of(bound, endpoint.name))


def failure_of(bound: BoundService, error: BaseException) -> BaseException:
    """Say why a service cannot start, and where in the user's code if it was there."""
    if isinstance(error, asyncio.CancelledError | KeyboardInterrupt):
        return error
    if isinstance(error, EkibenError) and not frames(error):
        return error
    hint = error.hint if isinstance(error, EkibenError) else None
    return ServiceLoadError(f"`{bound.spec.name}` cannot start: {explain(error)}", hint=hint)

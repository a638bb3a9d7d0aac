"""Pull an answer that comes piece by piece, many of them side by side.

In: a call of a generator method. Out: a `Stream`: `async for pieces in stream` gives, in lists, the pieces that are
there, and `close` ends the generator, so that its `finally` runs. Nobody hops to a thread for each piece: a model
thread pulls some pieces in one turn, then goes on with what else waits; so streams take turns with each other and with
calls.
A stream is at most one turn ahead of its reader: a reader that waits pauses the generator.
Source: asyncio, `call_soon_threadsafe`; a deque's append and popleft are atomic.
"""

import asyncio
import logging
import threading
from collections import deque
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator
from contextlib import suppress
from inspect import isawaitable
from time import monotonic, perf_counter
from typing import Any, Protocol, Self

from ekiben.core.deadline import within
from ekiben.engine.deadline import Limit
from ekiben.engine.invoke import Invoke
from ekiben.engine.messages import Call, told

log = logging.getLogger("ekiben")

FIRST = 4  # pieces of a stream's first turn; each that comes too quickly for `TURN` doubles those of the next one
MOST = 32  # pieces of one turn
TURN = 0.001  # seconds after which a turn ends with the piece that it is at
PATIENCE = 1.0  # seconds that closing waits for the generator's `finally`, which may go on for longer

Handed = Callable[[Call], "Stream"]
Run = Callable[[Callable[[], Any]], "asyncio.Future[Any]"]  # runs a function in the model's thread


class Stream(Protocol):
    """An answer in pieces."""

    def at_end(self, action: Callable[[], object]) -> None:
        """Call *action* once the generator is done with, however that came."""

    def __aiter__(self) -> Self: ...

    async def __anext__(self) -> list[Any]:
        """Wait for pieces, and give those that are there.

        Raises:
            DeadlineExceeded: the time of the call is up.
            Exception: whatever the generator raised, after the pieces before it.
        """

    async def close(self) -> None:
        """End the generator."""


class Base:
    """The deadline of a stream and what is called at its end."""

    def __init__(self, call: Call, limit: Limit, loop: asyncio.AbstractEventLoop) -> None:
        self._call = call
        self._limit = limit
        self._loop = loop
        self._at_end: list[Callable[[], object]] = []
        limit.begin(call)
        left = None if call.deadline is None else max(0.0, call.deadline - monotonic())
        self._timer = None if left is None else loop.call_later(left, self.expire)

    def at_end(self, action: Callable[[], object]) -> None:
        """Call *action* once the generator is done with."""
        self._at_end.append(action)

    def expire(self) -> None:
        """Let the reader know that the time is up."""
        raise AssertionError("each kind of stream says how")

    def end(self, *_: object) -> None:
        """Do what is to be done at the end, once."""
        if self._timer is not None:
            self._timer.cancel()
        while self._at_end:
            self._at_end.pop()()


class ThreadStream(Base):
    """A stream of a sync method, pulled in the model's thread.

    A piece is handed over at once, however long the next one takes; pieces that come in quick succession go together.
    """

    def __init__(self, invoke: Invoke, call: Call, limit: Limit, run: Run, loop: asyncio.AbstractEventLoop) -> None:
        self._invoke = invoke
        self._run = run
        self._lock = threading.Lock()  # with several threads one may close what another one pulls
        self._pieces: Iterator[Any] | None = None
        self._elsewhere: AsyncIterator[Any] | None = None  # the method gave one, which belongs on the loop
        self._inner: LoopStream | None = None
        self._ready: deque[Any] = deque()  # the thread appends, the loop takes
        self._is_told = False  # the loop will look at what is ready
        self._is_pulling = False  # a turn waits or runs
        self._is_begun = False
        self._is_spent = False  # the generator has come to its own end, or to an error
        self._most = FIRST  # pieces of the next turn
        self._error: BaseException | None = None
        self._late: Exception | None = None
        self._is_closed = False
        self._arrival: asyncio.Future[None] | None = None  # the reader waits
        super().__init__(call, limit, loop)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> list[Any]:
        """Wait for pieces; the next turn begins while these are sent."""
        while self._inner is None:
            is_spent = self._is_spent  # first: what is ready when it is set, is the last
            if self._ready:
                pieces = [self._ready.popleft() for _ in range(len(self._ready))]
                self._go_on()
                return pieces
            if self._late is not None:
                raise self._late
            if self._elsewhere is not None:
                self._inner = self._move(self._elsewhere)
            elif is_spent:
                error, self._error = self._error, None
                raise StopAsyncIteration if error is None else told(error)
            else:
                self._go_on()
                self._arrival = self._loop.create_future()
                await self._arrival
        return await self._inner.__anext__()

    async def close(self) -> None:
        """End the generator in the model's thread, after what it does now."""
        if self._is_closed:
            return
        self._is_closed = True
        if self._inner is not None:
            await self._inner.close()
        if self._is_spent or not self._is_begun or self._inner is not None:
            self.end()
            return
        closing = self._run(self._finish)
        closing.add_done_callback(self.end)
        await asyncio.wait({closing}, timeout=PATIENCE)

    def expire(self) -> None:
        """Let the reader know that the time is up; a turn that runs is let run."""
        self._late = self._limit.error(self._call, "end")
        wake(self._arrival)

    def _move(self, pieces: AsyncIterator[Any]) -> "LoopStream":
        """Go on with an async iterator."""
        return LoopStream(lambda: pieces, self._call, self._limit, self._loop)

    def _go_on(self) -> None:
        """Ask for another turn, unless one is under way."""
        if not (self._is_pulling or self._is_spent or self._late):
            self._is_pulling = self._is_begun = True
            self._run(self._pull)

    def _arrive(self) -> None:
        """Be called on the loop when there is something to see."""
        self._is_told = False  # first: what comes after this is told again
        wake(self._arrival)

    def _tell(self) -> None:
        """Wake the loop, if it was not woken since it looked."""
        if not self._is_told:
            self._is_told = True
            with suppress(RuntimeError):  # the loop is gone, and the reader with it
                self._loop.call_soon_threadsafe(self._arrive)

    def _pull(self) -> None:
        """Be a turn, in the model's thread."""
        with self._lock, within(self._call.deadline):
            if self._is_closed:
                return
            try:
                self._take_some()
            except BaseException as error:  # noqa: BLE001 - also SystemExit: a model thread must not end unseen
                self._error, self._is_spent = error, True
            self._is_pulling = False
        self._tell()

    def _take_some(self) -> None:
        """Hand over a few pieces, each at once."""
        if self._pieces is None:
            value = self._invoke(self._call)
            if isinstance(value, AsyncIterable):
                self._elsewhere = aiter(value)
                return
            self._pieces = iterator_of(value, self._call.endpoint)
        end = perf_counter() + TURN
        for count, piece in enumerate(self._pieces, 1):
            self._ready.append(piece)
            self._tell()
            if perf_counter() >= end or self._is_closed:
                return
            if count >= self._most:
                self._most = min(2 * self._most, MOST)
                return
        self._is_spent = True

    def _finish(self) -> None:
        """Close the generator, in the model's thread."""
        with self._lock, within(self._call.deadline):
            close = getattr(self._pieces, "close", None)
            try:
                if close is not None:
                    close()
            except BaseException:
                log.exception("the generator of `%s` failed at its end", self._call.endpoint)


class LoopStream(Base):
    """A stream of an async method, which is one task of the loop from start to end.

    Args:
        begin: calls the method; gives what it returned.
        call: the call.
        limit: of its endpoint.
        loop: the event loop.
    """

    def __init__(self, begin: Callable[[], Any], call: Call, limit: Limit, loop: asyncio.AbstractEventLoop) -> None:
        self._begin = begin
        self._ready: list[Any] = []
        self._most = FIRST  # pieces that may wait for the reader
        self._error: BaseException | None = None
        self._is_done = False
        self._is_closed = False
        self._arrival: asyncio.Future[None] | None = None  # the reader waits for a piece
        self._room: asyncio.Future[None] | None = None  # the generator waits for the reader
        self._task: asyncio.Task[None] | None = None
        super().__init__(call, limit, loop)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> list[Any]:
        """Wait for a piece, and take all that are there."""
        if self._task is None and not self._is_done:
            with within(self._call.deadline):
                self._task = self._loop.create_task(self._work())
        while not self._ready and not self._is_done:
            self._arrival = self._loop.create_future()
            await self._arrival
        if self._ready:
            pieces, self._ready = self._ready, []
            wake(self._room)
            return pieces
        error, self._error = self._error, None
        if error is not None:
            raise told(error)
        raise StopAsyncIteration

    async def close(self) -> None:
        """Cancel what the generator waits for, and end it."""
        if self._is_closed:
            return
        self._is_closed = True
        if self._task is None or self._task.done():
            self.end()
            return
        self._task.cancel()
        self._task.add_done_callback(self.end)
        await asyncio.wait({self._task}, timeout=PATIENCE)

    def expire(self) -> None:
        """Let the reader know that the time is up, and cancel the generator."""
        self._is_done, self._error = True, self._limit.error(self._call, "end")
        if self._task is not None:
            self._task.cancel()
        wake(self._arrival)

    async def _work(self) -> None:
        """Be the task: pull pieces, as long as there is room for them."""
        pieces: Any = None
        try:
            value = self._begin()
            value = await value if isawaitable(value) else value
            pieces = aiter(value) if isinstance(value, AsyncIterable) else lifted(value, self._call.endpoint)
            async for piece in pieces:
                self._ready.append(piece)
                wake(self._arrival)
                if len(self._ready) >= self._most:
                    self._most = min(2 * self._most, MOST)
                    self._room = self._loop.create_future()
                    await self._room
        except asyncio.CancelledError as error:
            if not (self._is_closed or self._is_done):
                self._error = error  # the generator's own, which must not look like its end
            raise
        except (Exception, SystemExit) as error:  # noqa: BLE001 - the border; SystemExit would end the event loop
            self._error = self._error or error
        finally:
            self._is_done = True
            wake(self._arrival)
            await finish(pieces, self._call.endpoint)


def plan(invoke: Invoke, limit: Limit, run: Run, loop: asyncio.AbstractEventLoop, *, on_loop: bool) -> Handed:
    """Settle how the calls of one endpoint that streams are answered.

    Args:
        invoke: calls the method.
        limit: of the endpoint, from the call to the end of the stream.
        run: runs a function in the model's thread.
        loop: the event loop.
        on_loop: the method is called there: it is async, or promised to be short.
    """
    if on_loop:
        return lambda call: LoopStream(lambda: invoke(call), call, limit, loop)
    return lambda call: ThreadStream(invoke, call, limit, run, loop)


async def finish(pieces: Any, endpoint: str) -> None:
    """Close an async generator; what its `finally` raises is logged."""
    close = getattr(pieces, "aclose", None)
    try:
        if close is not None:
            await close()
    except (Exception, SystemExit):
        log.exception("the generator of `%s` failed at its end", endpoint)


async def lifted(value: Any, endpoint: str) -> AsyncIterator[Any]:
    """Give the pieces of a sync iterator that belongs on the loop."""
    pieces = iterator_of(value, endpoint)
    try:
        for piece in pieces:
            yield piece
    finally:
        close = getattr(pieces, "close", None)
        if close is not None:
            close()


def iterator_of(value: Any, endpoint: str) -> Iterator[Any]:
    """Give an iterator; raises TypeError for what is no stream of pieces."""
    if isinstance(value, str | bytes | bytearray | dict) or not isinstance(value, Iterable):
        raise TypeError(f"`{endpoint}` streams and must give an iterator of pieces: {type(value).__name__}")
    return iter(value)


def wake(waiter: "asyncio.Future[None] | None") -> None:
    """Let whoever waits go on."""
    if waiter is not None and not waiter.done():
        waiter.set_result(None)

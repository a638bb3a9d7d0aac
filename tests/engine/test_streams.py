"""Streams take turns, wait for their readers, end when they are told to, and keep to their time."""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from typing import Any

import pytest

import ekiben
from ekiben.core.deadline import remaining
from ekiben.core.errors import DeadlineExceeded, InvalidInput, TooManyRequests
from ekiben.engine.messages import Call
from ekiben.engine.streams import MOST, LoopStream, Stream
from tests.engine.running import ask, running

free = threading.Event()


class Own(Exception):
    """A mistake of the method's own."""


@ekiben.service
class Streams:
    """Every kind of generator, with notes of what happens in it."""

    other: Any = ekiben.depends(url="http://localhost:9")

    def __init__(self) -> None:
        self.notes: list[Any] = []
        self.threads: set[str] = set()
        self.gone = threading.Event()

    @ekiben.api
    def count(self, name: str, most: int) -> Iterator[int]:
        try:
            for number in range(most):
                self.threads.add(threading.current_thread().name)
                self.notes.append((name, number))
                yield number
        finally:
            self.threads.add(threading.current_thread().name)
            self.gone.set()

    @ekiben.api
    async def count_async(self, most: int) -> AsyncIterator[int]:
        try:
            for number in range(most):
                self.notes.append(number)
                yield number
        finally:
            await asyncio.sleep(0)
            self.gone.set()

    @ekiben.api
    async def wait(self) -> AsyncIterator[str]:
        try:
            yield "first"
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.notes.append("cancelled")
            raise
        finally:
            self.gone.set()

    @ekiben.api
    def block(self) -> Iterator[str]:
        try:
            yield "first"
            free.wait(60)
            yield "second"
        finally:
            self.gone.set()

    @ekiben.api
    def fail(self, how: str) -> Iterator[int]:
        yield 1
        raise {"own": Own("mine"), "exit": SystemExit(3), "stop": StopIteration(), "ours": InvalidInput("bad")}[how]

    @ekiben.api
    async def fail_async(self, how: str) -> AsyncIterator[int]:
        yield 1
        raise {"own": Own("mine"), "exit": SystemExit(3), "cancel": asyncio.CancelledError()}[how]

    @ekiben.api
    def listed(self) -> Iterator[int]:
        return iter([1, 2, 3])

    @ekiben.api
    async def handed(self) -> AsyncIterator[int]:
        return self.count_async(3)

    @ekiben.api
    async def handed_sync(self) -> Iterator[int]:
        return iter([1, 2, 3])

    @ekiben.api
    def crossed(self) -> AsyncIterator[int]:
        return self.count_async(3)

    @ekiben.api
    def wrong(self) -> Iterator[int]:
        return "text"  # type: ignore[return-value]

    @ekiben.api
    def clean(self) -> Iterator[int]:
        try:
            while True:
                yield 1
        finally:
            raise Own("at the end")

    @ekiben.api
    def left(self) -> Iterator[bool]:
        yield remaining() is not None
        yield remaining() is not None

    @ekiben.api
    async def left_async(self) -> AsyncIterator[bool]:
        yield remaining() is not None

    @ekiben.api
    def whole(self) -> int:
        return 5


async def opened(dispatcher: Any, endpoint: str, /, deadline: float | None = None, **kwargs: Any) -> Stream:
    """Begin a stream."""
    stream: Stream = await dispatcher.submit(Call(endpoint, (), kwargs, deadline=deadline))
    return stream


async def collect(stream: Stream) -> list[Any]:
    """Read a stream to its end, and close it."""
    found = [piece async for pieces in stream for piece in pieces]
    await stream.close()
    return found


@pytest.mark.parametrize(
    ("name", "kwargs", "expected"),
    [
        pytest.param("count", {"name": "a", "most": 11}, list(range(11)), id="a sync generator"),
        pytest.param("count", {"name": "a", "most": 0}, [], id="an empty one"),
        pytest.param("count_async", {"most": 11}, list(range(11)), id="an async generator"),
        pytest.param("count_async", {"most": 0}, [], id="an empty async one"),
        pytest.param("listed", {}, [1, 2, 3], id="an iterator"),
        pytest.param("handed", {}, [0, 1, 2], id="an async method that gives an async iterator"),
        pytest.param("handed_sync", {}, [1, 2, 3], id="an async method that gives a sync iterator"),
        pytest.param("crossed", {}, [0, 1, 2], id="a sync method that gives an async iterator"),
        pytest.param("left", {}, [True, True], id="the deadline is known in a generator"),
        pytest.param("left_async", {}, [True], id="the deadline is known in an async generator"),
    ],
)
async def test_pieces_come_in_order(name: str, kwargs: dict[str, Any], expected: list[Any]) -> None:
    """Every piece comes, once and in order, and nothing stays inside."""
    async with running(Streams) as dispatcher:
        assert await collect(await opened(dispatcher, name, **kwargs)) == expected
        assert dispatcher.admission.inside == 0


async def test_the_model_stays_in_its_thread() -> None:
    """A sync generator runs, begins and ends in the model's thread only."""
    async with running(Streams) as dispatcher:
        stream = await opened(dispatcher, "count", name="a", most=100)
        await anext(stream)
        await stream.close()
        assert dispatcher.instance is not None
        assert dispatcher.instance.target.threads == {"ekiben-model-0"}


async def test_streams_take_turns() -> None:
    """Sixteen streams on one thread progress together: each begins before any ends, and a call gets in between."""
    async with running(Streams) as dispatcher:
        streams = [await opened(dispatcher, "count", name=str(index), most=40) for index in range(16)]
        reading = [asyncio.create_task(collect(stream)) for stream in streams]
        assert await ask(dispatcher, "whole") == 5
        still_going = sum(not task.done() for task in reading)
        assert [await task for task in reading] == [list(range(40))] * 16
        notes = dispatcher.instance.target.notes  # type: ignore[union-attr]
    first_end = notes.index(("0", 39))
    begun = {name for name, _ in notes[:first_end]}
    assert begun == {str(index) for index in range(16)}
    assert still_going == 16


@pytest.mark.parametrize("name", ["count", "count_async"])
async def test_a_slow_reader_pauses_the_generator(name: str) -> None:
    """A generator whose reader waits is at most two turns ahead, however long the reader waits."""
    async with running(Streams) as dispatcher:
        kwargs = {"name": "a"} if name == "count" else {}
        stream = await opened(dispatcher, name, most=10_000, **kwargs)
        taken = await anext(stream)
        for _ in range(20):
            await asyncio.sleep(0)
            assert await ask(dispatcher, "whole") == 5  # the model's thread is free
        assert dispatcher.instance is not None
        assert len(dispatcher.instance.target.notes) <= len(taken) + MOST
        await stream.close()


async def test_closing_while_it_waits() -> None:
    """An async generator that waits between pieces is cancelled there when it is closed."""
    async with running(Streams) as dispatcher:
        stream = await opened(dispatcher, "wait")
        assert await anext(stream) == ["first"]
        reading = asyncio.create_task(stream.__anext__())
        await asyncio.sleep(0)
        reading.cancel()
        with suppress(asyncio.CancelledError):
            await reading
        await stream.close()
        assert dispatcher.instance is not None
        assert dispatcher.instance.target.notes == ["cancelled"]
        assert dispatcher.instance.target.gone.is_set()
        assert dispatcher.admission.inside == 0


@pytest.mark.parametrize("name", ["count", "count_async"])
async def test_closing_early(name: str) -> None:
    """A generator that is closed at a piece runs its `finally`, and the call is let out only then, once."""
    async with running(Streams) as dispatcher:
        stream = await opened(dispatcher, name, most=1000, **({"name": "a"} if name == "count" else {}))
        await anext(stream)
        assert dispatcher.admission.inside == 1
        await stream.close()
        await stream.close()
        assert dispatcher.instance is not None
        assert dispatcher.instance.target.gone.is_set()
        assert dispatcher.admission.inside == 0


async def test_closing_before_it_began() -> None:
    """A stream that nobody read never calls the method."""
    async with running(Streams) as dispatcher:
        for name, kwargs in (("count", {"name": "a", "most": 5}), ("count_async", {"most": 5})):
            await (await opened(dispatcher, name, **kwargs)).close()
        assert dispatcher.instance is not None
        assert dispatcher.instance.target.notes == []
        assert dispatcher.admission.inside == 0


async def test_a_busy_thread_holds_nobody_up() -> None:
    """Closing a stream whose thread is busy returns; the generator ends, and is let out, when the thread is free."""
    free.clear()
    async with running(Streams) as dispatcher:
        stream = await opened(dispatcher, "block")
        target = dispatcher.instance.target  # type: ignore[union-attr]
        reading = asyncio.create_task(stream.__anext__())
        with suppress(TimeoutError):
            await asyncio.wait_for(reading, 0.05)
        await stream.close()
        assert not target.gone.is_set()
        assert dispatcher.admission.inside == 1
        free.set()
        assert await asyncio.to_thread(target.gone.wait, 30)
        while dispatcher.admission.inside:
            await asyncio.sleep(0.001)


@pytest.mark.parametrize(
    ("name", "how", "kind", "words"),
    [
        pytest.param("fail", "own", Own, "mine", id="its own error"),
        pytest.param("fail", "ours", InvalidInput, "bad", id="an error for the caller"),
        pytest.param("fail", "exit", RuntimeError, "raised SystemExit: 3", id="an exit ends no thread"),
        pytest.param("fail", "stop", RuntimeError, "StopIteration", id="a StopIteration is no end"),
        pytest.param("fail_async", "own", Own, "mine", id="its own, async"),
        pytest.param("fail_async", "exit", RuntimeError, "raised SystemExit: 3", id="an exit ends no loop"),
        pytest.param("fail_async", "cancel", RuntimeError, "raised CancelledError", id="its own cancelling is no end"),
    ],
)
async def test_errors_come_after_the_pieces(name: str, how: str, kind: type[Exception], words: str) -> None:
    """What a generator raises reaches the reader, after what it gave before; never does it look like an end."""
    async with running(Streams) as dispatcher:
        stream = await opened(dispatcher, name, how=how)
        assert await anext(stream) == [1]
        with pytest.raises(kind, match=words):
            await anext(stream)
        await stream.close()
        assert dispatcher.admission.inside == 0
        assert await ask(dispatcher, "whole") == 5


async def test_what_is_no_stream() -> None:
    """A method that was to give pieces and gives text is at fault."""
    async with running(Streams) as dispatcher:
        stream = await opened(dispatcher, "wrong")
        with pytest.raises(TypeError, match="`wrong` streams and must give an iterator of pieces: str"):
            await anext(stream)
        await stream.close()


async def test_an_error_at_the_end_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """What a generator raises while it is closed is in the log, as nobody reads it any more."""
    async with running(Streams) as dispatcher:
        stream = await opened(dispatcher, "clean")
        await anext(stream)
        await stream.close()
    assert "the generator of `clean` failed at its end" in caplog.text


@pytest.mark.parametrize("name", ["wait", "block"])
async def test_the_whole_stream_has_one_deadline(name: str) -> None:
    """The time of a call ends its stream wherever it is; the words say so, and an async one is cancelled."""
    free.clear()
    loop = asyncio.get_running_loop()
    async with running(Streams) as dispatcher:
        target = dispatcher.instance.target  # type: ignore[union-attr]
        stream = await opened(dispatcher, name, deadline=loop.time() + 0.05)
        assert await anext(stream) == ["first"]  # at once, though the next one takes long
        with pytest.raises(DeadlineExceeded, match=r"no end within .* the limit of the caller"):
            await anext(stream)
        free.set()
        await stream.close()
        assert await asyncio.to_thread(target.gone.wait, 30)
        while dispatcher.admission.inside:
            await asyncio.sleep(0.001)


async def test_a_stream_is_a_call() -> None:
    """A stream counts among the calls at once until it is closed."""
    service: Any = ekiben.service(traffic={"max_concurrency": 1})(type("One", (Streams,), {}))
    async with running(service) as dispatcher:
        stream = await opened(dispatcher, "count", name="a", most=100)
        await anext(stream)
        with pytest.raises(TooManyRequests):
            await ask(dispatcher, "whole")
        await stream.close()
        assert await ask(dispatcher, "whole") == 5


async def test_several_threads() -> None:
    """With several threads a stream is pulled by one of them at a time."""
    service: Any = ekiben.service(threads=4)(type("Four", (Streams,), {}))
    async with running(service) as dispatcher:
        streams = [await opened(dispatcher, "count", name=str(index), most=50) for index in range(8)]
        assert await asyncio.gather(*(collect(stream) for stream in streams)) == [list(range(50))] * 8


async def test_inline_streams_run_on_the_loop() -> None:
    """A service that promises to be short streams on the loop, in pieces all the same."""
    service: Any = ekiben.service(inline=True)(
        type("Inline", (), {"count": Streams.count, "__init__": Streams.__init__})
    )
    async with running(service) as dispatcher:
        stream = await opened(dispatcher, "count", name="a", most=10)
        assert isinstance(stream, LoopStream)
        assert await collect(stream) == list(range(10))
        assert dispatcher.instance is not None
        assert dispatcher.instance.target.threads == {threading.current_thread().name}

"""A call of a service in another process has the time of the call that it is made for."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any

import pytest

import ekiben
from ekiben.core.deadline import within
from ekiben.core.errors import DeadlineExceeded
from ekiben.engine.handle import GRACE, Far
from ekiben.engine.incoming import Incoming
from ekiben.engine.job import Done, Job
from ekiben.engine.parcel import pack, unpack
from ekiben.engine.values import FINE
from ekiben.engine.wire import Buffer


@ekiben.service
class Other:
    """Is somewhere else."""

    @ekiben.api
    async def answer(self, word: str) -> str:
        """Give it back."""
        return word

    @ekiben.api
    def letters(self, first: str, second: str = "b") -> Iterator[str]:
        """Give both."""
        yield from (first, second)

    @ekiben.api
    async def later(self, first: str) -> AsyncIterator[str]:
        """Give one."""
        yield first


def opened(*call: Any) -> Incoming:
    """Begin a stream that is answered by its arguments, piece by piece."""
    answer: asyncio.Future[Done] = asyncio.get_running_loop().create_future()
    incoming = Incoming(Job(call[1], (), {}, answer=answer), answer, lambda job: None)
    for piece in sorted(unpack(call[3]).values()):
        (buffer,) = pack(piece)
        incoming.feed(1, (buffer,))
    answer.set_result(([FINE], ()))
    return incoming


def far(sent: list[float | None]) -> Far:
    """Make a handle whose calls are noted, with what they have left."""

    async def send(service: str, endpoint: str, head: Any, buffers: Sequence[Buffer], deadline: float | None) -> Done:
        sent.append(deadline)
        return [FINE], pack("there")

    bound = Other.__ekiben_service__()  # type: ignore[attr-defined]  # the decorator adds it
    return Far(bound, send, asyncio.get_running_loop(), opened)


async def test_the_running_call_ends_first() -> None:
    """What is called has a moment more than the caller, whose own limit is so the one that a 504 names."""
    sent: list[float | None] = []
    end = time.monotonic() + 60
    with within(end):
        assert await far(sent).answer("a") == "there"
    (deadline,) = sent
    assert deadline is not None
    assert end + GRACE / 2 < deadline < end + 10


async def test_no_limit_and_no_time() -> None:
    """A call without a limit passes none on; one whose time is up makes no other."""
    sent: list[float | None] = []
    assert await far(sent).answer("a") == "there"
    assert sent == [None]
    with within(time.monotonic() - 1), pytest.raises(DeadlineExceeded, match="no time left"):
        await far(sent).answer("a")
    assert sent == [None]


async def test_streams() -> None:
    """A generator of the other is one here: `for` off the event loop, `async for` on it, by both faces."""
    handle = far([])
    assert [piece async for piece in handle.later("x")] == ["x"]
    assert [piece async for piece in handle.to_async.letters("y", second="z")] == ["y", "z"]
    assert await asyncio.to_thread(lambda: list(handle.letters("1", "2"))) == ["1", "2"]
    assert await asyncio.to_thread(lambda: list(handle.to_sync.later("3"))) == ["3"]
    with pytest.raises(RuntimeError, match="cannot be waited for on the event loop: write `async for`"):
        handle.letters("a")
    with pytest.raises(TypeError, match="it takes 1 arguments, not 2"):
        handle.later("a", "b")
    with within(time.monotonic() - 1), pytest.raises(DeadlineExceeded, match="no time left"):
        handle.later("a")

"""Calls whose time is up are answered, by one timer."""

import asyncio
import time

import pytest

from ekiben.core.errors import DeadlineExceeded
from ekiben.engine.deadline import Deadlines, exceeded


async def test_overdue_calls_are_answered() -> None:
    """A call that takes too long gets DeadlineExceeded, which names the limit."""
    loop = asyncio.get_running_loop()
    deadlines = Deadlines(0.01, loop)
    first, second = loop.create_future(), loop.create_future()
    deadlines.add(first, time.monotonic())
    deadlines.add(second, time.monotonic())
    for future in (first, second):
        with pytest.raises(DeadlineExceeded, match=r"no answer within 0\.01 seconds"):
            await future


async def test_later_calls_wait_longer() -> None:
    """A call that arrived later is not answered with the earlier ones."""
    loop = asyncio.get_running_loop()
    deadlines = Deadlines(0.05, loop)
    early, late = loop.create_future(), loop.create_future()
    deadlines.add(early, time.monotonic() - 0.04)
    deadlines.add(late, time.monotonic() + 1000)
    await asyncio.wait([early])
    assert not late.done()
    deadlines.close()
    assert isinstance(early.exception(), DeadlineExceeded)


async def test_answered_calls_are_left_alone() -> None:
    """A call that was answered in time keeps its answer, whether or not it was taken out."""
    loop = asyncio.get_running_loop()
    deadlines = Deadlines(0.01, loop)
    answered, removed, waiting = (loop.create_future() for _ in range(3))
    for future in (answered, removed, waiting):
        deadlines.add(future, time.monotonic())
    answered.set_result("here")
    deadlines.remove(removed)
    await asyncio.wait([waiting])
    assert answered.result() == "here"
    assert not removed.done()
    assert isinstance(waiting.exception(), DeadlineExceeded)


async def test_one_timer() -> None:
    """However many calls wait there is one timer, and none once nobody waits."""
    loop = asyncio.get_running_loop()
    deadlines = Deadlines(0.01, loop)
    futures = [loop.create_future() for _ in range(1000)]
    for future in futures:
        deadlines.add(future, time.monotonic())
    timers = {id(handle) for handle in loop._scheduled if "Deadlines" in repr(handle)}  # type: ignore[attr-defined]
    assert len(timers) == 1
    for future in futures:
        deadlines.remove(future)
    await asyncio.sleep(0.05)
    assert deadlines._timer is None
    assert deadlines._ends == {}


async def test_closing_leaves_no_timer() -> None:
    """A server that stops leaves no timer behind."""
    loop = asyncio.get_running_loop()
    deadlines = Deadlines(1000.0, loop)
    deadlines.add(loop.create_future(), time.monotonic())
    deadlines.close()
    assert deadlines._timer is None


def test_words() -> None:
    """The error names the seconds as the user wrote them."""
    assert str(exceeded(30.0)) == "no answer within 30 seconds"
    assert exceeded(30.0).status == 504

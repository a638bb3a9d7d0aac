"""Pieces of an answer are read in order, and a worker is never far ahead of its reader."""

import asyncio
import gc
from typing import Any

import pytest

from ekiben.core.errors import Unavailable
from ekiben.engine.incoming import WINDOW, Incoming
from ekiben.engine.job import Done, Job
from ekiben.engine.outgoing import MOST, Outgoing
from ekiben.engine.wire import Frame, Kind, view


class Keeper:
    """Notes what is said to a worker."""

    def __init__(self) -> None:
        self.said: list[Any] = []

    def say(self, kind: Kind, value: Any = None) -> None:
        """Note it."""
        self.said.append((kind, value))


def stream() -> tuple[Incoming, "asyncio.Future[Done]", Keeper, list[Job]]:
    answer: asyncio.Future[Done] = asyncio.get_running_loop().create_future()
    keeper, left = Keeper(), list[Job]()
    job = Job("say", (), {}, answer=answer, number=5, keeper=keeper)
    return Incoming(job, answer, left.append), answer, keeper, left


async def test_pieces_that_are_there_come_together() -> None:
    """What has come is given at once, then the reader waits, then an empty list is the end."""
    incoming, answer, _, left = stream()
    incoming.feed("head", (b"a",))
    incoming.feed(None, (b"b",))
    assert await incoming.pieces() == [("head", (b"a",)), (None, (b"b",))]
    waits = asyncio.create_task(incoming.pieces())
    await asyncio.sleep(0)
    assert not waits.done()
    incoming.feed(None, (b"c",))
    assert await waits == [(None, (b"c",))]
    answer.set_result(([True, 200], ()))
    assert await incoming.pieces() == []
    assert incoming.end() == ([True, 200], ())
    incoming.close()
    assert [job.number for job in left] == [5]


async def test_pieces_before_an_error_are_not_lost() -> None:
    """What came before the worker ended is read first; then the error is raised."""
    incoming, answer, _, _ = stream()
    incoming.feed("head", (b"a",))
    answer.set_exception(Unavailable("the worker is gone"))
    assert len(await incoming.pieces()) == 1
    assert await incoming.pieces() == []
    with pytest.raises(Unavailable, match="gone"):
        incoming.end()


async def test_the_worker_hears_what_was_read() -> None:
    """Only what was read and passed on is told, and several pieces by one frame."""
    incoming, _, keeper, _ = stream()
    for _ in range(WINDOW):
        incoming.feed(None, (b"a",))
    assert len(await incoming.pieces()) == WINDOW
    assert keeper.said == [], "they were read, and not yet passed on"
    waits = asyncio.create_task(incoming.pieces())
    await asyncio.sleep(0)
    assert keeper.said == [(Kind.MORE, [5, WINDOW])]
    waits.cancel()


async def test_a_worker_that_is_ahead_waits() -> None:
    """A call may send so many pieces; the next waits until some were read, and other calls do not."""
    frames: list[Frame] = []
    outgoing = Outgoing(frames.append)
    for _ in range(WINDOW - 1):
        await outgoing.put(1, None, b"a")
    ahead = asyncio.create_task(outgoing.put(1, None, b"last"))
    await asyncio.sleep(0)
    await outgoing.put(2, "head", b"other")
    await asyncio.sleep(0.01)
    assert not ahead.done()
    assert sum(len(frame.buffers) for frame in frames) == WINDOW + 1, "what waits was sent"
    outgoing.more(1, 1)
    await ahead
    outgoing.more(3, 1)
    outgoing.end(1)
    outgoing.more(1, 1)


async def test_pieces_of_one_turn_are_one_frame() -> None:
    """What many calls have ready leaves together, in frames that are not too long, before their ends."""
    frames: list[Frame] = []
    outgoing = Outgoing(frames.append)
    for number in range(MOST + 1):
        await outgoing.put(number, "head", b"%d" % number)
    assert frames == []
    outgoing.end(0)
    assert [len(frame.buffers) for frame in frames] == [MOST, 1]
    assert [bytes(view(buffer)) for frame in frames for buffer in frame.buffers][:2] == [b"0", b"1"]
    assert frames[0].value[0][:2] == [0, 1]


@pytest.mark.parametrize("count", ["x", None])
async def test_what_is_no_count_is_refused(count: Any) -> None:
    """A frame that means nothing is noticed by whoever reads frames."""
    outgoing = Outgoing(lambda frame: None)
    await outgoing.put(1, None, b"a")
    with pytest.raises(TypeError):
        outgoing.more(1, count)


@pytest.mark.parametrize("is_ended", [False, True])
async def test_a_stream_that_was_closed_is_not_wanted(is_ended: bool) -> None:
    """Nobody answers a call that still waits when its reader leaves; an error that comes with that is not logged."""
    incoming, answer, _, left = stream()
    if is_ended:
        answer.set_exception(Unavailable("the worker is gone"))
    incoming.close()
    assert not left[0].is_wanted
    assert answer.cancelled() != is_ended
    unseen: list[str] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, about: unseen.append(str(about.get("exception"))))
    try:
        await asyncio.sleep(0)
        del incoming, answer, left
        gc.collect()  # also what tests before left on this loop
    finally:
        loop.set_exception_handler(None)
    assert "the worker is gone" not in unseen

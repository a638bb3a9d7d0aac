"""Replies travel from threads to the event loop."""

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest

from ekiben.engine.messages import Call, Reply, told
from ekiben.engine.outbox import Outbox, settle


def waiting(loop: asyncio.AbstractEventLoop) -> Call:
    return Call("a", (), {}, answer=loop.create_future())


async def test_replies_arrive() -> None:
    """What a thread hands over is the answer of its call: a value, or what was raised."""
    loop = asyncio.get_running_loop()
    outbox = Outbox(loop)
    good, bad = waiting(loop), waiting(loop)

    def work() -> None:
        outbox.send(good, Reply(1))
        outbox.send(bad, Reply(error=KeyError("x")))

    await asyncio.to_thread(work)
    assert good.answer is not None
    assert bad.answer is not None
    assert await good.answer == 1
    with pytest.raises(KeyError):
        await bad.answer


async def test_a_reply_does_not_wait_for_another() -> None:
    """A reply arrives while the thread that gave it is busy with the next call."""
    loop = asyncio.get_running_loop()
    outbox = Outbox(loop)
    call, go_on = waiting(loop), threading.Event()

    def work() -> None:
        outbox.send(call, Reply("early"))
        assert go_on.wait(60)

    busy = asyncio.create_task(asyncio.to_thread(work))
    assert call.answer is not None
    assert await call.answer == "early"
    assert not busy.done()
    go_on.set()
    await busy


async def test_many_replies_wake_the_loop_once() -> None:
    """Replies that are ready together are one wake-up of the loop, not one each."""
    loop = asyncio.get_running_loop()
    woken: list[Any] = []

    class Loop:
        def call_soon_threadsafe(self, action: Any, *args: Any) -> None:
            woken.append(action)
            loop.call_soon_threadsafe(action, *args)

    outbox = Outbox(Loop())  # type: ignore[arg-type]  # all that it uses
    calls = [waiting(loop) for _ in range(100)]
    for call in calls:  # on the loop's own thread, so that it cannot look meanwhile
        outbox.send(call, Reply(call))
    assert len(woken) == 1
    answers = await asyncio.gather(*(call.answer for call in calls if call.answer is not None))
    assert answers == calls


async def test_nothing_is_lost_between_two_looks() -> None:
    """Threads that send while the loop looks lose no reply."""
    loop = asyncio.get_running_loop()
    outbox = Outbox(loop)
    calls = [waiting(loop) for _ in range(4000)]

    def work(mine: list[Call]) -> None:
        for call in mine:
            outbox.send(call, Reply(1))

    await asyncio.gather(*(asyncio.to_thread(work, calls[part::4]) for part in range(4)))
    async with asyncio.timeout(60):
        assert sum(await asyncio.gather(*(call.answer for call in calls if call.answer is not None))) == 4000


async def test_answers_go_out_before_the_next_cut() -> None:
    """A thread that sent a batch goes on only when it is let go, after all its answers are there."""
    loop = asyncio.get_running_loop()
    outbox = Outbox(loop)
    calls = [waiting(loop) for _ in range(3)]
    events: list[str] = []

    async def client(call: Call) -> None:
        assert call.answer is not None
        await call.answer
        events.append("asks again")

    def noted(go: Callable[[], None]) -> None:
        events.append("noted")
        loop.call_soon(loop.call_soon, go)

    clients = [asyncio.create_task(client(call)) for call in calls]
    await asyncio.sleep(0)

    def work() -> None:
        outbox.send_batch([(call, Reply(1)) for call in calls], noted)
        events.append("cuts")

    await asyncio.to_thread(work)
    await asyncio.gather(*clients)
    assert events == ["noted", "asks again", "asks again", "asks again", "cuts"]


def test_no_loop_no_wait() -> None:
    """Once the loop is gone a thread neither fails nor waits."""
    loop = asyncio.new_event_loop()
    call = waiting(loop)
    loop.close()
    outbox = Outbox(loop)
    outbox.send(call, Reply(1))
    outbox.send_batch([(call, Reply(1))], lambda go: go())
    assert outbox.on_loop(print) is False


async def test_what_follows_a_reply() -> None:
    """What is to be noted of a reply is noted on the loop, after the reply is there and without another waking."""
    loop = asyncio.get_running_loop()
    outbox = Outbox(loop)
    call, noted = waiting(loop), asyncio.Event()
    assert call.answer is not None
    await asyncio.to_thread(outbox.send, call, Reply(1), noted.set)
    async with asyncio.timeout(60):
        await noted.wait()
    assert call.answer.done()


async def test_nobody_waits() -> None:
    """A reply to a call that was given up is passed over."""
    call = waiting(asyncio.get_running_loop())
    assert call.answer is not None
    call.answer.cancel()
    settle(call, Reply(1))
    settle(Call("a", (), {}), Reply(1))
    assert call.answer.cancelled()


@pytest.mark.parametrize(
    ("error", "words"),
    [
        pytest.param(SystemExit(3), "the endpoint raised SystemExit: 3", id="an exit"),
        pytest.param(StopIteration(), "the endpoint raised StopIteration", id="the end of an iterator"),
        pytest.param(asyncio.CancelledError(), "the endpoint raised CancelledError", id="a cancellation"),
        pytest.param(KeyboardInterrupt(), "the endpoint raised KeyboardInterrupt", id="an interrupt"),
    ],
)
def test_what_would_end_the_loop_is_told_in_words(error: BaseException, words: str) -> None:
    """An error that asyncio treats in its own way becomes an ordinary one, with the original as its cause."""
    found = told(error)
    assert (type(found), str(found), found.__cause__) == (RuntimeError, words, error)


def test_other_errors_stay() -> None:
    """Everything else is handed on as it is."""
    error = ValueError("x")
    assert told(error) is error

"""One service in this process: calls, threads, deadlines, limits. Time is told by the order of events."""

import asyncio
import gc
import threading
import time
import weakref
from typing import Any

import numpy as np
import pytest

import ekiben
from ekiben.core.errors import DeadlineExceeded, InvalidInput, TooManyRequests, Unavailable
from ekiben.engine.messages import Call
from tests.engine.running import ask, dispatcher_of, running


class Gate:
    """Lets a sync method wait until a test lets it go on."""

    def __init__(self) -> None:
        self.entered = threading.Event()
        self.open = threading.Event()

    def wait(self) -> None:
        self.entered.set()
        assert self.open.wait(60), "the test never opened the gate"


@ekiben.service
class Calls:
    """What the tests call."""

    def __init__(self) -> None:
        self.gate = Gate()
        self.thread = threading.get_ident()

    @ekiben.api
    def double(self, number: int) -> int:
        return number * 2

    @ekiben.api
    def slow(self) -> str:
        self.gate.wait()
        return "done"

    @ekiben.api(timeout=0.05)
    def hurried(self) -> str:
        self.gate.wait()
        return "done"

    @ekiben.api
    def threads(self) -> list[int]:
        return [self.thread, threading.get_ident()]

    @ekiben.api
    def fail(self, what: str) -> None:
        errors: dict[str, BaseException] = {
            "value": ValueError("wrong"),
            "input": InvalidInput("bad input"),
            "timeout": TimeoutError("theirs"),
            "exit": SystemExit(3),
            "cancelled": asyncio.CancelledError(),
        }
        raise errors[what]


async def test_sync_methods_share_one_thread() -> None:
    """`__init__` and every sync method run in one thread, which is not the event loop's."""
    async with running(Calls) as dispatcher:
        made_in, called_in = await ask(dispatcher, "threads")
        again = await ask(dispatcher, "threads")
    assert made_in == called_in == again[1]
    assert called_in != threading.get_ident()


async def test_many_calls_get_each_their_own_answer() -> None:
    """A thousand calls at once are answered, none with another's answer."""
    async with running(Calls) as dispatcher:
        answers = await asyncio.gather(*(ask(dispatcher, "double", number=n) for n in range(1000)))
    assert answers == [n * 2 for n in range(1000)]


@pytest.mark.parametrize(
    ("what", "error", "words"),
    [
        pytest.param("value", ValueError, "wrong", id="an error of Python"),
        pytest.param("input", InvalidInput, "bad input", id="an error of ours"),
        pytest.param("timeout", TimeoutError, "theirs", id="a timeout of the method's own"),
        pytest.param("exit", RuntimeError, "raised SystemExit: 3", id="an exit"),
        pytest.param("cancelled", RuntimeError, "raised CancelledError", id="a cancellation"),
    ],
)
async def test_what_a_method_raises(what: str, error: type[Exception], words: str) -> None:
    """Whatever a method raises reaches its caller, and the thread answers the next call."""
    async with running(Calls) as dispatcher:
        with pytest.raises(error, match=words) as caught:
            await ask(dispatcher, "fail", what=what)
        assert type(caught.value) is error
        assert await ask(dispatcher, "double", number=2) == 4


async def test_the_loop_is_free_while_a_method_computes() -> None:
    """Twenty turns of the loop pass before one slow call ends, also after 200 fast ones."""
    async with running(Calls) as dispatcher:
        for number in range(200):
            await ask(dispatcher, "double", number=number)
        slow = asyncio.create_task(ask(dispatcher, "slow"))
        gate = dispatcher.instance.target.gate  # type: ignore[union-attr]  # it runs
        await asyncio.to_thread(gate.entered.wait, 60)
        for _ in range(20):
            await asyncio.sleep(0)
        assert not slow.done()
        gate.open.set()
        assert await slow == "done"


async def test_a_fast_answer_does_not_wait_for_a_slow_call() -> None:
    """A call that is done is answered while the next one of the same thread still runs."""
    async with running(Calls) as dispatcher:
        fast, slow = (
            asyncio.create_task(ask(dispatcher, "double", number=1)),
            asyncio.create_task(ask(dispatcher, "slow")),
        )
        assert await fast == 2
        assert not slow.done()
        dispatcher.instance.target.gate.open.set()  # type: ignore[union-attr]  # it runs
        await slow


async def test_deadline() -> None:
    """A call that takes too long is answered with 504 while its method still runs."""
    async with running(Calls) as dispatcher:
        with pytest.raises(DeadlineExceeded, match=r"no answer within 0\.05 seconds"):
            await ask(dispatcher, "hurried")
        gate = dispatcher.instance.target.gate  # type: ignore[union-attr]  # it runs
        assert gate.entered.is_set()
        assert not gate.open.is_set()
        gate.open.set()
        assert await ask(dispatcher, "double", number=1) == 2


async def test_calls_that_nobody_waits_for_are_not_run() -> None:
    """A call whose caller left, or whose deadline passed in the queue, never reaches the method."""
    seen: list[str] = []

    @ekiben.service
    class Notes:
        gate = Gate()

        @ekiben.api
        def slow(self) -> None:
            self.gate.wait()

        @ekiben.api
        def note(self, what: str) -> None:
            seen.append(what)

        @ekiben.api(timeout=0.02)
        def hurried(self) -> None:
            seen.append("hurried")

    async with running(Notes) as dispatcher:
        slow = asyncio.create_task(ask(dispatcher, "slow"))
        await asyncio.to_thread(Notes.gate.entered.wait, 60)
        left = asyncio.create_task(ask(dispatcher, "note", what="left"))
        stays = asyncio.create_task(ask(dispatcher, "note", what="stays"))
        with pytest.raises(DeadlineExceeded):
            await ask(dispatcher, "hurried")
        left.cancel()
        await asyncio.wait([left])
        Notes.gate.open.set()
        await asyncio.gather(slow, stays)
    assert seen == ["stays"]


async def test_max_concurrency() -> None:
    """Beyond `max_concurrency` a call is refused at once, with a time to come back; then there is room again."""

    @ekiben.service(traffic={"max_concurrency": 2})
    class Small(Calls):
        pass

    async with running(Small) as dispatcher:
        inside = [asyncio.create_task(ask(dispatcher, "slow")) for _ in range(2)]
        await asyncio.sleep(0)
        with pytest.raises(TooManyRequests, match="more than 2 calls") as caught:
            await ask(dispatcher, "double", number=1)
        assert caught.value.retry_after == 1
        dispatcher.instance.target.gate.open.set()  # type: ignore[union-attr]  # it runs
        await asyncio.gather(*inside)
        assert await ask(dispatcher, "double", number=1) == 2
    assert dispatcher.admission.inside == 0


async def test_threads() -> None:
    """With `threads=2` two calls run at once."""

    @ekiben.service(threads=2)
    class Pair:
        meeting = threading.Barrier(2)

        @ekiben.api
        def meet(self) -> int:
            return self.meeting.wait(60)

    async with running(Pair) as dispatcher:
        found = await asyncio.gather(ask(dispatcher, "meet"), ask(dispatcher, "meet"))
    assert sorted(found) == [0, 1]


async def test_not_started() -> None:
    """Before the start a call is refused with a time to come back."""
    dispatcher = dispatcher_of(Calls)
    assert not dispatcher.is_ready
    with pytest.raises(Unavailable, match="starting") as caught:
        await ask(dispatcher, "double", number=1)
    assert caught.value.retry_after == 1


async def test_drain() -> None:
    """While draining new calls are refused, and those inside are answered before the end."""
    async with running(Calls) as dispatcher:
        instance = dispatcher.instance
        slow = asyncio.create_task(ask(dispatcher, "slow"))
        await asyncio.sleep(0)
        stopping = asyncio.create_task(dispatcher.stop(drain=60))
        await asyncio.sleep(0)
        assert not dispatcher.is_ready
        with pytest.raises(Unavailable, match="stopping"):
            await ask(dispatcher, "double", number=1)
        assert instance is not None
        instance.target.gate.open.set()
        assert await slow == "done"
        await stopping
    assert dispatcher.instance is None


async def test_drain_ends(caplog: pytest.LogCaptureFixture) -> None:
    """A call that does not end within the drain is given up, and the log says so."""
    async with running(Calls) as dispatcher:
        gate = dispatcher.instance.target.gate  # type: ignore[union-attr]  # it runs
        slow = asyncio.create_task(ask(dispatcher, "slow"))
        await asyncio.to_thread(gate.entered.wait, 60)
        stopping = asyncio.create_task(dispatcher.stop(drain=0.01))
        while "given up" not in caplog.text:
            await asyncio.sleep(0.005)
        gate.open.set()
        await stopping
        assert await slow == "done"


async def test_leak_free() -> None:
    """A service can be started and stopped 50 times in one process: no thread, task or instance stays."""
    before, tasks = threading.active_count(), asyncio.all_tasks()
    instances: list[weakref.ref[Any]] = []
    for _ in range(50):
        async with running(Calls) as dispatcher:
            assert await ask(dispatcher, "double", number=1) == 2
            instances.append(weakref.ref(dispatcher.instance.target))  # type: ignore[union-attr]  # it runs
    del dispatcher
    gc.collect()
    assert threading.active_count() == before
    assert [one for one in instances if one() is not None] == []
    assert asyncio.all_tasks() == tasks


async def test_arguments_end_with_the_call() -> None:
    """An idle service holds on to nothing of the last call."""

    @ekiben.service
    class Shapes:
        @ekiben.api
        def shape(self, x: np.ndarray) -> list[int]:
            return list(x.shape)

        @ekiben.api(batchable=True)
        def rows(self, x: np.ndarray) -> np.ndarray:
            return x[:, 0]

    async with running(Shapes) as dispatcher:
        for endpoint in ("shape", "rows"):
            value = np.zeros((2, 2))
            alive = weakref.ref(value)
            await ask(dispatcher, endpoint, x=value)
            del value
            end = time.monotonic() + 60
            while alive() is not None and time.monotonic() < end:
                await asyncio.sleep(0.001)  # the thread puts its call away just after it has answered
            assert alive() is None, endpoint


async def test_call_is_not_changed_by_context() -> None:
    """`ctx.state` is one mapping a worker, which every call sees."""

    @ekiben.service
    class Counting:
        @ekiben.api
        def count(self, ctx: ekiben.Context) -> int:
            ctx.state["calls"] = ctx.state.get("calls", 0) + 1
            return int(ctx.state["calls"])

    async with running(Counting) as dispatcher:
        found = [
            await dispatcher.submit(Call("count", (), {}, ekiben.Context(state=dispatcher.state))) for _ in range(3)
        ]
        assert dispatcher.instance is not None
        assert dispatcher.instance.state is dispatcher.state
    assert found == [1, 2, 3]

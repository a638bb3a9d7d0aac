"""Batches in the model's thread: what is joined, what is shed, who fails."""

import asyncio
import threading
import time
from typing import Any

import numpy as np
import pytest

import ekiben
from ekiben.core.errors import TooManyRequests, Unavailable
from ekiben.engine.batch import Misfit
from ekiben.engine.messages import Call
from ekiben.engine.policy import Moment
from tests.engine.running import ask, running


@ekiben.service
class Batches:
    """Notes its batches, and waits in the first one until it may go on."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.entered = threading.Event()
        self.go_on = threading.Event()

    def note(self, numbers: list[int]) -> None:
        self.batches.append(list(numbers))
        self.entered.set()
        assert self.go_on.wait(60)

    @ekiben.api(batchable=True, max_batch_size=4)
    def double(self, numbers: list[int]) -> list[int]:
        self.note(numbers)
        if 99 in numbers:
            raise ValueError("99")
        return [number * 2 for number in numbers]

    @ekiben.api(batchable=True, isolate=True)
    def careful(self, numbers: list[int]) -> list[int]:
        self.note(numbers)
        if 99 in numbers:
            raise ValueError("99")
        return numbers

    @ekiben.api(batchable=True, max_latency_ms=10)
    def strict(self, numbers: list[int]) -> list[int]:
        self.note(numbers)
        return numbers

    @ekiben.api(batchable=True, max_batch_size=3, max_wait_ms=30_000)
    def patient(self, numbers: list[int]) -> list[int]:
        self.note(numbers)
        return numbers

    @ekiben.api(batchable=True)
    def broken(self, numbers: list[int]) -> list[int]:
        self.note(numbers)
        return numbers[1:]

    @ekiben.api(batchable=True)
    def scale(self, x: np.ndarray) -> np.ndarray:
        self.note(list(x.shape))
        return x * 2


async def behind(dispatcher: Any, endpoint: str, first: Any, *others: Any) -> tuple[Any, list[Any]]:
    """Call *endpoint* with *first*, and with *others* while that runs; give the instance and all answers."""
    target = dispatcher.instance.target
    name = "x" if endpoint == "scale" else "numbers"
    calls = [asyncio.create_task(ask(dispatcher, endpoint, **{name: first}))]
    await asyncio.to_thread(target.entered.wait, 60)
    calls += [asyncio.create_task(ask(dispatcher, endpoint, **{name: value})) for value in others]
    await asyncio.sleep(0.02)
    target.go_on.set()
    return target, await asyncio.gather(*calls, return_exceptions=True)


async def test_a_lone_call_is_not_delayed() -> None:
    """The first call is worked on at once, and what comes meanwhile is one batch of at most `max_batch_size`."""
    async with running(Batches) as dispatcher:
        target, answers = await behind(dispatcher, "double", [0], [1], [2, 3], [4, 5])
        assert answers == [[0], [2], [4, 6], [8, 10]]
        assert target.batches == [[0], [1, 2, 3], [4, 5]]


async def test_counts() -> None:
    """Batches, their items and their sizes are counted."""
    async with running(Batches) as dispatcher:
        await behind(dispatcher, "double", [0], [1], [2, 3], [4, 5])
        counts = dispatcher.batches["double"]
        assert (counts.batches, counts.items) == (3, 6)
        assert counts.sizes[:3] == [1, 1, 1]  # of one item, of two, of three or four
        assert counts.seconds > 0
        assert (counts.calls, sum(counts.waits)) == (4, 4)
        assert counts.waited >= 3 * 0.02, "three calls waited while the first one ran"


async def test_a_lone_call_waits_for_nobody() -> None:
    """After a lone call nothing is waited for: the same thread takes the next call, and no hold is made."""
    async with running(Batches) as dispatcher:
        dispatcher.instance.target.go_on.set()  # type: ignore[union-attr]  # it runs
        for number in range(5):
            assert await ask(dispatcher, "double", numbers=[number]) == [2 * number]
        assert len(dispatcher._calls._holds) == 0  # type: ignore[union-attr]
        assert dispatcher.batches["double"].batches == 5


async def test_a_call_larger_than_a_batch() -> None:
    """A call with more items than a batch may have is run in pieces."""
    async with running(Batches) as dispatcher:
        dispatcher.instance.target.go_on.set()  # type: ignore[union-attr]  # it runs
        assert await ask(dispatcher, "double", numbers=list(range(10))) == [n * 2 for n in range(10)]
        assert [len(batch) for batch in dispatcher.instance.target.batches] == [4, 4, 2]  # type: ignore[union-attr]


async def test_arrays_of_two_widths() -> None:
    """Arrays that cannot be joined are answered all the same, in as few runs as there are kinds."""
    async with running(Batches) as dispatcher:
        narrow, wide = np.ones((1, 2)), np.ones((1, 3))
        target, answers = await behind(dispatcher, "scale", narrow, narrow, wide, narrow, wide)
        assert [answer.shape for answer in answers] == [(1, 2), (1, 2), (1, 3), (1, 2), (1, 3)]
        assert target.batches == [[1, 2], [2, 2], [2, 3]]


async def test_a_failed_batch_fails_for_all() -> None:
    """Without `isolate` the calls of a failed batch all fail, and the next batch is answered."""
    async with running(Batches) as dispatcher:
        _, answers = await behind(dispatcher, "double", [0], [1], [99])
        assert [type(answer) for answer in answers] == [list, ValueError, ValueError]
        assert await ask(dispatcher, "double", numbers=[5]) == [10]


async def test_isolation() -> None:
    """With `isolate` only the bad call fails."""
    async with running(Batches) as dispatcher:
        _, answers = await behind(dispatcher, "careful", [0], [1], [99], [2], [3])
        assert [type(answer) for answer in answers] == [list, list, ValueError, list, list]


async def test_wrong_length() -> None:
    """A method that loses an item is told so at its first call."""
    async with running(Batches) as dispatcher:
        dispatcher.instance.target.go_on.set()  # type: ignore[union-attr]  # it runs
        with pytest.raises(Misfit, match="a batch of 2 items must be answered by as many, not 1"):
            await ask(dispatcher, "broken", numbers=[1, 2])


async def test_max_latency() -> None:
    """A call that has waited too long is shed with 503 and a time to come back, and its batch runs without it."""
    async with running(Batches) as dispatcher:
        target, answers = await behind(dispatcher, "strict", [0], [1])
        assert answers[0] == [0]
        assert isinstance(answers[1], Unavailable)
        assert "within 10 ms" in str(answers[1])
        assert answers[1].retry_after == 1
        assert target.batches == [[0]]


async def test_shedding_by_what_batches_cost() -> None:
    """Once batches are known to be slow, a call that could not be answered in time is refused before it runs."""

    @ekiben.service
    class Slow:
        runs = 0

        @ekiben.api(batchable=True, max_latency_ms=40)
        def wait(self, numbers: list[int]) -> list[int]:
            self.runs += 1
            time.sleep(0.05)
            return numbers

    async with running(Slow) as dispatcher:
        assert await ask(dispatcher, "wait", numbers=[1]) == [1]
        with pytest.raises(Unavailable):
            await ask(dispatcher, "wait", numbers=[1])
        assert dispatcher.instance.target.runs == 1  # type: ignore[union-attr]  # it runs


async def test_max_wait() -> None:
    """A batch waits for `max_wait_ms` or until it is full; a call of another endpoint passes it meanwhile."""
    async with running(Batches) as dispatcher:
        target = dispatcher.instance.target  # type: ignore[union-attr]  # it runs
        target.go_on.set()
        waiting = [asyncio.create_task(ask(dispatcher, "patient", numbers=[n])) for n in (1, 2)]
        assert await ask(dispatcher, "double", numbers=[5]) == [10]
        assert not any(call.done() for call in waiting)
        assert dispatcher.waiting == 2
        waiting.append(asyncio.create_task(ask(dispatcher, "patient", numbers=[3])))
        assert await asyncio.gather(*waiting) == [[1], [2], [3]]
        assert target.batches == [[5], [1, 2, 3]]


async def test_closed_loops_fill_batches() -> None:
    """Clients that ask again as soon as they are answered meet in whole batches, not in halves."""

    @ekiben.service
    class Model:
        def __init__(self) -> None:
            self.sizes: list[int] = []

        @ekiben.api(batchable=True)
        def run(self, numbers: list[int]) -> list[int]:
            self.sizes.append(len(numbers))
            time.sleep(0.002)
            return numbers

    async with running(Model) as dispatcher:

        async def client() -> None:
            for _ in range(20):
                await ask(dispatcher, "run", numbers=[1])

        await asyncio.gather(*(client() for _ in range(32)))
        sizes = dispatcher.instance.target.sizes  # type: ignore[union-attr]  # it runs
    assert sum(sizes) == 640
    assert sum(size >= 31 for size in sizes) >= len(sizes) // 2


async def test_several_threads_batch() -> None:
    """With several threads every call is still answered once, by its own answer."""

    @ekiben.service(threads=3)
    class Model:
        @ekiben.api(batchable=True, max_batch_size=8)
        def negate(self, x: np.ndarray) -> np.ndarray:
            return -x

        @ekiben.api
        def alone(self, n: int) -> int:
            return n

    async with running(Model) as dispatcher:
        batched = [ask(dispatcher, "negate", x=np.array([[n]])) for n in range(300)]
        others = [ask(dispatcher, "alone", n=n) for n in range(300)]
        found = await asyncio.gather(*batched, *others)
    assert [int(value[0, 0]) for value in found[:300]] == [-n for n in range(300)]
    assert found[300:] == list(range(300))


class Window:
    """Waits for three items, for as long as it takes."""

    def __init__(self) -> None:
        self.asked: list[Moment] = []
        self.learned: list[int] = []

    def wait(self, moment: Moment, spec: Any) -> float:
        self.asked.append(moment)
        return 30.0 if 0 < moment.items < 3 else 0.0

    def observe(self, items: int, seconds: float) -> None:
        self.learned.append(items)

    def expect(self, items: int) -> float:
        return 0.0

    def welcome(self, answered: int, returned: int) -> None:
        self.learned.append(returned)


async def test_own_policy() -> None:
    """The policy that an endpoint is given decides when its batches leave, and learns what they cost."""
    policy = Window()

    @ekiben.service
    class Model:
        def __init__(self) -> None:
            self.sizes: list[int] = []

        @ekiben.api(batchable=True, policy=policy)
        def run(self, numbers: list[int]) -> list[int]:
            self.sizes.append(len(numbers))
            return numbers

    async with running(Model) as dispatcher:
        answers = await asyncio.gather(*(ask(dispatcher, "run", numbers=[n]) for n in range(3)))
        assert answers == [[0], [1], [2]]
        assert dispatcher.instance.target.sizes == [3]  # type: ignore[union-attr]  # it runs
    assert policy.learned[0] == 3
    assert policy.asked
    assert all(0 <= moment.items <= 3 for moment in policy.asked)


async def test_a_policy_that_breaks() -> None:
    """A policy that raises ends no thread: its calls are answered by the usual policy."""

    class Broken(Window):
        def wait(self, moment: Moment, spec: Any) -> float:
            raise KeyError("mine")

    @ekiben.service
    class Model:
        @ekiben.api(batchable=True, policy=Broken())
        def run(self, numbers: list[int]) -> list[int]:
            return numbers

    async with running(Model) as dispatcher:
        for number in range(3):
            assert await ask(dispatcher, "run", numbers=[number]) == [number]


async def test_retry_after_by_what_batches_cost() -> None:
    """A call that is refused at the limit is told to come back when the batches that wait will have run."""

    @ekiben.service(traffic={"max_concurrency": 1})
    class Model:
        def __init__(self) -> None:
            self.go_on = threading.Event()

        @ekiben.api(batchable=True)
        def run(self, numbers: list[int]) -> list[int]:
            assert self.go_on.wait(60)
            return numbers

    async with running(Model) as dispatcher:
        dispatcher._batchings["run"].policy.observe(1, 41.5)
        call = asyncio.create_task(ask(dispatcher, "run", numbers=[1]))
        await asyncio.sleep(0)
        with pytest.raises(TooManyRequests) as refused:
            await ask(dispatcher, "run", numbers=[2])
        assert refused.value.retry_after == 42
        dispatcher.instance.target.go_on.set()  # type: ignore[union-attr]  # it runs
        assert await call == [1]


async def test_a_thread_that_is_stuck_is_seen() -> None:
    """A call is stuck when a thread is at it for so long beyond its time; others, and what waits, are not."""
    async with running(Batches) as dispatcher:
        target = dispatcher.instance.target  # type: ignore[union-attr]
        assert dispatcher.stuck(0.0) is None
        call = Call("double", (), {"numbers": [1]})
        waits = Call("double", (), {"numbers": [2]}, deadline=time.monotonic() - 3600)
        threads = dispatcher._threads
        assert threads is not None
        held = asyncio.create_task(dispatcher.submit(call))
        await asyncio.to_thread(target.entered.wait, 60)
        dispatcher._calls.put(waits)  # type: ignore[union-attr]
        now, end = time.monotonic(), call.deadline
        assert end is not None
        assert [threads.stuck(moment, 5.0) for moment in (now, end, end + 4.0)] == [None] * 3
        assert threads.stuck(end + 6.0, 5.0) is call
        call.deadline = now - 100.0  # it had waited for long: the time counts from when it was seen to run
        assert threads.stuck(now + 4.0, 5.0) is None
        assert threads.stuck(now + 5.0, 5.0) is call
        call.deadline = None
        assert threads.stuck(now + 9999.0, 5.0) is None
        waits.answer = asyncio.get_running_loop().create_future()
        waits.answer.cancel()
        call.deadline = now
        target.go_on.set()
        assert await held == [2]
        async with asyncio.timeout(60):
            while threads._runs != [()]:
                await asyncio.sleep(0.001)
        assert threads.stuck(now + 9999.0, 5.0) is None

"""`async def` endpoints: on the loop, with deadlines, and batched where they ask for it."""

import asyncio
import functools
import threading
from collections.abc import Callable
from typing import Any

import pytest

import ekiben
from ekiben.core.errors import DeadlineExceeded, Unavailable
from tests.engine.running import ask, running


@ekiben.service
class Async:
    """What the tests call."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.go_on = asyncio.Event()
        self.batches: list[list[int]] = []

    @ekiben.api
    async def where(self) -> bool:
        return asyncio.get_running_loop() is self.loop

    @ekiben.api
    def thread(self) -> int:
        return threading.get_ident()

    @ekiben.api(timeout=0.02)
    async def forever(self) -> None:
        await asyncio.Event().wait()

    @ekiben.api
    async def fail(self, what: str) -> None:
        errors: dict[str, BaseException] = {
            "timeout": TimeoutError("theirs"),
            "exit": SystemExit(3),
            "cancelled": asyncio.CancelledError(),
        }
        raise errors[what]

    @ekiben.api(batchable=True, max_batch_size=4)
    async def batch(self, numbers: list[int]) -> list[int]:
        self.batches.append(numbers)
        if 99 in numbers:
            raise ValueError("99")
        await self.go_on.wait()
        return [number * 2 for number in numbers]

    @ekiben.api(batchable=True, isolate=True)
    async def careful(self, numbers: list[int]) -> list[int]:
        self.batches.append(numbers)
        if 99 in numbers:
            raise ValueError("99")
        return numbers


async def test_on_the_loop() -> None:
    """An async service is made on the event loop and answers there; its sync methods still have their thread."""
    async with running(Async) as dispatcher:
        assert await ask(dispatcher, "where") is True
        assert await ask(dispatcher, "thread") != threading.get_ident()


async def test_deadline() -> None:
    """A coroutine that takes too long is cancelled, and its caller told."""
    async with running(Async) as dispatcher:
        with pytest.raises(DeadlineExceeded, match=r"0\.02 seconds"):
            await ask(dispatcher, "forever")
        assert dispatcher.admission.inside == 0


@pytest.mark.parametrize(
    ("what", "error", "words"),
    [
        pytest.param("timeout", TimeoutError, "theirs", id="a timeout of its own is no deadline"),
        pytest.param("exit", RuntimeError, "raised SystemExit: 3", id="an exit does not end the loop"),
        pytest.param("cancelled", RuntimeError, "raised CancelledError", id="a cancellation does not look like ours"),
    ],
)
async def test_what_a_coroutine_raises(what: str, error: type[Exception], words: str) -> None:
    """Whatever a coroutine raises reaches its caller as an ordinary error."""
    async with running(Async) as dispatcher:
        with pytest.raises(error, match=words) as caught:
            await ask(dispatcher, "fail", what=what)
        assert type(caught.value) is error


async def test_a_caller_that_leaves() -> None:
    """A call whose caller leaves is cancelled, and leaves the count of those inside."""
    async with running(Async) as dispatcher:
        call = asyncio.create_task(ask(dispatcher, "forever"))
        await asyncio.sleep(0)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert dispatcher.admission.inside == 0


async def test_batches() -> None:
    """The first call starts at once; what comes while it runs is the next batch, within `max_batch_size`."""
    async with running(Async) as dispatcher:
        target = dispatcher.instance.target  # type: ignore[union-attr]  # it runs
        calls = [asyncio.create_task(ask(dispatcher, "batch", numbers=[0]))]
        while not target.batches:
            await asyncio.sleep(0)
        calls += [asyncio.create_task(ask(dispatcher, "batch", numbers=[n])) for n in range(1, 7)]
        await asyncio.sleep(0)
        target.go_on.set()
        assert await asyncio.gather(*calls) == [[n * 2] for n in range(7)]
        assert target.batches == [[0], [1, 2, 3, 4], [5, 6]]
        counts = dispatcher.batches["batch"]
        assert (counts.batches, counts.items) == (3, 7)


async def test_a_failed_batch() -> None:
    """All calls of a failed batch fail; with `isolate` only the bad one."""
    async with running(Async) as dispatcher:
        dispatcher.instance.target.go_on.set()  # type: ignore[union-attr]  # it runs
        both = await asyncio.gather(*(ask(dispatcher, "batch", numbers=[n]) for n in (1, 99)), return_exceptions=True)
        assert [type(one) for one in both] == [ValueError, ValueError]
        both = await asyncio.gather(*(ask(dispatcher, "careful", numbers=[n]) for n in (1, 99)), return_exceptions=True)
        assert both[0] == [1]
        assert isinstance(both[1], ValueError)


async def test_waiting_and_shedding() -> None:
    """`max_wait_ms` lets a batch fill; `max_latency_ms` sheds what has waited too long behind another batch."""

    @ekiben.service
    class Lanes:
        def __init__(self) -> None:
            self.batches: list[list[int]] = []
            self.go_on = asyncio.Event()

        @ekiben.api(batchable=True, max_batch_size=2, max_wait_ms=30_000)
        async def patient(self, numbers: list[int]) -> list[int]:
            self.batches.append(numbers)
            return numbers

        @ekiben.api(batchable=True, max_latency_ms=10)
        async def strict(self, numbers: list[int]) -> list[int]:
            self.batches.append(numbers)
            await self.go_on.wait()
            return numbers

    async with running(Lanes) as dispatcher:
        target = dispatcher.instance.target  # type: ignore[union-attr]  # it runs
        first = asyncio.create_task(ask(dispatcher, "patient", numbers=[1]))
        await asyncio.sleep(0.01)
        assert target.batches == []
        assert await ask(dispatcher, "patient", numbers=[2]) == [2]
        assert await first == [1]
        assert target.batches == [[1, 2]]

        running_one = asyncio.create_task(ask(dispatcher, "strict", numbers=[1]))
        await asyncio.sleep(0)
        late = asyncio.create_task(ask(dispatcher, "strict", numbers=[2]))
        await asyncio.sleep(0.02)
        target.go_on.set()
        assert await running_one == [1]
        with pytest.raises(Unavailable, match=r"within 10 ms \(`max_latency_ms`\)"):
            await late


async def test_stopping_in_the_middle_of_a_batch() -> None:
    """A batch that runs when the drain is over is cancelled, and no task stays."""
    tasks = asyncio.all_tasks()
    async with running(Async) as dispatcher:
        call = asyncio.create_task(ask(dispatcher, "batch", numbers=[1]))
        await asyncio.sleep(0.01)
        await dispatcher.stop(drain=0.01)
        call.cancel()
        await asyncio.wait([call])
        await asyncio.sleep(0)
    assert asyncio.all_tasks() == tasks


async def test_a_decorator_that_hides_a_coroutine() -> None:
    """A wrapper that is no `async def` itself and gives the coroutine of one is awaited."""

    def hiding(function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            return function(*args, **kwargs)

        return wrapper

    @ekiben.service
    class Hidden:
        @ekiben.api
        @hiding
        async def double(self, number: int) -> int:
            return number * 2

    async with running(Hidden) as dispatcher:
        assert await ask(dispatcher, "double", number=2) == 4


@ekiben.service(inline=True)
class Inline:
    """Sync methods that promise to be short."""

    @ekiben.api
    def thread(self) -> int:
        return threading.get_ident()

    @ekiben.api
    def fail(self) -> None:
        raise SystemExit("theirs")

    @ekiben.api(batchable=True, max_batch_size=4)
    def double(self, x: list[int]) -> list[int]:
        return [2 * each for each in x]


async def test_inline() -> None:
    """With `inline` sync methods run on the loop, batched or not, and none of them can end it."""
    async with running(Inline) as service:
        assert await ask(service, "thread") == threading.get_ident()
        with pytest.raises(RuntimeError, match="SystemExit: theirs"):
            await ask(service, "fail")
        assert await asyncio.gather(*(ask(service, "double", [n]) for n in range(6))) == [[2 * n] for n in range(6)]
        assert service.batches["double"].batches < 6, "calls that wait are joined"

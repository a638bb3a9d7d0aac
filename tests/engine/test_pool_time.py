"""The front of workers apart keeps to each endpoint's time, and gives up a worker that does not."""

import asyncio
import threading

import pytest

import ekiben
from ekiben.core.errors import DeadlineExceeded
from tests.engine.linked import linked, until

GATE = threading.Event()


@ekiben.service(traffic={"timeout": 0.05, "kill_after": 0.05})
class Stuck:
    """Does not end in time."""

    @ekiben.api
    def hold(self, name: str) -> str:
        """Wait for a gate."""
        assert GATE.wait(60)
        return name


async def test_a_worker_whose_call_is_stuck_is_replaced() -> None:
    """A call that goes on `kill_after` beyond its time has its worker replaced, which gets no more calls."""
    async with linked(Stuck) as found:
        with pytest.raises(DeadlineExceeded):
            await found.ask("hold", name="a")
        assert found.broken == []
        await until(lambda: bool(found.broken))
        assert found.broken == [(0, "a call of `hold` went on 0.05 seconds beyond its time")]
        assert not found.pool.is_ready
        GATE.set()


@ekiben.service
class Unalike:
    """Batches one thing patiently, another one soon."""

    @ekiben.api(batchable=True, max_batch_size=100, max_wait_ms=60_000, max_latency_ms=120_000)
    def late(self, numbers: list[int]) -> list[int]:
        """Give them back."""
        return numbers

    @ekiben.api(batchable=True, max_batch_size=100, max_wait_ms=20, max_latency_ms=120_000)
    def soon(self, numbers: list[int]) -> list[int]:
        """Give them back."""
        return numbers


async def test_what_is_due_first_sets_the_clock() -> None:
    """A call that may wait for long does not keep one of another endpoint that may not."""
    async with linked(Unalike) as found:
        patient = asyncio.create_task(found.ask("late", numbers=[1]))
        await until(lambda: found.pool.waiting == 1)
        async with asyncio.timeout(30):
            assert await found.ask("soon", numbers=[2]) == [2]
        assert not patient.done()
        patient.cancel()

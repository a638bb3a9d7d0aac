"""A call whose client left is dropped; all others are left alone."""

import asyncio
from typing import Any

import pytest

from ekiben.http.body import ClientLeft
from ekiben.http.watch import Watch


async def forever() -> Any:
    await asyncio.Event().wait()


async def leaves() -> Any:
    return {"type": "http.disconnect"}


async def test_left() -> None:
    """Once the client is gone the call is cancelled and ClientLeft raised; nothing of it is kept."""
    watch = Watch(after=0.005)
    cancelled = asyncio.Event()

    async def call() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    with pytest.raises(ClientLeft):
        await watch.over(call(), leaves)
    assert cancelled.is_set()
    assert watch.is_empty
    current = asyncio.current_task()
    assert current is not None
    assert current.cancelling() == 0


async def test_stays() -> None:
    """A call that is answered while its client waits gives its value, however long it took."""
    watch = Watch(after=0.001)
    assert await watch.over(asyncio.sleep(0.05, "value"), forever) == "value"
    assert await watch.over(asyncio.sleep(0, "at once"), forever) == "at once"
    assert watch.is_empty


async def test_cancelled_from_outside() -> None:
    """A cancellation that is not ours stays a cancellation."""
    watch = Watch(after=0.001)
    task = asyncio.create_task(watch.over(forever(), forever))
    await asyncio.sleep(0.02)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert watch.is_empty


async def test_errors_pass() -> None:
    """What the call raises is what is raised."""

    async def fails() -> None:
        await asyncio.sleep(0.02)
        raise ValueError("own")

    watch = Watch(after=0.001)
    with pytest.raises(ValueError, match="own"):
        await watch.over(fails(), forever)
    assert watch.is_empty

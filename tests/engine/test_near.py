"""What stands in for a service of this process never stops the event loop."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from ekiben.engine.near import Blocking, Near


class Inner:
    """Gives pieces."""

    async def pieces(self, n: int) -> AsyncIterator[int]:
        for i in range(n):
            yield i

    async def answer(self) -> str:
        return "there"


async def test_an_async_generator_is_not_waited_for_on_its_own_loop() -> None:
    """`to_sync` of an async generator raises on the event loop, which it would stop for ever; a thread may wait."""
    near = Near(Inner(), asyncio.get_running_loop(), streams=["pieces"])
    with pytest.raises(RuntimeError, match="cannot be waited for on the event loop: write `async for`"):
        near.to_sync.pieces(2)
    assert await asyncio.to_thread(lambda: list(near.to_sync.pieces(2))) == [0, 1]


async def test_an_async_method_is_not_waited_for_on_a_running_loop() -> None:
    """`to_sync` of an async method raises on the event loop, whether it would run on that or on one of its own."""
    for loop in (asyncio.get_running_loop(), None):
        near = Near(Inner(), loop)
        with pytest.raises(Blocking, match="cannot be waited for on the event loop: write `await`"):
            near.to_sync.answer()
        if loop is None:
            assert await asyncio.to_thread(near.to_sync.answer) == "there"

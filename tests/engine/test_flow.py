"""Generators are iterated the other way: sync ones by `async for`, async ones by `for`."""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from ekiben.engine.flow import pieces_of, waited


class Pieces:
    """Gives pieces, and notes where and that it ended."""

    def __init__(self) -> None:
        self.ended = False
        self.threads: set[int] = set()

    def sync(self, n: int) -> Iterator[int]:
        try:
            for i in range(n):
                self.threads.add(threading.get_ident())
                yield i
            if n > 5:
                raise KeyError("too many")
        finally:
            self.ended = True

    async def later(self, n: int) -> AsyncIterator[int]:
        try:
            for i in range(n):
                await asyncio.sleep(0)
                yield i
        finally:
            self.ended = True

    async def given(self, n: int) -> AsyncIterator[int]:
        return self.later(n)

    def wrong(self) -> str:
        return "text"


@pytest.mark.parametrize("method", ["sync", "later", "given"])
async def test_by_async_for(method: str) -> None:
    """Every kind of generator method is one for `async for`; a sync one never runs on the event loop."""
    pieces = Pieces()
    assert [piece async for piece in pieces_of(getattr(pieces, method), 3)] == [0, 1, 2]
    assert pieces.ended
    assert threading.get_ident() not in pieces.threads


@pytest.mark.parametrize("method", ["sync", "later"])
async def test_whoever_leaves_ends_it(method: str) -> None:
    """Closing early runs the generator's `finally`."""
    pieces = Pieces()
    found: Any = pieces_of(getattr(pieces, method), 1000)
    assert await anext(found) == 0
    assert not pieces.ended
    await found.aclose()
    assert pieces.ended


async def test_errors_come_after_the_pieces() -> None:
    """What the generator raises is raised; what is no generator is refused."""
    found: list[int] = []

    async def read() -> None:
        async for piece in pieces_of(Pieces().sync, 6):
            found.append(piece)

    with pytest.raises(KeyError, match="too many"):
        await read()
    assert found == list(range(6))
    with pytest.raises(TypeError, match="must give an iterator of pieces: str"):
        await anext(pieces_of(Pieces().wrong))


def test_plain_code_waits() -> None:
    """An async generator is one for `for`, on a loop of its own."""
    pieces = Pieces()
    assert list(waited(pieces.later(3), None)) == [0, 1, 2]
    found = waited(pieces.later(1000), None)
    pieces.ended = False
    assert next(found) == 0
    found.close()  # type: ignore[attr-defined]  # mypy: it is a generator
    assert pieces.ended


async def test_plain_code_on_a_thread_waits_for_the_loop() -> None:
    """On another thread it is one for `for`, too; leaving early ends it on its loop."""
    pieces = Pieces()
    loop = asyncio.get_running_loop()
    assert await asyncio.to_thread(lambda: list(waited(pieces.later(3), loop))) == [0, 1, 2]
    pieces.ended = False

    def leave() -> None:
        for piece in waited(pieces.later(1000), loop):
            if piece == 2:
                return

    await asyncio.to_thread(leave)
    async with asyncio.timeout(30):
        while not pieces.ended:
            await asyncio.sleep(0.01)


async def test_a_reader_cancelled_amid_a_piece_ends_it() -> None:
    """A reader that is cancelled while a thread makes a piece is cancelled, and the generator ends after it."""
    begun, go_on, ended = threading.Event(), threading.Event(), threading.Event()

    def slow() -> Iterator[int]:
        try:
            begun.set()
            go_on.wait(30)
            yield 1
            yield 2
        finally:
            ended.set()

    async def read() -> list[int]:
        return [piece async for piece in pieces_of(slow)]

    reader = asyncio.ensure_future(read())
    await asyncio.to_thread(begun.wait, 30)
    reader.cancel()
    await asyncio.sleep(0)  # it begins to close what is not to be closed yet
    asyncio.get_running_loop().call_later(0.05, go_on.set)
    with pytest.raises(asyncio.CancelledError):
        await reader
    assert ended.is_set()

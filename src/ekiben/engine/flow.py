"""Iterate a sync generator by `async for`, and an async one by `for`.

In: a method of this process that gives pieces, or an async iterator. Out: an iterator of the other kind. Whoever ends
early closes the generator.
"""

import asyncio
import inspect
import threading
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterator
from functools import partial
from typing import Any

from ekiben.engine.streams import iterator_of

END: Any = object()  # behind the last piece


async def pieces_of(method: Callable[..., Any], *args: Any, **kwargs: Any) -> AsyncIterator[Any]:
    """Give the pieces of a generator in this process; a sync one runs on threads."""
    if inspect.iscoroutinefunction(method):
        found = await method(*args, **kwargs)
    else:
        found = await asyncio.to_thread(method, *args, **kwargs)
    if isinstance(found, AsyncIterable):
        pieces: Any = aiter(found)
        try:
            async for piece in pieces:
                yield piece
        finally:
            await end_of(pieces)
        return
    sync = iterator_of(found, getattr(method, "__name__", "a generator"))
    lock = threading.Lock()  # a thread may be at the next piece when its reader is cancelled

    def locked(verb: Callable[..., Any], *args: Any) -> Any:
        with lock:
            return verb(*args)

    try:
        while (piece := await asyncio.to_thread(locked, next, sync, END)) is not END:
            yield piece
    finally:
        await asyncio.to_thread(locked, getattr(sync, "close", nothing))


def waited(pieces: AsyncIterator[Any], loop: asyncio.AbstractEventLoop | None) -> Iterator[Any]:
    """Give the pieces of an async iterator to plain code, which waits for each.

    Args:
        pieces: the iterator.
        loop: that it belongs to, which runs on another thread; None: one of their own.
    """
    if loop is None:
        with asyncio.Runner() as runner:
            try:
                while (piece := runner.run(step(pieces))) is not END:
                    yield piece
            finally:
                runner.run(end_of(pieces))
        return
    try:
        while (piece := asyncio.run_coroutine_threadsafe(step(pieces), loop).result()) is not END:
            yield piece
    finally:
        loop.call_soon_threadsafe(partial(asyncio.ensure_future, end_of(pieces), loop=loop))


async def step(pieces: AsyncIterator[Any]) -> Any:
    """Give the next piece, or END."""
    return await anext(pieces, END)


async def end_of(pieces: Any) -> None:
    """Close an async generator; any other iterator has no end of its own."""
    close = getattr(pieces, "aclose", None)
    if close is not None:
        await close()


def nothing() -> None:
    """Do nothing."""

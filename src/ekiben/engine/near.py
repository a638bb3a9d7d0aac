"""What a service has in place of one in the same process that it depends on.

In: an instance. Out: whatever it has, as plain calls, and two faces more: `to_async` gives its methods as coroutines,
`to_sync` as plain methods, so that the same code runs when the other is in another process (`engine/handle`).
"""

import asyncio
import inspect
import time
from collections.abc import Callable, Collection, Coroutine, Iterator, Mapping
from functools import partial
from typing import Any

from ekiben.core.context import Context
from ekiben.core.deadline import remaining
from ekiben.core.running import running
from ekiben.engine.flow import pieces_of, waited


class Blocking(RuntimeError):
    """A plain call on the event loop, which nothing else could use meanwhile."""


def inner_context() -> Context:
    """Make the context of a call within another one, which has no more time than that."""
    left = remaining()
    return Context(request_id=running().request_id, deadline=None if left is None else time.monotonic() + left)


class Faces:
    """The same methods, all called in one way."""

    def __init__(self, find: Callable[[str], Any], face: Callable[[Any], Callable[..., Any]]) -> None:
        self._find = find
        self._face = face

    def __getattr__(self, name: str) -> Callable[..., Any]:
        """Give a method."""
        if name.startswith("__"):
            raise AttributeError(name)
        return self._face(self._find(name))


class Near:
    """An instance in this process: whatever it has, and the two faces.

    Args:
        target: the instance.
        loop: that its `async def` methods run on; None: one of their own.
        contexts: by method, the parameter that takes a `Context`, which a caller need not give.
        streams: methods that give pieces.
    """

    def __init__(
        self,
        target: Any,
        loop: asyncio.AbstractEventLoop | None = None,
        contexts: Mapping[str, str] | None = None,
        streams: Collection[str] = (),
    ) -> None:
        self.__dict__["_target"] = target
        self.__dict__["_contexts"] = contexts or {}
        found = Named(self.__getattr__, frozenset(streams))
        self.__dict__["to_async"] = Faces(found, face_async)
        self.__dict__["to_sync"] = Faces(found, lambda one: face_sync(one, loop))

    def __getattr__(self, name: str) -> Any:
        """Give what the instance has; a method that takes a `Context` with a new one."""
        found = getattr(self.__dict__["_target"], name)
        parameter = self.__dict__["_contexts"].get(name)
        return found if parameter is None else partial(found, **{parameter: inner_context()})

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the instance itself, where its class can be called."""
        return self.__dict__["_target"](*args, **kwargs)

    @property  # type: ignore[misc]  # mypy: `__class__` is settable elsewhere
    def __class__(self) -> type:
        """Be an instance of its class for whoever asks."""
        return type(self.__dict__["_target"])

    def __setattr__(self, name: str, value: Any) -> None:
        """Set it on the instance."""
        setattr(self.__dict__["_target"], name, value)

    def __repr__(self) -> str:
        return repr(self.__dict__["_target"])


class Named:
    """Finds a method, and says whether it gives pieces."""

    def __init__(self, find: Callable[[str], Any], streams: frozenset[str]) -> None:
        self._find = find
        self._streams = streams

    def __call__(self, name: str) -> tuple[Any, bool]:
        """Give a method."""
        return self._find(name), name in self._streams


def face_async(found: tuple[Callable[..., Any], bool]) -> Callable[..., Any]:
    """Give a method that is awaited; one of pieces is for `async for`."""
    method, is_stream = found
    return partial(pieces_of, method) if is_stream else as_coroutine(method)


def face_sync(found: tuple[Callable[..., Any], bool], loop: asyncio.AbstractEventLoop | None) -> Callable[..., Any]:
    """Give the same to plain code, which waits."""
    method, is_stream = found
    return as_iterator(method, loop) if is_stream else as_plain(method, loop)


def as_iterator(method: Callable[..., Any], loop: asyncio.AbstractEventLoop | None) -> Callable[..., Iterator[Any]]:
    """Give a method whose pieces plain code waits for; async ones come on *loop*."""

    def call(*args: Any, **kwargs: Any) -> Iterator[Any]:
        found = method(*args, **kwargs)
        if not hasattr(found, "__anext__"):
            return iter(found)
        if loop is not None and is_running(loop):
            raise Blocking("an `async def` generator cannot be waited for on the event loop: write `async for`")
        return waited(found, loop)

    return call


def as_coroutine(method: Callable[..., Any]) -> Callable[..., Coroutine[Any, Any, Any]]:
    """Give a method as a coroutine; a sync one runs on a thread."""

    async def call(*args: Any, **kwargs: Any) -> Any:
        if inspect.iscoroutinefunction(method):
            return await method(*args, **kwargs)
        return await asyncio.to_thread(method, *args, **kwargs)

    return call


def as_plain(method: Callable[..., Any], loop: asyncio.AbstractEventLoop | None) -> Callable[..., Any]:
    """Give a method that waits; an `async def` one runs on *loop*."""

    def call(*args: Any, **kwargs: Any) -> Any:
        if not inspect.iscoroutinefunction(method):
            return method(*args, **kwargs)
        if is_running(loop):
            raise Blocking("an `async def` method cannot be waited for on the event loop: write `await`")
        if loop is None:
            return asyncio.run(method(*args, **kwargs))
        return asyncio.run_coroutine_threadsafe(method(*args, **kwargs), loop).result()

    return call


def is_running(loop: asyncio.AbstractEventLoop | None) -> bool:
    """Say whether this very code runs on *loop*; None: on any."""
    try:
        return asyncio.get_running_loop() is loop or loop is None
    except RuntimeError:
        return False

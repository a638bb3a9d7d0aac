"""What a service has in place of one that it depends on, where that is in the same process.

In: an instance. Out: whatever it has, as plain calls, and two faces more: `to_async` gives its methods as coroutines,
`to_sync` as plain methods, so that the same code runs when the other is in another process (`engine/handle`).
"""

import asyncio
import inspect
from collections.abc import Callable, Coroutine
from typing import Any


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
    """

    def __init__(self, target: Any, loop: asyncio.AbstractEventLoop | None = None) -> None:
        self.__dict__["_target"] = target
        self.__dict__["to_async"] = Faces(lambda name: getattr(target, name), as_coroutine)
        self.__dict__["to_sync"] = Faces(lambda name: getattr(target, name), lambda method: as_plain(method, loop))

    def __getattr__(self, name: str) -> Any:
        """Give what the instance has."""
        return getattr(self.__dict__["_target"], name)

    def __setattr__(self, name: str, value: Any) -> None:
        """Set it on the instance."""
        setattr(self.__dict__["_target"], name, value)

    def __repr__(self) -> str:
        return repr(self.__dict__["_target"])


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
        if loop is None:
            return asyncio.run(method(*args, **kwargs))
        if is_running(loop):
            raise RuntimeError("an `async def` method cannot be waited for on the event loop: write `await`")
        return asyncio.run_coroutine_threadsafe(method(*args, **kwargs), loop).result()

    return call


def is_running(loop: asyncio.AbstractEventLoop) -> bool:
    """Say whether this very code runs on *loop*."""
    try:
        return asyncio.get_running_loop() is loop
    except RuntimeError:
        return False

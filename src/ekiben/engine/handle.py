"""What a service has in place of one that it depends on.

In: the other service, in another process. Out: an object with its methods, sync and async as they were written;
`to_async` has all of them as coroutines, `to_sync` all as plain methods.
"""

import asyncio
import difflib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from functools import partial
from typing import Any

from ekiben.core.deadline import remaining
from ekiben.core.errors import DeadlineExceeded
from ekiben.core.running import running
from ekiben.core.spec import BoundService
from ekiben.engine.flow import waited
from ekiben.engine.incoming import Incoming
from ekiben.engine.job import Done
from ekiben.engine.near import Blocking, Faces, is_running
from ekiben.engine.parcel import pack
from ekiben.engine.parts import values_of
from ekiben.engine.readers import piece_reader, result_reader
from ekiben.engine.values import FORM, binder, read_answer
from ekiben.engine.wire import Buffer

# Passes a call on: service, endpoint, head, buffers, deadline; runs on the event loop.
Send = Callable[[str, str, Any, Sequence[Buffer], float | None], Awaitable[Done]]

# Asks for a stream, as `Send` does for an answer.
Open = Callable[[str, str, Any, Sequence[Buffer], float | None], Incoming]

GRACE = 0.05  # seconds beyond the running call's, so that its own limit ends it, and is the one that is told


class Method:
    """One method of a service in another process."""

    def __init__(self, bound: BoundService, endpoint: str, send: Send, loop: asyncio.AbstractEventLoop) -> None:
        self._service = bound.spec.name
        self._endpoint = endpoint
        self._signature = bound.signatures[endpoint]
        self._bind = binder(self._signature)
        self._read = (piece_reader if self._signature.is_stream else result_reader)(self._signature)
        self._send = send
        self._loop = loop
        self.is_async = self._signature.is_async

    def sync(self, *args: Any, **kwargs: Any) -> Any:
        """Call it, and wait; raises what it raised there."""
        if is_running(self._loop):
            raise Blocking(
                f"`{self._service}.{self._endpoint}` cannot be waited for on the event loop, which nothing else could"
                f" use meanwhile: write `await self.….to_async.{self._endpoint}(…)`"
            )
        sent = asyncio.run_coroutine_threadsafe(self._sent(*self._packed(args, kwargs)), self._loop)
        try:
            return read_answer(sent.result(), self._read)
        finally:
            sent.cancel()

    async def later(self, *args: Any, **kwargs: Any) -> Any:
        """Call it; raises what it raised there."""
        return read_answer(await self._sent(*self._packed(args, kwargs)), self._read)

    def _packed(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, list[Buffer], float | None]:
        left = remaining()
        if left == 0.0:
            raise DeadlineExceeded("the running call has no time left for another one")
        try:
            buffers = pack(self._bind(args, kwargs))
        except TypeError as error:
            raise TypeError(f"`{self._service}.{self._endpoint}`: {error}") from None
        whose = running()
        head = [FORM, whose.request_id, dict(whose.outgoing())]
        return head, buffers, None if left is None else time.monotonic() + left + GRACE

    async def _sent(self, head: Any, buffers: Sequence[Buffer], deadline: float | None) -> Done:
        return await self._send(self._service, self._endpoint, head, buffers, deadline)


class StreamMethod(Method):
    """One method of a service in another process that gives pieces.

    Args:
        method: what `Method` takes.
        open: asks for a stream.
    """

    def __init__(self, bound: BoundService, endpoint: str, open: Open, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(bound, endpoint, no_answer, loop)
        self._open = open

    def sync(self, *args: Any, **kwargs: Any) -> Any:
        """Give the pieces to plain code, which waits; raises what was raised there."""
        if is_running(self._loop):
            raise Blocking(
                f"`{self._service}.{self._endpoint}` cannot be waited for on the event loop: write `async for` over"
                f" `self.….to_async.{self._endpoint}(…)`"
            )
        return waited(self._pieces(args, kwargs), self._loop)

    def later(self, *args: Any, **kwargs: Any) -> Any:
        """Give the pieces by `async for`; raises what was raised there."""
        return self._pieces(args, kwargs)

    def _pieces(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> AsyncIterator[Any]:
        head, buffers, due = self._packed(args, kwargs)
        return values_of(partial(self._open, self._service, self._endpoint, head, buffers, due), self._read)


async def no_answer(*_: Any) -> Done:
    """Refuse to answer at once what comes in pieces."""
    raise AssertionError("a stream has no single answer")


class Far:
    """The methods of a service in another process.

    Args:
        bound: the service.
        send: passes a call on.
        loop: where *send* runs.
        open: asks for a stream.
    """

    def __init__(self, bound: BoundService, send: Send, loop: asyncio.AbstractEventLoop, open: Open) -> None:
        self._name = bound.spec.name
        self._methods = {
            bound.methods.get(each.name, each.name): StreamMethod(bound, each.name, open, loop)
            if each.stream
            else Method(bound, each.name, send, loop)
            for each in bound.spec.endpoints
        }
        self.to_async = Faces(self._find, lambda method: method.later)
        self.to_sync = Faces(self._find, lambda method: method.sync)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        """Give a method, as its class has it: `async def` ones give a coroutine."""
        method = self._find(name)
        return method.later if method.is_async else method.sync

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the endpoint that is the other's own call."""
        return self.__getattr__("__call__")(*args, **kwargs)

    def _find(self, name: str) -> Method:
        found = self.__dict__.get("_methods", {}).get(name)
        if found is None:
            near = difflib.get_close_matches(name, self.__dict__.get("_methods", ()), 1)
            raise AttributeError(
                f"`{self.__dict__.get('_name')}` runs in another process, where only its endpoints are reached, and"
                f" has none called `{name}`" + (f"; did you mean `{near[0]}`?" if near else "")
            )
        return found  # type: ignore[no-any-return]  # mypy: __dict__ is untyped

    def __repr__(self) -> str:
        return f"<the service {self._name}, in another process>"

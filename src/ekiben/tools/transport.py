"""Carry requests to an app in this process, and its answers back piece by piece.

In: an ASGI app. Out: transports for httpx, async and plain. httpx has one of its own, which collects an answer first;
here a stream comes as it is made, is paused where nobody reads, and a client that closes it has left, as over a socket.
Source: the ASGI specification 3.0, HTTP connection scope.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Coroutine, Iterator
from typing import Any, Protocol, TypeVar

import httpx

from ekiben.http.exchange import AsgiApp, Message, Scope

T = TypeVar("T")
PATIENCE = 5.0  # seconds that an app has to notice that its client left, before it is cancelled
AHEAD = 2  # pieces that wait for their reader before the app does


class Loop(Protocol):
    """An event loop elsewhere."""

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine to its end."""


class Talk(httpx.AsyncByteStream):
    """One request and its answer; the body of the answer is its own stream."""

    def __init__(self, body: bytes) -> None:
        self._body: bytes | None = body
        self._pieces: deque[bytes] = deque()
        self._changed = asyncio.Event()
        self._is_complete = False
        self._has_left = False
        self._task: asyncio.Task[None] | None = None
        self.head: Message | None = None

    async def begin(self, app: AsgiApp, scope: Scope) -> Message:
        """Call the app, and wait for the head of its answer; raises what it raises before."""
        self._task = asyncio.create_task(self._run(app, scope))
        try:
            while self.head is None:
                if self._task.done():
                    self._task.result()
                    raise RuntimeError("the app gave no answer")
                await self._change()
        except asyncio.CancelledError:
            self._task.cancel()
            raise
        return self.head

    async def receive(self) -> Message:
        """Give the request's body, then wait until the client has left."""
        body, self._body = self._body, None
        if body is not None:
            return {"type": "http.request", "body": body, "more_body": False}
        while not (self._has_left or self._is_complete):
            await self._change()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        """Take a part of the answer; wait where too many parts wait already."""
        if message["type"] == "http.response.start":
            self.head = message
        elif not self._has_left:
            if message.get("body"):
                self._pieces.append(message["body"])
            self._is_complete = not message.get("more_body", False)
        self._tell()
        while len(self._pieces) > AHEAD and not self._has_left:
            await self._change()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Give the body as it comes; raises RemoteProtocolError where it breaks off."""
        assert self._task is not None
        while True:
            if self._pieces:
                piece = self._pieces.popleft()
                self._tell()
                yield piece
            elif self._is_complete:
                return
            elif self._task.done():
                raise httpx.RemoteProtocolError("the app broke its answer off")
            else:
                await self._change()

    async def aclose(self) -> None:
        """Leave; wait for the app to notice."""
        self._has_left = True
        self._tell()
        if self._task is not None:
            await asyncio.wait({self._task}, timeout=PATIENCE)
            self._task.cancel()
            if self._task.done() and not self._task.cancelled():
                self._task.exception()  # the app has logged it

    async def _run(self, app: AsgiApp, scope: Scope) -> None:
        try:
            await app(scope, self.receive, self.send)
        finally:
            self._tell()

    def _tell(self) -> None:
        self._changed.set()

    async def _change(self) -> None:
        """Wait until something has changed."""
        self._changed = asyncio.Event() if self._changed.is_set() else self._changed
        await self._changed.wait()


class AsyncTransport(httpx.AsyncBaseTransport):
    """Sends an async client's requests to an app on the running loop."""

    def __init__(self, app: AsgiApp) -> None:
        self._app = app

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Answer one request; its body is whole, the answer's comes in pieces."""
        talk = Talk(await request.aread())
        head = await talk.begin(self._app, scope_of(request))
        return httpx.Response(head["status"], headers=head["headers"], stream=talk)


class PlainTransport(httpx.BaseTransport):
    """Sends a plain client's requests to an app on another thread's loop."""

    def __init__(self, app: AsgiApp, loop: Loop) -> None:
        self._app = AsyncTransport(app)
        self._loop = loop

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Answer one request; its body is whole, the answer's comes in pieces."""
        whole = httpx.Request(request.method, request.url, headers=request.headers, content=request.read())
        answer = self._loop.run(self._app.handle_async_request(whole))
        return httpx.Response(
            answer.status_code,
            headers=answer.headers,
            stream=Plain(answer.stream, self._loop),  # type: ignore[arg-type]  # it is a Talk
        )


class Plain(httpx.SyncByteStream):
    """The body of an answer whose loop is another thread's."""

    def __init__(self, stream: httpx.AsyncByteStream, loop: Loop) -> None:
        self._stream = stream
        self._loop = loop

    def __iter__(self) -> Iterator[bytes]:
        pieces = aiter(self._stream)
        while (piece := self._loop.run(after(pieces))) is not None:
            yield piece

    def close(self) -> None:
        """Leave."""
        self._loop.run(self._stream.aclose())


async def after(pieces: AsyncIterator[bytes]) -> bytes | None:
    """Wait for the next piece; None: there is no more."""
    return await anext(pieces, None)


def scope_of(request: httpx.Request) -> Scope:
    """Describe a request as a server does, which comes from 127.0.0.1."""
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": request.method,
        "scheme": request.url.scheme,
        "path": request.url.path,
        "raw_path": request.url.raw_path.split(b"?")[0],
        "query_string": request.url.query,
        "root_path": "",
        "headers": [(name.lower(), value) for name, value in request.headers.raw],
        "client": ("127.0.0.1", 123),
        "server": (request.url.host, request.url.port),
    }

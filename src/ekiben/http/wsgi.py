"""Let a WSGI app be mounted: Flask, Django, a function of one's own.

In: a WSGI app. Out: an ASGI app, which answers each request on a thread and sends pieces as they come.
The threads are the app's own, so that its slow readers hold up nobody else; an answer whose reader left ends with its
next piece.
Source: PEP 3333; the ASGI specification 3.0.
"""

import asyncio
import sys
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from contextvars import copy_context
from tempfile import SpooledTemporaryFile
from typing import IO, Any

from ekiben.core.errors import ConfigError
from ekiben.core.spec import Limits
from ekiben.http.answer import checked
from ekiben.http.body import ClientLeft, check_length, chunks
from ekiben.http.exchange import AsgiApp, Message, Receive, Scope, Send

IN_MEMORY = 1024 * 1024  # bytes of a body; what is longer lies in a file
THREADS = 40  # of one app: as many answers at once

Write = Callable[[bytes], None]


def wsgi_app(app: Any, max_body: int = Limits().max_body) -> AsgiApp:
    """Give a WSGI app as an ASGI app, to be mounted below a path.

        @ekiben.asgi_app(ekiben.wsgi_app(flask_app), path="/admin")
        @ekiben.service
        class Iris: ...

    Args:
        app: the WSGI app.
        max_body: bytes of a request's body; a longer one is refused.

    Raises:
        ConfigError: *app* cannot be called, or *max_body* is no number of bytes.
    """
    if type(max_body) is not int or max_body < 0:
        raise ConfigError(f"`max_body` must be a number of bytes: {max_body!r}")
    if not callable(app):
        raise ConfigError(f"a WSGI app must be callable: {app!r}", hint="give the app itself, such as `Flask(...)`")

    threads = ThreadPoolExecutor(THREADS, "wsgi")

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":  # WSGI has none
            await receive()
            await send({"type": "websocket.close", "code": 1008})
        if scope["type"] != "http":
            return
        with SpooledTemporaryFile(max_size=IN_MEMORY) as body:
            size = await took(scope, receive, body, max_body)
            link = Link(send)
            leaving = asyncio.ensure_future(left(receive, link))
            try:
                await link.loop.run_in_executor(
                    threads, copy_context().run, run, app, environ(scope, body, size), link.send
                )
            finally:
                link.cut()
                leaving.cancel()

    return answer


class Link:
    """Passes messages on from a thread, until the client has left."""

    def __init__(self, send: Send) -> None:
        self.loop = asyncio.get_running_loop()
        self._send = send
        self._cut = threading.Event()
        self._sending: Future[Any] | None = None

    def send(self, message: Message) -> None:
        """Send a message, and wait until there is room for more; raises ClientLeft."""
        if self._cut.is_set():
            raise ClientLeft
        self._sending = asyncio.run_coroutine_threadsafe(self._send(message), self.loop)  # type: ignore[arg-type]
        if self._cut.is_set():  # since it was asked, by `cut`, which may have seen no message
            self._sending.cancel()
        try:
            self._sending.result()
        except CancelledError as error:
            raise ClientLeft from error

    def leave(self) -> None:
        """Take no more messages."""
        self._cut.set()

    def cut(self) -> None:
        """Let nobody wait any more either; called on the loop."""
        self.leave()
        if self._sending is not None:
            self._sending.cancel()


async def left(receive: Receive, link: Link) -> None:
    """Wait for the client to leave; then end what is on its way."""
    while (await receive())["type"] != "http.disconnect":
        continue
    link.leave()


async def took(scope: Scope, receive: Receive, body: IO[bytes], most: int) -> int:
    """Write the body of a request into a file; give its bytes.

    Raises:
        BodyTooLarge: it has more than *most*.
        ClientLeft: it broke off.
    """
    check_length(dict(scope.get("headers", ())), most)
    async for piece in chunks(receive, "", most):
        body.write(piece)
    size = body.tell()
    body.seek(0)
    return size


def environ(scope: Scope, body: IO[bytes], size: int) -> dict[str, Any]:
    """Give what a WSGI app is told of a request."""
    root, path = scope.get("root_path", ""), scope["path"]
    host, port = scope.get("server") or ("localhost", 80)
    found: dict[str, Any] = {
        "REQUEST_METHOD": scope["method"],
        "SCRIPT_NAME": root.encode().decode("latin-1"),
        "PATH_INFO": path.removeprefix(root).encode().decode("latin-1"),
        "QUERY_STRING": scope.get("query_string", b"").decode("latin-1"),
        "SERVER_NAME": str(host),
        "SERVER_PORT": str(port or 0),
        "SERVER_PROTOCOL": f"HTTP/{scope.get('http_version', '1.1')}",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope.get("scheme", "http"),
        "wsgi.input": body,
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    if scope.get("client"):
        found["REMOTE_ADDR"] = scope["client"][0]
    for name, value in scope.get("headers", ()):
        if b"_" in name or name == b"transfer-encoding":  # would be taken for one with a hyphen; is undone already
            continue
        key = name.decode("latin-1").upper().replace("-", "_")
        key = key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"
        told = value.decode("latin-1")
        found[key] = f"{found[key]},{told}" if key in found else told
    if size or "CONTENT_LENGTH" in found:  # one that came in chunks has its length now
        found["CONTENT_LENGTH"] = str(size)
    return found


def run(app: Any, told: dict[str, Any], pass_on: Callable[[Message], None]) -> None:
    """Call a WSGI app on this thread, and pass on what it answers."""
    head: list[dict[str, Any]] = []
    is_sent = False

    def write(piece: bytes, *, more: bool = True) -> None:
        nonlocal is_sent
        if not is_sent:
            if not head:
                raise RuntimeError("a WSGI app must call `start_response` before it answers")
            is_sent = True
            pass_on(head[0])
        pass_on({"type": "http.response.body", "body": piece, "more_body": more})

    def start_response(status: str, headers: list[tuple[str, str]], failure: Any = None) -> Write:
        if failure is not None and is_sent:
            raise failure[1].with_traceback(failure[2])
        if failure is None and head:
            raise RuntimeError("a WSGI app must call `start_response` once")
        code = int(status.split(" ", 1)[0])
        head[:] = [{"type": "http.response.start", "status": code, "headers": checked(headers)}]
        return write

    pieces: Iterable[bytes] = app(told, start_response)
    try:
        for piece in pieces:
            if piece:
                write(piece)
        write(b"", more=False)
    finally:
        close = getattr(pieces, "close", None)
        if close is not None:
            close()

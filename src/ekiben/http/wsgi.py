"""Let a WSGI app be mounted: Flask, Django, a function of one's own.

In: a WSGI app. Out: an ASGI app, which answers each request on a thread of its own and sends pieces as they come.
Source: PEP 3333; the ASGI specification 3.0.
"""

import asyncio
import sys
from collections.abc import Callable, Iterable
from tempfile import SpooledTemporaryFile
from typing import IO, Any

from ekiben.core.errors import ConfigError
from ekiben.http.exchange import AsgiApp, Receive, Scope, Send

IN_MEMORY = 1024 * 1024  # bytes of a body; what is longer lies in a file

Write = Callable[[bytes], None]


def wsgi_app(app: Any) -> AsgiApp:
    """Give a WSGI app as an ASGI app, to be mounted below a path.

        @ekiben.asgi_app(ekiben.wsgi_app(flask_app), path="/admin")
        @ekiben.service
        class Iris: ...

    Raises:
        ConfigError: *app* cannot be called.
    """
    if not callable(app):
        raise ConfigError(f"a WSGI app must be callable: {app!r}", hint="give the app itself, such as `Flask(...)`")

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":  # no life, and no WebSockets
            return
        with SpooledTemporaryFile(max_size=IN_MEMORY) as body:
            if not await took(receive, body):
                return
            await asyncio.to_thread(run, app, environ(scope, body), send, asyncio.get_running_loop())

    return answer


async def took(receive: Receive, body: IO[bytes]) -> bool:
    """Write the body of a request into a file; False: the client left."""
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return False
        body.write(message.get("body", b""))
        if not message.get("more_body", False):
            body.seek(0)
            return True


def environ(scope: Scope, body: IO[bytes]) -> dict[str, Any]:
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
        if b"_" in name:  # would be taken for one with a hyphen
            continue
        key = name.decode("latin-1").upper().replace("-", "_")
        key = key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"
        told = value.decode("latin-1")
        found[key] = f"{found[key]},{told}" if key in found else told
    return found


def run(app: Any, told: dict[str, Any], send: Send, loop: asyncio.AbstractEventLoop) -> None:
    """Call a WSGI app on this thread, and pass on what it answers."""
    head: list[dict[str, Any]] = []
    is_sent = False

    def pass_on(message: dict[str, Any]) -> None:
        asyncio.run_coroutine_threadsafe(send(message), loop).result()  # type: ignore[arg-type]  # it is a coroutine

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
        pairs = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]
        head[:] = [{"type": "http.response.start", "status": int(status.split(" ", 1)[0]), "headers": pairs}]
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

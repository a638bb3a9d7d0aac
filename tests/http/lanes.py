"""Run one service in both lanes within this process, and ask each for the same.

In: a service class. Out: servers in threads of their own, raw answers from their sockets.
"""

import re
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ekiben.engine.graph import Graph, RemoteDispatcher, Start
from ekiben.http.exchange import Receive, Scope, Send
from ekiben.http.listen import Listen, bind
from ekiben.http.server import Server
from tests.http.within import bound
from tests.servers import HOST

PATIENCE = 60.0  # seconds
ROOT = Path(__file__).parents[2]
ANSWER = re.compile(rb"HTTP/1.1 \d+ ")


class Counting:
    """Counts what reaches the app."""

    def __init__(self, app: Any) -> None:
        self.app = app
        self.scopes: list[Scope] = []

    @property
    def paths(self) -> list[str]:
        return [scope["path"] for scope in self.scopes]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan":
            self.scopes.append(scope)
        await self.app(scope, receive, send)


class Lane:
    """A server that runs in one lane."""

    def __init__(self, server: Server, port: int, counting: Counting) -> None:
        self.server = server
        self.port = port
        self.counting = counting

    def connect(self) -> socket.socket:
        return socket.create_connection((HOST, self.port), timeout=PATIENCE)

    def say(self, *pieces: bytes, pause: float = 0.0) -> bytes:
        """Send *pieces*, and give all that comes back until the server hangs up."""
        found = b""
        with self.connect() as client:
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            try:
                for piece in pieces:
                    client.sendall(piece)
                    time.sleep(pause)
                while more := client.recv(65536):
                    found += more
            except (ConnectionResetError, BrokenPipeError):
                pass
        return found

    def wait_until_empty(self) -> None:
        """Wait until no request is inside, which may be a moment after its client knows."""
        end = time.monotonic() + PATIENCE
        while self.server.app.inside or self.server.app.dispatcher.admission.inside:
            assert time.monotonic() < end, "a request is still inside"
            time.sleep(0.005)


@contextmanager
def lane(service: Any, name: str | None, *, apart: int = 0, **changes: Any) -> Iterator[Lane]:
    """Serve *service* in the lane *name* for the length of the block, by so many workers apart."""
    with bind(Listen(port=0)) as listening:
        found = bound(service, **changes)
        remote = None if not apart else RemoteDispatcher(found, Graph(found, [found], start(service, apart)))
        server = Server(found, Listen(port=0, lane=name), remote=remote)
        counting = Counting(server.config.loaded_app)
        server.config.loaded_app = counting  # type: ignore[assignment]  # an app around the app
        thread = threading.Thread(target=server.run, args=(listening.sockets,), daemon=True)
        thread.start()
        end = time.monotonic() + PATIENCE
        while not server.is_ready:
            assert time.monotonic() < end
            assert thread.is_alive(), server.failure
            time.sleep(0.005)
        assert listening.port is not None
        try:
            yield Lane(server, listening.port, counting)
        finally:
            server.should_exit = True
            thread.join(PATIENCE)
            assert not thread.is_alive()


def start(service: Any, workers: int) -> Start:
    """Say how workers of a service class are started."""
    command = [sys.executable, "-m", "ekiben", "serve", f"{service.__module__}:{service.__qualname__}"]
    return Start(command, str(ROOT), lambda bound: workers, 5.0)


def request(
    path: str = "/add", body: bytes = b'{"a": 1}', *, method: str = "POST", version: str = "1.1", **headers: Any
) -> bytes:
    """Write one request; `content_type="x"` is a header, and one that is None is left out."""
    given = {"host": "localhost", "content-type": "application/json", "content-length": str(len(body)),
             "x-request-id": "r-1"}  # fmt: skip
    given |= {name.replace("_", "-"): value for name, value in headers.items()}
    lines = "".join(f"{name}: {value}\r\n" for name, value in given.items() if value is not None)
    return f"{method} {path} HTTP/{version}\r\n{lines}\r\n".encode("latin-1") + body


def comparable(said: bytes) -> bytes:
    """Take out of answers what the clock decides, and ids that were made."""
    plain = re.sub(rb"\r\ndate: [^\r]+", b"", said)
    return re.sub(rb"x-request-id: [0-9a-f]{20}", b"x-request-id: MADE", plain)

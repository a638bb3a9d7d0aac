"""Answer in place of a server that cannot start: 503, and the reason.

In: descriptors of open sockets, the reason. Out: nothing; the sockets stay open, and what waits on them when it ends is
the next server's. It runs on a thread, behind the same strict protocol as a server, so that no client holds it up.
"""

import asyncio
import os
import socket
import threading
from collections.abc import Sequence
from contextlib import AbstractContextManager

import uvicorn

from ekiben.core.errors import Unavailable
from ekiben.core.spec import Limits, Style, TlsSpec
from ekiben.http import answer, errors
from ekiben.http.auth import refuse_socket
from ekiben.http.exchange import AsgiApp, Exchange, Receive, Scope, Send
from ekiben.http.strict import Fail, Strict
from ekiben.http.tls import load, tls_options

AFTER = 1.0  # seconds after which a client may ask again
GRACE = 1  # seconds for answers that are on their way when the next server starts
TICKS = 10  # of uvicorn's, between looks at all connections: a second
BODY = Limits().max_body  # bytes of a request that are passed by before its answer


class StandIn(AbstractContextManager["StandIn"]):
    """Answers for the length of a block.

    Args:
        numbers: descriptors of listening sockets; they stay their owner's.
        reason: why there is no server, for whoever asks.
        style: of the errors.
        tls: None where the connections are plain.

    Raises:
        ConfigError: the files for TLS cannot be used.
    """

    def __init__(self, numbers: Sequence[int], reason: str, style: Style = Style(), tls: TlsSpec | None = None) -> None:
        fail = errors.plan(style)
        lines = {"limits": Limits(), "fail": staticmethod(fail), "draining": True}  # one answer a connection
        config = uvicorn.Config(
            refusing(Unavailable(reason, retry_after=AFTER), fail, style.request_id_header),
            http=type("SettledProtocol", (Strict,), lines),
            ws="websockets-sansio",
            lifespan="off",
            log_config=None,
            log_level="error",
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=GRACE,
            **tls_options(tls),
        )
        load(config)
        self._numbers = numbers
        self._server = Sweeping(config)
        self._thread: threading.Thread | None = None

    def __enter__(self) -> "StandIn":
        sockets = [socket.socket(fileno=os.dup(number)) for number in self._numbers]  # closed by uvicorn
        self._thread = threading.Thread(target=self._server.run, args=(sockets,), name="ekiben-stand-in", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        if self._thread is not None:
            self._thread.join()


class Sweeping(uvicorn.Server):
    """A server that hangs up on clients who let it wait."""

    async def on_tick(self, counter: int) -> bool:
        """Look after idle connections too; uvicorn calls this ten times a second."""
        if counter % TICKS == 0:
            for each in list(self.server_state.connections):
                if isinstance(each, Strict):
                    each.sweep(asyncio.get_running_loop().time())
        return await super().on_tick(counter)


def refusing(error: Unavailable, fail: Fail, id_header: str) -> AsgiApp:
    """Make the app that answers everything with *error*."""
    name = id_header.lower().encode()

    async def refuse(scope: Scope, receive: Receive, send: Send) -> None:
        failure = fail(error, "")
        if scope["type"] == "websocket":
            await refuse_socket(failure, scope, receive, send)
            return
        exchange = Exchange(scope, send, name)
        if b"expect" not in exchange.headers:  # one that waits for a word sends nothing after this one
            await pass_by(receive)
        made = answer.plain(failure.status, failure.body, failure.media_type, failure.headers)
        await answer.send(made, exchange.send, head=scope["method"] == "HEAD", gzip_min=None)

    return refuse


async def pass_by(receive: Receive) -> None:
    """Read a body, so that closing the connection behind the answer does not reset it."""
    size, more = 0, True
    while more and size <= BODY:
        message = await receive()
        size += len(message.get("body", b""))
        more = message.get("more_body", False)

"""Speak HTTP/1.1 as uvicorn does, with an end to what a client may leave open.

In: bytes of a connection. Out: calls of the ASGI app. Added: a head that grows without end is refused (431), one that
does not come is hung up on, and what is no HTTP is answered in the form of all our errors.
Source: uvicorn's `HttpToolsProtocol`. Its hooks are not a promised interface: tests/http/test_protocol.py watches them.
"""

import asyncio
from collections.abc import Callable
from typing import Any, ClassVar

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from ekiben.core.errors import EkibenError, HeadersTooLarge, InvalidInput
from ekiben.http.errors import Failure

HEAD_TIME = 30.0  # seconds in which a request's head has to come


class Protocol(HttpToolsProtocol):
    """One connection."""

    max_head: ClassVar[int] = 64 * 1024  # bytes
    fail: ClassVar[Callable[[BaseException, str], Failure]]

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._in_head = False
        self._head = 0  # bytes of a head that came in more than one piece, but for the first
        self._head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin; a client that says nothing is hung up on like one that says nothing more."""
        super().connection_made(transport)
        self.timeout_keep_alive_task = self.loop.call_later(self.timeout_keep_alive, self.timeout_keep_alive_handler)

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        self._stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on."""
        was_in_head = self._in_head
        super().data_received(data)
        if not self._in_head or self.transport.is_closing():
            return
        if was_in_head:
            self._head += len(data)
            if self._head > self.max_head:
                self.refuse(HeadersTooLarge(f"the head of a request must be at most {self.max_head} bytes"))
        elif self._head_timer is None:
            self._head_timer = self.loop.call_later(HEAD_TIME, self.transport.close)

    def on_message_begin(self) -> None:
        """Note that a head begins."""
        self._in_head, self._head = True, 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Note that a head is complete."""
        self._in_head = False
        self._stop_timer()
        super().on_headers_complete()

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP."""
        self._in_head = False
        self.refuse(InvalidInput("this is no valid HTTP/1.1 request"))

    def refuse(self, error: EkibenError) -> None:
        """Answer with *error* and hang up; within an answer, only hang up."""
        cycle: RequestResponseCycle | None = self.cycle
        if cycle is None or cycle.response_complete:
            failure = type(self).fail(error, "")
            lines = [STATUS_LINE[failure.status]]
            for name, value in self.server_state.default_headers:
                lines += [name, b": ", value, b"\r\n"]
            lines.append(b"content-type: %s\r\n" % failure.media_type.encode())
            lines.append(b"content-length: %d\r\nconnection: close\r\n\r\n" % len(failure.body))
            self.transport.write(b"".join([*lines, failure.body]))
        self.transport.close()

    def _stop_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None


def protocol(max_head: int, fail: Callable[[BaseException, str], Failure]) -> type[Protocol]:
    """Settle the limits of all connections of one server."""
    return type("SettledProtocol", (Protocol,), {"max_head": max_head, "fail": staticmethod(fail)})

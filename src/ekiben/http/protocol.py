"""Speak HTTP/1.1 as uvicorn does, with an end to what a client may leave open.

In: bytes of a connection. Out: calls of the ASGI app. Added: a head that grows without end is refused (431), one that
does not come is hung up on, and what is no HTTP is answered in the form of all our errors. No request sets a timer: the
server looks at its connections once a second (`sweep`).
Source: uvicorn's `HttpToolsProtocol`. Its hooks are not a promised interface: tests/http/test_protocol.py watches them.
"""

from collections.abc import Callable, Iterable
from typing import Any, ClassVar

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from ekiben.core.errors import EkibenError, HeadersTooLarge, InvalidInput
from ekiben.http.errors import Failure

HEAD_TIME = 30.0  # seconds in which a request's head has to come
NEW = 0.0  # in place of the time since when a connection is in its state: since the last sweep


class Protocol(HttpToolsProtocol):
    """One connection."""

    max_head: ClassVar[int] = 64 * 1024  # bytes
    fail: ClassVar[Callable[[BaseException, str], Failure]]

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._in_head = False
        self._head = 0  # bytes of a head that came in more than one piece, but for the first
        self._since = NEW  # of the loop's clock: when the head began, or the last answer ended

    def sweep(self, now: float) -> None:
        """Hang up where a client lets the server wait for too long.

        Args:
            now: of the loop's clock.
        """
        if self._since == NEW:
            self._since = now
            return
        waited = now - self._since
        if self._in_head:
            is_over = waited > HEAD_TIME
        else:
            cycle: RequestResponseCycle | None = self.cycle
            is_over = waited > self.timeout_keep_alive and (cycle is None or cycle.response_complete)
        if is_over and not self.transport.is_closing():
            self.transport.close()

    def data_received(self, data: bytes) -> None:
        """Read on."""
        was_in_head = self._in_head
        super().data_received(data)
        if was_in_head and self._in_head and not self.transport.is_closing():
            self._head += len(data)
            if self._head > self.max_head:
                self.refuse(HeadersTooLarge(f"the head of a request must be at most {self.max_head} bytes"))

    def on_message_begin(self) -> None:
        """Note that a head begins."""
        self._in_head, self._head, self._since = True, 0, NEW
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Note that a head is complete."""
        self._in_head, self._since = False, NEW
        super().on_headers_complete()

    def on_response_complete(self) -> None:
        """Go on with the next request that has come, as uvicorn does, but without a timer."""
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self._since = NEW
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())

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


def protocol(max_head: int, fail: Callable[[BaseException, str], Failure]) -> type[Protocol]:
    """Settle the limits of all connections of one server."""
    return type("SettledProtocol", (Protocol,), {"max_head": max_head, "fail": staticmethod(fail)})


def sweep(connections: Iterable[Any], now: float) -> None:
    """Look at all connections of a server; WebSockets look after themselves."""
    for each in list(connections):
        if isinstance(each, Protocol):
            each.sweep(now)

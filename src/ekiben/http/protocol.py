"""Speak HTTP/1.1 as uvicorn does, with a fast lane, and an end to what a client may leave open.

In: bytes of a connection. Out: calls of the engine for plain requests of planned routes (`cycle`), of the ASGI app for
all others. Added: a head that grows without end is refused (431), one that does not come is hung up on, and what is no
HTTP is answered in the form of all our errors. No request sets a timer: the server looks at its connections once a
second (`sweep`).
Source: uvicorn's `HttpToolsProtocol`. Its hooks are not a promised interface: tests/http/test_protocol.py watches them.
"""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, ClassVar, TypeAlias

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from ekiben.core.errors import EkibenError, HeadersTooLarge, InvalidInput
from ekiben.http.cycle import Cycle
from ekiben.http.errors import Failure
from ekiben.http.exchange import OUTCOME, Outcome
from ekiben.http.fast import Headers, Route

HEAD_TIME = 30.0  # seconds in which a request's head has to come
NEW = 0.0  # in place of the time since when a connection is in its state: since the last sweep


KNOWN = 4096  # bytes of a head that is remembered
DEEP = 16  # requests that may wait for their turn before no more is read; a client that leaves is noticed by reading

Turn: TypeAlias = "Cycle | RequestResponseCycle | None"


@dataclass(frozen=True, slots=True)
class Known:
    """The last request of a connection: most clients send the same head again and again."""

    head: bytes
    size: int  # of head and body
    route: Route
    headers: Headers


class Protocol(HttpToolsProtocol):
    """One connection."""

    max_head: ClassVar[int] = 64 * 1024  # bytes
    fail: ClassVar[Callable[[BaseException, str], Failure]]
    routes: ClassVar[dict[bytes, Route]] = {}  # what is answered here, past the app

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._in_head = False
        self._head = 0  # bytes of a head that came in more than one piece, but for the first
        self._since = NEW  # of the loop's clock: when the head began, or the last answer ended
        self._turn: Turn = None  # the request that is answered now; those behind it wait in `pipeline`
        self._begun = 0  # requests of which the last data had the first byte
        self._is_between = True  # requests: the last one is whole
        self._known: Known | None = None

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
        known = self._known
        if known is not None:
            if len(data) == known.size and data.startswith(known.head) and known.route.lets_in(known.headers):
                self._repeat(known, data)
                return
            self._known = None
        was_between, was_in_head = self._is_between, self._in_head
        self._begun = 0
        super().data_received(data)
        if was_in_head and self._in_head and not self.transport.is_closing():
            self._head += len(data)
            if self._head > self.max_head:
                self.refuse(HeadersTooLarge(f"the head of a request must be at most {self.max_head} bytes"))
        elif was_between and self._begun == 1 and self._is_between and isinstance(self._turn, Cycle):
            self._know(self._turn, data)

    def on_message_begin(self) -> None:
        """Note that a head begins."""
        self._in_head, self._head, self._since = True, 0, NEW
        self._begun += 1
        self._is_between = False
        self.url, self.headers, self.expect_100_continue = b"", [], False

    def on_headers_complete(self) -> None:
        """Take a plain request of a planned route; leave all others to the app."""
        self._in_head, self._since = False, NEW
        route, parser = self.routes.get(self.url), self.parser
        if route is not None and parser.get_method() == b"POST" and parser.get_http_version() == "1.1":
            headers = route.read(self.headers)
            if headers is not None:
                self._take(Cycle(self, route, headers, self._seen(route), parser.should_keep_alive()))
                return
        url, headers_of_app, expects = self.url, self.headers, self.expect_100_continue
        super().on_message_begin()  # makes the scope, which most requests do without
        self.url, self.headers, self.expect_100_continue = url, headers_of_app, expects
        self.scope["headers"] = headers_of_app
        super().on_headers_complete()
        if self.pipeline:
            self._read_on()

    def on_body(self, body: bytes) -> None:
        """Take a piece of a body."""
        cycle: Turn = self.cycle
        if isinstance(cycle, Cycle):
            cycle.feed(body)
        else:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """Begin with a call whose body is there, if its turn has come."""
        self._is_between, self._since = True, NEW
        cycle: Turn = self.cycle
        if isinstance(cycle, Cycle):
            cycle.is_whole = True
            if cycle is self._turn:
                cycle.start()
        else:
            super().on_message_complete()

    def divert(self, cycle: Cycle, outcome: Outcome) -> None:
        """Let the app answer what was begun here."""
        path, root = cycle.scope["path"], self.root_path
        scope: Any = {
            "type": "http",
            "asgi": {"version": self.asgi_version, "spec_version": "2.3"},
            "http_version": "1.1",
            "server": self.server,
            "client": self.client,
            "scheme": self.scheme,
            "root_path": root,
            "headers": list(cycle.headers.items()),
            "state": self.app_state.copy(),
            "method": "POST",
            "path": root + path,
            "raw_path": (root + path).encode(),
            "query_string": b"",
            OUTCOME: outcome,
        }
        real = RequestResponseCycle(
            scope=scope,
            transport=self.transport,
            flow=self.flow,
            logger=self.logger,
            access_logger=self.access_logger,
            access_log=self.access_log,
            default_headers=self.server_state.default_headers,
            message_event=asyncio.Event(),
            expect_100_continue=False,
            keep_alive=cycle.keep_alive,
            on_response=self.on_response_complete,
        )
        real.more_body = False
        current: Turn = self.cycle
        if current is cycle:
            self.cycle = real
        self._start_asgi_task(real, self.app)

    def give_up(self, error: Exception) -> None:
        """Answer a call that runs here with *error*."""
        if isinstance(self._turn, Cycle) and not self._turn.done():
            self._turn.set_exception(error)

    @property
    def default_headers(self) -> list[tuple[bytes, bytes]]:
        """The lines that every answer has; the server makes a new list each second."""
        return self.server_state.default_headers

    def on_response_complete(self) -> None:
        """Go on with the next request that has come, as uvicorn does, but without a timer."""
        self.server_state.total_requests += 1
        self._turn = None
        if not self.transport.is_closing():
            self._since = NEW
            self._go_on()

    def resume_writing(self) -> None:
        """Go on once the client has read what it asked for."""
        super().resume_writing()
        if self._turn is None:
            self._go_on()

    def connection_lost(self, exc: Exception | None) -> None:
        """End: nobody waits for the answers any more."""
        turn, self._turn = self._turn, None
        self.pipeline.clear()
        if isinstance(turn, Cycle):
            turn.leave()
        elif turn is not None:
            turn.disconnected = not turn.response_complete
            turn.message_event.set()
        super().connection_lost(exc)

    def _go_on(self) -> None:
        """Give the next request its turn, unless the client does not read its answers."""
        if self.pipeline and not self.flow.write_paused:
            self._start_asgi_task(*self.pipeline.pop())
        self._read_on()

    def _start_asgi_task(self, cycle: Any, app: Any) -> None:
        self._turn = cycle
        if not isinstance(cycle, Cycle):
            super()._start_asgi_task(cycle, app)
        elif cycle.is_whole:
            cycle.start()

    def _take(self, cycle: Cycle) -> None:
        """Let a request wait for its turn, or give it that at once."""
        self.cycle = cycle  # type: ignore[assignment]  # it stands in for uvicorn's
        if self._turn is None and not self.flow.write_paused:
            self._turn = cycle
        else:
            self.pipeline.appendleft((cycle, self.app))  # type: ignore[arg-type]  # the same
            self._read_on()

    def _read_on(self) -> None:
        """Read what comes next, or nothing while much waits."""
        if self.flow.write_paused or len(self.pipeline) >= DEEP:
            self.flow.pause_reading()
        else:
            self.flow.resume_reading()

    def _seen(self, route: Route) -> dict[str, Any]:
        """Give what the log tells of a request."""
        return {"client": self.client, "method": "POST", "path": route.path}

    def _know(self, cycle: Cycle, data: bytes) -> None:
        """Remember the head of a request that came as one piece of data."""
        size = len(data) - int(cycle.headers.get(b"content-length", b"0"))
        if size <= KNOWN and cycle.keep_alive and data.find(b"\r\n\r\n") == size - 4:
            self._known = Known(data[:size], len(data), cycle.route, cycle.headers)

    def _repeat(self, known: Known, data: bytes) -> None:
        """Take a request whose head is, byte by byte, that of the one before."""
        self._since = NEW
        cycle = Cycle(self, known.route, known.headers, self._seen(known.route), keep_alive=True)
        cycle.body = data[len(known.head) :]
        cycle.is_whole = True
        self._take(cycle)
        if cycle is self._turn:
            cycle.start()

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


def protocol(
    max_head: int, fail: Callable[[BaseException, str], Failure], routes: dict[bytes, Route]
) -> type[Protocol]:
    """Settle the limits and the fast lane of all connections of one server."""
    settled = {"max_head": max_head, "fail": staticmethod(fail), "routes": routes}
    return type("SettledProtocol", (Protocol,), settled)


def sweep(connections: Iterable[Any], now: float) -> None:
    """Look at all connections of a server; WebSockets look after themselves."""
    for each in list(connections):
        if isinstance(each, Protocol):
            each.sweep(now)


def give_up(connections: Iterable[Any], error: Exception) -> None:
    """Answer every call that still runs in the fast lane with *error*."""
    for each in list(connections):
        if isinstance(each, Protocol):
            each.give_up(error)

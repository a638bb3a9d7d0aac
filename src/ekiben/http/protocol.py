"""Answer plain calls in the protocol itself, past the ASGI app: the fast lane.

In: bytes of a connection. Out: calls of the engine for plain requests of planned routes (`http/cycle`), of the ASGI app
for all others. What is too much, too slow or not to be understood in one way is refused by `http/strict`, for both.
Source: uvicorn's `HttpToolsProtocol`. Its hooks are not a promised interface: tests/http/test_protocol.py watches them.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, ClassVar, TypeAlias

from httptools import HttpRequestParser
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from ekiben.core.spec import Limits
from ekiben.http.cycle import Cycle
from ekiben.http.exchange import OUTCOME, Outcome
from ekiben.http.fast import Headers, Route
from ekiben.http.intake import Filler
from ekiben.http.patience import Phase
from ekiben.http.strict import NEW, Fail, Strict

KNOWN = 4096  # bytes of a head that is remembered
DIRECT = 64 * 1024  # bytes that a body lacks, from which they are read into their place past the parser
AHEAD = 256 * 1024  # bytes of a body that may wait for the answers before it

Turn: TypeAlias = "Cycle | RequestResponseCycle | None"


@dataclass(frozen=True, slots=True)
class Known:
    """The last request of a connection; most clients repeat its head."""

    head: bytes
    size: int  # of head and body
    route: Route
    headers: Headers
    scope: dict[str, Any]


class Protocol(Strict):
    """One connection."""

    routes: ClassVar[dict[bytes, Route]] = {}  # what is answered here, past the app

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._begun = 0  # requests of which the last data had the first byte
        self._known: Known | None = None

    def data_received(self, data: bytes) -> None:
        """Read on."""
        known = self._known
        if known is not None and not self._is_over:
            if len(data) == known.size and data.startswith(known.head) and known.route.lets_in(known.headers):
                self._since = NEW
                cycle: Cycle = known.route.cycle(self, known.route, known.headers, known.scope, keep_alive=True)
                cycle.body = data[len(known.head) :]
                cycle.is_whole = True
                self._take(cycle)
                if cycle is self._turn:
                    cycle.start()
                return
            self._known = None
        was_between = self._phase is Phase.IDLE
        self._begun = 0
        super().data_received(data)
        turn: Turn = self._turn
        if was_between and self._begun == 1 and self._phase is Phase.IDLE and isinstance(turn, Cycle):
            self._know(turn, data)
        elif self._phase is Phase.BODY:
            self._fill()

    def on_message_begin(self) -> None:
        """Note that a head begins; only a request for the app needs a scope."""
        if not self._is_again:
            self._begun += 1
            self.begin_head()
            self.url, self.headers, self.expect_100_continue = b"", [], False

    def hand_over(self) -> None:
        """Take a plain request of a planned route; leave all others to the app."""
        route, parser = self.routes.get(self.url), self.parser
        if route is not None and parser.get_method() == b"POST" and parser.get_http_version() == "1.1":
            headers = route.read(self.headers)
            if headers is not None:
                self._take(route.cycle(self, route, headers, self._seen(route), parser.should_keep_alive()))
                return
        url, headers_of_app, expects = self.url, self.headers, self.expect_100_continue
        super(Strict, self).on_message_begin()  # makes the scope
        self.url, self.headers, self.expect_100_continue = url, headers_of_app, expects
        self.scope["headers"] = headers_of_app
        super().hand_over()

    def on_body(self, body: bytes) -> None:
        """Take a piece of a body."""
        cycle: Turn = self._own
        if isinstance(cycle, Cycle):
            cycle.feed(body)
            if cycle is not self._turn and cycle.gathered is not None and cycle.gathered.filled > AHEAD:
                self.flow.pause_reading()
        else:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """Begin with a call whose body is there, if its turn has come."""
        cycle: Turn = self._own
        if isinstance(cycle, Cycle):
            self.end_message()
            cycle.is_whole = True
            if cycle is self._turn:
                cycle.start()
        else:
            super().on_message_complete()

    def _fill(self) -> None:
        """Read the rest of a long body past the parser, into its place."""
        cycle: Turn = self._own
        if not isinstance(cycle, Cycle) or cycle is not self._turn or self._is_over or self.scheme != "http":
            return
        came = len(cycle.body) if cycle.gathered is None else cycle.gathered.filled
        if came and int(cycle.headers[b"content-length"]) - came >= DIRECT and not self.flow.read_paused:
            self._read_by(Filler(self, cycle.gather()))

    def body_came(self, size: int) -> bool:
        """Count bytes of a body that were read past the parser; False: nobody wants them."""
        self._fresh += size
        return not self._is_over

    def body_is_whole(self) -> None:
        """Go on behind a body that was read past the parser, with a new one."""
        self._read_by(self)
        self.parser = HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
        self.on_message_complete()

    def _read_by(self, reader: asyncio.BaseProtocol) -> None:
        """Let *reader* have what comes.

        A transport chooses its way to read when reading begins, so that it is stopped for that.
        """
        self.transport.pause_reading()
        self.transport.set_protocol(reader)
        if not self.flow.read_paused:
            self.transport.resume_reading()

    def drop(self, cycle: Turn) -> bool:
        """Give a request up whose body is wrong; it was not begun."""
        if isinstance(cycle, Cycle):
            cycle.disconnected = True
            return True
        return super().drop(cycle)

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

    def connection_lost(self, exc: Exception | None) -> None:
        """End: nobody waits for the answers any more."""
        turn: Turn = self._turn
        if isinstance(turn, Cycle):
            self._turn = None
            turn.leave()
        super().connection_lost(exc)

    def _start_asgi_task(self, cycle: Any, app: Any) -> None:
        self._turn = cycle
        if not isinstance(cycle, Cycle):
            super()._start_asgi_task(cycle, app)
        elif cycle.is_whole:
            cycle.start()

    def _take(self, cycle: Cycle) -> None:
        """Let a request wait for its turn, or give it that at once."""
        self.cycle = cycle  # type: ignore[assignment]  # it stands in for uvicorn's
        self._own = cycle
        if self.draining:
            cycle.keep_alive = False
        if self._turn is None and not self.flow.write_paused:
            self._turn = cycle
        else:
            self.pipeline.appendleft((cycle, self.app))  # type: ignore[arg-type]  # the same
            self._read_on()

    def _seen(self, route: Route) -> dict[str, Any]:
        """Give what the log tells of a request."""
        return {"client": self.client, "method": "POST", "path": route.path}

    def _know(self, cycle: Cycle, data: bytes) -> None:
        """Remember the head of a request that came as one piece of data."""
        size = len(data) - int(cycle.headers.get(b"content-length", b"0"))
        if size <= KNOWN and cycle.keep_alive and data.find(b"\r\n\r\n") == size - 4:
            self._known = Known(data[:size], len(data), cycle.route, cycle.headers, self._seen(cycle.route))


def protocol(limits: Limits, fail: Fail, routes: dict[bytes, Route]) -> type[Protocol]:
    """Settle the limits and the fast lane of all connections of one server."""
    return type("SettledProtocol", (Protocol,), {"limits": limits, "fail": staticmethod(fail), "routes": routes})


def sweep(connections: Iterable[Any], now: float) -> None:
    """Look at all connections of a server; WebSockets look after themselves."""
    for each in list(connections):
        if isinstance(each, Strict):
            each.sweep(now)


def drain(connections: Iterable[Any]) -> None:
    """Let what is on its way be the last answer of each connection."""
    for each in list(connections):
        if isinstance(each, Strict):
            each.drain()


def give_up(connections: Iterable[Any], error: Exception) -> None:
    """Answer every call that still runs in the fast lane with *error*."""
    for each in list(connections):
        if isinstance(each, Protocol):
            each.give_up(error)

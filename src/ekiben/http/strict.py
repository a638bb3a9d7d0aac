"""Speak HTTP/1.1 as strictly as a server that anyone can reach must.

In: bytes of a connection. Out: calls of the ASGI app. Added to uvicorn: limits and an end in time for what a client may
leave open, the rules of `http/head`, errors in the form of all ours, and clients that close only their sending side.
Answers keep the order of requests: a refusal waits for the answers before it, and nothing is read after it.
No request sets a timer: the server looks at its connections once a second (`sweep`).
Source: RFC 9112; uvicorn's `HttpToolsProtocol`, whose hooks tests/http/test_protocol.py watches.
"""

import asyncio
from collections.abc import Callable
from typing import Any, ClassVar

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from ekiben.core.errors import EkibenError, InvalidInput, RequestTimeout
from ekiben.core.spec import Limits
from ekiben.http import head
from ekiben.http.errors import Failure
from ekiben.http.patience import Endless, Flow, Phase, Times
from ekiben.http.words import is_reset, is_streaming, last_answer, probe

Fail = Callable[[BaseException, str], Failure]

DEEP = 16  # requests that may wait for their turn before no more is read
NEW = 0.0  # in place of the time since when a connection is in its state: since the last sweep
WASTE = 64 * 1024  # bytes that chunks may cost beside what they hold
WASTE_EACH = 64  # and for every chunk


class Strict(HttpToolsProtocol):
    """One connection, all of whose requests the app answers."""

    limits: ClassVar[Limits] = Limits()
    times: ClassVar[Times] = Times()
    fail: ClassVar[Fail]
    draining: ClassVar[bool] = False  # the server stops: each answer is the last one of its connection

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._phase = Phase.IDLE
        self._is_over = False  # nothing more is read
        self._lingers = False  # and all is said
        self._is_probed = False  # the client closed its side, and was asked whether it listens
        self._last_words: EkibenError | None = None  # to be said once all answers before it are sent
        self._wrong: EkibenError | None = None  # what a callback of the parser found
        self._marked: list[bytes] = []
        self._is_long = False  # the head may pass the limit
        self._pending_head = 0  # bytes of a head that came in more than one piece, but for the first
        self._is_again = False  # a head that was read already is shown to a new parser
        self._raw = 0  # bytes of a chunked body, its frames among them
        self._held = self._chunks = 0  # bytes in its chunks, and how many
        self._fresh = 0  # bytes of a body since the last look
        self._credit = 0.0  # seconds that a body may still be late
        self._keeps = True  # keep-alive of a request that expects 100 and has not sent its body
        self._turn: Any = None  # the request that is answered now; others wait in `pipeline`, the last one is `cycle`
        self._own: Any = None  # the cycle of the request that is being read
        self._since = NEW  # of the loop's clock: when the head began, the body was looked at, the last answer ended
        self._timer: asyncio.TimerHandle | None = None  # of a connection that is closed by half

    @property
    def is_busy(self) -> bool:
        """Whether an answer is still to be sent."""
        cycle: RequestResponseCycle | None = self.cycle
        return cycle is not None and not cycle.response_complete

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin."""
        super().connection_made(transport)
        self.flow = Flow(transport, lambda: len(self.pipeline) >= DEEP)

    def connection_lost(self, exc: Exception | None) -> None:
        """End; calls whose answers wait behind another are dropped with it."""
        self._is_over = True
        self._stop_timer()
        turn, self._turn = self._turn, None
        self.pipeline.clear()
        if turn is not None:
            turn.disconnected = not turn.response_complete
            turn.message_event.set()
        super().connection_lost(exc)

    def eof_received(self) -> bool | None:  # type: ignore[override]
        """Let a client that closed its sending side have the answers to what it sent.

        Returns:
            True keeps the connection open; TLS cannot be closed by half.
        """
        if self.scheme == "https" or self._lingers or not self.is_busy:
            return None
        if not self._is_over and self._phase is Phase.BODY and not self._drop_unfinished():
            return None
        self._is_over = True
        self.cycle.keep_alive = False
        self._stop_timer()
        self._timer = self.loop.call_later(self.times.probe, self._probe)
        return True

    def _probe(self) -> None:
        """Drop the call of a client that has closed both its sides."""
        self._timer = None
        if not self.is_busy or self.transport.is_closing():
            return
        if is_reset(self.transport) or is_streaming(self._turn):
            self.transport.abort()
            return
        if self._turn is not None and not self._is_probed:
            self._is_probed = True
            probe(self.transport, self._turn)
        self._timer = self.loop.call_later(self.times.probe, self._probe)

    def _drop_unfinished(self) -> bool:
        """Forget the request whose body ends too early; False if nobody is before it."""
        if self.cycle is self._turn or not self.pipeline:
            return False
        self.pipeline.popleft()
        self.cycle = self.pipeline[0][0] if self.pipeline else self._turn
        self._phase = Phase.IDLE
        return True

    def data_received(self, data: bytes) -> None:
        """Read on, within limits of size and time."""
        if self._is_over:
            if not self._lingers:
                self.flow.pause_reading()
            return
        if self._phase is Phase.BODY:
            self._fresh += len(data)
            self._raw += len(data)
        self._is_long = self._phase is Phase.HEAD or len(data) > self.limits.max_header_size
        self._pending_head += len(data)
        more: bytes | None = data
        while more is not None and not self._is_over:
            more = self._feed(more)
        if self._phase is Phase.IDLE or self._is_over:
            return
        if self._phase is Phase.HEAD:
            if self._pending_head > self.limits.max_header_size:
                self.refuse(head.too_long(self.limits.max_header_size))
        elif b"transfer-encoding" in self._marked and self._raw - self._held > WASTE + WASTE_EACH * self._chunks:
            self.refuse(InvalidInput("the chunks of the body hold more frame than content"))

    def _feed(self, data: bytes) -> bytes | None:
        """Parse *data*; the parser calls us back. Give what it left, where it must go on."""
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserError:
            self.refuse(self._wrong or InvalidInput("this is no valid HTTP/1.1 request"))
        except httptools.HttpParserUpgrade as upgrade:
            if not self._should_upgrade():
                self._read_past()
                return data[upgrade.args[0] :]
            self.handle_websocket_upgrade()
        return None

    def _read_past(self) -> None:
        """Read on behind a head that asked for a protocol that is not spoken here.

        The parser ends there and gives no body, so a new one is told how long the body is (RFC 9110, 7.8).
        """
        framing = [b"%s: %s\r\n" % header for header in self.headers if header[0] in head.FRAMING]
        self.parser = httptools.HttpRequestParser(self)
        self._marked, self._is_again = [], True
        self.parser.feed_data(b"POST / HTTP/1.1\r\n%s\r\n" % b"".join(framing))
        self._is_again = False

    def on_message_begin(self) -> None:
        """Note that a head begins."""
        if not self._is_again:
            self.begin_head()
            super().on_message_begin()

    def begin_head(self) -> None:
        """Forget the request before."""
        self._phase, self._since = Phase.HEAD, NEW
        self._pending_head, self._marked, self._own = 0, [], None

    def on_url(self, url: bytes) -> None:
        """Gather the target."""
        self.url += url
        if len(self.url) > self.limits.max_header_size:
            self._refuse_in_parser(head.too_long(self.limits.max_header_size))

    def on_header(self, name: bytes, value: bytes) -> None:
        """Gather a header; what stands behind a body (trailers) is passed by."""
        if self._phase is not Phase.HEAD:
            return
        name = name.lower()
        if name in head.MARKED:
            self._marked.append(name)
            try:
                head.check_marked(name, value)
            except InvalidInput as error:
                self._refuse_in_parser(error)
            if name == b"expect" and value.lower() == b"100-continue":
                self.expect_100_continue = True
        self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        """Check a whole head, and begin to answer it."""
        if not self._is_again:
            self.check_head()
            self.hand_over()

    def hand_over(self) -> None:
        """Let the app answer the request that was read; it gets its own turn."""
        before: Any = self.cycle
        super().on_headers_complete()
        cycle = self.cycle
        if cycle is before:  # a WebSocket, which has none
            return
        self._own = cycle
        if self.scope["http_version"] == "1.0":
            cycle.chunked_encoding = False
            cycle.expected_content_length = Endless(0)
        if self.draining:
            cycle.keep_alive = False
        if self.expect_100_continue:  # refused without its body, it cannot be followed by another request
            self._keeps, cycle.keep_alive = cycle.keep_alive, False
        self._read_on()

    def check_head(self) -> None:
        """Refuse a head that must not be answered.

        Raises:
            EkibenError: what is wrong; the parser stops at it, and `refuse` answers it.
        """
        self._phase, self._since = Phase.BODY, NEW
        self._raw = self._held = self._chunks = self._fresh = 0
        if len(self.headers) > self.limits.max_headers:
            self._refuse_in_parser(head.too_many(len(self.headers), self.limits.max_headers))
        if self._is_long and head.size(self.url, self.headers) > self.limits.max_header_size:
            self._refuse_in_parser(head.too_long(self.limits.max_header_size))
        method, version = self.parser.get_method(), self.parser.get_http_version()
        try:
            head.check(method, version, self._marked)
            if b"upgrade" in self._marked and self._should_upgrade():
                head.check_opening(version, self.headers)
            if self.url[:1] != b"/":
                self.url = head.origin_form(method, self.url, self.headers)
        except InvalidInput as error:
            self._refuse_in_parser(error)
        if version == "1.0":
            self.expect_100_continue = False

    def on_chunk_header(self) -> None:
        """Count a chunk."""
        self._chunks += 1

    def on_body(self, body: bytes) -> None:
        """Hand a piece of a body over."""
        self._held += len(body)
        self._body_comes()
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Hand over the end of a body."""
        if self._phase is not Phase.BODY:  # HTTP/0.9, which has no headers
            self._refuse_in_parser(InvalidInput("only HTTP/1.0 and HTTP/1.1 are spoken here: 0.9"))
        if b"upgrade" in self._marked and self.parser.should_upgrade() and not self._should_upgrade():
            return  # the body is still to come: `_go_on`
        self.end_message()
        self._body_comes()
        super().on_message_complete()

    def end_message(self) -> None:
        """Note that a request is whole."""
        self._phase, self._since = Phase.IDLE, NEW

    def _body_comes(self) -> None:
        if self.expect_100_continue and not self.cycle.response_started:
            self.cycle.keep_alive, self.expect_100_continue = self._keeps, False

    def sweep(self, now: float) -> None:
        """Hang up where a client lets the server wait for too long.

        Time in which nothing is read, since earlier requests are answered first, is not the client's.

        Args:
            now: of the loop's clock.
        """
        if self._is_over or self.transport.is_closing():
            return
        if self._since == NEW:
            self._since, self._fresh, self._credit = now, 0, self.times.body
        elif self._phase is Phase.HEAD:
            if self.flow.read_paused:
                self._since = now
            elif now - self._since > self.times.head:
                self.refuse(RequestTimeout(f"the head of a request must come within {self.times.head:g} seconds"))
        elif self._phase is Phase.BODY:
            self._sweep_body(now)
        elif not self.is_busy and now - self._since > self.timeout_keep_alive:
            self.transport.close()

    def _sweep_body(self, now: float) -> None:
        fresh = self._fresh if self.is_busy else 0  # what was answered already has no more than its time to end
        elapsed = 0.0 if self.flow.read_paused else now - self._since
        self._since, self._fresh = now, 0
        self._credit = min(self._credit - elapsed + fresh / self.times.rate, self.times.body)
        if self._credit < 0:
            self.refuse(RequestTimeout(f"a body must come at {self.times.rate} bytes a second or faster"))

    def refuse(self, error: EkibenError) -> None:
        """Answer with *error* in its turn, and hang up; within an answer, only hang up."""
        self._is_over = True
        own = self._own if self._phase is Phase.BODY else None  # its body is what is wrong
        waits = self.is_busy if own is None else own is not self._turn and self._drop_unfinished()
        if waits:
            self._last_words = error
            self.flow.pause_reading()
        elif own is None or self.drop(own):
            self._say(error)
        else:
            self.hang_up()

    def drop(self, cycle: Any) -> bool:
        """Give a request up whose body is wrong; False if its answer has begun."""
        if not cycle.response_complete:
            cycle.disconnected = True
            cycle.waiting_for_100_continue = False
            cycle.message_event.set()
        return not cycle.response_started

    def on_response_complete(self) -> None:
        """Go on with the next request that has come, as uvicorn does, but without a timer."""
        self.server_state.total_requests += 1
        self._turn, self._since = None, NEW
        is_plain = not (self.pipeline or self.flow.read_paused or self.flow.write_paused or self._last_words)
        if not is_plain and not self.transport.is_closing():
            self._go_on()

    def resume_writing(self) -> None:
        """Go on once the client has read what it asked for."""
        super().resume_writing()
        if self._turn is None:
            self._go_on()

    def _go_on(self) -> None:
        """Begin the next request, if the client reads its answers; or say the last words."""
        if self.pipeline and not self.flow.write_paused:
            self._start_asgi_task(*self.pipeline.pop())
        elif self._last_words is not None and not self.pipeline and not self._lingers:
            self._say(self._last_words)
        self._read_on()

    def _read_on(self) -> None:
        """Read what comes next, or nothing while much waits."""
        if self.flow.write_paused or len(self.pipeline) >= DEEP:
            self.flow.pause_reading()
        else:
            self.flow.resume_reading()

    def _start_asgi_task(self, cycle: Any, app: Any) -> None:
        self._turn = cycle
        super()._start_asgi_task(cycle, app)

    def hang_up(self) -> None:
        """Close, after a moment in which the client can read our answer.

        Closing at once, with bytes of the client unread, would reset the connection and take the answer away.
        """
        self._is_over = self._lingers = True
        self._stop_timer()
        if self.transport.is_closing() or not self.transport.can_write_eof():
            self.transport.close()
        else:
            self.transport.write_eof()
            self.flow.resume_reading()
            self._timer = self.loop.call_later(self.times.linger, self.transport.close)

    def _say(self, error: EkibenError) -> None:
        """Write the answer to what was not understood."""
        failure = type(self).fail(error, "")
        self.transport.write(last_answer(failure, self.server_state.default_headers))
        self.hang_up()

    def _refuse_in_parser(self, error: EkibenError) -> None:
        self._wrong = error
        raise error

    def handle_websocket_upgrade(self) -> None:
        """Hand the connection to the WebSocket's protocol."""
        if self.is_busy:
            self.refuse(InvalidInput("a WebSocket cannot begin before the answers to earlier requests"))
            return
        self._is_over = True
        super().handle_websocket_upgrade()

    def drain(self) -> None:
        """Let the answer that is on its way be the last one."""
        if self.is_busy:
            self.cycle.keep_alive = False

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

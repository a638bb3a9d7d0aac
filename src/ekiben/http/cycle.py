"""Answer one request past the ASGI app.

In: a whole body, once its turn has come. Out: the answer, in one write; the app gives all that are not plain.
To the engine a cycle is the future that it settles; to uvicorn's protocol it is its `RequestResponseCycle`.
"""

import asyncio
from functools import partial
from time import perf_counter
from typing import Any, ClassVar, Protocol

from uvicorn.server import ServerState

from ekiben.core.context import Context
from ekiben.engine.door import Door
from ekiben.engine.messages import Call, Reply
from ekiben.http import deadline
from ekiben.http.exchange import LEFT, Outcome, Scope, new_id, request_id
from ekiben.http.fast import Headers, Route
from ekiben.http.intake import Gathered
from ekiben.schema.codec import Arguments

LARGE = 64 * 1024  # bytes of an answer that is not copied behind its head
END = (b"\r\nconnection: close\r\n\r\n", b"\r\n\r\n")  # of a head, by whether the connection is kept


class Connection(Protocol):
    """What a cycle asks of its connection."""

    transport: asyncio.Transport
    server_state: ServerState  # with the lines that every answer of the server has

    def divert(self, cycle: "Cycle", outcome: Outcome) -> None:
        """Let the app answer in place of *cycle*."""

    def on_response_complete(self) -> None:
        """Go on with the next request."""


class Unheard:
    """Takes the place of the event for which an ASGI app would wait."""

    def set(self) -> None:
        """Wake nobody."""


class Cycle:
    """One request and its answer."""

    __slots__ = (
        "_call",
        "_connection",
        "_context",
        "_door",
        "_is_begun",
        "_is_settled",
        "body",
        "disconnected",
        "gathered",
        "headers",
        "is_whole",
        "keep_alive",
        "length",
        "media_type",
        "request_id",
        "response_complete",
        "route",
        "scope",
        "started",
        "status",
    )

    message_event: ClassVar[Unheard] = Unheard()

    def __init__(self, connection: Connection, route: Route, headers: Headers, scope: Scope, keep_alive: bool) -> None:
        self._connection = connection
        self.route = route
        self._call: Call | None = None
        self._door: Door | None = None
        self._context: Context | None = None  # of files that came with the call
        self._is_begun = False
        self._is_settled = False
        self.headers = headers
        self.scope = scope  # as far as the log asks
        self.body = b""
        self.gathered: Gathered | None = None  # in place of `body`, where it came in more than one piece
        self.is_whole = False  # its body is there
        self.keep_alive = keep_alive
        self.response_complete = False
        self.disconnected = False
        self.started = 0.0
        self.request_id = ""
        self.status = 0
        self.length = 0
        self.media_type = b""

    def feed(self, body: bytes) -> None:
        """Take a piece of the body."""
        if self.gathered is not None or self.body:
            self.gather().add(body)
        else:
            self.body = body

    def gather(self) -> Gathered:
        """Give what further pieces are added to."""
        if self.gathered is None:
            self.gathered = Gathered(int(self.headers[b"content-length"]))
            self.gathered.add(self.body)
            self.body = b""
        return self.gathered

    def start(self) -> None:
        """Let the call in; once, when the body is whole and its turn has come."""
        self._begin()
        route, headers, gathered = self.route, self.headers, self.gathered
        body: bytes | bytearray = self.body if gathered is None else gathered.whole()
        self.body, self.gathered = b"", None
        declared = headers.get(b"content-type", b"")
        kind = route.kind(declared)
        try:
            due = deadline.read(headers) if deadline.FIELD in headers else None
            if kind is None or kind.read == "json":
                self._enter(route.decode(bytes(body)), due)
            elif kind.read == "raw" and route.reader.is_long(len(body)):
                decode = partial(route.reader.from_body, kind, body, declared, self._open)
                asyncio.get_running_loop().run_in_executor(None, decode).add_done_callback(partial(self._decoded, due))
            else:
                self._enter(route.reader.from_body(kind, body, declared, self._open), due)
        except Exception as error:  # noqa: BLE001 - the border: the app tells it
            self._divert(Reply(error=error))

    def _open(self) -> Context:
        """Give the context that files of the call end with."""
        if self._context is None:
            self._context = Context()
        return self._context

    def _decoded(self, due: float | None, future: asyncio.Future[Arguments]) -> None:
        """Go on with a body that was decoded beside the loop, unless the call is over."""
        error = None if future.cancelled() else future.exception()
        if self._is_settled or future.cancelled():
            self._close()
        elif error is not None:
            self._divert(Reply(error=error))
        else:
            try:
                self._enter(future.result(), due)
            except Exception as refused:  # noqa: BLE001 - the border: the app tells it
                self._divert(Reply(error=refused))

    def _enter(self, arguments: Arguments, due: float | None) -> None:
        """Let the call in."""
        route = self.route
        call = Call(route.name, arguments[0], arguments[1], None, 0.0, due, 1, self)
        door = route.door(route.name)
        door.enter(call)
        self._call, self._door = call, door

    def _close(self) -> None:
        """End the files of the call; again, if a thread has made one since."""
        if self._context is not None:
            self._context.close()

    def done(self) -> bool:
        """Say whether the answer is there, or nobody waits for it any more."""
        return self._is_settled

    def set_result(self, result: Any, /) -> None:
        """Send the method's value."""
        self._is_settled = True
        call, door, route = self._call, self._door, self.route
        if call is not None and door is not None:
            self._call = None
            door.leave(call)
        try:
            content = route.encode(result, self.headers)
        except Exception as error:  # noqa: BLE001 - the border: the app tells it
            self._divert(Reply(error=error))
            return
        if content is None:
            self._divert(Reply(result))
            return
        connection, body = self._connection, content.body
        head = route.head(content.media_type, connection.server_state.default_headers)
        if not isinstance(body, bytes) or content.headers or len(body) > head.most:
            self._divert(Reply(content))
            return
        self.length, self.media_type = len(body), head.media
        is_large = self.length > LARGE
        tail = b"" if is_large else body
        parts = (head.start, self.length, route.id_line, self.request_id.encode(), END[self.keep_alive], tail)
        connection.transport.write(b"%b%d%b%b%b%b" % parts)
        if is_large:
            connection.transport.write(body)
        self.response_complete = True
        if self._context is not None:
            self._close()
        self._end(200)
        if not self.keep_alive:
            connection.transport.close()
        connection.on_response_complete()

    def set_exception(self, exception: Exception, /) -> None:
        """Let the app tell what went wrong."""
        if not self._is_begun:
            self._begin()
        self._let_out()
        self._divert(Reply(error=exception))

    def leave(self) -> None:
        """Drop the call of a client that left."""
        if self._is_settled:
            return
        if self._is_begun:
            self._let_out()
        else:
            self._begin()
        self._is_settled = True
        self.body, self.gathered = b"", None  # the log holds us for a moment
        self._close()
        self._end(LEFT)

    def _begin(self) -> None:
        route = self.route
        self._is_begun = True
        self.started = perf_counter()
        given = self.headers.get(route.id_header)
        self.request_id = new_id() if given is None else request_id(given)
        route.tally.inside += 1
        route.inside.count += 1

    def _let_out(self) -> None:
        """Leave the engine; a call that never got in has nothing to leave."""
        self._is_settled = True
        call, self._call = self._call, None
        if call is not None and self._door is not None:
            self._door.leave(call)

    def _divert(self, reply: Reply) -> None:
        """Let the app answer; it counts and logs the request too."""
        self._is_settled = True
        self.route.tally.inside -= 1
        self.route.inside.count -= 1
        self._connection.divert(self, Outcome(reply, self.started, self.request_id, self._context))

    def _end(self, status: int) -> None:
        """Count and log the request."""
        self.status = status
        now, route, tally = perf_counter(), self.route, self.route.tally
        seconds = now - self.started
        tally.inside -= 1
        route.inside.count -= 1
        tally.note(status, seconds, now)
        if route.access is not None:
            route.access.note(self, seconds, now)

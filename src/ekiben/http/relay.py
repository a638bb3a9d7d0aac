"""Pass plain calls to workers past the ASGI app, and answers back.

In: a whole body, once its turn has come. Out: a job for a worker, and its answer in one write. Nothing is decoded here:
a body that is JSON goes with the few headers that say how its answer is written, any other with all that are read.
"""

from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from ekiben.engine.job import Done, Job
from ekiben.engine.messages import Reply
from ekiben.engine.wire import view
from ekiben.http import deadline
from ekiben.http.apart import READ, RELAYED
from ekiben.http.cycle import END, LARGE, Cycle
from ekiben.http.fast import MANY, Headers, Route

PLAIN = (b"accept", b"accept-encoding")  # what decides how an answer to JSON is written


class Relay(Route):
    """One endpoint whose plain calls go to workers."""

    def head_of(self, headers: Headers, request_id: str) -> Any:
        """Give what crosses beside the body: bytes for JSON, else what any request has."""
        kind = self.kind(headers.get(b"content-type", b""))
        if kind is not None and kind.read == "json":
            return b"\n".join((request_id.encode(), *(headers.get(name, b"") for name in PLAIN)))
        crossing = [[name, value] for name, value in headers.items() if name in READ]
        return [RELAYED, "POST", crossing, request_id, None]

    def start_of(self, media: bytes, defaults: list[tuple[bytes, bytes]]) -> bytes:
        """Give what a usual answer of one media type begins with."""
        if defaults is not self._defaults:
            self._defaults = defaults
            self._starts: dict[bytes, bytes] = {}
        found = self._starts.get(media)
        if found is None:
            vary = b"vary: accept\r\n" if self._has_choice else b""
            found = start(200, defaults, media, vary)
            if len(self._starts) < MANY:
                self._starts[media] = found
        return found


def start(status: int, defaults: list[tuple[bytes, bytes]], media: bytes, more: bytes) -> bytes:
    """Write a head up to the digits of its length."""
    lines = b"".join(b"%b: %b\r\n" % line for line in defaults)
    return b"%b%bcontent-type: %b\r\n%bcontent-length: " % (STATUS_LINE[status], lines, media, more)


class Relayed(Cycle):
    """One request that a worker answers."""

    __slots__ = ()

    route: Relay

    def start(self) -> None:
        """Let the call in; once, when the body is whole and its turn has come."""
        self._begin()
        route, headers, gathered = self.route, self.headers, self.gathered
        body: bytes | bytearray = self.body if gathered is None else gathered.whole()
        self.body, self.gathered = b"", None
        try:
            due = deadline.read(headers) if deadline.FIELD in headers else None
            head = route.head_of(headers, self.request_id)
            job = Job(route.name, (), {}, None, 0.0, due, 1, self, None, head, (body,))
            door = route.door(route.name)
            door.enter(job)
        except Exception as error:  # noqa: BLE001 - the border: the app tells it
            self._divert(Reply(error=error))
        else:
            self._call, self._door = job, door

    def set_result(self, result: Done, /) -> None:
        """Send what a worker answered; what is no plain head and body is left to the app."""
        self._let_out()
        connection = self._connection
        try:
            found = self._read(result, connection.server_state.default_headers)
        except Exception as error:  # noqa: BLE001 - the border: the app tells it, and the next answers are not lost
            self._divert(Reply(error=error))
            return
        if found is None:
            self._divert(Reply(result))
            return
        status, media, begun, body = found
        self.length, self.media_type = len(body), media
        is_large = self.length > LARGE
        tail = b"" if is_large else body
        parts = (begun, self.length, self.route.id_line, self.request_id.encode(), END[self.keep_alive], tail)
        connection.transport.write(b"%b%d%b%b%b%b" % parts)
        if is_large:
            connection.transport.write(body)
        self.response_complete = True
        self._end(status)
        if not self.keep_alive:
            connection.transport.close()
        connection.on_response_complete()

    def _read(self, answered: Done, defaults: list[tuple[bytes, bytes]]) -> tuple[int, bytes, bytes, bytes] | None:
        """Give status, media type, begin of the head, and body; None for another form."""
        head, buffers = answered
        if isinstance(head, bytes):
            return 200, head, self.route.start_of(head, defaults), bytes(view(buffers[0]))
        if len(head) == 3:
            status, media, more = head
            return status, media, start(status, defaults, media, more), bytes(view(buffers[0]))
        return None

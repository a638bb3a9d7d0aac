"""What is known of one request from its first byte to the last of its answer.

In: an ASGI scope. Out: its headers as a dict, a request id, and, once sent, the answer's status and size.
Whoever wrote an answer (a method, a mounted app, middleware), no header of it can begin another one.
Source: the ASGI specification 3.0, HTTP connection scope; RFC 9110, 5 (fields), RFC 9112, 6.3 (length).
"""

import re
import secrets
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from itertools import count
from time import perf_counter
from typing import Any, Protocol

from ekiben.core.context import Context
from ekiben.engine.messages import Reply

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
AsgiApp = Callable[[Scope, Receive, Send], Awaitable[None]]

KEY = "ekiben.exchange"  # where a scope holds its exchange, also through middleware
OUTCOME = "ekiben.outcome"  # where a scope holds what the fast lane has done already
TRACE = "ekiben.trace"  # where a scope holds the id of its trace, if it is traced
STREAMING = "ekiben.streaming"  # a scope has it while its answer is sent in pieces
LEFT = 499  # the status that logs and metrics show for a client that left; it is never sent
SANE = re.compile(rb"[A-Za-z0-9._:/+=@-]{1,128}")
TOKEN = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
UNFIT = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")  # control characters, line breaks among them
STATUSES = range(200, 600)
USUAL = frozenset(
    {b"content-type", b"content-length", b"vary", b"content-encoding", b"cache-control", b"retry-after", b"allow"}
)

Headers = list[tuple[bytes, bytes]]

_PROCESS = secrets.token_hex(6)  # tells ids of two processes apart
_COUNT = count(1)


def new_id() -> str:
    """Make a request id that no other process makes either."""
    return f"{_PROCESS}{next(_COUNT):08x}"


def request_id(given: bytes | None) -> str:
    """Take over the id that a request bears, if it is sane; else make one."""
    return given.decode() if given is not None and SANE.fullmatch(given) else new_id()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a call that began in the fast lane and is answered by the app."""

    reply: Reply  # the method's value, or what a codec made of it, or what went wrong
    started: float  # of perf_counter
    request_id: str
    context: Context | None = None  # of the call, to be closed after its answer

    def value(self) -> Any:
        """Give the value; raises what went wrong."""
        if self.reply.error is not None:
            raise self.reply.error
        return self.reply.value


class Finished(Protocol):
    """A request that has its answer, as far as the log asks."""

    scope: Scope
    headers: dict[bytes, bytes]
    media_type: bytes
    status: int
    length: int
    request_id: str


def checked(status: int, headers: Headers) -> Headers:
    """Hold the head of an answer to what HTTP allows.

    Returns:
        The headers, but for `transfer-encoding`, which is the server's to say.

    Raises:
        ValueError: the status is none, a name or a value would break the head, or there are two lengths.
    """
    names = [name for name, _ in headers]
    is_clean = not UNFIT.search(b"".join([value for _, value in headers]))
    if is_clean and status in STATUSES and USUAL.issuperset(names) and names.count(b"content-length") <= 1:
        return headers
    if status not in STATUSES:
        raise ValueError(f"the status of an answer must be from 200 to 599: {status!r}")
    for name, value in headers:
        if not TOKEN.fullmatch(name):
            raise ValueError(f"the name of a header must be a token (RFC 9110): {name!r}")
        if UNFIT.search(value):
            raise ValueError(f"the header `{name.decode()}` must not hold control characters: {value!r}")
    lowered = [name.lower() for name in names]
    if lowered.count(b"content-length") > 1:
        raise ValueError("an answer must have at most one `content-length`")
    if b"transfer-encoding" in lowered:
        return [header for header in headers if header[0].lower() != b"transfer-encoding"]
    return headers


def opening(send: Send) -> Send:
    """Hold what opens or refuses a WebSocket to what HTTP allows."""

    async def checking(message: Message) -> None:
        if message["type"] == "websocket.accept":
            subprotocol: str | None = message.get("subprotocol")
            given = [*message.get("headers", ())]
            if subprotocol:
                given.append((b"sec-websocket-protocol", subprotocol.encode()))
            checked(200, given)
        elif message["type"] == "websocket.http.response.start":
            checked(message["status"], [*message.get("headers", ())])
        await send(message)

    return checking


class Exchange:
    """One request and its answer; `send` stands between the app and the server."""

    __slots__ = ("_id_header", "_send", "headers", "length", "media_type", "request_id", "scope", "started", "status")

    def __init__(self, scope: Scope, send: Send, id_header: bytes) -> None:
        self.scope = scope
        self.headers: dict[bytes, bytes] = dict(scope["headers"])
        before: Outcome | None = scope.get(OUTCOME)
        self.started = perf_counter() if before is None else before.started
        self.status = 0  # until the answer begins
        self.length = 0  # bytes of the answer's body
        self.media_type = b""  # of the answer
        self._send = send
        self._id_header = id_header
        self.request_id = request_id(self.headers.get(id_header)) if before is None else before.request_id

    async def send(self, message: Message) -> None:
        """Pass a message on, the head with the request id; note what was sent.

        Raises:
            ValueError: the head would not be one; nothing of it was sent.
        """
        if message["type"] == "http.response.start":
            headers = checked(message["status"], list(message.get("headers", ())))
            self.status = message["status"]
            for name, value in headers:
                if name == b"content-type":
                    self.media_type = value
                    break
            headers.append((self._id_header, self.request_id.encode()))
            message["headers"] = headers
        else:
            self.length += len(message.get("body", b""))
        await self._send(message)

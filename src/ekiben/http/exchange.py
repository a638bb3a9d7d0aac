"""What is known of one request from its first byte to the last of its answer.

In: an ASGI scope. Out: its headers as a dict, a request id, and, once sent, the answer's status and size.
Source: the ASGI specification 3.0, HTTP connection scope.
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
        """Pass a message on, the head with the request id; note what was sent."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = list(message.get("headers", ()))
            for name, value in headers:
                if name == b"content-type":
                    self.media_type = value
                    break
            headers.append((self._id_header, self.request_id.encode()))
            message["headers"] = headers
        else:
            self.length += len(message.get("body", b""))
        await self._send(message)

"""Say to a connection, past the app, what only its protocol can say.

In: an error, or a client that closed its side. Out: bytes on the connection.
"""

import asyncio
import socket
from collections.abc import Iterable
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

from ekiben.http.errors import Failure
from ekiben.http.exchange import STREAMING

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


def last_answer(failure: Failure, headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    """Write the answer after which the connection ends, with the *headers* of each."""
    lines = [STATUS_LINE[failure.status]]
    for name, value in headers:
        lines += [name, b": ", value, b"\r\n"]
    lines.append(b"content-type: %s\r\n" % failure.media_type.encode())
    lines.append(b"content-length: %d\r\nconnection: close\r\n\r\n" % len(failure.body))
    return b"".join([*lines, failure.body])


def probe(transport: asyncio.Transport, cycle: Any) -> None:
    """Ask a client that closed its sending side whether it still listens.

    A connection that is closed on both sides is told from one closed by half only by sending something: here an
    interim answer, which a client of HTTP/1.1 passes by (RFC 9110, 15.2) and one that left answers by a reset.
    """
    is_plain = not isinstance(cycle, RequestResponseCycle)  # of the fast lane: HTTP/1.1, answered in one write
    if is_plain or not (cycle.response_started or cycle.scope["http_version"] == "1.0"):
        transport.write(CONTINUE)


def is_reset(transport: asyncio.Transport) -> bool:
    """Say whether the other end has reset the connection, unnoticed by the loop."""
    own = transport.get_extra_info("socket")
    return own is not None and own.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) != 0


def is_streaming(cycle: Any) -> bool:
    """Say whether an answer is being sent in pieces.

    Nothing can be said within it to find out whether a client that closed its sending side still reads, and the next
    piece may be far; so such a client has left, as nginx has it for what it passes on.
    """
    return isinstance(cycle, RequestResponseCycle) and STREAMING in cycle.scope

"""Messages between a server and the process that runs its tasks.

In: a head that is fit for JSON, and a body. Out: frames over an inherited socket: the length of the head, the length of
the body, both. Nothing is ever unpickled.
"""

import asyncio
import json
import socket
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ekiben.engine.control import exactly

LENGTHS = struct.Struct(">IQ")
MOST_HEAD = 1024 * 1024  # bytes
MOST_BODY = 64 * 1024**3


@dataclass(frozen=True, slots=True)
class Frame:
    """One message."""

    head: Mapping[str, Any]
    body: bytes = field(default=b"", repr=False)

    @property
    def say(self) -> str:
        """What kind of message it is."""
        return str(self.head.get("say"))


def pack(head: Mapping[str, Any], body: bytes = b"") -> tuple[bytes, bytes]:
    """Give what is sent before the body, and the body."""
    text = json.dumps(head).encode()
    return LENGTHS.pack(len(text), len(body)) + text, body


def lengths(start: bytes) -> tuple[int, int]:
    """Read both lengths; raises ValueError for those that nobody sends."""
    head, body = LENGTHS.unpack(start)
    if head > MOST_HEAD or body > MOST_BODY:
        raise ValueError(f"a frame with a head of {head} bytes and a body of {body} is none of ours")
    return head, body


def read_head(text: bytes) -> Mapping[str, Any]:
    """Read a head; raises ValueError for anything that is no JSON object."""
    try:
        found: Any = json.loads(text)
    except RecursionError as error:
        raise ValueError("the head of a frame is nested too deep") from error
    if not isinstance(found, dict):
        raise ValueError(f"the head of a frame must be an object: {text[:80]!r}")
    return found


async def read(reader: asyncio.StreamReader) -> Frame | None:
    """Read the next frame; None at the end, also amid a frame. Raises ValueError."""
    try:
        head, body = lengths(await reader.readexactly(LENGTHS.size))
        return Frame(read_head(await reader.readexactly(head)), await reader.readexactly(body))
    except (asyncio.IncompleteReadError, ConnectionError):
        return None


def read_blocking(sock: socket.socket) -> Frame | None:
    """Read the next frame on a thread; as `read`."""
    start = exactly(sock, LENGTHS.size)
    if start is None:
        return None
    head, body = lengths(start)
    text = exactly(sock, head)
    content = None if text is None else exactly(sock, body)
    return None if text is None or content is None else Frame(read_head(text), content)


def send(sock: socket.socket, head: Mapping[str, Any], body: bytes = b"") -> None:
    """Send a frame on a thread; raises OSError where the other end is gone."""
    for part in pack(head, body):
        if part:
            sock.sendall(part)

"""Talk to a server in bytes: on a socket, or to its protocol without one.

In: bytes as they are. Out: all that came back, and the answers in it.
"""

import asyncio
import socket
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from tests.servers import HOST


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer."""

    status: int
    headers: dict[str, str]
    body: bytes


def say(port: int, *pieces: bytes, half: bool = False, pause: float = 0.05) -> bytes:
    """Send *pieces* one after the other, and give all that comes back until the server hangs up.

    Args:
        port: of the server.
        pieces: what is sent, each in a packet of its own.
        half: close the sending side then.
        pause: seconds between two pieces.
    """
    with socket.create_connection((HOST, port), timeout=30) as client:
        found = b""
        try:
            for piece in pieces:
                client.sendall(piece)
                client.settimeout(pause)
                try:
                    found += client.recv(65536)
                except TimeoutError:
                    pass
                client.settimeout(30)
            if half:
                with suppress(OSError):  # the server was faster
                    client.shutdown(socket.SHUT_WR)
            while more := client.recv(65536):
                found += more
        except (ConnectionResetError, BrokenPipeError):
            pass
        return found


def replies(said: bytes, *, heads_only: bool = False) -> list[Reply]:
    """Cut what a server sent into answers; interim ones are left out, half of one is an error."""
    found = []
    while said:
        head, mark, rest = said.partition(b"\r\n\r\n")
        assert mark, f"half a head: {said!r}"
        first, *lines = head.decode("latin-1").split("\r\n")
        version, status, _ = first.split(" ", 2)
        assert version == "HTTP/1.1"
        headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
        if status.startswith("1"):
            assert not headers
            said = rest
            continue
        body, said = (b"", rest) if heads_only or status in ("204", "304") else cut(headers, rest)
        found.append(Reply(int(status), headers, body))
    return found


def cut(headers: dict[str, str], rest: bytes) -> tuple[bytes, bytes]:
    """Cut the body of an answer from what follows it."""
    if headers.get("transfer-encoding") == "chunked":
        body = b""
        while True:
            size, _, rest = rest.partition(b"\r\n")
            length = int(size, 16)
            body, after, rest = body + rest[:length], rest[length : length + 2], rest[length + 2 :]
            assert after == b"\r\n"
            if not length:
                return body, rest
    if "content-length" in headers:
        length = int(headers["content-length"])
        assert len(rest) >= length, "a body was cut short"
        return rest[:length], rest[length:]
    return rest, b""


class Wire(asyncio.Transport):
    """A connection that notes what was written, and whether it was closed or is not read."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.closed = self.paused = False
        self.protocol: Any = None

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self.protocol = protocol

    def deliver(self, data: bytes) -> None:
        """Bring *data* as a socket would, to whoever reads now."""
        while data:
            assert not self.paused, "nothing is read"
            if not isinstance(self.protocol, asyncio.BufferedProtocol):
                self.protocol.data_received(data)
                return
            place = self.protocol.get_buffer(-1)
            size = min(len(place), len(data))
            memoryview(place)[:size] = data[:size]
            self.protocol.buffer_updated(size)
            data = data[size:]

    def write(self, data: Any) -> None:
        assert not self.closed, "nothing is written to a closed connection"
        self.written += bytes(data)

    def close(self) -> None:
        self.closed = True

    def abort(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed

    def can_write_eof(self) -> bool:
        return False

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return default

    def pause_reading(self) -> None:
        self.paused = True

    def resume_reading(self) -> None:
        self.paused = False


def connection(server: Any, wire: Wire) -> Any:
    """Open a connection to a `Server` without a socket."""
    made = server.config.http_protocol_class(server.config, server.server_state, {})
    wire.protocol = made
    made.connection_made(wire)
    return made

"""Load a server that streams: closed loop, keep-alive connections, one process on epoll.

In: port, path, body file, media type, concurrency, seconds. Out: one line of JSON: tokens a second, time to the first
token, and in how many reads an answer came: 1 says that the server kept it back until it was whole.
"""

import json
import select
import socket
import statistics
import sys
import time
from pathlib import Path

TOKENS = 100  # of a whole answer; each holds `tok`
MOST = 1 << 18  # bytes of one read


class Client:
    """One connection with one request on its way."""

    def __init__(self, port: int, request: bytes) -> None:
        self.port, self.request = port, request
        self.open()

    def open(self) -> None:
        """Connect."""
        self.socket = socket.create_connection(("127.0.0.1", self.port), timeout=30)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def ask(self) -> None:
        """Send the request."""
        self.seen, self.reads, self.first = bytearray(), 0, 0.0
        self.begun = time.perf_counter()
        self.socket.sendall(self.request)

    def read(self) -> bool | None:
        """Read on; True: the answer is whole, None: the connection is closed."""
        data = self.socket.recv(MOST)
        self.seen += data
        self.reads += 1
        if not self.first and b"tok000" in self.seen:
            self.first = time.perf_counter() - self.begun
        return None if not data else self.seen.endswith(b"0\r\n\r\n")

    @property
    def is_right(self) -> bool:
        """Whether all tokens came."""
        return self.seen.startswith(b"HTTP/1.1 200") and self.seen.count(b"tok") == TOKENS


def load(port: int, request: bytes, concurrency: int, seconds: float) -> dict[str, float]:
    """Ask and ask again for *seconds*."""
    poll = select.epoll()
    clients: dict[int, Client] = {}
    firsts: list[float] = []
    wholes: list[float] = []
    reads: list[int] = []
    errors = 0

    def begin(client: Client) -> None:
        clients[client.socket.fileno()] = client
        poll.register(client.socket.fileno(), select.EPOLLIN)
        client.ask()

    for _ in range(concurrency):
        begin(Client(port, request))
    start = time.perf_counter()
    while time.perf_counter() - start < seconds:
        for number, _ in poll.poll(0.5):
            client = clients[number]
            done = client.read()
            if done is False:
                continue
            if client.is_right:
                firsts.append(client.first)
                wholes.append(time.perf_counter() - client.begun)
                reads.append(client.reads)
            else:
                errors += 1
            if done:
                client.ask()
                continue
            poll.unregister(number)
            del clients[number]
            client.socket.close()
            client.open()
            begin(client)
    spent = time.perf_counter() - start
    return {
        "requests": len(wholes),
        "seconds": spent,
        "p50_ms": at(wholes, 0.5),
        "p99_ms": at(wholes, 0.99),
        "first_p50_ms": at(firsts, 0.5),
        "reads": statistics.median(reads) if reads else 0,
        "errors": errors,
    }


def at(values: list[float], part: float) -> float:
    """Give a quantile in milliseconds."""
    return sorted(values)[min(len(values) - 1, int(len(values) * part))] * 1e3 if values else 0.0


def main(port: str, path: str, body: str, media: str, concurrency: str, seconds: str) -> None:
    """Load, and print."""
    content = Path(body).read_bytes()
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: {media}\r\nContent-Length: {len(content)}\r\n\r\n"
    print("RESULT " + json.dumps(load(int(port), head.encode() + content, int(concurrency), float(seconds))))


if __name__ == "__main__":
    main(*sys.argv[1:])

"""No framework: an `asyncio.Protocol` on httptools and uvloop, what a server in Python could reach at best.

It checks nothing, counts nothing, logs nothing, and joins all rows that have come in one turn of the loop.
`python bare_app.py PORT`
"""

import asyncio
import sys

import httptools
import model
import numpy as np
import orjson
import uvloop

predict_rows = model.load()
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b"


class Bare(asyncio.Protocol):
    """One connection."""

    waiting: "list[tuple[Bare, list[list[float]]]]" = []  # noqa: RUF012 - shared by all connections, on purpose

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self.transport = transport
        self.parser = httptools.HttpRequestParser(self)
        self.path = self.body = b""

    def data_received(self, data: bytes) -> None:
        """Parse."""
        self.parser.feed_data(data)

    def on_message_begin(self) -> None:
        """Forget the request before."""
        self.path = self.body = b""

    def on_url(self, url: bytes) -> None:
        """Note the path."""
        self.path += url

    def on_body(self, body: bytes) -> None:
        """Note the body."""
        self.body += body

    def on_message_complete(self) -> None:
        """Answer, alone or with the others of this turn."""
        rows = orjson.loads(self.body)
        if self.path != b"/batched":
            self.answer([int(label) for label in predict_rows(rows)])
            return
        if not self.waiting:
            asyncio.get_running_loop().call_soon(answer_all)
        self.waiting.append((self, rows))

    def answer(self, labels: list[int]) -> None:
        """Send an answer."""
        body = orjson.dumps(labels)
        self.transport.write(HEAD % (len(body), body))  # type: ignore[attr-defined]


def answer_all() -> None:
    """Ask the model once for all that wait."""
    calls, Bare.waiting = Bare.waiting[: model.MAX_BATCH], Bare.waiting[model.MAX_BATCH :]
    if Bare.waiting:
        asyncio.get_running_loop().call_soon(answer_all)
    labels = np.asarray(predict_rows(np.array([row for _, rows in calls for row in rows]))).tolist()
    start = 0
    for connection, rows in calls:
        connection.answer(labels[start : start + len(rows)])
        start += len(rows)


async def main() -> None:
    """Serve until the process is ended."""
    server = await asyncio.get_running_loop().create_server(Bare, "127.0.0.1", int(sys.argv[1]))
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main())

"""Clients that behave, and clients that do not, over raw sockets.

In: a port and an end of time. Out: a `Tally` of what came back; every answer is compared with the one it must be.
"""

import asyncio
import json
import random
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

REFUSALS = {429, 503, 504}  # what an overloaded or stopping server may say
STUCK = 30.0  # seconds after which an answer no longer counts as late
LOST = (ConnectionError, asyncio.IncompleteReadError)


@dataclass(slots=True)
class Tally:
    """What came back."""

    right: int = 0
    refused: Counter[int] = field(default_factory=Counter)
    lost: int = 0  # connections that ended before their answer
    wrong: list[str] = field(default_factory=list)

    def take(self, asked: "Question", status: int, body: bytes) -> None:
        """Judge one answer."""
        if status == 200:
            if json.loads(body) == asked.answer:
                self.right += 1
            else:
                self.wrong.append(f"{asked.path} answered {body[:80]!r}, not {asked.answer}")
        elif status in REFUSALS and json.loads(body).get("error"):
            self.refused[status] += 1
        else:
            self.wrong.append(f"{asked.path} answered {status}: {body[:200]!r}")


@dataclass(frozen=True, slots=True)
class Question:
    """One request, and the only right answer."""

    path: str
    media: str
    body: bytes
    answer: Any

    @property
    def request(self) -> bytes:
        head = f"POST {self.path} HTTP/1.1\r\nhost: x\r\ncontent-type: {self.media}\r\n"
        return f"{head}content-length: {len(self.body)}\r\n\r\n".encode() + self.body


def question(draw: random.Random, kinds: tuple[str, ...] = ("plain", "batched", "later", "upload")) -> Question:
    """Think of a question."""
    number, kind = draw.randrange(10**9), draw.choice(kinds)
    if kind == "batched":
        rows = [[draw.randrange(1000) / 4, draw.randrange(1000) / 4] for _ in range(draw.randrange(1, 4))]
        return Question("/batched", "application/json", json.dumps(rows).encode(), [2 * sum(row) for row in rows])
    if kind == "upload":
        content = draw.randbytes(draw.randrange(1, 5000))
        head = b'--edge\r\ncontent-disposition: form-data; name="file"; filename="f"\r\n\r\n'
        form = head + content + b"\r\n--edge--\r\n"
        return Question("/upload", "multipart/form-data; boundary=edge", form, sum(content))
    answers = {"plain": 3 * number + 1, "later": number + 7, "slow": -number}
    return Question(f"/{kind}", "application/json", json.dumps({"number": number}).encode(), answers[kind])


@asynccontextmanager
async def connected(port: int) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """Connect, and close in any case."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield reader, writer
    finally:
        writer.close()
        with suppress(*LOST):
            await writer.wait_closed()


async def is_ready(port: int) -> bool:
    """Say whether a server takes calls; one that breaks the connection does not."""
    try:
        async with asyncio.timeout(STUCK), connected(port) as (reader, writer):
            writer.write(b"GET /readyz HTTP/1.1\r\nhost: x\r\n\r\n")
            return (await read_answer(reader))[0] == 200
    except LOST:
        return False


async def read_answer(reader: asyncio.StreamReader) -> tuple[int, bytes, bool]:
    """Read one answer: its status, its body, and whether the connection stays."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
    lines = dict(line.split(": ", 1) for line in head.split("\r\n")[1:] if line)
    body = await reader.readexactly(int(lines["content-length"]))
    return int(head.split(" ", 2)[1]), body, lines.get("connection") != "close"


async def behave(port: int, end: float, tally: Tally, draw: random.Random, kinds: tuple[str, ...]) -> None:
    """Ask one question after the other on one connection, as a good client does."""
    now = asyncio.get_running_loop().time
    while now() < end:
        try:
            async with connected(port) as (reader, writer):
                await ask_on(reader, writer, end, tally, draw, kinds)
        except LOST:
            tally.lost += 1
            await asyncio.sleep(0.02)


async def ask_on(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    end: float,
    tally: Tally,
    draw: random.Random,
    kinds: tuple[str, ...],
) -> None:
    """Ask on one connection for as long as the server keeps it."""
    stays = True
    while stays and asyncio.get_running_loop().time() < end:
        asked = question(draw, kinds)
        try:
            async with asyncio.timeout(STUCK):
                writer.write(asked.request)
                status, body, stays = await read_answer(reader)
        except TimeoutError:
            tally.wrong.append(f"{asked.path} had no answer for {STUCK:g} s")
            return
        tally.take(asked, status, body)


async def leave(port: int, draw: random.Random) -> None:
    """Ask, and leave before the answer, or in the middle of the question."""
    async with connected(port) as (_, writer):
        request = question(draw, ("slow", "plain", "upload", "batched")).request
        writer.write(request[: draw.choice((len(request), draw.randrange(len(request))))])
        await asyncio.sleep(draw.random() * 0.05)
        if draw.random() < 0.5:
            writer.transport.abort()


async def drip(port: int, draw: random.Random) -> None:
    """Send a request in drops, and read the answer in drops."""
    async with connected(port) as (reader, writer):
        request = question(draw, ("plain", "later")).request
        step = max(1, len(request) // 20)
        for start in range(0, len(request), step):
            writer.write(request[start : start + step])
            await asyncio.sleep(0.02)
        for _ in range(10):
            await reader.read(8)
            await asyncio.sleep(0.01)


async def babble(port: int, draw: random.Random) -> None:
    """Send what is no request, or one that is too large."""
    nonsense = (
        draw.randbytes(200),
        b"GET / HTTP/1.1\r\n" + b"a: " + b"b" * 70_000 + b"\r\n\r\n",
        b"POST /plain HTTP/1.1\r\nhost: x\r\ncontent-length: 999999999999\r\n\r\n",
        b"POST /plain HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\n12345",
        b"POST /plain HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 4\r\n\r\n[[[[",
    )
    async with connected(port) as (_, writer):
        writer.write(draw.choice(nonsense))
        await asyncio.sleep(0.02)


async def flood(port: int, tally: Tally, draw: random.Random) -> None:
    """Open many connections at once, each with a question."""
    loop = asyncio.get_running_loop()
    crowd = [
        behave(port, loop.time() + 0.2, tally, random.Random(draw.random()), ("plain", "slow")) for _ in range(300)
    ]
    await asyncio.gather(*crowd)


async def misbehave(port: int, end: float, draw: random.Random) -> None:
    """Trouble the server until the end of time."""
    ways: tuple[Callable[[int, random.Random], Awaitable[None]], ...] = (leave, drip, babble)
    while asyncio.get_running_loop().time() < end:
        try:
            async with asyncio.timeout(STUCK):
                await draw.choice(ways)(port, draw)
        except LOST:
            await asyncio.sleep(0.01)  # the server hung up on nonsense, as it may


async def soak(
    port: int, seconds: float, *, clients: int = 24, troubles: int = 6, floods: int = 1, seed: int = 0
) -> Tally:
    """Load a server with all kinds of clients for *seconds*."""
    tally, end = Tally(), asyncio.get_running_loop().time() + seconds
    draws = [random.Random(f"{seed}-{number}") for number in range(clients + troubles)]
    async with asyncio.TaskGroup() as group:
        for draw in draws[:clients]:
            group.create_task(behave(port, end, tally, draw, ("plain", "batched", "later", "upload")))
        for draw in draws[clients:]:
            group.create_task(misbehave(port, end, draw))
        for number in range(floods):
            await asyncio.sleep(seconds / (floods + 1))
            group.create_task(flood(port, tally, random.Random(f"{seed}-flood-{number}")))
    return tally

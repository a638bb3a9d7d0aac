"""A service with a generator for each way of streaming, for tests over real sockets."""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Annotated

import ekiben
from ekiben.exceptions import InvalidInput
from ekiben.validators import ContentType


@ekiben.service(name="streaming")
class Streaming:
    """Streams."""

    @ekiben.api
    def tokens(self, words: list[str]) -> Iterator[str]:
        """Give the words back one by one."""
        yield from words

    @ekiben.api
    def rows(self, count: int) -> Iterator[dict[str, int]]:
        """Give records."""
        for number in range(count):
            yield {"number": number}

    @ekiben.api
    def sound(self) -> Iterator[Annotated[bytes, ContentType("audio/wav")]]:
        """Give bytes."""
        yield b"RI"
        yield b"FF"

    @ekiben.api(heartbeat=0.05)
    async def events(self, pause: float = 0.0) -> AsyncIterator[ekiben.Event]:
        """Give events, the second after a pause."""
        yield ekiben.Event("a\nb", event="token", id="1")
        await asyncio.sleep(pause)
        yield ekiben.Event({"done": True})

    @ekiben.api
    def fail(self, after: int, how: str = "bug") -> Iterator[str]:
        """Fail after some pieces."""
        for number in range(after):
            yield str(number)
        raise ValueError("the password is 12345") if how == "bug" else InvalidInput("`how` must be kind: 'ours'")

    @ekiben.api
    def polite(self, ctx: ekiben.Context) -> Iterator[str]:
        """Set a header and a status before the first piece."""
        ctx.response.headers["x-model"] = "tiny"
        ctx.response.headers["cache-control"] = "max-age=60"
        ctx.response.status_code = 203
        yield "a"
        yield str(Path(ctx.temp_dir).is_dir())

    @ekiben.api
    async def wait(self, folder: str) -> AsyncIterator[str]:
        """Give one piece, wait for ever, and leave a file when it is over."""
        try:
            yield "first"
            await asyncio.Event().wait()
        finally:
            (Path(folder) / "closed").touch()

    @ekiben.api
    def flood(self, folder: str) -> Iterator[bytes]:
        """Give pieces of 64 kB without end, count them, and leave a file when it is over."""
        count = 0
        try:
            while True:
                yield b"x" * 65536
                count += 1
                (Path(folder) / "count").write_text(str(count))
        finally:
            (Path(folder) / "closed").write_text(threading.current_thread().name)

    @ekiben.api(timeout=0.3)
    async def late(self) -> AsyncIterator[str]:
        """Never end in time."""
        yield "a"
        await asyncio.Event().wait()

    @ekiben.api
    def whole(self) -> int:
        """Give a number."""
        return 5

"""Call a server as fast as it answers, while something happens to it; and look at its processes."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.servers import READY_S, Running, leftovers


def children(server: Running) -> list[int]:
    return sorted(pid for pid in leftovers(server.pid) if pid != server.pid)


def until(say: str, ask: Callable[[], bool]) -> None:
    end = time.monotonic() + READY_S
    while not ask():
        assert time.monotonic() < end, say
        time.sleep(0.02)


@dataclass(slots=True)
class Load:
    """The answers of calls that went well, and what became of the others."""

    answers: list[Any] = field(default_factory=list)
    bad: list[str] = field(default_factory=list)

    @property
    def good(self) -> int:
        return len(self.answers)


@contextlib.asynccontextmanager
async def loaded(server: Running, endpoint: str, body: Any = None, clients: int = 8) -> AsyncIterator[Load]:
    """Call as fast as the answers come: half over kept connections, half over a new one for each call."""
    load, is_over = Load(), False

    async def call(keep: bool) -> None:
        options = {} if keep else {"headers": {"connection": "close"}}
        async with httpx.AsyncClient(base_url=server.url, timeout=60, trust_env=False, **options) as client:
            while not is_over:
                try:
                    answer = await client.post(f"/{endpoint}", json={} if body is None else body)
                except httpx.TransportError as error:
                    load.bad.append(repr(error))
                    continue
                if answer.status_code == 200:
                    load.answers.append(answer.json())
                else:
                    load.bad.append(f"{answer.status_code} {answer.text}")

    tasks = [asyncio.create_task(call(index % 2 == 0)) for index in range(clients)]
    try:
        await more(load, 20)
        yield load
    finally:
        is_over = True
        await asyncio.gather(*tasks)


async def more(load: Load, calls: int) -> None:
    """Wait until so many more calls went well."""
    wanted = load.good + calls
    async with asyncio.timeout(READY_S):
        while load.good < wanted:
            await asyncio.sleep(0.01)


async def in_log(server: Running, words: str) -> None:
    await asyncio.to_thread(server.wait_for_log, words)

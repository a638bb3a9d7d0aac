"""The load sends what it was told, counts what comes back, and says what failed."""

import asyncio
import base64
import contextlib
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from ekiben.tools.bench import clients
from ekiben.tools.bench.histogram import Histogram
from ekiben.tools.bench.load import REFUSED, Job, Load, Outcome
from tests.servers import free_port

REQUEST = b"POST /p HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n{}"
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
Answer = Callable[[int], bytes | None]  # by the number of the request; None hangs up


@asynccontextmanager
async def answering(answer: Answer, pause: Callable[[], Awaitable[Any]] | None = None) -> AsyncIterator[int]:
    """Serve plain bytes on a free port; each request must be the one that was asked for."""
    seen = 0
    running: set[asyncio.Task[Any] | None] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal seen
        running.add(asyncio.current_task())
        try:
            while await reader.readexactly(len(REQUEST)) == REQUEST:
                seen += 1
                found = answer(seen)
                if pause is not None:
                    await pause()
                if found is None:
                    break
                writer.write(found)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        if running:
            await asyncio.wait({task for task in running if task is not None}, timeout=10)


def job(port: int, **changes: Any) -> Job:
    base = {"connections": 2, "seconds": 0.4, "warm_up": 0.05, "patience": 5.0}
    return Job("127.0.0.1", port, base64.b64encode(REQUEST).decode(), **{**base, **changes})


async def load(given: Job) -> Outcome:
    return await Load(given, asyncio.get_running_loop()).run()


def quantile(outcome: Outcome, share: float) -> float:
    found = Histogram()
    found.take(outcome.latencies)
    return found.quantile(share)


async def test_closed_loop(capsys: pytest.CaptureFixture[str]) -> None:
    """Each connection asks again once it is answered; what came within the time is counted."""
    async with answering(lambda number: OK) as port:
        found = await load(job(port))
    assert found.answers > 10
    assert found.statuses["200"] >= found.answers
    assert sum(count for _, count in found.latencies) == found.statuses["200"]
    assert (found.failures, found.unsent) == ({}, 0)
    assert found.seconds == pytest.approx(0.4, abs=0.2)
    assert 0 < quantile(found, 0.5) < 1
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {"begin": True} in lines
    assert lines[-1]["answers"] <= found.answers


async def test_open_loop(capsys: pytest.CaptureFixture[str]) -> None:
    """With a rate no more is sent than was asked for, however fast the answers are."""
    async with answering(lambda number: OK) as port:
        found = await load(job(port, rate=50.0, seconds=1.0))
    assert 20 <= found.answers <= 52


async def test_late_answers_count_from_when_they_were_due() -> None:
    """Requests that wait for a connection are counted from the moment at which they were due."""
    async with answering(lambda number: OK, lambda: asyncio.sleep(0.1)) as port:
        found = await load(job(port, rate=100.0, connections=1, seconds=0.6))
    assert found.unsent > 10, "most were never sent"
    assert quantile(found, 1.0) > 0.2, "though each answer came within 0.1 s of its request"


async def test_statuses_and_hang_ups() -> None:
    """Errors are counted by status, connections that close by their reason; the load goes on with new ones."""
    failed = b"HTTP/1.1 503 No\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
    chunked = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"
    kinds = [OK, failed, None, chunked, b"no HTTP\r\n\r\n"]
    async with answering(lambda number: kinds[number % 5]) as port:
        found = await load(job(port))
    assert found.statuses["503"] > 0
    assert found.statuses["200"] > found.statuses["503"]
    assert found.failures["the connection was closed"] > 0
    assert found.failures["the answer was no HTTP"] > 0
    assert sum(count for _, count in found.latencies) == found.statuses["200"], "errors are no latencies"


async def test_nobody_there() -> None:
    """A server that is not there is a failure, not an end."""
    found = await load(job(free_port()))
    assert found.answers == 0
    assert found.failures[REFUSED] > 0


async def test_patience_ends() -> None:
    """A request that is not answered in time has failed, and the load ends."""
    never = asyncio.Event()

    async def pause() -> None:
        await never.wait()

    async with answering(lambda number: OK, pause) as port:
        found = await load(job(port, patience=0.2, seconds=1.0))
        never.set()
    assert found.answers == 0
    assert found.failures["no answer within 0.2 s"] > 0


def test_the_end_of_stdin_ends_it() -> None:
    """A process of the load says what it has, and leaves, as soon as its stdin ends."""
    process = subprocess.Popen(
        [sys.executable, "-m", clients.MODULE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    line = json.dumps({"host": "127.0.0.1", "port": free_port(), "request": "", "connections": 1, "seconds": 600.0})
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(line + "\n")
    process.stdin.flush()
    process.stdout.readline()
    out, _ = process.communicate(timeout=30)
    assert "outcome" in json.loads(out.splitlines()[-1])
    assert process.returncode == 0


async def test_processes_put_together() -> None:
    """Several processes part the connections and the rate, and their outcomes are one."""
    begun: list[bool] = []
    told: list[int] = []
    async with answering(lambda number: OK) as port:
        given = job(port, connections=3, warm_up=0.3, seconds=0.6)
        total = await asyncio.to_thread(clients.run, given, 2, told.append, lambda: begun.append(True))
    assert total.outcome.answers > 10
    assert total.histogram.total == total.outcome.statuses["200"]
    assert begun == [True]
    assert told[-1] <= total.outcome.answers


def test_share() -> None:
    """No process is without a connection, and none is lost."""
    found = clients.share(job(1, connections=5, rate=30.0), 3)
    assert [each.connections for each in found] == [2, 2, 1]
    assert [each.rate for each in found] == [10.0] * 3
    assert len(clients.share(job(1, connections=1), 8)) == 1

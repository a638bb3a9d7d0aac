"""Send requests as fast as they are answered, or at a rate, in one process.

In: a `Job` as a line of JSON on stdin. Out: lines of JSON on stdout: how many answers there were so far, and at last an
`Outcome`. It ends early when stdin does. Run by `python -m ekiben.tools.bench.load`; it imports no more than it needs,
so that it starts fast and its work is the load.

With a rate, a request is due at a fixed moment, whether or not earlier ones are answered. Where no connection is free,
its latency counts from that moment. Source: "coordinated omission" (Gil Tene): who waits for slow answers before asking
again does not see them.
"""

import asyncio
import base64
import json
import os
import ssl
import sys
import time
from collections import Counter, deque
from dataclasses import asdict, dataclass, field
from time import monotonic as clock  # uvloop's own counts in milliseconds
from typing import Any

from ekiben.core.optional import need
from ekiben.tools.bench.connection import Connection
from ekiben.tools.bench.histogram import Histogram

LOOK = 0.25  # seconds between reports, and between looks for requests that take too long
PAUSE = 0.05  # seconds before a connection that could not be opened is tried again
REFUSED = "the connection was refused"


@dataclass(frozen=True, slots=True)
class Job:
    """What one process sends."""

    host: str
    port: int
    request: str  # its bytes, in base64
    connections: int
    seconds: float
    rate: float | None = None  # requests a second; None: as fast as they are answered
    warm_up: float = 0.5  # seconds before anything is counted
    patience: float = 30.0  # seconds for one answer
    tls: bool = False


@dataclass(slots=True)
class Outcome:
    """What became of it."""

    answers: int = 0  # within the time
    seconds: float = 0.0  # of the time that was measured
    cpu: float = 0.0  # seconds of this process in that time
    unsent: int = 0  # requests that were due, and for which no connection was free to the end
    statuses: dict[str, int] = field(default_factory=dict)
    failures: dict[str, int] = field(default_factory=dict)
    latencies: list[tuple[int, int]] = field(default_factory=list)  # of `Histogram.sparse`, of answers below 400


class Load:
    """The connections of one process.

    Args:
        job: what to send.
        loop: where.
    """

    def __init__(self, job: Job, loop: asyncio.AbstractEventLoop) -> None:
        self._job = job
        self._loop = loop
        self._request = base64.b64decode(job.request)
        self._gap = None if job.rate is None else 1.0 / job.rate
        self._tls = plain_context() if job.tls else None
        self._all: set[Connection] = set()
        self._free: deque[Connection] = deque()
        self._due: deque[float] = deque()
        self._next = 0.0
        self._start = self._end = 0.0
        self._histogram = Histogram()
        self._outcome = Outcome()
        self._statuses: Counter[str] = Counter()
        self._failures: Counter[str] = Counter()
        self._is_over = asyncio.Event()
        self._opening: set[asyncio.Task[None]] = set()

    async def run(self) -> Outcome:
        """Send until the time is over; wait for what is on its way."""
        job = self._job
        now = clock()
        self._start, self._end = now + job.warm_up, now + job.warm_up + job.seconds
        begins = self._loop.call_later(job.warm_up, self._begin_measuring)
        for _ in range(job.connections):
            self._open()
        if self._gap is not None:
            self._next = now
            self._pump()
        while clock() < self._end and not self._is_over.is_set():
            await self._wait(min(LOOK, self._end - clock()))
            say({"answers": self._outcome.answers})
        begins.cancel()
        self._finish()
        end = clock() + job.patience
        while any(each.is_busy for each in self._all) and clock() < end and not self._is_over.is_set():
            await self._wait(0.02)
        self._close()
        await asyncio.sleep(0.01)  # the transports close
        return self._outcome

    def stop(self) -> None:
        """End now, with what there is."""
        self._end = min(self._end, clock())
        self._is_over.set()

    async def _wait(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._is_over.wait()
        except TimeoutError:
            late = clock() - self._job.patience
            for each in [each for each in self._all if each.is_busy and each.began < late]:
                each.abort(f"no answer within {self._job.patience:g} s")

    def _begin_measuring(self) -> None:
        say({"begin": True})
        self._outcome.cpu = -time.process_time()

    def _finish(self) -> None:
        outcome = self._outcome
        outcome.seconds = max(0.0, self._end - self._start)
        outcome.cpu = outcome.cpu + time.process_time() if outcome.cpu < 0 else 0.0

    def _close(self) -> None:
        outcome = self._outcome
        outcome.unsent = len(self._due)
        outcome.statuses, outcome.failures = dict(self._statuses), dict(self._failures)
        outcome.latencies = self._histogram.sparse()
        for task in self._opening:
            task.cancel()
        for each in list(self._all):
            each.abort("the load is over")

    def _open(self) -> None:
        task = self._loop.create_task(self._connect())
        self._opening.add(task)
        task.add_done_callback(self._opening.discard)

    async def _connect(self) -> None:
        while clock() < self._end:
            try:
                await self._loop.create_connection(
                    lambda: Connection(self), self._job.host, self._job.port, ssl=self._tls
                )
            except OSError:
                if clock() >= self._start:
                    self._failures[REFUSED] += 1
                await asyncio.sleep(PAUSE)
            else:
                return

    def opened(self, connection: Connection) -> None:
        """Use a new connection."""
        self._all.add(connection)
        self._go_on(connection)

    def answered(self, connection: Connection, status: int) -> None:
        """Count an answer, and send the next request."""
        now = clock()
        if connection.began >= self._start:
            self._statuses[str(status)] += 1
            if status < 400:
                self._histogram.add(now - connection.began)
        if self._start <= now < self._end:
            self._outcome.answers += 1
        if connection.is_usable:
            self._go_on(connection)

    def lost(self, connection: Connection, why: str) -> None:
        """Replace a connection; a request that was on its way has failed."""
        self._all.discard(connection)
        if connection.is_busy and why and connection.began >= self._start:
            self._failures[why] += 1
        if clock() < self._end:
            self._open()

    def _go_on(self, connection: Connection) -> None:
        now = clock()
        if self._due and now < self._end:
            connection.send(self._request, self._due.popleft())
        elif now < self._end and self._gap is None:
            connection.send(self._request, now)
        elif self._gap is not None:
            self._free.append(connection)

    def _pump(self) -> None:
        """Send what is due, and come back for the next."""
        assert self._gap is not None
        now = clock()
        while self._next <= now and self._next < self._end:
            connection = self._usable()
            if connection is None:
                self._due.append(self._next)
            else:
                connection.send(self._request, now)  # what our own timer is late by is not the server's
            self._next += self._gap
        if self._next < self._end:
            self._loop.call_later(max(0.0, self._next - now), self._pump)

    def _usable(self) -> Connection | None:
        while self._free:
            connection = self._free.popleft()
            if connection.is_usable:
                return connection
        return None


def plain_context() -> ssl.SSLContext:
    """Make a context that takes any certificate: the server is measured, not it."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def say(line: dict[str, Any]) -> None:
    """Write one line for the process that reads us."""
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


async def work(job: Job) -> Outcome:
    """Do a job, or as much of it as there is time until stdin ends."""
    loop = asyncio.get_running_loop()
    load = Load(job, loop)
    stdin = sys.stdin.fileno()

    def read() -> None:
        if not os.read(stdin, 1024):
            loop.remove_reader(stdin)
            load.stop()

    loop.add_reader(stdin, read)
    return await load.run()


def main() -> None:
    """Read a job, do it, and say what became of it."""
    job = Job(**json.loads(sys.stdin.readline()))
    outcome = need("uvloop", "the load").run(work(job))
    say({"outcome": asdict(outcome)})


if __name__ == "__main__":
    main()

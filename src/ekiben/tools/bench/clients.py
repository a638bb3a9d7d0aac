"""Run the processes of the load, and put together what they saw.

In: a job. Out: one `Outcome`, while somebody is told how far they are. They end by themselves, and when we do.
"""

import json
import queue
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from ekiben.core.errors import ServerError
from ekiben.tools.bench.histogram import Histogram
from ekiben.tools.bench.load import Job, Outcome

MODULE = "ekiben.tools.bench.load"
LATE = 30.0  # seconds beyond the job's own, before a process is given up


@dataclass(slots=True)
class Total:
    """What all processes saw."""

    outcome: Outcome = field(default_factory=Outcome)
    histogram: Histogram = field(default_factory=Histogram)

    def take(self, outcome: Outcome) -> None:
        """Add what one process saw."""
        mine = self.outcome
        mine.answers += outcome.answers
        mine.cpu += outcome.cpu
        mine.unsent += outcome.unsent
        mine.seconds = max(mine.seconds, outcome.seconds)
        mine.statuses = dict(Counter(mine.statuses) + Counter(outcome.statuses))
        mine.failures = dict(Counter(mine.failures) + Counter(outcome.failures))
        self.histogram.take(outcome.latencies)


def share(job: Job, clients: int) -> list[Job]:
    """Part a job among processes, each with at least one connection."""
    count = max(1, min(clients, job.connections))
    return [
        replace(
            job,
            connections=job.connections // count + (index < job.connections % count),
            rate=None if job.rate is None else job.rate / count,
        )
        for index in range(count)
    ]


def run(job: Job, clients: int, progress: Callable[[int], None], begin: Callable[[], None] = lambda: None) -> Total:
    """Do a job with several processes.

    Ctrl-C ends them early, and what they saw until then is put together before it goes on.

    Args:
        job: of all of them.
        clients: processes.
        progress: is told how many answers there were so far.
        begin: is called when the first of them begins to measure.

    Raises:
        ServerError: a process ended without a word.
        KeyboardInterrupt: with the `Total` so far as its only argument.
    """
    parts = share(job, clients)
    started: list[subprocess.Popen[bytes]] = []
    lines: queue.SimpleQueue[tuple[int, dict[str, Any] | None]] = queue.SimpleQueue()
    heard = 0  # processes whose lines are read
    try:
        started += map(start, parts)
        for index, process in enumerate(started):
            threading.Thread(target=read, args=(index, process, lines), daemon=True).start()
            heard += 1
        return gather(lines, len(started), job.warm_up + job.seconds + job.patience + LATE, progress, begin)
    except KeyboardInterrupt:
        for process in started:
            close(process)
        raise KeyboardInterrupt(gather(lines, heard, LATE, progress)) from None
    finally:
        for process in started:
            close(process)
            if process.poll() is None:
                process.kill()
            process.wait()


def start(job: Job) -> "subprocess.Popen[bytes]":
    """Start one process; Ctrl-C does not reach it."""
    process = subprocess.Popen(
        [sys.executable, "-m", MODULE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
    )
    assert process.stdin is not None
    process.stdin.write(json.dumps(asdict(job)).encode() + b"\n")
    process.stdin.flush()
    return process


def close(process: "subprocess.Popen[bytes]") -> None:
    """Let a process end now."""
    if process.stdin is not None and not process.stdin.closed:
        process.stdin.close()


def read(index: int, process: "subprocess.Popen[bytes]", to: "queue.SimpleQueue[tuple[int, Any]]") -> None:
    """Pass the lines of a process on; None is its end."""
    assert process.stdout is not None
    with process.stdout as lines:
        for line in lines:
            to.put((index, json.loads(line)))
    to.put((index, None))


def gather(
    lines: "queue.SimpleQueue[tuple[int, Any]]",
    count: int,
    patience: float,
    progress: Callable[[int], None],
    begin: Callable[[], None] = lambda: None,
) -> Total:
    """Put the outcomes of *count* processes together."""
    total, so_far, missing, has_begun = Total(), Counter[int](), set(range(count)), False
    while missing:
        try:
            index, line = lines.get(timeout=patience)
        except queue.Empty:
            raise ServerError("the load did not end in time") from None
        if line is None:
            if index in missing:
                raise ServerError("a process of the load ended without a word", hint="its own words stand above")
        elif "outcome" in line:
            total.take(Outcome(**line["outcome"]))
            missing.discard(index)
        elif "begin" in line:
            if not has_begun:
                begin()
            has_begun = True
        else:
            so_far[index] = line["answers"]
            progress(sum(so_far.values()))
    return total

"""One worker, seen from where the calls wait.

In: cuts for it. Out: its answers; at its end, which calls it had begun and which not.
How far it came stands in a few bytes of memory that both map, so that the answer is there however it ended.
"""

import mmap
import os
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ekiben.engine.job import Job, Line
from ekiben.engine.link import Link
from ekiben.engine.wire import Buffer, Frame, Kind, WireError

MARK_SIZE = 8  # bytes: the number of the last cut that was begun
LOOSE = 1024  # calls of `async def` methods that one worker has at once


class Mark:
    """How many cuts a worker has begun: it writes, we read."""

    def __init__(self, fd: int) -> None:
        self._memory = mmap.mmap(fd, MARK_SIZE)

    @classmethod
    def make(cls) -> tuple["Mark", int]:
        """Make the memory; give the descriptor that the worker inherits too."""
        fd = os.memfd_create("ekiben-mark", os.MFD_CLOEXEC)
        os.ftruncate(fd, MARK_SIZE)
        return cls(fd), fd

    @property
    def value(self) -> int:
        """The number of the last cut that was begun."""
        return int.from_bytes(self._memory[:], "little")

    def set(self, number: int) -> None:
        """Note that a cut, and all before it, was begun."""
        self._memory[:] = number.to_bytes(MARK_SIZE, "little")


@dataclass(slots=True, eq=False)
class Cut:
    """Jobs that a worker was given together."""

    number: int
    line: Line
    sent: float  # of time.monotonic
    left: int  # jobs without an answer
    size: int  # jobs at the start


class Member:
    """A worker that was started, with what it has to do.

    Args:
        index: of the worker in its group.
        sock: our end of the pair.
        mark: how far it came.
        threads: how many sync calls it runs at once.
        heard: is given its frames, and must not raise.
        lost: is told that the link ended.
    """

    def __init__(
        self,
        index: int,
        sock: socket.socket,
        mark: Mark,
        threads: int,
        heard: Callable[["Member", Frame], None],
        lost: Callable[["Member", WireError | None], None],
    ) -> None:
        self.index = index
        self.is_ready = False
        self.is_resting = False  # its answers go out before it gets more
        self.inside: dict[int, tuple[Job, Cut]] = {}
        self._threads = threads
        self._mark = mark
        self._numbers = 0
        self._busy: set[str] = set()  # endpoints of `async def` methods of which a batch runs
        self._loose = 0
        self._link = Link(sock, lambda frame: heard(self, frame), lambda error: lost(self, error))

    @property
    def load(self) -> int:
        """Calls that it has."""
        return len(self.inside)

    def has_room(self, line: Line) -> bool:
        """Say whether a cut of *line* would be begun at once."""
        if not line.on_loop:
            return self._threads > 0
        return line.name not in self._busy if line.spec is not None else self._loose < LOOSE

    def give(self, line: Line, jobs: list[Job], now: float) -> None:
        """Send a cut.

        Raises:
            WireError: it is larger than a frame may be; nothing was sent.
        """
        cut = Cut(self._numbers + 1, line, now, len(jobs), len(jobs))
        records = [[job.number, job.head, len(job.buffers), job.deadline] for job in jobs]
        buffers = [buffer for job in jobs for buffer in job.buffers]
        self._link.send(Frame(Kind.CALLS, [cut.number, jobs[0].endpoint, line.spec is not None, records], buffers))
        self._numbers = cut.number
        for job in jobs:
            job.keeper = self
            self.inside[job.number] = job, cut
        self._count(cut, 1)

    def take(self, number: int) -> tuple[Job, Cut] | None:
        """Take a job whose answer came, or None; the last of a cut frees its place."""
        found = self.inside.pop(number, None)
        if found is not None:
            job, cut = found
            job.keeper = None
            cut.left -= 1
            if cut.left == 0:
                self._count(cut, -1)
        return found

    def has_begun(self, cut: Cut) -> bool:
        """Say whether the worker began a cut, also after its end."""
        return cut.number <= self._mark.value

    def say(self, kind: Kind, value: Any = None, buffers: Sequence[Buffer] = ()) -> None:
        """Send a frame that is no cut; raises WireError as `Link.send` does."""
        self._link.send(Frame(kind, value, buffers))

    def close(self, error: WireError | None = None) -> None:
        """Close the link."""
        self._link.close(error)

    def _count(self, cut: Cut, change: int) -> None:
        line = cut.line
        if not line.on_loop:
            self._threads -= change
        elif line.spec is None:
            self._loose += change * cut.size
        elif change > 0:
            self._busy.add(line.name)
        else:
            self._busy.discard(line.name)

"""One worker, seen from where the calls wait.

In: cuts for it. Out: its answers; at its end, which calls it had begun and which not.
That stands in memory that both map, a byte for each call, so that the answer is there however it ended.
"""

import math
import mmap
import os
import socket
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ekiben.engine.job import MOST, Job, Line
from ekiben.engine.link import Link
from ekiben.engine.wire import Buffer, Frame, Kind, WireError

SPOTS = 8192  # calls that one worker may have
LOOSE = 1024  # calls of `async def` methods that one worker has at once
AHEAD = 8  # short calls that a worker has beside those that it runs, so that it need not wait for the next
SHORT = 0.002  # seconds that a call may take for that
WEIGHT = 0.2  # of the newest call, in what calls take


class Mark:
    """Which calls a worker has begun, by their spots: it writes, we read."""

    def __init__(self, fd: int) -> None:
        self._memory = mmap.mmap(fd, SPOTS)

    @classmethod
    def make(cls) -> tuple["Mark", int]:
        """Make the memory; give the descriptor that the worker inherits too."""
        fd = os.memfd_create("ekiben-mark", os.MFD_CLOEXEC)
        os.ftruncate(fd, SPOTS)
        return cls(fd), fd

    def is_set(self, spot: int) -> bool:
        """Whether the call at a spot was begun."""
        return self._memory[spot] != 0

    def set(self, spot: int, has_begun: bool = True) -> None:
        """Note whether the call at a spot was begun; raises IndexError for no spot."""
        self._memory[spot] = has_begun

    def close(self) -> None:
        """Let go of the memory, and of the descriptor that it keeps open."""
        self._memory.close()


@dataclass(slots=True, eq=False)
class Cut:
    """Jobs that a worker was given together."""

    line: Line
    sent: float  # of time.monotonic
    left: int  # jobs without an answer
    size: int  # jobs at the start


@dataclass(slots=True)
class Held:
    """A job that a worker has."""

    job: Job
    cut: Cut
    spot: int  # of the mark


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
        self.said_ready = False
        self.is_ready = False
        self.is_aside = False  # it gets no call before those beside it have left
        self.is_leaving = False  # another has taken its place
        self.is_resting = False  # its answers go out before it gets more
        self.inside: dict[int, Held] = {}
        self._threads = threads  # that are free; less than none: calls wait there
        self._mark = mark
        self._spots = deque(range(SPOTS))
        self._pace = math.inf  # seconds that a lone sync call takes
        self._finished = 0.0  # when the last of them ended
        self._busy: set[str] = set()  # endpoints of `async def` methods of which a batch runs
        self._loose = 0
        self._link = Link(sock, lambda frame: heard(self, frame), lambda error: lost(self, error))

    @property
    def load(self) -> int:
        """Calls that it has."""
        return len(self.inside)

    def has_room(self, line: Line) -> bool:
        """Say whether a cut of *line* would be begun at once."""
        if len(self._spots) < MOST:
            return False
        if not line.on_loop:
            return self._threads > 0
        return line.name not in self._busy if line.spec is not None else self._loose < LOOSE

    def has_spare(self, line: Line) -> bool:
        """Say whether a cut of *line* may wait at the worker, for a moment."""
        is_alone = line.spec is None and not line.on_loop
        return is_alone and self._pace < SHORT and -AHEAD < self._threads <= 0 and len(self._spots) >= MOST

    def give(self, line: Line, jobs: list[Job], now: float) -> None:
        """Send a cut.

        Raises:
            WireError: it is larger than a frame may be; nothing was sent.
        """
        cut = Cut(line, now, len(jobs), len(jobs))
        held = [Held(job, cut, self._spots[place]) for place, job in enumerate(jobs)]
        spots = [one.spot for one in held]
        for spot in spots:
            self._mark.set(spot, False)
        numbers, sizes = [job.number for job in jobs], [len(job.buffers) for job in jobs]
        columns = [numbers, [job.head for job in jobs], sizes, [job.deadline for job in jobs], spots]
        buffers = [buffer for job in jobs for buffer in job.buffers]
        self._link.send(Frame(Kind.CALLS, [jobs[0].endpoint, line.spec is not None, *columns], buffers))
        for one in held:
            self._spots.popleft()
            one.job.keeper = self
            self.inside[one.job.number] = one
        self._count(cut, 1)

    def take(self, number: int, now: float) -> tuple[Job, Cut] | None:
        """Take a job whose answer came, or None; the last of a cut frees its place."""
        found = self.inside.pop(number, None)
        if found is None:
            return None
        job, cut = found.job, found.cut
        job.keeper = None
        self._spots.append(found.spot)
        cut.left -= 1
        if cut.left == 0:
            self._count(cut, -1)
            if cut.line.spec is None and not cut.line.on_loop:
                self._learn(now - max(cut.sent, self._finished))
                self._finished = now
        return job, cut

    def job(self, number: int) -> Job | None:
        """Give a job that it has."""
        found = self.inside.get(number)
        return None if found is None else found.job

    def has_begun(self, number: int) -> bool:
        """Say whether the worker began a job that it has, also after its end."""
        return self._mark.is_set(self.inside[number].spot)

    def _learn(self, seconds: float) -> None:
        """Note what a lone sync call took."""
        self._pace = seconds if self._pace == math.inf else (1 - WEIGHT) * self._pace + WEIGHT * seconds

    def say(self, kind: Kind, value: Any = None, buffers: Sequence[Buffer] = ()) -> None:
        """Send a frame that is no cut; raises WireError as `Link.send` does."""
        self._link.send(Frame(kind, value, buffers))

    def forget(self) -> None:
        """Let go of what a worker had that has ended, once that is settled."""
        self.inside.clear()
        self._mark.close()

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

"""What waits for a worker, and which of it goes together.

In: jobs, each one call whose arguments are bytes already. Out: cuts, each what one worker begins at once.
Calls of an endpoint that batches leave together, as many as wait and fit; other sync calls leave one by one, since a
worker with one more than it has threads would only keep it from another; calls of `async def` methods leave at once.
"""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from ekiben.core.spec import BatchSpec
from ekiben.engine.messages import Call
from ekiben.engine.policy import Adaptive, Moment, Policy
from ekiben.engine.wire import MOST_BUFFERS, Buffer, Kind

BYTES = 8 * 1024 * 1024  # of one cut; a call that alone has more goes alone
MOST = 2048  # calls of one cut, however many the endpoint would take
TOGETHER = 64  # calls of an `async def` method in one frame

Done = tuple[Any, Sequence[Buffer]]  # what a worker answered: a plain value, and buffers


@dataclass(slots=True, eq=False)
class Job(Call):
    """One call on its way to a worker, which alone knows its arguments."""

    head: Any = None  # plain: what the worker needs beside the buffers
    buffers: Sequence[Buffer] = ()
    number: int = 0
    tries: int = 0  # how often it was given to a worker that ended before it began
    keeper: "Keeper | None" = None
    part: Callable[[Any, Sequence[Buffer]], None] | None = None  # takes each piece of an answer that streams

    @property
    def size(self) -> int:
        """Bytes of the buffers."""
        return sum(map(len, self.buffers))


class Keeper(Protocol):
    """The worker that has a job."""

    def say(self, kind: Kind, value: Any = None) -> None:
        """Send it a frame without buffers."""


@dataclass(slots=True)
class Line:
    """Jobs that wait; those of one endpoint that batches, or all that do not.

    `on_loop`: they are of `async def` methods, and take no thread of a worker.
    """

    name: str
    spec: BatchSpec | None = None
    on_loop: bool = False
    jobs: deque[Job] = field(default_factory=deque)
    policy: Policy = field(default_factory=Adaptive)

    def pause(self, now: float) -> float | None:
        """Say how many seconds the next cut may still wait; None: nothing waits."""
        while self.jobs and not self.jobs[0].is_wanted:
            self.jobs.popleft()
        if not self.jobs:
            return None
        if self.spec is None:
            return 0.0
        if len(self.jobs) >= self.spec.max_size:
            return 0.0
        return max(0.0, self.policy.wait(Moment(len(self.jobs), now - self.jobs[0].arrived), self.spec))

    def cut(self) -> list[Job]:
        """Take what one worker begins at once, in order, of what is still wanted."""
        most = min(MOST, self.spec.max_size) if self.spec is not None else TOGETHER if self.on_loop else 1
        name, size, buffers = self.jobs[0].endpoint, 0, 0
        taken: list[Job] = []
        while self.jobs and len(taken) < most and self.jobs[0].endpoint == name:
            job = self.jobs[0]
            if job.is_wanted:
                size += job.size
                buffers += len(job.buffers)
                if taken and (size > BYTES or buffers > MOST_BUFFERS):
                    break
                taken.append(job)
            self.jobs.popleft()
        return taken

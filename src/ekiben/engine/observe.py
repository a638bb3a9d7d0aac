"""Count what the engine does, in plain numbers that a front may show.

In: finished batches. Out: counts by endpoint. Nothing here knows Prometheus.
"""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field

BOUNDS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)  # items; the last count is of all that is larger
# seconds that a call waited for its batch; the last count is of all that waited longer
WAITS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


@dataclass(slots=True)
class BatchCounts:
    """The batches of one endpoint; changed on the event loop only."""

    batches: int = 0
    items: int = 0
    seconds: float = 0.0  # in the method
    sizes: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS) + 1))  # batches by items, by `BOUNDS`

    calls: int = 0
    waited: float = 0.0  # seconds, of all calls
    waits: list[int] = field(default_factory=lambda: [0] * (len(WAITS) + 1))  # calls by seconds, by `WAITS`

    def note(self, items: int, seconds: float) -> None:
        """Add one batch."""
        self.batches += 1
        self.items += items
        self.seconds += seconds
        self.sizes[bisect_left(BOUNDS, items)] += 1

    def note_waits(self, waits: Sequence[float]) -> None:
        """Add what each call of a batch waited before it began."""
        self.calls += len(waits)
        self.waited += sum(waits)
        for wait in waits:
            self.waits[bisect_left(WAITS, wait)] += 1


@dataclass(slots=True)
class TaskCounts:
    """The tasks of one server, by endpoint; changed on the event loop only."""

    ended: dict[tuple[str, str], int] = field(default_factory=dict)  # by endpoint and state
    running: dict[str, int] = field(default_factory=dict)

    def begin(self, endpoint: str) -> None:
        """Count one that runs."""
        self.running[endpoint] = self.running.get(endpoint, 0) + 1

    def leave(self, endpoint: str) -> None:
        """Count one that runs no more, whatever became of it."""
        self.running[endpoint] -= 1

    def end(self, endpoint: str, state: str) -> None:
        """Count one that has ended."""
        self.ended[endpoint, state] = self.ended.get((endpoint, state), 0) + 1

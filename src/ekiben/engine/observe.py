"""Count what the engine does, in plain numbers that a front may show.

In: finished batches. Out: counts by endpoint. Nothing here knows Prometheus.
"""

from bisect import bisect_left
from dataclasses import dataclass, field

BOUNDS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)  # items; the last count is of all that is larger


@dataclass(slots=True)
class BatchCounts:
    """The batches of one endpoint; changed on the event loop only."""

    batches: int = 0
    items: int = 0
    seconds: float = 0.0  # in the method
    sizes: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS) + 1))  # batches by items, by `BOUNDS`

    def note(self, items: int, seconds: float) -> None:
        """Add one batch."""
        self.batches += 1
        self.items += items
        self.seconds += seconds
        self.sizes[bisect_left(BOUNDS, items)] += 1

"""Keep latencies in bounded memory, so that millions can be kept and put together.

In: seconds. Out: quantiles, right to 1 %. Buckets are 64 to a doubling, from a microsecond up.
Source: the idea of HdrHistogram: buckets whose width is a fixed share of their value.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from math import log2

STEPS = 64  # buckets in which a value doubles
LEAST = 1e-6  # seconds
SIZE = STEPS * 30  # up to 18 minutes; what is longer falls into the last


@dataclass(slots=True)
class Histogram:
    """How many values fell into each bucket."""

    counts: list[int] = field(default_factory=lambda: [0] * SIZE)
    total: int = 0

    def add(self, seconds: float) -> None:
        """Add one value."""
        place = int(log2(seconds / LEAST) * STEPS) if seconds > LEAST else 0
        self.counts[min(place, SIZE - 1)] += 1
        self.total += 1

    def quantile(self, share: float) -> float:
        """Give the seconds that *share* of the values do not pass; 0.0 for none."""
        rank, seen = share * self.total, 0
        for place, count in enumerate(self.counts):
            seen += count
            if count and seen >= rank:
                return float(LEAST * 2 ** ((place + 0.5) / STEPS))
        return 0.0

    def sparse(self) -> list[tuple[int, int]]:
        """Give the buckets that are not empty, for sending."""
        return [(place, count) for place, count in enumerate(self.counts) if count]

    def take(self, sparse: Iterable[Iterable[int]]) -> None:
        """Add what another histogram's `sparse` gave."""
        for place, count in sparse:
            self.counts[place] += count
            self.total += count

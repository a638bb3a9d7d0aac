"""Decide when a batch leaves the queue, and which call comes too late for it.

In: how many items wait, for how long, and what earlier batches cost. Out: seconds; yes or no.
Pure: no clock, no queue, no event loop, so every rule is tested with plain numbers.
Source: delayed batching, in Clipper (NSDI 2017); least squares with forgetting.
"""

from dataclasses import dataclass

from ekiben.core.spec import BatchSpec

MEMORY = 0.95  # weight of what was known, at each new batch


def decide_wait(items: int, oldest: float, spec: BatchSpec) -> float:
    """Say how much longer a batch may wait for more calls.

    Args:
        items: in the queue, at least 1.
        oldest: seconds that the first of their calls has waited.
        spec: what the endpoint allows.

    Returns:
        Seconds; 0.0 says that the batch leaves now.
    """
    if items >= spec.max_size:
        return 0.0
    return max(0.0, spec.max_wait - oldest)


def is_late(age: float, cost: float, spec: BatchSpec) -> bool:
    """Say whether a call of *age* is too late for a batch that takes *cost* seconds."""
    return age + cost > spec.max_latency


@dataclass(frozen=True, slots=True)
class Cost:
    """What a batch of n items costs, learned from those that ran: a + b·n seconds.

    The fields are sums over earlier batches, each weighed less the older it is.
    """

    weight: float = 0.0
    items: float = 0.0
    seconds: float = 0.0
    squares: float = 0.0  # of items
    products: float = 0.0  # of items and seconds

    def observe(self, items: int, seconds: float) -> "Cost":
        """Add one batch."""
        return Cost(
            weight=self.weight * MEMORY + 1.0,
            items=self.items * MEMORY + items,
            seconds=self.seconds * MEMORY + seconds,
            squares=self.squares * MEMORY + items * items,
            products=self.products * MEMORY + items * seconds,
        )

    def expect(self, items: int) -> float:
        """Give the seconds that a batch of *items* will cost; 0.0 before any was seen."""
        if self.weight == 0.0:
            return 0.0
        mean_items, mean_seconds = self.items / self.weight, self.seconds / self.weight
        spread = self.squares / self.weight - mean_items * mean_items
        slope = 0.0
        if spread > 1e-9:
            slope = max(0.0, (self.products / self.weight - mean_items * mean_seconds) / spread)
        return max(0.0, mean_seconds + slope * (items - mean_items))

"""Decide when a batch leaves the queue, and which call comes too late for it.

In: how many items wait, for how long, who is missing, and what earlier batches cost. Out: seconds; yes or no.
Pure: no clock, no queue, no event loop, so every rule is tested with plain numbers.
Source: delayed batching, in Clipper (NSDI 2017); least squares with forgetting.
"""

import logging
import math
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

from ekiben.core.spec import BatchSpec, BoundService

log = logging.getLogger("ekiben")

MEMORY = 0.95  # weight of what was known, at each new batch
SHARE = 0.25  # of a run's fixed cost, that a batch may wait for calls which are expected back
CALM = 0.125  # of it, after which nobody is expected any more where no call came
RETURNING = 0.5  # share of the answered who must use to come back, for anybody to wait for them
TRIAL = 16  # batches, of which one waits all the same, to learn whether callers come back by now
FORGETTING = 0.8


class Moment(NamedTuple):
    """What a free worker sees when it could take a batch."""

    items: int  # that wait
    oldest: float = 0.0  # seconds that the first of their calls has waited
    quiet: float = math.inf  # seconds since a call came last, or since the last answers went
    since: float = math.inf  # seconds since the answers of the last batch went
    missing: int = 0  # calls that were answered then, and as many have not come since


class Policy(Protocol):
    """When the batches of one endpoint leave, and what they are expected to cost.

    Its methods are called between batches, on the event loop and on the model's threads; none may block.
    """

    def wait(self, moment: Moment, spec: BatchSpec) -> float:
        """Say how many seconds more the next batch may wait for calls; 0.0: it leaves.

        A batch that is full leaves without this being asked, and nobody polls: it is asked again when those seconds
        are over, or when nobody is missing any more.
        """

    def observe(self, items: int, seconds: float) -> None:
        """Learn what a batch cost."""

    def expect(self, items: int) -> float:
        """Give the seconds that a batch of *items* will cost; 0.0 where that is unknown.

        Calls that `max_latency_ms` leaves no time for are refused by it.
        """

    def welcome(self, answered: int, returned: int) -> None:
        """Learn how many of the answered called again.

        Args:
            answered: calls of a batch.
            returned: calls that came within a quarter of the batch's time after its answers.
        """


def is_late(age: float, cost: float, spec: BatchSpec) -> bool:
    """Say whether a call of *age* is too late for a batch that takes *cost* seconds."""
    return age + cost > spec.max_latency


class Cost(NamedTuple):
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
            self.weight * MEMORY + 1.0,
            self.items * MEMORY + items,
            self.seconds * MEMORY + seconds,
            self.squares * MEMORY + items * items,
            self.products * MEMORY + items * seconds,
        )

    def line(self) -> tuple[float, float]:
        """Give a and b, neither below zero; batches of one size teach no b."""
        if self.weight == 0.0:
            return 0.0, 0.0
        items, seconds = self.items / self.weight, self.seconds / self.weight
        spread = self.squares / self.weight - items * items
        slope = 0.0
        if spread > 1e-9:
            slope = max(0.0, (self.products / self.weight - items * seconds) / spread)
        if slope * items > seconds:
            slope = seconds / items
        return max(0.0, seconds - slope * items), slope

    def expect(self, items: int) -> float:
        """Give the seconds that a batch of *items* will cost; 0.0 before any was seen."""
        fixed, each = self.line()
        return fixed + each * items


class Adaptive:
    """The policy of an endpoint that names none.

    A batch waits `max_wait` where that is asked for. Beyond it, a batch waits for callers who were just answered, where
    three things hold: they use to come back at once, a run's fixed cost is more than that of its items, and the wait is
    a small part of that fixed cost. A lone call waits for nobody, as nobody else was answered.
    """

    def __init__(self) -> None:
        self.cost = Cost()
        self._returning = 1.0  # share of the answered who came back
        self._holds = 0

    def wait(self, moment: Moment, spec: BatchSpec) -> float:
        """Say how much longer the next batch may wait."""
        asked = max(0.0, spec.max_wait - moment.oldest) if moment.items else 0.0
        if not moment.missing or (self._returning < RETURNING and self._holds % TRIAL):
            return asked
        fixed, each = self.cost.line()
        if fixed <= each * (moment.items + moment.missing):
            return asked
        share = fixed * SHARE - moment.since
        return max(asked, min(share, fixed * CALM - moment.quiet) if moment.items else share)

    def observe(self, items: int, seconds: float) -> None:
        """Learn what a batch cost."""
        self.cost = self.cost.observe(items, seconds)

    def expect(self, items: int) -> float:
        """Give the seconds that a batch of *items* will cost."""
        return self.cost.expect(items)

    def welcome(self, answered: int, returned: int) -> None:
        """Learn how many of the answered come back.

        That they do is believed at once; the opposite slowly.
        """
        share = min(1.0, returned / answered)
        self._returning = max(share, self._returning * FORGETTING + share * (1.0 - FORGETTING))
        self._holds += 1


class Guarded:
    """A policy of the user's; its first mistake ends its use, and no worker.

    Args:
        policy: the user's.
        where: the endpoint, for the log.
    """

    def __init__(self, policy: Policy, where: str) -> None:
        self._policy = policy
        self._where = where
        self._usual = Adaptive()

    def wait(self, moment: Moment, spec: BatchSpec) -> float:
        """Ask the user's policy, within what the endpoint's `max_latency` allows."""
        seconds: float = self._ask(lambda policy: number(policy.wait(moment, spec)))
        return min(max(0.0, seconds), max(0.0, spec.max_latency - moment.oldest))

    def observe(self, items: int, seconds: float) -> None:
        """Let both learn."""
        if self._policy is not self._usual:
            self._usual.observe(items, seconds)
        self._ask(lambda policy: policy.observe(items, seconds))

    def expect(self, items: int) -> float:
        """Ask the user's policy."""
        seconds: float = self._ask(lambda policy: number(policy.expect(items)))
        return max(0.0, seconds)

    def welcome(self, answered: int, returned: int) -> None:
        """Let the user's policy learn."""
        self._ask(lambda policy: policy.welcome(answered, returned))

    def _ask(self, question: Callable[[Policy], Any]) -> Any:
        try:
            return question(self._policy)
        except Exception:  # the policy is the user's, and a model thread must not end by it
            log.exception("the batching policy of %s failed; the usual one takes its place", self._where)
            self._policy = self._usual
            return question(self._usual)


def policy_of(bound: BoundService, endpoint: str) -> Policy:
    """Give what decides for one endpoint: what its author gave, or the usual."""
    own = bound.policies.get(endpoint)
    return Adaptive() if own is None else Guarded(own, f"{bound.spec.name}.{endpoint}")


def number(value: Any) -> float:
    """Give what a user's policy said, if it is a number of seconds."""
    if isinstance(value, bool) or not isinstance(value, int | float) or math.isnan(value):
        raise TypeError(f"a batching policy must say a number of seconds: {value!r}")
    return float(value)

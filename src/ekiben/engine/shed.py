"""Refuse a call that cannot be answered in time, and say when to ask again.

In: what the endpoint allows, what batches cost, how many calls wait. Out: an error with `Retry-After`.
"""

import math

from ekiben.core.errors import Overloaded
from ekiben.core.spec import BatchSpec
from ekiben.engine.policy import Policy


def shed(spec: BatchSpec, policy: Policy, waiting: int) -> Overloaded:
    """Give the error of a call that cannot be answered in time.

    Args:
        spec: what the endpoint allows.
        policy: knows what batches cost.
        waiting: calls in the queue.
    """
    return Overloaded(
        f"the queue is too long to answer within {spec.max_latency * 1000:g} ms (`max_latency_ms`)",
        retry_after=soon(waiting, spec, policy),
    )


def soon(waiting: int, spec: BatchSpec, policy: Policy) -> int:
    """Say in how many whole seconds, at least 1, what waits now will be answered."""
    batches = waiting // spec.max_size + 1
    return max(1, math.ceil(min(batches * policy.expect(spec.max_size), MOST)))


MOST = 3600.0  # seconds; nobody is sent away for longer

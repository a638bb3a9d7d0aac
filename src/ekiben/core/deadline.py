"""Know by when the running call must be answered, wherever its code is.

In: the deadline of a call, set around the user's method. Out: the seconds that are left, asked by whoever calls another
service for it. A context variable, so that threads and tasks that run side by side each see their own.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_DEADLINE: ContextVar[float | None] = ContextVar("ekiben_deadline", default=None)


@contextmanager
def within(deadline: float | None) -> Iterator[None]:
    """Run a block for a call that must be answered by *deadline* (of time.monotonic)."""
    token = _DEADLINE.set(deadline)
    try:
        yield
    finally:
        _DEADLINE.reset(token)


def remaining() -> float | None:
    """Say how many seconds the running call has left, at least 0; None: no limit."""
    deadline = _DEADLINE.get()
    return None if deadline is None else max(0.0, deadline - time.monotonic())


def shorter(seconds: float | None) -> float | None:
    """Give the shorter of *seconds* and what the running call has left."""
    left = remaining()
    if left is None or seconds is None:
        return seconds if left is None else left
    return min(seconds, left)

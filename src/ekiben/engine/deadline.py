"""Answer calls whose time is up, with one timer for all of them.

In: answers that each may take the same number of seconds. Out: DeadlineExceeded in those that took longer.
A call costs one entry in a dict and its removal; a timer of its own would cost more than a short call.
"""

import asyncio
import time

from ekiben.core.errors import DeadlineExceeded
from ekiben.engine.messages import Answer


class Deadlines:
    """Calls of one endpoint that wait, in the order of arrival and of their deadlines.

    Args:
        limit: seconds from arrival to answer.
        loop: their event loop.
    """

    def __init__(self, limit: float, loop: asyncio.AbstractEventLoop) -> None:
        self._limit = limit
        self._loop = loop
        self._ends: dict[Answer, float] = {}  # of time.monotonic; insertion order is time order
        self._timer: asyncio.TimerHandle | None = None

    def add(self, answer: Answer, arrived: float) -> None:
        """Watch *answer*, whose call arrived at *arrived* (of time.monotonic)."""
        self._ends[answer] = arrived + self._limit
        if self._timer is None:
            self._timer = self._loop.call_later(self._limit, self._look)

    def remove(self, answer: Answer) -> None:
        """Watch *answer* no longer."""
        self._ends.pop(answer, None)

    def close(self) -> None:
        """Stop the timer."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self) -> None:
        """Answer what is overdue, and come back for the next one."""
        self._timer = None
        now = time.monotonic()
        for answer, end in list(self._ends.items()):
            if end > now:
                self._timer = self._loop.call_later(end - now, self._look)
                return
            del self._ends[answer]
            if not answer.done():
                answer.set_exception(exceeded(self._limit))


def exceeded(limit: float) -> DeadlineExceeded:
    """Give the error of a call that took longer than *limit* seconds."""
    return DeadlineExceeded(f"no answer within {limit:g} seconds", hint="raise `traffic.timeout`, or the `@api`'s")

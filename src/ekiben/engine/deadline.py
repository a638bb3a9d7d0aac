"""Settle by when a call must be answered, and answer those whose time is up.

In: the limit of an endpoint or its service, and what the caller allows, which can only shorten it. Out: a deadline on
each call, and DeadlineExceeded, which says whose limit it was, in the answers of those that took longer.
A call costs one entry in a dict and its removal; only one that its caller shortened has a timer of its own.
"""

import asyncio
import time
from dataclasses import dataclass

from ekiben.core.errors import DeadlineExceeded
from ekiben.core.spec import EndpointSpec, Limits
from ekiben.engine.messages import Answer, Call

HINTS = {
    "endpoint": "raise the `timeout` of its `@api`",
    "service": "raise `traffic.timeout`, or give the `@api` a longer `timeout`",
    "caller": "give the client a longer `timeout`",
}  # by whose limit it was


@dataclass(frozen=True, slots=True)
class Limit:
    """How long a call of one endpoint may take, and who says so."""

    seconds: float | None  # None: as long as it takes
    whose: str = "service"  # endpoint | service

    @classmethod
    def of(cls, endpoint: EndpointSpec, limits: Limits) -> "Limit":
        """Give the limit of an endpoint: its own, or its service's."""
        if endpoint.timeout is None:
            return cls(limits.timeout, "service")
        return cls(endpoint.timeout or None, "endpoint")

    def begin(self, call: Call) -> None:
        """Note that *call* arrives now, and by when it must be answered."""
        call.arrived = now = time.monotonic()
        if self.seconds is not None and (call.deadline is None or now + self.seconds < call.deadline):
            call.deadline = now + self.seconds
        if call.context is not None:
            call.context.deadline = call.deadline

    def is_shortened(self, call: Call) -> bool:
        """Whether the caller of a begun call allows less than this."""
        return call.deadline is not None and (self.seconds is None or call.deadline < call.arrived + self.seconds)

    def error(self, call: Call, what: str = "answer") -> DeadlineExceeded:
        """Give the error of a call whose time is up before its *what* was there."""
        if self.seconds is None or self.is_shortened(call):
            assert call.deadline is not None
            return exceeded(call.deadline - call.arrived, "caller", what)
        return exceeded(self.seconds, self.whose, what)


class Deadlines:
    """Calls of one endpoint that wait, in the order of arrival and of their deadlines.

    Args:
        limit: of the endpoint.
        loop: the event loop of the answers.
    """

    def __init__(self, limit: Limit, loop: asyncio.AbstractEventLoop) -> None:
        self._limit = limit
        self._loop = loop
        self._ends: dict[Answer, float] = {}  # of time.monotonic; insertion order is time order
        self._timer: asyncio.TimerHandle | None = None
        self._own: dict[Answer, asyncio.TimerHandle] = {}  # of those that are shortened

    def begin(self, call: Call) -> None:
        """Note that *call* arrives now, and watch its answer."""
        limit, answer = self._limit, call.answer
        assert answer is not None
        if call.deadline is None and call.context is None and limit.seconds is not None:  # nearly every call
            call.arrived = now = time.monotonic()
            call.deadline = self._ends[answer] = now + limit.seconds
            if self._timer is None:
                self._timer = self._loop.call_later(limit.seconds, self._look)
            return
        limit.begin(call)
        if limit.is_shortened(call):
            assert call.deadline is not None
            self._own[answer] = self._loop.call_later(max(0.0, call.deadline - call.arrived), self._end_own, call)
        elif call.deadline is not None:
            self._ends[answer] = call.deadline
            if self._timer is None:
                self._timer = self._loop.call_later(call.deadline - call.arrived, self._look)

    def remove(self, answer: Answer) -> None:
        """Watch *answer* no longer."""
        if self._ends.pop(answer, None) is None and self._own and (timer := self._own.pop(answer, None)) is not None:
            timer.cancel()

    def close(self) -> None:
        """Stop the timers."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        while self._own:
            self._own.popitem()[1].cancel()

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
                assert self._limit.seconds is not None
                answer.set_exception(exceeded(self._limit.seconds, self._limit.whose))

    def _end_own(self, call: Call) -> None:
        """Answer a call that its caller shortened."""
        assert call.answer is not None
        self._own.pop(call.answer, None)
        if not call.answer.done():
            call.answer.set_exception(self._limit.error(call))


def exceeded(seconds: float, whose: str = "service", what: str = "answer") -> DeadlineExceeded:
    """Give the error of a call that took longer than *seconds*, by *whose* limit."""
    shown = f"{max(0.001, round(seconds, 3)):g}"
    return DeadlineExceeded(f"no {what} within {shown} seconds, the limit of the {whose}", hint=HINTS[whose])

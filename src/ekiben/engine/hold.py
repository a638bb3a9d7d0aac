"""Hold a free worker between two batches until its callers have asked again.

In: how many were answered and how many waited then; each call that comes; an event loop with `call_soon` and
`call_later`. Out: one call of `go`. Answers are written first, then what they provoke is read, then the next batch
is cut: the other order makes half-batches. No thread wakes for a single call meanwhile, and nothing polls.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from ekiben.core.spec import BatchSpec
from ekiben.engine.messages import Call
from ekiben.engine.policy import Moment, Policy

TURNS = 2  # of the loop, before which nothing that the answers provoke can have been read
QUIET = 3  # turns without a call, after which those who are still missing are not on their way
SOON = 0.25  # of a batch's time, within which a call counts as one that returned


class Timer(Protocol):
    """What `call_later` gives."""

    def cancel(self) -> None:
        """Forget it."""


class Loop(Protocol):
    """What is used of an event loop."""

    def call_soon(self, action: Callable[[], None], /) -> Any:
        """Call in the next turn."""

    def call_later(self, seconds: float, action: Callable[[], None], /) -> Timer:
        """Call after *seconds*."""


@dataclass(frozen=True, slots=True)
class Finished:
    """A batch whose answers are about to be written."""

    endpoint: str
    calls: int
    items: int
    began: float  # of time.monotonic
    waiting: int  # calls that came meanwhile
    is_shared: bool  # some of those are of other endpoints, which wait for nobody


class Hold:
    """One free worker that stands still.

    Args:
        loop: the event loop.
        finished: what it just did.
        spec: of the endpoint.
        policy: of the endpoint.
        go: lets the worker take its next batch.
        clock: gives seconds, like time.monotonic.
    """

    def __init__(
        self,
        loop: Loop,
        finished: Finished,
        spec: BatchSpec,
        policy: Policy,
        go: Callable[[], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.endpoint = finished.endpoint
        self._loop = loop
        self._finished = finished
        self._spec = spec
        self._policy = policy
        self._go = go
        self._clock = clock
        self._went = clock()  # when the answers went
        self._first = self._last = self._went  # when calls came
        self._soon = self._went + (self._went - finished.began) * SOON
        self._came = self._seen = self._returned = self._turns = self._quiet = 0
        self._enough = finished.calls
        self._timer: Timer | None = None
        self.is_over = False
        loop.call_soon(self._turn)

    def see(self, call: Call) -> None:
        """Note a call that came; who returns is learned after the worker went, too."""
        is_ours = call.endpoint == self.endpoint
        self._last = self._clock()
        self._returned += is_ours and self._last <= self._soon
        if self.is_over:
            return
        if not is_ours:
            self.end()
            return
        if not self._came:
            self._first = self._last
        self._came += 1
        if self._timer is not None and (self._came >= self._enough or self._is_full):
            self._ask()

    def _turn(self) -> None:
        """Let the loop turn for as long as that brings calls, then ask the policy."""
        if self.is_over:
            return
        self._turns += 1
        if self._came == self._seen:
            self._quiet += 1
        else:  # reading takes time too, and none of it is waiting
            self._quiet, self._seen = 0, self._came
            self._soon += self._last - self._went
            self._went = self._last
        is_on_its_way = self._quiet < QUIET and self._came < self._finished.calls and not self._is_full
        if self._turns < TURNS or is_on_its_way:
            self._loop.call_soon(self._turn)
        else:
            self._ask()

    @property
    def _is_full(self) -> bool:
        return self._items() >= self._spec.max_size

    def _items(self) -> int:
        """Estimate the items that wait: a call has as many as those of the batch had."""
        waiting = self._finished.waiting + self._came
        return max(waiting, waiting * self._finished.items // self._finished.calls)

    def _ask(self) -> None:
        """Let the policy say whether to wait on."""
        is_again = self._timer is not None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        finished, now = self._finished, self._clock()
        items = self._items()
        if self.is_over or self._is_full or finished.is_shared or (is_again and not items):
            self.end()
            return
        oldest = now - (finished.began if finished.waiting else self._first) if items else 0.0
        missing = max(0, finished.calls - self._came)
        moment = Moment(items, oldest, now - self._last, now - self._went, missing)
        pause = self._policy.wait(moment, self._spec)
        if pause <= 0.0:
            self.end()
            return
        if not missing:
            self._enough = self._spec.max_size
        self._timer = self._loop.call_later(pause, self._ask)

    def end(self) -> None:
        """Let the worker go."""
        if self.is_over:
            return
        self.is_over = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._go()

    def forget(self) -> None:
        """Tell the policy how many returned; the worker's next batch is done."""
        self._policy.welcome(self._finished.calls, self._returned)


class Holds:
    """Free workers that stand still, and those that last did."""

    def __init__(self) -> None:
        self._holds: list[Hold] = []

    def __len__(self) -> int:
        """Count them."""
        return len(self._holds)

    def see(self, call: Call) -> None:
        """Note a call that came."""
        if self._holds:
            for hold in tuple(self._holds):
                hold.see(call)

    def begin(self, loop: Loop, finished: Finished, spec: BatchSpec, policy: Policy, go: Callable[[], None]) -> Hold:
        """Let a worker stand still, and its policy learn from the one before."""
        for hold in [hold for hold in self._holds if hold.is_over and hold.endpoint == finished.endpoint]:
            hold.forget()
            self._holds.remove(hold)
        self._holds.append(Hold(loop, finished, spec, policy, go))
        return self._holds[-1]

    def end(self) -> None:
        """Let all go."""
        for hold in tuple(self._holds):
            hold.end()

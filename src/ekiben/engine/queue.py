"""Hold calls until a model thread takes them.

In: calls from the event loop. Out: cuts, each what one thread works on next: one call, or a batch of one endpoint.
A free thread takes what waits at once; nothing is pushed and nothing polls. Order is that of arrival.
"""

import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from ekiben.core.spec import BatchSpec
from ekiben.engine.hold import Finished, Holds, Loop
from ekiben.engine.messages import Call
from ekiben.engine.policy import Adaptive, Moment, Policy


@dataclass(slots=True)
class Lane:
    """Calls of one endpoint that batches, waiting."""

    spec: BatchSpec
    size: Callable[[Call], int]
    policy: Policy = field(default_factory=Adaptive)
    calls: deque[Call] = field(default_factory=deque)
    items: int = 0

    def add(self, call: Call) -> None:
        """Let *call* wait, with its items counted."""
        call.items = self.size(call)
        self.calls.append(call)
        self.items += call.items

    def pause(self, now: float) -> float:
        """Say how many seconds the next batch may still wait."""
        if self.items >= self.spec.max_size:
            return 0.0
        return max(0.0, self.policy.wait(Moment(self.items, now - self.calls[0].arrived), self.spec))

    def cut(self) -> list[Call]:
        """Take the calls of one batch, in order; those that nobody waits for are dropped.

        A call that alone has too many items comes alone.
        """
        taken: list[Call] = []
        items = 0
        while self.calls:
            call = self.calls[0]
            if call.is_wanted:
                if taken and items + call.items > self.spec.max_size:
                    break
                taken.append(call)
                items += call.items
            self.calls.popleft()
            self.items -= call.items
        return taken


class CallQueue:
    """Calls of one service that wait for a thread; the loop puts, threads take.

    Args:
        lanes: by endpoint, for those that batch.
    """

    def __init__(self, lanes: Mapping[str, Lane]) -> None:
        self._lanes = dict(lanes)
        self._arriving: queue.SimpleQueue[Call | None] = queue.SimpleQueue()
        self._taking = threading.Lock()  # one thread looks at a time; the others wait for their turn to look
        self._alone: deque[Call] = deque()  # seen, and not part of any batch
        self._is_closed = False
        self._fresh: set[str] = set()  # endpoints of which calls came since a thread looked last
        self._holds = Holds()  # changed on the event loop only

    def put(self, call: Call) -> None:
        """Add a call; never blocks."""
        self._fresh.add(call.endpoint)
        self._arriving.put(call)
        self._holds.see(call)

    def close(self) -> None:
        """Let the threads go home once everything before this was taken."""
        self._arriving.put(None)
        self._holds.end()

    def hold(self, loop: Loop, batch: Sequence[Call], began: float, go: Callable[[], None]) -> None:
        """Let a thread go on once what its answers provoke was read; runs on the loop.

        Args:
            loop: the event loop.
            batch: what the thread has just answered, all of one endpoint.
            began: when that batch did, of time.monotonic.
            go: lets the thread go on.
        """
        endpoint = batch[0].endpoint
        lane = self._lanes[endpoint]
        others = any(each.calls for name, each in self._lanes.items() if name != endpoint)
        finished = Finished(
            endpoint,
            len(batch),
            sum(call.items for call in batch),
            began,
            waiting=self._arriving.qsize() + len(lane.calls),
            is_shared=others or bool(self._alone) or not self._fresh <= {endpoint},
        )
        self._holds.begin(loop, finished, lane.spec, lane.policy, go)

    def __len__(self) -> int:
        """Count the calls that wait, more or less: threads are taking while it counts."""
        return self._arriving.qsize() + len(self._alone) + sum(len(lane.calls) for lane in self._lanes.values())

    def take(self) -> list[Call] | None:
        """Wait for work, and give it; None once the queue is closed and empty."""
        if not self._lanes:
            call = self._arriving.get()
            if call is None:
                self._arriving.put(None)  # for the next thread
                return None
            return [call]
        with self._taking:
            while True:
                self._see_all()
                cut, pause = self._choose(time.monotonic())
                if cut:
                    return cut
                if self._is_closed and pause is None:
                    return None
                self._see_next(pause)

    def _choose(self, now: float) -> tuple[list[Call], float | None]:
        """Cut what is due and oldest, or say in how many seconds; None: nothing waits."""
        due: Lane | None = None
        oldest = self._alone[0].arrived if self._alone else None
        pause: float | None = None
        for lane in self._lanes.values():
            if not lane.calls:
                continue
            left = 0.0 if self._is_closed else lane.pause(now)
            pause = left if pause is None else min(left, pause)
            if left == 0.0 and (oldest is None or lane.calls[0].arrived < oldest):
                due, oldest = lane, lane.calls[0].arrived
        if due is not None:
            return due.cut(), 0.0
        return ([self._alone.popleft()], 0.0) if self._alone else ([], pause)

    def _see_all(self) -> None:
        """Look at everything that has arrived."""
        self._fresh = set()
        while not self._is_closed and not self._arriving.empty():  # this thread alone takes from there
            self._see(self._arriving.get_nowait())

    def _see_next(self, pause: float | None) -> None:
        """Wait for a call to arrive, at most *pause* seconds where that is a number."""
        if pause == 0.0:
            return  # a cut whose calls nobody waited for
        try:
            self._see(self._arriving.get(timeout=pause))
        except queue.Empty:
            return

    def _see(self, call: Call | None) -> None:
        if call is None:
            self._is_closed = True
        elif (lane := self._lanes.get(call.endpoint)) is not None:
            lane.add(call)
        else:
            self._alone.append(call)

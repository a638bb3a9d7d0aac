"""Hold calls until a model thread takes them.

In: calls from the event loop. Out: cuts, each a run of calls that one thread works on next.
A free thread takes what waits at once; nothing is pushed and nothing polls.
"""

import queue
from collections import deque
from collections.abc import Callable

from ekiben.engine.messages import Call

Size = Callable[[Call], int]


class CallQueue:
    """Calls of one service that wait for a thread; the loop puts, threads take."""

    def __init__(self, batches: dict[str, tuple[int, Size]]) -> None:
        """Make an empty queue.

        *batches* maps an endpoint that batches to the most items of a batch, and how to count them.
        """
        self._batches = batches
        self._waiting: queue.SimpleQueue[Call | None] = queue.SimpleQueue()

    def put(self, call: Call) -> None:
        """Add a call; never blocks."""
        self._waiting.put(call)

    def close(self, threads: int) -> None:
        """Let *threads* threads go home once everything before this was taken."""
        for _ in range(threads):
            self._waiting.put(None)

    def taker(self, alone: bool) -> "Taker":
        """Give one thread its own view; *alone* says that no other thread takes."""
        return Taker(self._waiting, self._batches, alone)


class Taker:
    """One thread's end of the queue."""

    def __init__(
        self, waiting: "queue.SimpleQueue[Call | None]", batches: dict[str, tuple[int, Size]], alone: bool
    ) -> None:
        self._waiting = waiting
        self._batches = batches
        self._alone = alone
        self._mine: deque[Call] = deque()
        self._closed = False

    def take(self) -> list[Call] | None:
        """Wait for a call, give all that can run with it; None at the queue's end."""
        if not self._mine and not self._closed:
            self._accept(self._waiting.get())
        self._drain()
        if not self._mine:
            return None
        first = self._mine.popleft()
        if first.endpoint not in self._batches:
            return [first]
        return self._cut(first)

    @property
    def has_more(self) -> bool:
        """Whether more calls are known to wait."""
        return bool(self._mine) or not self._waiting.empty()

    def _accept(self, call: Call | None) -> None:
        if call is None:
            self._closed = True
        else:
            self._mine.append(call)

    def _drain(self) -> None:
        """Take what waits: all where this is the only thread, else what can join a batch."""
        batching = bool(self._mine) and self._mine[0].endpoint in self._batches
        while not self._closed and (self._alone or batching):
            try:
                self._accept(self._waiting.get_nowait())
            except queue.Empty:
                return

    def _cut(self, first: Call) -> list[Call]:
        """Pick the calls of *first*'s endpoint that fit one batch; the others stay."""
        limit, size = self._batches[first.endpoint]
        cut, items, rest = [first], size(first), deque[Call]()
        while self._mine:
            call = self._mine.popleft()
            if call.endpoint == first.endpoint and items < limit and items + (more := size(call)) <= limit:
                cut.append(call)
                items += more
            else:
                rest.append(call)
        self._mine = rest
        return cut

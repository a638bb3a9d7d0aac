"""Hand calls to model threads, those that came together at once.

In: calls, on the loop. Out: the same calls in a queue that threads take from, once the loop has read all there was to
read. A thread that is woken for each call takes turns with the loop for the interpreter's lock, call by call, and that
costs more than a small model.
"""

import asyncio
from collections.abc import Callable

from ekiben.engine.messages import Call


class Inbox:
    """Calls on their way to the threads.

    Args:
        put: adds a call to the queue.
        loop: the event loop.
    """

    def __init__(self, put: Callable[[Call], None], loop: asyncio.AbstractEventLoop) -> None:
        self._put = put
        self._loop = loop
        self._calls: list[Call] = []

    def put(self, call: Call) -> None:
        """Add a call; the threads see it in the loop's next turn."""
        if not self._calls:
            self._loop.call_soon(self.flush)
        self._calls.append(call)

    def flush(self) -> None:
        """Hand over what has come."""
        calls, self._calls = self._calls, []
        for call in calls:
            self._put(call)

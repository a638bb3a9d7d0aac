"""Hand replies from model threads to the event loop.

In: replies, on a thread. Out: set futures, on the loop. A reply is never held back until another one is there, yet
replies that are ready together wake the loop once.
Source: asyncio, `call_soon_threadsafe`; a deque's append and popleft are atomic.
"""

import asyncio
import logging
import queue
from collections import deque
from collections.abc import Callable, Iterable
from functools import partial

from ekiben.engine.messages import Call, Reply, told

log = logging.getLogger("ekiben")


class Outbox:
    """Replies on their way to the loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._replies: deque[tuple[Call, Reply, Callable[[], None] | None]] = deque()
        self._is_called = False  # the loop was woken and has not looked yet

    def send(self, call: Call, reply: Reply, then: Callable[[], None] | None = None) -> None:
        """Hand over one reply; *then* is called on the loop once it is there."""
        self._replies.append((call, reply, then))
        if not self._is_called:
            self._is_called = True
            self.on_loop(self._deliver)

    def send_batch(self, replies: Iterable[tuple[Call, Reply]], then: Callable[[Callable[[], None]], None]) -> None:
        """Hand over a batch; return once *then* says so.

        Args:
            replies: with their calls.
            then: is called on the loop when the answers are there, with a function that lets this return.
        """
        turned: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._replies.extend((call, reply, None) for call, reply in replies)
        if self.on_loop(self._deliver_batch, then, partial(turned.put, None)):
            turned.get()

    def on_loop(self, action: Callable[..., object], *args: object) -> bool:
        """Run *action* on the loop; False says that the loop is gone."""
        try:
            self._loop.call_soon_threadsafe(action, *args)
        except RuntimeError:
            log.debug("the event loop is gone; answers have no receiver")
            return False
        return True

    def _deliver(self) -> None:
        # First: a reply that is put in after the last one was taken out calls again.
        self._is_called = False
        while self._replies:
            call, reply, then = self._replies.popleft()
            settle(call, reply)
            if then is not None:
                then()

    def _deliver_batch(self, then: Callable[[Callable[[], None]], None], go: Callable[[], None]) -> None:
        self._deliver()
        then(go)


def settle(call: Call, reply: Reply) -> None:
    """Set an answer, on the loop; a call that nobody waits for is passed over."""
    answer = call.answer
    if answer is None or answer.done():
        return
    if reply.error is None:
        answer.set_result(reply.value)
    else:
        answer.set_exception(told(reply.error))

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

from ekiben.engine.messages import Call, Reply, told

log = logging.getLogger("ekiben")


class Outbox:
    """Replies on their way to the loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._replies: deque[tuple[Call, Reply]] = deque()
        self._is_called = False  # the loop was woken and has not looked yet

    def send(self, call: Call, reply: Reply) -> None:
        """Hand over one reply; called on a thread."""
        self._replies.append((call, reply))
        if not self._is_called:
            self._is_called = True
            self.on_loop(self._deliver)

    def send_batch(self, replies: Iterable[tuple[Call, Reply]], note: Callable[[], None]) -> None:
        """Hand over a batch; return once the loop sent it and read what came meanwhile.

        Cutting the next batch before that makes half-batches: those who were just answered ask again at once.

        Args:
            replies: with their calls.
            note: is called on the loop.
        """
        turned: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._replies.extend(replies)
        if self.on_loop(self._deliver_and_turn, turned, note):
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
            call, reply = self._replies.popleft()
            settle(call, reply)

    def _deliver_and_turn(self, turned: "queue.SimpleQueue[None]", note: Callable[[], None]) -> None:
        note()
        self._deliver()
        # Now those who wait are due in the next turn; the turn after that reads what they provoked.
        self._loop.call_soon(lambda: self._loop.call_soon(turned.put, None))


def settle(call: Call, reply: Reply) -> None:
    """Set an answer, on the loop; a call that nobody waits for is passed over."""
    answer = call.answer
    if answer is None or answer.done():
        return
    if reply.error is None:
        answer.set_result(reply.value)
    else:
        answer.set_exception(told(reply.error))

"""Accept connections in one process, and pass each to a worker in turn.

In: listening sockets; workers that take. Out: accepted sockets, sent over a worker's socket pair.
Tried and not taken: one socket on which all workers accept gave one of three workers 2 or 62 of 64 connections; one
socket a worker (SO_REUSEPORT) gave 15 to 26, and loses what waits at a worker that ends. In turn, each gets as many as
the next, a new worker takes over between two connections, and where none can take, connections wait unrefused.
Source: unix(7), SCM_RIGHTS.
"""

import asyncio
import contextlib
import errno
import logging
import os
import socket
from collections import deque
from collections.abc import Callable, Sequence

log = logging.getLogger("ekiben")

ROLE = "connections"  # of the socket pair
AT_ONCE = 32  # connections accepted, or taken, before others have their turn
PAUSE = 0.02  # seconds before a full worker is tried again
OUT_OF_FILES = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
WAIT = 1.0  # seconds until accepting goes on where the system is out of these


class Giver:
    """Accepts on some sockets while somebody takes; lives on the running event loop.

    Args:
        sockets: they stay their owner's.
    """

    def __init__(self, sockets: Sequence[socket.socket]) -> None:
        self._loop = asyncio.get_running_loop()
        self._sockets = list(sockets)
        self._takers: deque[socket.socket] = deque()
        self._held: deque[socket.socket] = deque()  # accepted, and not yet sent
        self._is_accepting = False
        self._later: asyncio.TimerHandle | None = None
        for each in self._sockets:
            each.setblocking(False)

    def give_to(self, takers: Sequence[socket.socket]) -> None:
        """Say who takes from now on, by our ends; none lets connections wait."""
        if set(takers) != set(self._takers):
            self._takers = deque(takers)
        self._go_on()

    def close(self) -> None:
        """Accept no more; what was accepted and not sent is closed."""
        self._takers.clear()
        self._stop()
        if self._later is not None:
            self._later.cancel()
        while self._held:
            self._held.popleft().close()

    def _go_on(self) -> None:
        """Send what is held; accept if all went and somebody takes."""
        self._later = None
        while self._held and self._send(self._held[0]):
            self._held.popleft().close()
        if self._held or not self._takers:
            self._stop()
            if self._takers:
                self._pause(PAUSE)
        elif not self._is_accepting:
            self._is_accepting = True
            for each in self._sockets:
                self._loop.add_reader(each, self._accept, each)

    def _stop(self) -> None:
        if self._is_accepting:
            self._is_accepting = False
            for each in self._sockets:
                self._loop.remove_reader(each)

    def _pause(self, seconds: float) -> None:
        if self._later is None:
            self._later = self._loop.call_later(seconds, self._go_on)

    def _accept(self, listening: socket.socket) -> None:
        for _ in range(AT_ONCE):
            try:
                found, _ = listening.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                if error.errno not in OUT_OF_FILES:
                    raise
                log.error("cannot accept connections now: %s", error.strerror)
                self._stop()
                self._pause(WAIT)
                return
            if self._send(found):
                found.close()
                continue
            self._held.append(found)
            self._go_on()
            return

    def _send(self, connection: socket.socket) -> bool:
        """Send to the next who can take it; False where nobody can."""
        for _ in range(len(self._takers)):
            taker = self._takers[0]
            self._takers.rotate(-1)
            try:
                socket.send_fds(taker, [b"c"], [connection.fileno()])
            except OSError:  # full, or gone just now
                continue
            return True
        return False


class Taker:
    """Takes connections that a `Giver` sends; lives on the running event loop.

    Args:
        end: the worker's end of the socket pair.
        take: is given each connection.
    """

    def __init__(self, end: socket.socket, take: Callable[[socket.socket], object]) -> None:
        self._loop = asyncio.get_running_loop()
        self._end = end
        self._take = take
        end.setblocking(False)
        self._loop.add_reader(end, self._receive)

    def close(self) -> None:
        """Take no more, after all that was sent already."""
        if self._end.fileno() >= 0:
            while self._receive():
                pass
            self._loop.remove_reader(self._end)
            self._end.close()

    def _receive(self) -> bool:
        """Take some; say whether there may be more."""
        for _ in range(AT_ONCE):
            try:
                said, numbers, _, _ = socket.recv_fds(self._end, 1, 1, getattr(socket, "MSG_CMSG_CLOEXEC", 0))
            except (BlockingIOError, InterruptedError):
                return False
            except OSError:
                said, numbers = b"", []
            if not said:
                self._loop.remove_reader(self._end)
                return False
            for number in numbers:
                with contextlib.suppress(OSError):  # the client may have left
                    os.set_inheritable(number, False)
                self._take(socket.socket(fileno=number))
        return True

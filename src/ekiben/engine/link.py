"""One end of a pair of sockets, on an event loop: frames go out, frames come in.

In: frames, which leave together at the end of the loop's turn. Out: those of the other end, in order, to a function.
Whatever is no frame closes the link; its owner is told why, once.
Source: unix(7); asyncio's `add_reader` and `add_writer`, which work on every loop.
"""

import array
import asyncio
import logging
import os
import socket
from collections import deque
from collections.abc import Callable

from ekiben.engine.wire import Frame, Parser, Shared, WireError, pack

log = logging.getLogger("ekiben")

READ = 256 * 1024  # bytes that are read at once
ROOM = 1024 * 1024  # bytes of the kernel's buffer that are asked for
PARTS = 512  # buffers of one write; the kernel takes at most 1024
FILES = socket.CMSG_SPACE(253 * 4) if hasattr(socket, "CMSG_SPACE") else 0
CLOEXEC = getattr(socket, "MSG_CMSG_CLOEXEC", 0)


class Link:
    """One end, which owns *sock*.

    Args:
        sock: a connected stream socket of the Unix family.
        hear: is given each frame; it must not raise.
        closed: is told, once, why the link ended; None says that the other end closed it.
    """

    def __init__(
        self, sock: socket.socket, hear: Callable[[Frame], None], closed: Callable[[WireError | None], None]
    ) -> None:
        self._sock = sock
        self._hear = hear
        self._closed = closed
        self._loop = asyncio.get_running_loop()
        self._parser = Parser()
        self._waiting: deque[memoryview] = deque()  # to be written
        self._files: deque[tuple[memoryview, list[Shared]]] = deque()  # go along with the first byte of that part
        self._is_due = False  # a write follows at the end of this turn
        self._is_full = False  # the kernel takes no more; it will say when it does
        self.is_open = True
        sock.setblocking(False)
        for option in (socket.SO_SNDBUF, socket.SO_RCVBUF):
            sock.setsockopt(socket.SOL_SOCKET, option, ROOM)
        self._loop.add_reader(sock.fileno(), self._read)

    def send(self, frame: Frame) -> None:
        """Send a frame; one to a closed link is dropped.

        Raises:
            WireError: it is larger than a frame may be.
        """
        parts, shared = pack(frame)
        if not self.is_open:
            for each in shared:
                each.close()
            return
        first = memoryview(parts[0])
        if shared:
            self._files.append((first, shared))
        self._waiting.append(first)
        self._waiting.extend(memoryview(part) for part in parts[1:] if len(part))
        if not self._is_due and not self._is_full:
            self._is_due = True
            self._loop.call_soon(self._flush)

    def close(self, error: WireError | None = None) -> None:
        """Close this end; what was not written is dropped."""
        if not self.is_open:
            return
        self.is_open = False
        self._loop.remove_reader(self._sock.fileno())
        self._loop.remove_writer(self._sock.fileno())
        self._sock.close()
        self._parser.close()
        while self._files:
            for each in self._files.popleft()[1]:
                each.close()
        self._waiting.clear()
        self._closed(error)

    def _read(self) -> None:
        try:
            data, told, flags, _ = self._sock.recvmsg(READ, FILES, CLOEXEC)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            self.close()
            return
        files = received(told)
        try:
            if flags & socket.MSG_CTRUNC:
                for each in files:
                    os.close(each)
                raise WireError("more descriptors came than a frame may hold")
            frames = self._parser.feed(data, files)
        except WireError as error:
            self.close(error)
            return
        for frame in frames:
            if self.is_open:
                self._hear(frame)
        if not data:
            self.close()

    def _flush(self) -> None:
        """Write what waits, as far as the kernel takes it."""
        self._is_due = False
        while self._waiting and self.is_open:
            try:
                sent = self._write()
            except (BlockingIOError, InterruptedError):
                sent = 0
            except OSError:
                self.close()
                return
            if sent == 0:
                if not self._is_full:
                    self._is_full = True
                    self._loop.add_writer(self._sock.fileno(), self._flush)
                return
        if self._is_full and self.is_open:
            self._is_full = False
            self._loop.remove_writer(self._sock.fileno())

    def _write(self) -> int:
        """Write once, up to the next descriptors; give the bytes that went out."""
        shared = self._files[0][1] if self._files and self._files[0][0] is self._waiting[0] else []
        later = list(self._files)[1 if shared else 0 :][:1]
        parts: list[memoryview] = []
        for part in self._waiting:
            if len(parts) == PARTS or (later and part is later[0][0]):
                break
            parts.append(part)
        told: list[tuple[int, int, array.array[int]]] = []
        if shared:
            told = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [each.fd for each in shared]))]
        sent = self._sock.sendmsg(parts, told)
        if shared and sent:
            self._files.popleft()
            for each in shared:
                each.close()
        left = sent
        while left:
            first = self._waiting.popleft()
            if left < len(first):
                self._waiting.appendleft(first[left:])
                break
            left -= len(first)
        return sent


def received(told: list[tuple[int, int, bytes]]) -> list[int]:
    """Give the descriptors that came along."""
    found = array.array("i")
    for level, kind, data in told:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            found.frombytes(data[: len(data) - len(data) % found.itemsize])
    return found.tolist()

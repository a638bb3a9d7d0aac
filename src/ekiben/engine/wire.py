"""Frames between our own processes, over inherited pairs of sockets.

In: a kind, a plain value, buffers. Out: the same at the other end; a buffer that is large travels as sealed shared
memory, so that neither end copies it twice and none can change it under the other. Nothing is ever unpickled.
A frame that is too long, cut short or no frame closes its link, and nothing else.

    frame = HEAD · a size for each buffer (64 bits, the highest says that it is shared) · the value · the other buffers

Source: unix(7) (`SCM_RIGHTS`), memfd_create(2), fcntl(2) (`F_ADD_SEALS`).
"""

import mmap
import os
import struct
import sys
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from ekiben.engine import plain

if sys.platform == "linux":
    import fcntl

HEAD = struct.Struct("<2sBxHHIQ")  # mark, kind, buffers, of which shared, bytes of the value, bytes of other buffers
MARK = b"Ek"
MOST_BUFFERS = 4096
MOST_VALUE = 16 * 1024 * 1024  # bytes
MOST_INLINE = 1024 * 1024 * 1024  # bytes of all buffers that are not shared
MOST_SHARED = 240  # of one frame; the kernel passes at most 253 descriptors at once
SHARE = 128 * 1024  # bytes from which a buffer is shared
SHARED = 1 << 63
HAS_MEMORY = sys.platform == "linux"
SEALS = (fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE) if sys.platform == "linux" else 0


class Kind(IntEnum):
    """What a frame says."""

    READY = 1  # worker: calls are taken
    CALLS = 3  # calls of one endpoint, which go together
    REPLIES = 4
    CANCEL = 5  # nobody waits for a call any more
    ASK = 6  # a question to the service's own health methods
    TOLD = 7  # its answer
    CALL = 8  # worker: a call of another service
    CALLED = 9  # its answer
    LEAVING = 11  # worker: it answers what it has, and takes no more
    DROP = 10  # worker: nobody waits for that any more
    PARTS = 12  # pieces of answers, which go on
    MORE = 13  # pieces of an answer that were read


class WireError(ValueError):
    """What came is no frame; the link that it came by is closed."""


class Shared:
    """Memory that another process sealed; whoever has it last closes it."""

    __slots__ = ("fd", "size")

    def __init__(self, fd: int, size: int) -> None:
        self.fd = fd
        self.size = size

    def __len__(self) -> int:
        return self.size

    def view(self) -> memoryview:
        """Map the memory, and close the descriptor; what is written there stays here.

        Raises:
            ValueError: it was closed; the system would give zeros in its place.
        """
        if self.fd < 0:
            raise ValueError("shared memory can be read once")
        try:
            return memoryview(mmap.mmap(self.fd, self.size, access=mmap.ACCESS_COPY))
        finally:
            self.close()

    def close(self) -> None:
        """Let go."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1

    def __del__(self) -> None:
        self.close()


Buffer = bytes | bytearray | memoryview | Shared


@dataclass(slots=True)
class Frame:
    """One message."""

    kind: Kind
    value: Any = None
    buffers: Sequence[Buffer] = ()


def view(buffer: Buffer) -> memoryview:
    """Give the bytes of a buffer; of a shared one, once."""
    return buffer.view() if isinstance(buffer, Shared) else memoryview(buffer)


def share(buffer: memoryview) -> Shared:
    """Copy bytes into memory of their own, and seal it."""
    fd = os.memfd_create("ekiben", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    found = Shared(fd, buffer.nbytes)
    rest = buffer.cast("B")
    while rest:
        rest = rest[os.write(fd, rest) :]
    fcntl.fcntl(fd, fcntl.F_ADD_SEALS, SEALS | fcntl.F_SEAL_SEAL)
    return found


def shared_copy(buffer: memoryview) -> Shared | None:
    """Share a copy of a large buffer; None for others, or without room for that."""
    if buffer.nbytes < SHARE or not HAS_MEMORY:
        return None
    try:
        return share(buffer)
    except OSError:  # out of files, or of memory to share: it goes along with the frame's bytes
        return None


def passed_on(buffer: Shared) -> Shared:
    """Give shared memory one descriptor more; its owner may send it again."""
    try:
        return Shared(os.dup(buffer.fd), buffer.size)
    except OSError as error:
        raise WireError(f"shared memory cannot be passed on now: {error.strerror}") from error


def checked(fd: int, size: int) -> Shared:
    """Take memory that was sent.

    Raises:
        WireError: it could still be changed, or is not as large as was said.
    """
    try:
        seals = fcntl.fcntl(fd, fcntl.F_GET_SEALS)
    except OSError:
        seals = 0
    found = Shared(fd, size)
    if seals & SEALS != SEALS:
        found.close()
        raise WireError("shared memory must be sealed")
    if size == 0 or os.fstat(fd).st_size != size:
        found.close()
        raise WireError(f"shared memory must have the size that was said: {size}")
    return found


def pack(frame: Frame) -> tuple[list[bytes | bytearray | memoryview], list[Shared]]:
    """Give what goes over the wire: bytes in order, and shared memory.

    Raises:
        WireError: the frame is larger than the other end takes.
    """
    sizes: list[int] = []
    inline: list[bytes | bytearray | memoryview] = []
    shared: list[Shared] = []
    for buffer in frame.buffers:
        if isinstance(buffer, Shared):
            shared.append(passed_on(buffer))
            sizes.append(buffer.size | SHARED)
            continue
        seen = memoryview(buffer)
        copy = shared_copy(seen) if len(shared) < MOST_SHARED else None
        if copy is None:
            sizes.append(seen.nbytes)
            inline.append(seen.cast("B") if seen.nbytes else seen)
        else:
            shared.append(copy)
            sizes.append(seen.nbytes | SHARED)
    value = plain.write(frame.value)
    total = sum(map(len, inline))
    if len(value) > MOST_VALUE or len(sizes) > MOST_BUFFERS or total > MOST_INLINE or len(shared) > MOST_SHARED:
        raise WireError(f"a frame must have at most {MOST_VALUE} bytes beside its buffers, and {MOST_BUFFERS} of those")
    head = HEAD.pack(MARK, frame.kind, len(sizes), len(shared), len(value), total)
    return [head + struct.pack(f"<{len(sizes)}Q", *sizes) + value, *inline], shared


class Parser:
    """Makes frames of what arrives; knows no socket."""

    def __init__(self) -> None:
        self._bytes = bytearray()
        self._files: deque[int] = deque()
        self._need = HEAD.size  # bytes until there is something to read

    def feed(self, data: bytes | memoryview, files: Sequence[int] = ()) -> list[Frame]:
        """Take in bytes and descriptors; give the frames that are whole now.

        Raises:
            WireError: what came is no frame. Every descriptor that came is closed.
        """
        self._files.extend(files)
        self._bytes += data
        found = []
        try:
            while len(self._bytes) >= self._need:
                frame = self._take()
                if frame is None:
                    continue
                found.append(frame)
            if len(self._files) > MOST_SHARED:
                raise WireError("descriptors came that belong to no frame")
        except ValueError as error:
            self.close()
            raise error if isinstance(error, WireError) else WireError(str(error)) from error
        return found

    def close(self) -> None:
        """Close what came and belongs to no frame."""
        while self._files:
            os.close(self._files.popleft())

    def _take(self) -> Frame | None:
        """Read a frame; where it is not whole, note how much is needed and give None."""
        mark, kind, buffers, shared, value, inline = HEAD.unpack_from(self._bytes)
        if mark != MARK:
            raise WireError(f"a frame must begin with {MARK!r}: {mark!r}")
        if kind not in KINDS:
            raise WireError(f"a frame must be of a known kind: {kind}")
        if value > MOST_VALUE or buffers > MOST_BUFFERS or inline > MOST_INLINE or shared > min(buffers, MOST_SHARED):
            raise WireError("a frame is longer than its limit")
        start = HEAD.size + 8 * buffers
        self._need = start + value + inline
        if len(self._bytes) < self._need:
            return None
        whole, self._bytes = memoryview(self._bytes), bytearray(memoryview(self._bytes)[self._need :])
        sizes = struct.unpack_from(f"<{buffers}Q", whole, HEAD.size)
        self._need, end = HEAD.size, start + value
        plain_sizes = [size for size in sizes if not size & SHARED]
        if sum(plain_sizes) != inline or len(sizes) - len(plain_sizes) != shared or len(self._files) < shared:
            raise WireError("a frame's buffers are not those that it names")
        found = plain.read(whole[start:end])
        held: list[Buffer] = []
        for size in sizes:
            if size & SHARED:
                held.append(checked(self._files.popleft(), size ^ SHARED))
            else:
                held.append(whole[end : end + size])
                end += size
        return Frame(Kind(kind), found, held)


KINDS = frozenset(Kind)

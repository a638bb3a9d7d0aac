"""Read compressed bytes front to back, and never more than is allowed.

In: an open file of unknown origin. Out: a stream of what it unpacks to, that stops at a limit, refuses any one read
that is far larger than a header, and says `CorruptArchive` whatever the library beneath it says.
"""

import bz2
import gzip
import io
import lzma
import zlib
from collections.abc import Callable
from functools import partial
from typing import BinaryIO, Protocol

from ekiben.core.errors import CorruptArchive, UnsafeArchive
from ekiben.core.optional import need

CHUNK = 1024 * 1024  # bytes read at once
_XZ_MEMORY = 512 * 1024 * 1024  # bytes; `xz -9` needs 65 MiB
_ZSTD_WINDOW = 128 * 1024 * 1024  # bytes; `zstd -19 --long` needs as much

_BROKEN = (EOFError, lzma.LZMAError, zlib.error, gzip.BadGzipFile)


class Source(Protocol):
    """What can be read from front to back."""

    def read(self, size: int, /) -> bytes:
        """Give at most *size* bytes, none at the end."""


class Budget:
    """How many bytes and members may still come out of an archive."""

    def __init__(self, size: int, members: int) -> None:
        self.size, self.members = size, members
        self._left, self._members_left = size, members

    def spend(self, count: int) -> None:
        """Count bytes.

        Raises:
            UnsafeArchive: there are more than allowed.
        """
        self._left -= count
        if self._left < 0:
            raise UnsafeArchive(
                f"the archive unpacks to more than {self.size} bytes",
                hint="if you trust who made it, import it with a larger `max_size`",
            )

    def spend_member(self) -> None:
        """Count a member.

        Raises:
            UnsafeArchive: there are more than allowed.
        """
        self._members_left -= 1
        if self._members_left < 0:
            raise UnsafeArchive(f"the archive has more than {self.members} members")


class Guarded(io.RawIOBase):
    """A stream that can be read and skipped forward, within a budget.

    Args:
        source: where the bytes come from.
        budget: is charged for each byte that leaves.
        broken: errors by which *source* says that its bytes are damaged.
    """

    def __init__(self, source: Source, budget: Budget, broken: tuple[type[Exception], ...] = _BROKEN) -> None:
        self._source, self._budget, self._broken = source, budget, broken
        self._place = 0
        self.last_block = b""  # what the last `read` gave

    def readable(self) -> bool:
        """Say yes."""
        return True

    def tell(self) -> int:
        """Give the number of bytes that have left."""
        return self._place

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Skip forward to *offset*.

        Raises:
            CorruptArchive: *offset* lies behind us, as only a damaged header asks for.
        """
        if whence != io.SEEK_SET or offset < self._place:
            raise CorruptArchive("the archive is damaged: a header points backwards")
        while self._place < offset and self.read(min(CHUNK, offset - self._place)):
            pass
        return self._place

    def read(self, size: int = -1) -> bytes:
        """Give *size* bytes, or fewer at the end.

        Raises:
            UnsafeArchive: *size* is larger than any header needs, or the budget is spent.
            CorruptArchive: the bytes beneath are damaged or cut short.
        """
        if not 0 <= size <= CHUNK:
            raise UnsafeArchive(f"a header of the archive claims to be {size} bytes long")
        parts = []
        wanted = size
        while wanted:
            try:
                part = self._source.read(wanted)
            except self._broken as error:
                raise CorruptArchive(f"the archive is damaged or cut short: {error}") from error
            except OSError as error:
                if error.errno is not None:
                    raise
                raise CorruptArchive(f"the archive is damaged or cut short: {error}") from error
            if not part:
                break
            self._budget.spend(len(part))
            wanted -= len(part)
            parts.append(part)
        self.last_block = b"".join(parts)
        self._place += len(self.last_block)
        return self.last_block


class _Streams:
    """Read streams of xz or bzip2 after each other, to the last byte of the file.

    `lzma.LZMAFile` sets no limit on memory, and `bz2.BZ2File` passes over what follows the last stream.
    """

    def __init__(self, file: BinaryIO, new: Callable[[], lzma.LZMADecompressor | bz2.BZ2Decompressor]) -> None:
        self._file, self._new = file, new
        self._inside = new()
        self._waiting = b""  # read from the file, not yet given to the decompressor

    def read(self, size: int, /) -> bytes:
        """Give up to *size* bytes."""
        while True:
            if self._inside.eof and not self._next_stream():
                return b""
            data = b""
            if self._inside.needs_input:
                data, self._waiting = self._waiting or self._file.read(CHUNK), b""
                if not data:
                    raise EOFError("the end of the compressed data is missing")
            part = self._inside.decompress(data, size)
            if part:
                return part

    def _next_stream(self) -> bool:
        """Go on to the stream after this one and its zeros; False at the file's end."""
        data = self._inside.unused_data or self._file.read(CHUNK)
        while data and not data.lstrip(b"\0"):
            data = self._file.read(CHUNK)
        self._waiting = data.lstrip(b"\0")
        self._inside = self._new() if data else self._inside
        return bool(data)


# The first bytes of a file. Sources: the xz and zstd format pages, RFC 1952, the bzip2 manual.
_MAGIC = {b"\xfd7zXZ\x00": "xz", b"\x1f\x8b": "gzip", b"BZh": "bzip2", b"\x28\xb5\x2f\xfd": "zstd"}


def inflate(file: BinaryIO, budget: Budget) -> Guarded:
    """Read *file*, unpacked if its first bytes say that it is compressed.

    Raises:
        MissingLibrary: it is zstd, and that library is not installed.
    """
    start = file.read(8)
    file.seek(0)
    match next((name for magic, name in _MAGIC.items() if start.startswith(magic)), None):
        case "xz":
            return Guarded(_Streams(file, partial(lzma.LZMADecompressor, lzma.FORMAT_XZ, _XZ_MEMORY)), budget)
        case "gzip":
            return Guarded(gzip.GzipFile(fileobj=file, mode="rb"), budget)
        case "bzip2":
            return Guarded(_Streams(file, bz2.BZ2Decompressor), budget)
        case "zstd":
            zstandard = need("zstandard", "a .zst archive", extra="zstd")
            inside = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW)
            source = inside.stream_reader(file, read_across_frames=True)
            return Guarded(source, budget, (*_BROKEN, zstandard.ZstdError))
        case _:
            return Guarded(file, budget)

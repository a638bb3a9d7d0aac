"""List what an archive or a folder holds, whatever its kind.

In: a path. Out: `Member`s, front to back, each to be read before the next is asked for.
The kind is told from the first bytes, never from the name. What may be done with a member is for `unpack` to say.
"""

import errno
import lzma
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, BinaryIO

from ekiben.core.errors import CorruptArchive
from ekiben.core.paths import disk_errors
from ekiben.store.streams import CHUNK, Budget, Guarded, inflate

_BROKEN_TAR = (tarfile.TarError, ValueError, IndexError, OverflowError, UnicodeError)
_BROKEN_ZIP = (
    zipfile.BadZipFile,
    NotImplementedError,  # a method of compression that Python has not
    RuntimeError,
    ValueError,
    IndexError,
    EOFError,
    struct.error,
    lzma.LZMAError,
    zlib.error,
)
_TAIL = 16 * CHUNK  # bytes of zeros that may follow the end of a tar


@dataclass(frozen=True, slots=True)
class Member:
    """One entry of an archive, as it calls itself."""

    path: str
    kind: str  # "file", "folder", or what it is instead, in words
    chunks: Callable[[], Iterator[bytes]]
    is_executable: bool = False
    write: Callable[[Path], None] | None = None  # makes the file at a place by itself, instead of `chunks`


@contextmanager
def open_members(path: Path, budget: Budget) -> Iterator[Iterator[Member]]:
    """List the members of the archive or folder *path*.

    Args:
        path: a tar (plain, gz, xz, bz2, zst), a zip, or a folder.
        budget: is charged for every byte and member.

    Raises:
        CorruptArchive: it is none of these, or damaged.
        UnsafeArchive: it unpacks to more than the budget.
        StoreError: it cannot be read.
    """
    if path.is_dir():
        yield _read_folder(path, path, budget)
        return
    with disk_errors(f"cannot read {path}"):
        file = path.open("rb")
    with file:
        start = file.read(4)
        file.seek(0)
        yield _read_zip(file, budget) if start in (b"PK\3\4", b"PK\5\6") else _read_tar(inflate(file, budget), budget)


def _read_tar(stream: Guarded, budget: Budget) -> Iterator[Member]:
    try:
        with tarfile.TarFile(fileobj=stream, mode="r") as tar:
            while (info := tar.next()) is not None:
                budget.spend_member()
                # The stream is charged already for what it gives.
                chunks = partial(_chunks, partial(_open_in_tar, tar, info), _BROKEN_TAR)
                yield Member(info.name, _tar_kind(info), chunks, bool(info.mode & stat.S_IXUSR))
    except _BROKEN_TAR as error:
        raise CorruptArchive(f"this is not an archive, or it is damaged: {error}") from error
    if stream.last_block != bytes(tarfile.BLOCKSIZE):
        raise CorruptArchive("the archive is cut short: its end is missing")
    tail = 0
    while block := stream.read(CHUNK):
        tail += len(block)
        if tail > _TAIL or block.strip(b"\0"):
            raise CorruptArchive("the archive is damaged: something follows its end")


def _tar_kind(info: tarfile.TarInfo) -> str:
    if info.isreg() and not info.issparse():
        return "file"
    return "folder" if info.isdir() else _TAR_KINDS.get(info.type, "special file")


_TAR_KINDS = {
    tarfile.SYMTYPE: "symbolic link",
    tarfile.LNKTYPE: "hard link",
    tarfile.CHRTYPE: "device",
    tarfile.BLKTYPE: "device",
    tarfile.FIFOTYPE: "named pipe",
    tarfile.GNUTYPE_SPARSE: "sparse file",
}


def _open_in_tar(tar: tarfile.TarFile, info: tarfile.TarInfo) -> IO[bytes]:
    file = tar.extractfile(info)
    if file is None:
        raise CorruptArchive(f"the archive is damaged: {info.name!r} has no content")
    return file


def _read_zip(file: BinaryIO, budget: Budget) -> Iterator[Member]:
    try:
        with zipfile.ZipFile(file) as archive:
            for info in archive.infolist():
                budget.spend_member()
                chunks = partial(_chunks, partial(archive.open, info), _BROKEN_ZIP, budget)
                is_executable = bool((info.external_attr >> 16) & stat.S_IXUSR)
                yield Member(info.orig_filename, _zip_kind(info), chunks, is_executable)
    except (*_BROKEN_ZIP, OSError) as error:
        raise _damaged(error) from error


def _zip_kind(info: zipfile.ZipInfo) -> str:
    mode = stat.S_IFMT(info.external_attr >> 16)
    if info.flag_bits & 1:
        return "encrypted file"
    if mode not in (0, stat.S_IFREG, stat.S_IFDIR):
        return "symbolic link" if mode == stat.S_IFLNK else "special file"
    return "folder" if info.orig_filename.endswith("/") else "file"


def _read_folder(top: Path, folder: Path, budget: Budget) -> Iterator[Member]:
    with disk_errors(f"cannot read {folder}"):
        entries = [(entry, entry.lstat().st_mode) for entry in sorted(folder.iterdir())]
    for entry, mode in entries:
        budget.spend_member()
        kind = "folder" if stat.S_ISDIR(mode) else "file" if stat.S_ISREG(mode) else "link or special file"
        chunks = partial(_chunks, partial(_open, entry), (), budget)
        yield Member(entry.relative_to(top).as_posix(), kind, chunks, bool(mode & stat.S_IXUSR))
        if kind == "folder":
            yield from _read_folder(top, entry, budget)


def _open(path: Path) -> IO[bytes]:
    return path.open("rb")


def _chunks(
    open_it: Callable[[], IO[bytes]], broken: tuple[type[Exception], ...], budget: Budget | None = None
) -> Iterator[bytes]:
    """Read one member to its end; damage becomes `CorruptArchive`, whoever finds it."""
    expected: tuple[type[Exception], ...] = (*broken, OSError)
    try:
        with closing(open_it()) as file:
            while chunk := file.read(CHUNK):
                if budget:
                    budget.spend(len(chunk))
                yield chunk
    except expected as error:
        raise _damaged(error) from error


def _damaged(error: Exception) -> Exception:
    """Give the error to raise: one of the disk stays as it is, all others are damage."""
    if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):  # a seek to where nothing can be
        return error
    return CorruptArchive(f"the archive is damaged or cut short: {error}")

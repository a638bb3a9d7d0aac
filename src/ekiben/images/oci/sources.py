"""Read a base image from where it is: a registry, an image layout, an archive.

In: a place that anyone may have filled. Out: documents and blobs that are what their digest says.
From an archive nothing is unpacked: plain files of it are read where they lie, and no link of it or of a layout is
followed.
"""

import io
import json
import stat
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, BinaryIO, Protocol

from ekiben.core.errors import CorruptArchive, InvalidInput, NotFound, UnsafeArchive
from ekiben.core.paths import disk_errors, is_plain, join_below
from ekiben.images.oci.layout import BLOBS, CHUNK, INDEX_FILE, Layout
from ekiben.store.remotes.oci.documents import Descriptor, new_hash
from ekiben.store.remotes.oci.registry import Registry

SAVED = "manifest.json"  # of `docker save`
MOST_MEMBERS = 100_000  # of an archive
_BROKEN = (tarfile.TarError, ValueError, IndexError, OverflowError, UnicodeError, EOFError)


class Source(Protocol):
    """Where the blobs of a base image are."""

    def read(self, wanted: Descriptor, limit: int) -> bytes:
        """Read a small blob; raises CorruptArchive where it is another or larger."""

    def copy(self, wanted: Descriptor, layout: Layout) -> None:
        """Copy a blob into *layout*; raises CorruptArchive where it is another."""


@dataclass(frozen=True, slots=True)
class Pulled:
    """A repository of a registry."""

    registry: Registry
    repository: str

    def read(self, wanted: Descriptor, limit: int) -> bytes:
        """Read a small blob."""
        return self.registry.read(self.repository, wanted, limit)

    def copy(self, wanted: Descriptor, layout: Layout) -> None:
        """Copy a blob."""
        place = layout.place(wanted.digest)
        if not place.exists():  # a layer may be twice in an image
            self.registry.fetch(self.repository, wanted, place)


class Files:
    """A layout or an archive: files by their path.

    Args:
        name: of the place, for errors.
    """

    def __init__(self, name: str) -> None:
        self.name = name

    def open(self, path: str) -> BinaryIO:
        """Open a file; raises NotFound."""
        raise NotFound(f"there is no {path} in {self.name}")

    def has(self, path: str) -> bool:
        """Say whether a file is there."""
        try:
            self.open(path).close()
        except NotFound:
            return False
        return True

    def read_json(self, path: str, limit: int) -> Any:
        """Read a document.

        Raises:
            NotFound: there is none.
            CorruptArchive: it is larger than *limit*, or not JSON.
        """
        with self.open(path) as file:
            data = file.read(limit + 1)
        if len(data) > limit:
            raise CorruptArchive(f"{path} in {self.name} must have at most {limit} bytes")
        try:
            return json.loads(data)
        except (ValueError, RecursionError) as error:
            raise CorruptArchive(f"{path} in {self.name} is not JSON: {error}") from error

    def read(self, wanted: Descriptor, limit: int) -> bytes:
        """Read a small blob."""
        if wanted.size > limit:
            raise CorruptArchive(f"a blob that must have at most {limit} bytes has {wanted.size}")
        with self.open_blob(wanted) as file:
            data = file.read(wanted.size + 1)
        found = new_hash(wanted.digest)
        found.update(data)
        if len(data) != wanted.size or found.hexdigest() != wanted.digest.partition(":")[2]:
            raise CorruptArchive(f"the base image holds other bytes than {wanted.digest}")
        return data

    def copy(self, wanted: Descriptor, layout: Layout) -> None:
        """Copy a blob."""
        with self.open_blob(wanted) as file:
            layout.take(file, wanted)

    def open_blob(self, wanted: Descriptor) -> BinaryIO:
        """Open a blob; raises CorruptArchive where it is missing."""
        try:
            return self.open("/".join((BLOBS, *wanted.digest.split(":"))))
        except NotFound as error:
            raise CorruptArchive(f"a blob of the base image is missing: {wanted.digest} in {self.name}") from error


class Folder(Files):
    """An image layout in a folder."""

    def __init__(self, folder: Path) -> None:
        super().__init__(str(folder))
        self._folder = folder

    def open(self, path: str) -> BinaryIO:
        """Open a plain file of the folder, through no link."""
        try:
            place = join_below(self._folder, path)
        except InvalidInput as error:
            raise UnsafeArchive(f"a path of the base image leads out of it: {path!r}") from error
        with disk_errors(f"cannot read {place}", is_home=False):
            try:
                kinds = [each.lstat().st_mode for each in (place, *place.parents[: path.count("/")])]
            except (FileNotFoundError, NotADirectoryError) as error:
                raise NotFound(f"there is no {path} in {self.name}") from error
            if not stat.S_ISREG(kinds[0]) or not all(stat.S_ISDIR(kind) for kind in kinds[1:]):
                raise UnsafeArchive(f"{path} in {self.name} must be a plain file, through no link")
            return place.open("rb")


class Archive(Files):
    """An image in a tar, as `docker save`, `podman save` or skopeo write it."""

    def __init__(self, path: Path, members: dict[str, tuple[int, int]]) -> None:
        super().__init__(str(path))
        self._path, self._members = path, members

    def open(self, path: str) -> BinaryIO:
        """Open a plain file of the archive."""
        if path not in self._members:
            raise NotFound(f"there is no {path} in {self.name}")
        start, size = self._members[path]
        with disk_errors(f"cannot read {self._path}", is_home=False):
            return io.BufferedReader(_Slice(self._path, start, size))


@contextmanager
def open_files(path: Path) -> Iterator[Files]:
    """Open the layout or archive at *path*.

    Raises:
        CorruptArchive: it is neither, or damaged.
        UnsafeArchive: a name in it leads out of it, or there are too many.
        NotFound: there is nothing.
    """
    if path.is_dir():
        folder = Folder(path)
        if not folder.has(INDEX_FILE):
            raise CorruptArchive(f"this folder is no image layout, as it has no {INDEX_FILE}: {path}")
        yield folder
        return
    if not path.is_file():
        raise NotFound(f"there is no base image: {path}")
    archive = Archive(path, _list_members(path))
    if not archive.has(INDEX_FILE) and not archive.has(SAVED):
        hint = "write one by `docker save`, `podman save` or `skopeo copy`; a compressed one has to be unpacked first"
        raise CorruptArchive(f"this file is no image: it has neither {INDEX_FILE} nor {SAVED}: {path}", hint=hint)
    yield archive


def _list_members(path: Path) -> dict[str, tuple[int, int]]:
    """Say where the plain files of a tar begin, and how long they are."""
    with disk_errors(f"cannot read {path}", is_home=False), _Headers(path) as file:
        size = path.stat().st_size
        try:
            with tarfile.TarFile(fileobj=file, mode="r") as tar:
                found = {name: (info.offset_data, info.size) for name, info in _plain_files(tar, path)}
        except _BROKEN as error:
            hint = "a compressed one has to be unpacked first: gunzip"
            raise CorruptArchive(f"this is not a tar, or it is damaged: {path}: {error}", hint=hint) from error
    if any(start + length > size for start, length in found.values()):
        raise CorruptArchive(f"the base image is cut short: {path}")
    return found


def _plain_files(tar: tarfile.TarFile, path: Path) -> Iterator[tuple[str, tarfile.TarInfo]]:
    """List the plain files of a tar by their names."""
    for number, info in enumerate(iter(tar.next, None)):
        name = info.name.removeprefix("./")
        if not is_plain(name):
            raise UnsafeArchive(f"a path of the base image leads out of it: {info.name!r}")
        if number >= MOST_MEMBERS:
            raise UnsafeArchive(f"the base image has more than {MOST_MEMBERS} members: {path}")
        if info.isreg() and not info.issparse():
            yield name, info
        tar.members.clear()  # type: ignore[attr-defined] # the list grows, and nobody reads it


class _Headers(io.FileIO):
    """A file of which no more is read at once than a header needs."""

    def read(self, size: int | None = -1, /) -> bytes:
        """Give at most *size* bytes; raises UnsafeArchive for more than a header has."""
        if size is None or not 0 <= size <= CHUNK:
            raise UnsafeArchive(f"a header of the archive claims to be {size} bytes long")
        return super().read(size) or b""


class _Slice(io.RawIOBase):
    """A part of a file."""

    def __init__(self, path: Path, start: int, size: int) -> None:
        self._file: IO[bytes] = path.open("rb")
        self._file.seek(start)
        self._start, self._size, self._left = start, size, size

    def readable(self) -> bool:
        """Say yes."""
        return True

    def seekable(self) -> bool:
        """Say yes."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a place of the part."""
        at = {io.SEEK_SET: 0, io.SEEK_CUR: self._size - self._left, io.SEEK_END: self._size}[whence]
        place = min(max(at + offset, 0), self._size)
        self._left = self._size - place
        self._file.seek(self._start + place)
        return place

    def readinto(self, buffer: Any) -> int:
        """Read what fits."""
        data = self._file.read(min(len(buffer), self._left))
        buffer[: len(data)] = data
        self._left -= len(data)
        return len(data)

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        super().close()

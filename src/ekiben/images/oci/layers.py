"""Write a layer: what an image has on top of another.

In: entries, from the disk or from memory. Out: a blob of tar in gzip, the same bytes for the same entries: in one
order, without times, owned by root unless said otherwise.

A layer of ours only adds. A name that engines take for a deletion (`.wh.…`) is refused, as is a path that leads out of
the image.
Source: the OCI image specification 1.1, "Image Layer Filesystem Changeset".
"""

import gzip
import hashlib
import io
import os
import stat
import tarfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from ekiben.core.errors import UnsafeArchive
from ekiben.core.paths import disk_errors, is_plain
from ekiben.images.oci.layout import Layout
from ekiben.store.digest import walk_files
from ekiben.store.remotes.oci.documents import Descriptor

LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
WHITEOUT = ".wh."
LEVEL = 6  # of gzip
READ, RUN = 0o644, 0o755  # modes


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing in a layer: a file, a link, or else a folder."""

    path: str  # without a slash before it
    source: Path | bytes | None = None  # of a file
    link: str = ""  # where a link leads
    mode: int = READ
    owner: int = 0  # user and group, by number


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer that was written."""

    descriptor: Descriptor
    diff_id: str  # digest of what it unpacks to
    made_by: str  # for the history of the image


def list_folder(folder: Path, path: str, *, without: Iterable[str] = ()) -> Iterator[Entry]:
    """List a folder of the disk, and what lies in it, as entries of a layer.

    Args:
        folder: of the disk.
        path: where it lies in the image.
        without: first parts of paths that are left out.

    Raises:
        StoreError: there is a link, or another thing that is neither a file nor a folder.
    """
    left_out, seen = frozenset(without), {""}
    yield Entry(path, mode=RUN)
    for inner, found in walk_files(folder):
        parts = inner.split("/")
        if parts[0] in left_out:
            continue
        for count in range(1, len(parts)):
            above = "/".join(parts[:count])
            if above not in seen:
                seen.add(above)
                yield Entry(f"{path}/{above}", mode=RUN)
        yield Entry(f"{path}/{inner}", folder / inner, mode=RUN if found.st_mode & stat.S_IXUSR else READ)


def write_layer(entries: Iterable[Entry], layout: Layout, made_by: str) -> Layer:
    """Write a layer into a layout.

    Args:
        entries: in any order; each path once.
        layout: gets the blob.
        made_by: what made it, in words.

    Raises:
        UnsafeArchive: a path leads out of the image, is there twice, or would delete something.
        StoreError: a file cannot be read, or the disk is full.
    """
    beside = layout.folder / f".layer.{os.urandom(6).hex()}"
    outer, inner = hashlib.sha256(), hashlib.sha256()
    with disk_errors(f"cannot write a layer to {layout.folder}", is_home=False):
        try:
            with beside.open("xb") as file:
                with gzip.GzipFile("", "wb", LEVEL, _Digesting(file, outer.update), mtime=0) as packed:
                    _write_tar(entries, _Digesting(packed, inner.update))
                size = file.tell()
            found = Descriptor(LAYER, f"sha256:{outer.hexdigest()}", size)
            layout.adopt(beside, found)
        finally:
            beside.unlink(missing_ok=True)
    return Layer(found, f"sha256:{inner.hexdigest()}", made_by)


def _write_tar(entries: Iterable[Entry], stream: "_Digesting") -> None:
    before = ""
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for entry in sorted(entries, key=lambda entry: entry.path):
            check_path(entry.path)
            if entry.path == before:
                raise UnsafeArchive(f"a layer would hold a path twice: {entry.path!r}")
            before = entry.path
            info = tarfile.TarInfo(entry.path)
            info.mode, info.uid, info.gid = entry.mode, entry.owner, entry.owner
            if entry.link:
                info.type, info.linkname, info.mode = tarfile.SYMTYPE, entry.link, 0o777
                tar.addfile(info)
            elif entry.source is None:
                info.type = tarfile.DIRTYPE
                tar.addfile(info)
            elif isinstance(entry.source, bytes):
                info.size = len(entry.source)
                tar.addfile(info, io.BytesIO(entry.source))
            else:
                with entry.source.open("rb") as file:
                    info.size = os.fstat(file.fileno()).st_size
                    tar.addfile(info, file)


def check_path(path: str) -> None:
    """Hold a path of a layer against the rules.

    Raises:
        UnsafeArchive: it leads out of the image, or an engine would take it for a deletion.
    """
    parts = path.split("/")
    if not is_plain(path) or any(part in ("", ".", "..") for part in parts):
        raise UnsafeArchive(f"a path of a layer must stay in the image: {path!r}")
    if any(part.startswith(WHITEOUT) for part in parts):
        raise UnsafeArchive(f"a file in an image must not begin with {WHITEOUT!r}, which means a deletion: {path!r}")


class _Digesting(io.RawIOBase):
    """A file that tells what is written to it."""

    def __init__(self, file: IO[bytes] | gzip.GzipFile, on_write: Callable[[bytes], None]) -> None:
        self._file, self._on_write, self._place = file, on_write, 0

    def writable(self) -> bool:
        """Say yes."""
        return True

    def tell(self) -> int:
        """Give the number of bytes written."""
        return self._place

    def write(self, data: bytes, /) -> int:  # type: ignore[override] # whoever writes here writes bytes
        """Pass bytes on."""
        self._on_write(data)
        self._file.write(data)
        self._place += len(data)
        return len(data)

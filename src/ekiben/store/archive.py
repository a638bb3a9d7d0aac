"""Pack an item into one file, or one folder, the same bytes each time.

In: the folder of an item, and a format. Out: an archive without owners, without times but that of the item's creation,
in one order: `model.yaml` and `manifest.json` first. While it is packed each file is held against the manifest.
"""

import bz2
import gzip
import hashlib
import io
import lzma
import stat
import tarfile
import time
import zipfile
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import IO, Any

from ekiben.core.errors import CorruptItem, InvalidInput, Problem
from ekiben.core.optional import need
from ekiben.core.paths import disk_errors
from ekiben.store.digest import MANIFEST, FileEntry, Manifest, Progress, walk_files

NATIVE = "bentomodel"  # of a model
BENTO = "bento"  # of a bento, its models inside
# The word for each format, and the endings that mean it, the one to write first.
ENDINGS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        NATIVE: (".bentomodel",),
        BENTO: (".bento",),
        "tar": (".tar",),
        "gz": (".tar.gz", ".tgz"),
        "xz": (".tar.xz", ".txz"),
        "bz2": (".tar.bz2", ".tbz2", ".tbz"),
        "zst": (".tar.zst", ".tzst"),
        "zip": (".zip",),
        "folder": ("",),
    }
)
_OTHERS = (".rar", ".7z", ".lz4", ".lz", ".lzma", ".br", ".bento", ".bentomodel", ".gz", ".xz", ".bz2", ".zst")
_FIRST = ("model.yaml", "bento.yaml", MANIFEST)  # so that a reader knows early what it reads
_XZ_PRESET = 0  # a forest of 12 MB: 19 MB/s to 11 %; preset 6 makes 1.6 MB/s to 8 %
_EARLIEST = 315532800  # 1980-01-01, before which zip knows no time


@dataclass(frozen=True, slots=True)
class Packing:
    """What is to be packed."""

    folder: Path
    manifest: Manifest
    created: float  # seconds since 1970; the time of everything in the archive
    progress: Progress | None = None
    without: Collection[str] = ()  # paths of files that travel by themselves
    parts: Mapping[str, "Packing"] = field(default_factory=dict)  # other items, by the folder that they lie in


def find_format(name: str, asked: str | None = None, native: str = NATIVE) -> str:
    """Say which format a file name means, or which one is asked for.

    Args:
        name: the last part of a path or URL.
        asked: a key of `ENDINGS`, or one of its endings without the first dot; wins over the name.
        native: the format of such an item, `NATIVE` or `BENTO`; the other is none.

    Raises:
        InvalidInput: *asked* or the ending of *name* is none that we write.
    """
    known = {key: endings for key, endings in ENDINGS.items() if key not in (NATIVE, BENTO) or key == native}
    if asked is not None:
        for key, endings in known.items():
            if asked in (key, *(ending[1:] for ending in endings if ending)):
                return key
        raise InvalidInput(f"`output_format` must be one of {', '.join(known)}: {asked!r}")
    lowered = name.lower()
    for key, endings in known.items():
        if any(ending and lowered.endswith(ending) for ending in endings):
            return key
    if lowered.endswith(_OTHERS):
        words = ", ".join(ending for endings in known.values() for ending in endings if ending)
        what = "model" if native == NATIVE else "bento"
        raise InvalidInput(f"a {what} is exported as one of {words}, or as a folder: {name!r}")
    return native


def write_archive(packing: Packing, file: IO[bytes], form: str) -> None:
    """Pack into the open *file*.

    Args:
        packing: what.
        file: written from where it stands.
        form: a key of `ENDINGS` other than `folder`.

    Raises:
        CorruptItem: a file is not what the manifest says.
        StoreError: a file cannot be read.
        MissingLibrary: the format needs a library that is not installed.
    """
    if form == "zip":
        _write_zip(packing, file)
        return
    with _compressed(file, form) as stream:
        _write_tar(packing, stream)


def write_folder(packing: Packing, folder: Path) -> None:
    """Copy into *folder*, which is empty.

    Raises:
        CorruptItem: a file is not what the manifest says.
        StoreError: a file cannot be read or written.
    """
    with disk_errors(f"cannot write {folder}", is_home=False):
        for entry in _entries(packing):
            place = folder / entry.path
            place.parent.mkdir(parents=True, exist_ok=True)
            if entry.open is None:
                place.mkdir(exist_ok=True)
                continue
            with entry.open() as source, place.open("xb") as target:
                while chunk := source.read(1024 * 1024):
                    target.write(chunk)
            place.chmod(place.stat().st_mode | (0o111 if entry.is_executable else 0))


@dataclass(frozen=True, slots=True)
class _Entry:
    path: str
    size: int = 0
    is_executable: bool = False
    open: Callable[[], AbstractContextManager[IO[bytes]]] | None = None  # None: a folder


class _Checked(io.RawIOBase):
    """A file that counts and digests what is read from it."""

    def __init__(self, file: IO[bytes], on_read: Callable[[int], None]) -> None:
        self._file, self._on_read, self.hash = file, on_read, hashlib.sha256()
        self.size = 0

    def readable(self) -> bool:
        """Say yes."""
        return True

    def read(self, size: int = -1) -> bytes:
        """Give at most *size* bytes."""
        data = self._file.read(size)
        self.hash.update(data)
        self.size += len(data)
        self._on_read(len(data))
        return data


def _entries(packing: Packing) -> Iterator[_Entry]:
    """List empty folders and files: first those that say what this is, then parts."""
    done, total = 0, sum(part.manifest.size for part in (packing, *packing.parts.values()))

    def count(size: int) -> None:
        nonlocal done
        done += size
        if packing.progress and size:
            packing.progress(done, total)

    yield from _own_entries(packing, count)
    for folder, part in sorted(packing.parts.items()):
        yield from (replace(entry, path=f"{folder}/{entry.path}") for entry in _own_entries(part, count))


def _own_entries(packing: Packing, count: Callable[[int], None]) -> Iterator[_Entry]:
    text = packing.manifest.to_bytes()
    files = {path: found for path, found in walk_files(packing.folder) if path != MANIFEST}
    known = packing.manifest.files
    problems = [Problem(path, "is missing") for path in sorted(known.keys() - files.keys())]
    problems += [Problem(path, "is not in the manifest") for path in sorted(files.keys() - known.keys())]
    if problems:
        raise CorruptItem(f"the files in {packing.folder} are not those that were saved", problems=problems)
    yield from (_Entry(path) for path in _empty_folders(packing.folder))
    for path in sorted((*files, MANIFEST), key=_place):
        if path in packing.without:
            continue
        if path == MANIFEST:
            yield _Entry(path, len(text), open=partial(io.BytesIO, text))
            continue
        is_executable = bool(files[path].st_mode & stat.S_IXUSR)
        opener = partial(_open_checked, packing.folder / path, path, known[path], count)
        yield _Entry(path, files[path].st_size, is_executable, opener)


def _place(path: str) -> tuple[int, str]:
    return _FIRST.index(path) if path in _FIRST else len(_FIRST), path


@contextmanager
def _open_checked(place: Path, path: str, known: FileEntry, count: Callable[[int], None]) -> Iterator[IO[bytes]]:
    with place.open("rb") as file:
        checked: Any = _Checked(file, count)
        yield checked
    if (checked.size, checked.hash.hexdigest()) != (known.size, known.sha256):
        raise CorruptItem(f"{place} is damaged", problems=[Problem(path, "has other bytes than when it was saved")])


def _empty_folders(folder: Path) -> list[str]:
    places = sorted(place for place in folder.rglob("*") if place.is_dir() and not any(place.iterdir()))
    return [place.relative_to(folder).as_posix() for place in places]


def _write_tar(packing: Packing, stream: IO[bytes]) -> None:
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for entry in _entries(packing):
            info = tarfile.TarInfo(entry.path)
            info.mtime = int(packing.created)
            if entry.open is None:
                info.type, info.mode = tarfile.DIRTYPE, 0o755
                tar.addfile(info)
                continue
            info.size, info.mode = entry.size, 0o755 if entry.is_executable else 0o644
            with entry.open() as file:
                tar.addfile(info, file)


def _write_zip(packing: Packing, stream: IO[bytes]) -> None:
    moment = time.gmtime(max(packing.created, _EARLIEST))[:6]
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        for entry in _entries(packing):
            info = zipfile.ZipInfo(entry.path + ("/" if entry.open is None else ""), moment)
            info.create_system = 3  # Unix, wherever this runs
            info.compress_type = zipfile.ZIP_DEFLATED
            if entry.open is None:
                info.external_attr = (stat.S_IFDIR | 0o755) << 16 | 0x10
                archive.writestr(info, b"")
                continue
            info.external_attr = (stat.S_IFREG | (0o755 if entry.is_executable else 0o644)) << 16
            info.file_size = entry.size
            with entry.open() as file, archive.open(info, "w") as target:
                while chunk := file.read(1024 * 1024):
                    target.write(chunk)


@contextmanager
def _compressed(file: IO[bytes], form: str) -> Iterator[Any]:
    """Give a stream that compresses into *file*, and leave *file* open."""
    match form:
        case "gz":
            with gzip.GzipFile("", "wb", 6, file, mtime=0) as stream:
                yield stream
        case "bz2":
            with bz2.BZ2File(file, "wb") as stream:
                yield stream
        case "zst":
            zstandard = need("zstandard", "a .zst archive", extra="zstd")
            with zstandard.ZstdCompressor(level=3).stream_writer(file, closefd=False) as stream:
                yield stream
        case "xz" | "bentomodel" | "bento":
            with lzma.LZMAFile(file, "wb", preset=_XZ_PRESET) as stream:
                yield stream
        case _:
            yield file

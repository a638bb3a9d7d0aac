"""Say what an item consists of: every file, its size and its SHA-256.

In: a folder. Out: a `Manifest`, whose own digest names the content for good, and which finds any changed byte.
"""

import hashlib
import json
import os
import stat
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from ekiben.core.errors import CorruptItem, Problem, StoreError
from ekiben.core.paths import disk_errors, is_plain

MANIFEST = "manifest.json"
MAX_SIZE = 64 * 1024 * 1024  # bytes of manifest.json: some 400 000 files
CHUNK = 1024 * 1024  # bytes read at once

Progress = Callable[[int, int], None]  # bytes done, bytes in all


@dataclass(frozen=True, slots=True)
class FileEntry:
    """What is known of one file."""

    sha256: str  # 64 hexadecimal digits
    size: int  # bytes


@dataclass(frozen=True, slots=True)
class Manifest:
    """The files of an item by their path, `manifest.json` itself left out."""

    files: Mapping[str, FileEntry]

    @property
    def digest(self) -> str:
        """The content's name: `sha256:` and the digest of `to_bytes()`."""
        return "sha256:" + hashlib.sha256(self.to_bytes()).hexdigest()

    @property
    def size(self) -> int:
        """Bytes of all files together."""
        return sum(entry.size for entry in self.files.values())

    def to_bytes(self) -> bytes:
        """Give the text of `manifest.json`; equal content gives equal bytes."""
        files = {path: {"sha256": entry.sha256, "size": entry.size} for path, entry in sorted(self.files.items())}
        return json.dumps({"schema": 1, "files": files}, indent=1, ensure_ascii=False).encode() + b"\n"

    @classmethod
    def from_bytes(cls, text: bytes) -> "Manifest":
        """Read `manifest.json`.

        Raises:
            CorruptItem: it is not one.
        """
        try:
            files = json.loads(text)["files"]
            entries = {path: FileEntry(str(entry["sha256"]), int(entry["size"])) for path, entry in files.items()}
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise CorruptItem(f"{MANIFEST} is not a manifest: {error}") from error
        return cls(entries)


def walk_files(folder: Path) -> Iterator[tuple[str, os.stat_result]]:
    """List the files below *folder* by their path with forward slashes, in order.

    Raises:
        StoreError: there is a link, a device or another thing that is neither a file nor a folder.
    """
    with disk_errors(f"cannot read {folder}"):
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        for entry in entries:
            found = entry.stat(follow_symlinks=False)
            if stat.S_ISDIR(found.st_mode):
                for path, inner in walk_files(Path(entry.path)):
                    yield f"{entry.name}/{path}", inner
            elif stat.S_ISREG(found.st_mode):
                yield entry.name, found
            else:
                raise StoreError(
                    f"a model or bento must consist of files and folders, and this is neither: {entry.path}",
                    hint="copy what a link points to",
                )


def measure(folder: Path, progress: Progress | None = None) -> Manifest:
    """Read every file below *folder* and give its manifest.

    Raises:
        StoreError: as `walk_files`, or a name cannot be written on every system.
    """
    found = [(path, info.st_size) for path, info in walk_files(folder) if path != MANIFEST]
    total, done = sum(size for _, size in found), 0
    entries = {}
    for path, size in found:
        if not is_plain(path):
            raise StoreError(
                f"a file of a model or bento must have a name without backslashes and control characters: {path!r}"
            )
        entries[path] = FileEntry(_digest(folder / path), size)
        done += size
        if progress:
            progress(done, total)
    return Manifest(entries)


def read_manifest(folder: Path) -> Manifest | None:
    """Read the manifest in *folder*; None if there is none, as in BentoML's stores.

    Raises:
        CorruptItem: it is damaged.
    """
    path = folder / MANIFEST
    with disk_errors(f"cannot read {path}"):
        if not path.is_file():
            return None
        with path.open("rb") as file:
            text = file.read(MAX_SIZE + 1)
    if len(text) > MAX_SIZE:
        raise CorruptItem(f"{MANIFEST} must be at most {MAX_SIZE} bytes long, and is longer")
    return Manifest.from_bytes(text)


def compare(expected: Manifest, found: Manifest) -> tuple[Problem, ...]:
    """List each file that is missing, changed or too many; none if all is as it was."""
    problems = []
    for path in sorted({*expected.files, *found.files}):
        then, now = expected.files.get(path), found.files.get(path)
        if now is None:
            problems.append(Problem(path, "is missing"))
        elif then is None:
            problems.append(Problem(path, "is not in the manifest"))
        elif then.size != now.size:
            problems.append(Problem(path, f"has {now.size} bytes instead of {then.size}"))
        elif then.sha256 != now.sha256:
            problems.append(Problem(path, "has other bytes than when it was saved"))
    return tuple(problems)


def _digest(path: Path) -> str:
    with disk_errors(f"cannot read {path}"), path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

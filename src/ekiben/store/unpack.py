"""Unpack what a stranger packed: plain files and folders below one, or nothing.

In: members of an archive. Out: files. Every rule stands here, once, for all kinds of archive:
only files and folders; no path that leaves the folder on any system; no path twice, however its letters are written.
"""

import os
import unicodedata
from collections.abc import Iterable
from pathlib import Path

from ekiben.core.errors import UnsafeArchive
from ekiben.core.paths import disk_errors, is_plain
from ekiben.store.members import Member

MAX_DEPTH = 32  # folders in folders
MAX_NAME = 255  # bytes of one name, which file systems allow
MAX_PATH = 1024  # bytes of a path


def unpack(members: Iterable[Member], folder: Path) -> None:
    """Write *members* below *folder*, which is empty.

    Raises:
        UnsafeArchive: a member breaks a rule; files written before it are left for the caller to remove.
        CorruptArchive: the archive is damaged.
        StoreError: the disk is full.
    """
    taken: dict[str, tuple[str, str]] = {}  # by comparable path: the path as it is written, and its kind
    for member in members:
        parts = check_path(member.path)
        if member.kind not in ("file", "folder"):
            raise UnsafeArchive(
                f"an archive may hold files and folders only, and this holds a {member.kind}: {member.path!r}"
            )
        if not parts:
            if member.kind == "file":
                raise UnsafeArchive(f"the archive holds a file without a name: {member.path!r}")
            continue
        _claim(parts, member.kind, taken)
        place = folder.joinpath(*parts)
        with disk_errors(f"cannot unpack to {folder}"):
            if member.kind == "folder":
                place.mkdir(parents=True, exist_ok=True)
                continue
            place.parent.mkdir(parents=True, exist_ok=True)
            if member.write is not None:
                member.write(place)
                place.chmod(place.stat().st_mode | (0o111 if member.is_executable else 0))
                continue
            handle = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o777 if member.is_executable else 0o666)
            with os.fdopen(handle, "wb") as file:
                for chunk in member.chunks():
                    file.write(chunk)


def check_path(path: str) -> tuple[str, ...]:
    """Take apart the path of a member; empty for the top folder itself.

    Raises:
        UnsafeArchive: it leaves the folder, or is not a path that every system can write.
    """
    if not is_plain(path) or len(os.fsencode(path)) > MAX_PATH:
        raise UnsafeArchive(f"the archive holds a path that may lead elsewhere: {path[:200]!r}")
    parts = tuple(part for part in path.split("/") if part not in ("", "."))
    if len(parts) > MAX_DEPTH or any(len(os.fsencode(part)) > MAX_NAME for part in parts):
        raise UnsafeArchive(f"the archive holds a path that is too long or too deep: {path[:200]!r}")
    return parts


def _claim(parts: tuple[str, ...], kind: str, taken: dict[str, tuple[str, str]]) -> None:
    """Take the path and the folders above it, so that nothing is written twice."""
    for depth in range(1, len(parts) + 1):
        path = "/".join(parts[:depth])
        wanted = kind if depth == len(parts) else "folder"
        # Some systems take `A` for `a`, and `é` in one letter for `é` in two.
        key = unicodedata.normalize("NFC", unicodedata.normalize("NFC", path).casefold())
        before = taken.get(key)
        if before is not None and (before != (path, "folder") or wanted != "folder"):
            raise UnsafeArchive(f"the archive holds one path twice: {before[0]!r} and {path!r}")
        taken[key] = (path, wanted)

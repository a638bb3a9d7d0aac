"""Say where Ekiben keeps its things, and touch files without leaving half of one.

In: an environment and path text. Out: the home folder, paths that stay below a folder, files written whole.

The home is, in this order: what the caller names (`--home`), what `use_home` set for this block of code,
the variable EKIBEN_HOME, `~/.ekiben`; variable and folder are the front's, so a drop-in has its own.
"""

import errno
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path, PurePosixPath

from ekiben.core.errors import InvalidInput, StoreError
from ekiben.core.front import EKIBEN, front

NEIGHBOUR_VARIABLE = "BENTOML_HOME"  # BentoML's own, whose store has the same layout
STARTED_VARIABLE = "EKIBEN_STARTED_IN"  # what a server of a bento hands to its processes

_FULL = (errno.ENOSPC, errno.EDQUOT)
_chosen: ContextVar[Path | None] = ContextVar("ekiben_home", default=None)


def home(given: str | os.PathLike[str] | None = None, env: Mapping[str, str] = os.environ) -> Path:
    """Say which folder holds the stores; it need not exist yet.

    Args:
        given: wins over everything else if it is not None.
        env: where the front's variable, EKIBEN_HOME, is looked up.
    """
    if given is not None:
        return _absolute(given)
    entered = front()
    return _chosen.get() or _absolute(env.get(entered.home_variable) or entered.home_folder)


def started_in(env: Mapping[str, str] = os.environ) -> Path:
    """Give the folder that a command was given in.

    A server of a bento stands in the bento's code, which nothing may be written into.
    """
    return Path(env.get(STARTED_VARIABLE) or Path.cwd())


@contextmanager
def use_home(folder: str | os.PathLike[str]) -> Iterator[Path]:
    """Make *folder* the home for this block of code, and only there.

    It follows the block through `await`; threads and processes that the block starts do not see it
    (set EKIBEN_HOME for those).
    """
    token = _chosen.set(_absolute(folder))
    try:
        yield home()
    finally:
        _chosen.reset(token)


def known_homes(env: Mapping[str, str] = os.environ) -> tuple[Path, ...]:
    """List the homes that may exist on this machine: Ekiben's and BentoML's."""
    ours = _absolute(env.get(EKIBEN.home_variable) or EKIBEN.home_folder)
    theirs = _absolute(env.get(NEIGHBOUR_VARIABLE) or "~/bentoml")
    return tuple(dict.fromkeys((ours, _absolute(EKIBEN.home_folder), theirs)))


def make_folder(folder: Path, *, private: bool = False, is_home: bool = True) -> Path:
    """Make *folder* and its parents where they are missing.

    Args:
        folder: absolute or relative to the working directory.
        private: a folder made now is closed to other users (mode 700); parents follow the umask.
        is_home: it lies in the home, so that a hint may speak of the variable that moves it.

    Raises:
        StoreError: it cannot be made, or something else is in its place.
    """
    with disk_errors(f"cannot make the folder {folder}", is_home=is_home):
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir(mode=0o700 if private else 0o777, exist_ok=True)
    return folder


def make_home(folder: Path) -> Path:
    """Make the home folder: `~/.ekiben` for its owner alone, any other by the umask."""
    return make_folder(folder, private=folder == _absolute(EKIBEN.home_folder))


def join_below(folder: Path, text: str | os.PathLike[str]) -> Path:
    """Join *text* to *folder*, if it stays below it.

    Args:
        folder: an absolute folder; it need not exist.
        text: a relative path with forward slashes; empty or `.` is the folder itself.

    Raises:
        InvalidInput: *text* is absolute, climbs with `..`, holds a backslash or a control character,
            or passes through a link that leads out of the folder.
    """
    path = os.fspath(text)
    if not is_plain(path):
        raise InvalidInput(f"the path must stay below its folder: {path!r}", hint="write a relative path without '..'")
    joined = folder.joinpath(*PurePosixPath(path).parts)
    if not joined.resolve().is_relative_to(folder.resolve()):
        raise InvalidInput(f"the path must stay below its folder, and a link leads it out: {path!r}")
    return joined


def is_plain(path: str) -> bool:
    """Say whether *path* is relative and plain: no `..`, backslash, drive or control."""
    if path.startswith("/") or "\\" in path or re.match(r"[A-Za-z]:", path):
        return False
    if any(ord(letter) < 32 or 127 <= ord(letter) < 160 or 0xD800 <= ord(letter) < 0xE000 for letter in path):
        return False
    return ".." not in path.split("/")


def write_whole(path: Path, data: bytes) -> None:
    """Write a file so that a reader sees the old one or the new one, never a part.

    Raises:
        StoreError: the folder is missing, read-only or full; the old file is still there.
    """
    beside = path.with_name(f".{path.name}.{os.urandom(6).hex()}")
    with disk_errors(f"cannot write {path}"):
        try:
            with beside.open("xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            beside.replace(path)
        except BaseException:
            beside.unlink(missing_ok=True)
            raise
        sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Ask the disk to keep the names in *folder*, where the system can be asked."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sync_tree(folder: Path) -> None:
    """Ask the disk to keep every file and folder below *folder*."""
    for place, _, names in os.walk(folder):
        for name in names:
            with Path(place, name).open("rb") as file:
                os.fsync(file.fileno())
        sync_folder(Path(place))


@contextmanager
def disk_errors(doing: str, *, only_full: bool = False, is_home: bool = True) -> Iterator[None]:
    """Turn an error of the system into a `StoreError` that begins with *doing*.

    Args:
        doing: "cannot ...", with the place.
        only_full: leave all errors as they are but those of a full or read-only disk.
        is_home: the place lies in the home, so that a hint may speak of the variable that moves it.
    """
    try:
        yield
    except OSError as error:
        if only_full and error.errno not in (*_FULL, errno.EROFS):
            raise
        raise StoreError(f"{doing}: {error.strerror or error}", hint=_advise(error, is_home=is_home)) from error


def _advise(error: OSError, *, is_home: bool) -> str | None:
    choose = f"set {front().home_variable} to" if is_home else "choose"
    if error.errno in _FULL:
        return f"free some space, or {choose} a folder on another disk"
    if error.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
        return f"{choose} a folder that you may write"
    return None


def _absolute(folder: str | os.PathLike[str]) -> Path:
    return Path(os.path.abspath(Path(folder).expanduser()))

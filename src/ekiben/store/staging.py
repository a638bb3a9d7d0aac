"""Build a folder out of sight; let one process at a time change what is in sight.

In: the root of a store. Out: empty folders on the same disk, and the store's lock.
A folder belongs to the process that holds the lock on it, so what a killed process left is known and removed
by the next one. The folders stand beside the root, in `tmp/`, because BentoML takes every folder in it for a name.
"""

import errno
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ekiben.core.paths import disk_errors, make_folder, make_home

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

LOCK = ".lock"
FOLDER = "tmp"
_PREFIX = "ekiben-"
_ATTEMPTS = 100  # at a folder that nobody sweeps away


@contextmanager
def store_lock(root: Path) -> Iterator[None]:
    """Hold the store's lock, which every change of names and of `latest` needs."""
    make_root(root)
    with disk_errors(f"cannot lock the store {root}"):
        handle = os.open(root / LOCK, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        _lock(handle, wait=True)
        yield
    finally:
        os.close(handle)


@contextmanager
def stage(root: Path) -> Iterator[Path]:
    """Give an empty folder from which a rename into *root* works; remove it after.

    Raises:
        StoreError: the disk is full or read-only.
    """
    with store_lock(root):
        sweep(root)
        folder, handle = _make(root)
    try:
        yield folder / "item"
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(handle)


def make_root(root: Path) -> Path:
    """Make the folder of the store, and the home above it."""
    make_home(root.parent)
    return make_folder(root)


def sweep(root: Path) -> None:
    """Remove what dead processes left behind; the caller holds the store's lock."""
    base = _base(root)
    if not base.is_dir():
        return
    for folder in sorted(base.glob(_PREFIX + "*")):
        handle = _owned(folder)
        if handle is not None:
            shutil.rmtree(folder, ignore_errors=True)
            os.close(handle)


def _make(root: Path) -> tuple[Path, int]:
    """Make a folder and lock it.

    Stores of one home share the place and not the lock, so another one may sweep a folder away before it is locked.
    """
    base = make_folder(_base(root))
    with disk_errors(f"cannot write to the store {root}"):
        for _ in range(_ATTEMPTS):
            folder = base / (_PREFIX + os.urandom(8).hex())
            folder.mkdir()
            handle = _claim(folder)
            if handle is not None:
                return folder, handle
        raise FileNotFoundError(errno.ENOENT, "another process takes every new folder away", str(base))


def _claim(folder: Path) -> int | None:
    """Lock a new folder and make what is to be filled; None if it was swept away."""
    handle = None
    try:
        handle = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
        if _lock(handle, wait=False):
            (folder / "item").mkdir()
            return handle
    except FileNotFoundError:
        pass
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        if handle is not None:
            os.close(handle)
        raise
    if handle is not None:
        os.close(handle)
    return None


def _base(root: Path) -> Path:
    """Beside the root, or in it where the root is a disk of its own."""
    if root.parent.stat().st_dev == root.stat().st_dev:
        return root.parent / FOLDER
    return root / f".{FOLDER}"


def hold(file: Path) -> int | None:
    """Hold a file until this process ends, whatever it becomes; others may too.

    Returns:
        The open file; None where the system has no lock that several can hold.
    """
    if sys.platform == "win32":
        return None
    with disk_errors(f"cannot hold {file}"):
        handle = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(handle, fcntl.LOCK_SH)
        os.set_inheritable(handle, True)
    return handle


def is_held(file: Path) -> bool:
    """Say whether a process holds a file."""
    try:
        handle = os.open(file, os.O_RDWR)
    except OSError:
        return False
    try:
        return not _lock(handle, wait=False)
    finally:
        os.close(handle)


def _owned(folder: Path) -> int | None:
    """Lock a folder whose owner is gone; None if the owner lives."""
    try:
        handle = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError:
        return None
    if _lock(handle, wait=False):
        return handle
    os.close(handle)
    return None


def _lock(handle: int, *, wait: bool) -> bool:
    """Take the lock on an open file; False if another has it and *wait* is false."""
    try:
        if sys.platform == "win32":
            msvcrt.locking(handle, msvcrt.LK_LOCK if wait else msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except OSError:
        if wait:
            raise
        return False
    return True

"""Keep what is too large for the database as files beside it.

In: a folder for one service; bodies of requests, and answers. Out: files that are whole or not there, closed to other
users (mode 600), and named by ids of ours only. A file is written before the row that needs it and removed after that
row, so a crash leaves at most a file too many, which a later start sweeps away.
"""

import os
import time
from collections.abc import Collection
from pathlib import Path

from ekiben.core.errors import StoreError
from ekiben.core.paths import disk_errors, make_folder, write_whole

SPILL = 256 * 1024  # bytes from which a body is a file
STALE = 3600.0  # seconds after which a file that belongs to nobody is removed
REQUEST, ANSWER = "request", "answer"


class Folder:
    """The place of one service's tasks; made where it is missing."""

    def __init__(self, path: Path) -> None:
        self.path = make_folder(path, private=True)
        self.files = make_folder(path / "files", private=True)
        self.owners = make_folder(path / "owners", private=True)
        self.database = path / "tasks.db"
        with disk_errors(f"cannot write {self.database}"):
            os.close(os.open(self.database, os.O_CREAT | os.O_RDWR, 0o600))  # SQLite would ask the umask

    def file(self, task: str, kind: str) -> Path:
        """Name the file of a task."""
        return self.files / f"{task}.{kind}"

    def staging(self) -> Path:
        """Name a file beside, to be moved into its place when it is whole."""
        return self.files / f".{os.urandom(12).hex()}"

    def write(self, task: str, kind: str, body: bytes) -> None:
        """Write a file, whole or not at all; raises StoreError."""
        path = self.file(task, kind)
        write_whole(path, body)
        path.chmod(0o600)

    def adopt(self, staged: Path, task: str, kind: str) -> None:
        """Move a file that was staged into its place; one that is there already stays."""
        if not staged.exists() and self.file(task, kind).exists():
            return
        with disk_errors(f"cannot keep the {kind} of a task"):
            staged.chmod(0o600)
            staged.replace(self.file(task, kind))

    def read(self, task: str, kind: str) -> bytes:
        """Read a file; raises StoreError where it is gone."""
        path = self.file(task, kind)
        try:
            return path.read_bytes()
        except OSError as error:
            raise StoreError(f"the {kind} of a task cannot be read: {path}: {error.strerror}") from error

    def drop(self, tasks: Collection[str]) -> None:
        """Remove all files of tasks."""
        for task in tasks:
            for kind in (REQUEST, ANSWER):
                self.file(task, kind).unlink(missing_ok=True)

    def sweep(self, known: Collection[str]) -> None:
        """Remove old files that no task needs: a crash left them."""
        for path in self.files.iterdir():
            try:
                is_old = time.time() - path.stat().st_mtime > STALE
            except FileNotFoundError:  # another server was faster
                continue
            if is_old and path.name.partition(".")[0] not in known:
                path.unlink(missing_ok=True)

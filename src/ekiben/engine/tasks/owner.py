"""Know which servers live, so that the tasks of a dead one are taken over.

In: a folder. Out: a file for each server, which the system locks as long as its process lives. Neither a clock nor a
heartbeat is asked: a process that is stopped keeps its tasks, and one that was killed loses them at once.
Source: flock(2); a lock ends with the last descriptor of its open file.
"""

import os
import secrets
import sys
from pathlib import Path

from ekiben.core.errors import ConfigError

if sys.platform != "win32":
    import fcntl


class Owner:
    """This server, in the folder of its tasks; others see it until `close`."""

    def __init__(self, folder: Path) -> None:
        if sys.platform == "win32":
            raise ConfigError("tasks need a system with file locks (Linux, macOS)", hint="make the method an `@api`")
        self.name = secrets.token_hex(12)
        self._folder = folder
        self._path = folder / f"{self.name}.lock"
        self._handle = os.open(self._path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600)
        fcntl.flock(self._handle, fcntl.LOCK_EX)

    def is_alive(self, name: str) -> bool:
        """Say whether the server of this name lives; of a dead one the file is removed."""
        if name == self.name:
            return True
        path = self._folder / f"{name}.lock"
        try:
            handle = os.open(path, os.O_RDWR)
        except FileNotFoundError:
            return False
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(handle)
        path.unlink(missing_ok=True)
        return False

    def close(self) -> None:
        """Leave: what is still ours may be taken."""
        self._path.unlink(missing_ok=True)
        os.close(self._handle)

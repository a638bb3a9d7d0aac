"""Write the records of a monitor as lines of JSON, in files of bounded size.

In: lines, and the columns that they have. Out: `<log_path>/<name>/data/data.<pid>.log`, and the columns, again whenever
they change, in `schema/schema.<pid>.log`. A process has files of its own, so that none waits for another.
"""

import os
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import orjson

from ekiben.core.errors import ConfigError
from ekiben.core.paths import started_in

NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
LOG_PATH = "monitoring"
MAX_BYTES = 100 * 1024 * 1024
BACKUPS = 10


@dataclass(frozen=True, slots=True)
class Column:
    """What one value of each record is."""

    name: str
    role: str
    data_type: str

    def to_json(self) -> dict[str, str]:
        """Give plain data."""
        return asdict(self)


class Lines:
    """The files of one monitor.

    Args:
        name: of the monitor.
        log_path: the folder of all monitors; made where it is not there.
        max_bytes: of one file; then it is renamed to `.1`, and `.1` to `.2`.
        backups: renamed files that are kept.

    Raises:
        ConfigError: an option is not what it must be.
    """

    def __init__(self, name: str, log_path: str = LOG_PATH, max_bytes: int = MAX_BYTES, backups: int = BACKUPS) -> None:
        check_options({"log_path": log_path, "max_bytes": max_bytes, "backups": backups})
        assert NAME.fullmatch(name), "`monitor` has checked it"
        folder = started_in() / log_path / name
        self._data = folder / "data" / f"data.{os.getpid()}.log"
        self._schema = folder / "schema" / f"schema.{os.getpid()}.log"
        for path in (self._data, self._schema):
            path.parent.mkdir(parents=True, exist_ok=True)
        self._most, self._backups = max_bytes, backups
        self._columns: tuple[Column, ...] | None = None
        self._file = self._data.open("ab")
        self._size = self._file.tell()

    def write_lines(self, columns: tuple[Column, ...], lines: list[bytes]) -> None:
        """Write lines at once, and the columns first where they are new."""
        if columns != self._columns:
            with self._schema.open("ab") as file:
                file.write(orjson.dumps({"columns": [column.to_json() for column in columns]}) + b"\n")
            self._columns = columns
        text = b"\n".join([*lines, b""])
        if self._size and self._size + len(text) > self._most:
            self._rotate()
        self._file.write(text)
        self._file.flush()
        self._size += len(text)

    def write(self, columns: list[dict[str, str]], records: list[dict[str, Any]]) -> None:
        """Write records; as other writers do."""
        self.write_lines(tuple(Column(**each) for each in columns), [orjson.dumps(each) for each in records])

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _rotate(self) -> None:
        self._file.close()
        for number in range(self._backups, 0, -1):
            older = self._data if number == 1 else numbered(self._data, number - 1)
            if older.exists():
                older.replace(numbered(self._data, number))
        self._data.unlink(missing_ok=True)  # where no backup is kept
        self._file = self._data.open("ab")
        self._size = 0


def numbered(path: Path, number: int) -> Path:
    """Name a renamed file."""
    return path.with_name(f"{path.name}.{number}")


def check_options(options: Mapping[str, Any]) -> None:
    """Check the options of the files.

    Raises:
        ConfigError: one is unknown, or not what it must be.
    """
    least = {"max_bytes": 1, "backups": 0}
    for key, value in options.items():
        if key == "log_path":
            good = isinstance(value, str) and value != ""
        elif key in least:
            good = isinstance(value, int) and not isinstance(value, bool) and value >= least[key]
        else:
            raise ConfigError(
                f"there is no option `monitoring.options.{key}`", hint="there is log_path, max_bytes, backups"
            )
        if not good:
            must = "the path of a folder" if key == "log_path" else f"a whole number of at least {least[key]}"
            raise ConfigError(f"`monitoring.options.{key}` must be {must}: {value!r}")

"""Write the file of results, whole or not at all.

In: where it shall be. Out: an `Output`, whose file appears in its place when all is written. Until then it has another
name beside it. Ctrl-C leaves what is readable under `NAME.part`; any other end leaves nothing.
A link in its place is replaced, and not followed.
"""

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile
from typing import BinaryIO

from ekiben.core.errors import ConfigError
from ekiben.core.optional import check_installed
from ekiben.core.paths import disk_errors, sync_folder
from ekiben.tools.batch.outputs import Csv, Dump, JsonLines, JsonList, Output
from ekiben.tools.batch.spooled import Npy, Parquet

Make = Callable[[BinaryIO, BinaryIO, Dump], Output]

FORMS: Mapping[str, Make] = {
    ".csv": lambda file, _, dump: Csv(file, dump),
    ".json": lambda file, _, dump: JsonList(file, dump),
    ".jsonl": lambda file, _, dump: JsonLines(file, dump),
    ".ndjson": lambda file, _, dump: JsonLines(file, dump),
    ".npy": lambda file, spool, _: Npy(file, spool),
    ".parquet": Parquet,
}  # by the ending of the output
TABLES = (".csv", ".npy", ".parquet")  # endings of those with a row for each item of a lone answer


class Interrupted(KeyboardInterrupt):
    """Ctrl-C, after which *kept* holds what was written; None: nothing is left."""

    def __init__(self, kept: Path | None) -> None:
        super().__init__()
        self.kept = kept


def check(path: Path, said: str, option: str = "-o") -> None:
    """Refuse an output before anything runs.

    Args:
        path: where it shall be.
        said: the same, as typed.
        option: that names it.

    Raises:
        ConfigError: its ending is unknown, its folder is missing, or something else is in its place.
        MissingLibrary: it is a Parquet file, and pyarrow is not installed.
    """
    if path.suffix.lower() not in FORMS:
        raise ConfigError(f"`{option}` must end in one of {', '.join(FORMS)}: {said!r}")
    if not path.parent.is_dir():
        raise ConfigError(
            f"`{option}` must lie in a folder that is there: {said!r}", hint=f"make it: mkdir -p {path.parent}"
        )
    if path.exists() and not path.is_file():
        raise ConfigError(f"`{option}` must name a plain file, or none yet: {said!r}")
    if path.suffix.lower() == ".parquet":
        check_installed("pyarrow", "a Parquet file", extra="pandas")


@contextmanager
def written(path: Path | None, dump: Dump, *, is_one: bool = False) -> Iterator[Output]:
    """Give what takes the results; at the end of the block they are in their place.

    Args:
        path: of the file; None writes JSON lines to stdout.
        dump: writes a value as JSON.
        is_one: there is one result, which in JSON is no list.

    Raises:
        StoreError: the disk is full, or its folder may not be written to.
        Interrupted: Ctrl-C, in place of KeyboardInterrupt.
    """
    output: Output
    if path is None:
        yield JsonLines(sys.stdout.buffer, dump)
        sys.stdout.buffer.flush()
        return
    beside = path.with_name(f".{path.name}.{os.urandom(6).hex()}")
    keeps = False
    with disk_errors(f"cannot write {path}", is_home=False):
        try:
            with beside.open("xb") as file, TemporaryFile(dir=path.parent) as spool:
                suffix = ".jsonl" if is_one and path.suffix.lower() == ".json" else path.suffix.lower()
                output = FORMS[suffix](file, spool, dump)
                keeps = output.keeps
                yield output
                output.finish()
                file.flush()
                os.fsync(file.fileno())
            beside.replace(path)
        except KeyboardInterrupt as error:
            raise Interrupted(keep(beside, path) if keeps else None) from error
        finally:
            beside.unlink(missing_ok=True)
        sync_folder(path.parent)


def keep(beside: Path, path: Path) -> Path:
    """Leave what was written so far under a name that says so."""
    part = path.with_name(f"{path.name}.part")
    beside.replace(part)
    return part

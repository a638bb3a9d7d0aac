"""Find the files that are run over, and know them by their endings.

In: paths and patterns, as typed. Out: files in the order in which they were named, those of a pattern by name.
"""

import glob
import mimetypes
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ekiben.core.errors import ConfigError

TABLES = {
    ".csv": "csv",
    ".tsv": "csv",
    ".json": "json",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".npy": "npy",
    ".parquet": "parquet",
}  # kinds of files that hold many rows, by their endings
VALUE = "value"  # the kind of a file that is one value as a whole, such as an image
ENDINGS = ", ".join(TABLES)


@dataclass(frozen=True, slots=True)
class Source:
    """One file to run over."""

    path: Path
    kind: str
    size: int  # bytes
    said: str  # its name in reports

    @property
    def media_type(self) -> str:
        """What its ending says that it is."""
        return mimetypes.guess_type(self.path.name)[0] or "application/octet-stream"


def find(given: Sequence[str], folder: Path, *, whole: bool) -> list[Source]:
    """Find the files that *given* names.

    Args:
        given: paths, or patterns with `*`, `?`, `[…]` and `**`.
        folder: where relative ones are looked for.
        whole: each file is one value, whatever it holds.

    Raises:
        ConfigError: there is no such file, it is none that can be read, or it is named twice.
    """
    found: list[Source] = []
    for text in given:
        found += [source(path, said, whole=whole) for path, said in matching(text, folder)]
    seen: set[Path] = set()
    for one in found:
        if one.path.resolve() in seen:
            raise ConfigError(f"`--input-file` names a file twice: {one.said}")
        seen.add(one.path.resolve())
    return found


def matching(text: str, folder: Path) -> list[tuple[Path, str]]:
    """Give the files of one path or pattern; raises ConfigError where there is none."""
    if (folder / text).exists() or not glob.has_magic(text):
        return [(folder / text, text)]
    names = sorted(name for name in glob.glob(text, root_dir=folder, recursive=True) if (folder / name).is_file())
    if not names:
        raise ConfigError(f"`--input-file` matches no file in {folder}: {text!r}")
    return [(folder / name, name) for name in names]


def source(path: Path, said: str, *, whole: bool) -> Source:
    """Describe one file; raises ConfigError for one that cannot be run over."""
    if not path.exists():
        raise ConfigError(f"`--input-file` must name a file that is there: {said!r}")
    if not path.is_file():  # a folder; a pipe, which nobody may ever write to
        raise ConfigError(
            f"`--input-file` must name a plain file: {said!r}",
            hint=f"write '{said.rstrip('/')}/*' for the files in it" if path.is_dir() else None,
        )
    kind = VALUE if whole else TABLES.get(path.suffix.lower())
    if kind is None:
        raise ConfigError(
            f"`--input-file` must end in one of {ENDINGS}: {said!r}",
            hint="other files go to endpoints that take an image, bytes or a Path",
        )
    return Source(path, kind, path.stat().st_size, said)

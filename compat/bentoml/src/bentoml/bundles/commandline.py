"""Read the inputs of an inference API from a command line.

In: `--input X…`, `--input-file F…`, and for adapters with several inputs `--input-NAME X…`, `--input-file-NAME F…`.
Out: a mapping for each call, by the input's name. Only files that the user names here are opened.
"""

import argparse
import mimetypes
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from ekiben.core.errors import ConfigError

TYPES = {".csv": "text/csv", ".json": "application/json", ".webp": "image/webp"}
FORMATS = {"csv": "text/csv", "json": "application/json"}


@dataclass(frozen=True, slots=True)
class Given:
    """One input as it was given."""

    content: bytes
    content_type: str = ""
    filename: str = ""  # empty where it stood on the command line itself

    @property
    def where(self) -> str:
        """What an error about it begins with."""
        return f"{self.filename}: " if self.filename else ""


class Parser(argparse.ArgumentParser):
    """A parser that raises in place of leaving the program."""

    def error(self, message: str) -> NoReturn:
        """Raise ConfigError."""
        raise ConfigError(message, hint="give --input or --input-file")


def parse(words: Sequence[str], names: Sequence[str] = ("",)) -> Iterator[Mapping[str, Given]]:
    """Give the inputs of each call.

    Args:
        words: those of the command line that are the adapter's.
        names: of the inputs of one call; the empty one stands for the only one.

    Raises:
        ConfigError: an argument is unknown, an input is missing or a file cannot be read.
    """
    parser = Parser(add_help=False, allow_abbrev=False)
    for name in names:
        tail = f"-{name}" if name else ""
        parser.add_argument(f"--input{tail}", dest=f"input {name}", nargs="+", action="extend", default=[])
        parser.add_argument(f"--input-file{tail}", dest=f"file {name}", nargs="+", action="extend", default=[])
    parser.add_argument("--format", choices=[*FORMATS])
    found = vars(parser.parse_args(list(words)))
    columns = {name: [*texts(found[f"input {name}"]), *files(found[f"file {name}"], found["format"])] for name in names}
    longest = max(len(column) for column in columns.values())
    if not longest:
        raise ConfigError("there is nothing to run over", hint="give --input, or name a file by --input-file")
    for name, column in columns.items():
        if column and len(column) != longest:
            raise ConfigError(f"`--input-{name}` must be given {longest} times, as the other inputs are: {len(column)}")
    for index in range(longest):
        yield {name: column[index] for name, column in columns.items() if column}


def texts(words: Sequence[str]) -> list[Given]:
    """Give the inputs that stand on the command line."""
    return [Given(word.encode()) for word in words]


def files(words: Sequence[str], said: str | None) -> list[Given]:
    """Read the files that are named; raises ConfigError."""
    return [file(Path(word), said) for word in words]


def file(path: Path, said: str | None) -> Given:
    """Read one file; its type is what was said, else that of its ending."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"`--input-file` cannot be read: {error.strerror}: {str(path)!r}") from error
    suffix = path.suffix.lower()
    media: Any = FORMATS[said] if said else TYPES.get(suffix) or mimetypes.guess_type(path.name)[0]
    return Given(content, media or "application/octet-stream", path.name)

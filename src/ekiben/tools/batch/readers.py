"""Read files in chunks of rows, so that a large one is never in memory as a whole.

In: a file. Out: chunks: the rows that could be read, and the reasons of those that could not.
Only a `.json` file is read at once, so its size is limited. Nothing is ever unpickled.
Source: RFC 4180 (CSV), with quoted line breaks; JSON Lines; the `.npy` format (NEP 1).
"""

import csv
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, BinaryIO

import numpy as np

from ekiben.core.context import Context
from ekiben.core.errors import InvalidInput
from ekiben.core.optional import need
from ekiben.schema.content import Upload
from ekiben.schema.wire import json as wire_json
from ekiben.tools.batch.cells import Kinds
from ekiben.tools.batch.lines import WRONG, lines
from ekiben.tools.batch.pieces import ArrayPiece, ArrowPiece, Piece, TextPiece, ValuePiece
from ekiben.tools.batch.sources import Source

MOST_JSON = 256 * 1024 * 1024  # bytes of a `.json` file, which is read as a whole
MOST_VALUE = 256 * 1024 * 1024  # bytes of a file that is one value
MOST_VALUES = 64 * 1024 * 1024  # bytes of such files after which a chunk ends

Read = tuple[Any, str | None]  # a row, or why it could not be read


@dataclass(frozen=True, slots=True)
class Chunk:
    """Rows that stand one after the other in a file."""

    source: Source
    first: int  # the number of its first row, counted from 1
    count: int  # of its rows, those that could not be read among them
    piece: Piece  # the others
    done: int  # bytes of the file that are read
    bad: dict[int, str] = field(default_factory=dict)  # by place in the chunk, from 0: why it could not be read
    files: Sequence[Source] = ()  # one for each row, where files are values
    scope: Context | None = None  # what is made of those files ends with it

    def where(self, place: int) -> tuple[str, int | None]:
        """Name the file of a row, and the row's number in it."""
        return (self.files[place].said, None) if self.files else (self.source.said, self.first + place)

    @property
    def places(self) -> list[int]:
        """Where the rows of `piece` stand in the chunk."""
        return [place for place in range(self.count) if place not in self.bad]


def chunks(source: Source, size: int, kinds: Kinds) -> Iterator[Chunk]:
    """Read *source* in chunks of at most *size* rows.

    Args:
        source: the file.
        size: rows.
        kinds: what the columns of text tables hold; shared by all files of a run.

    Raises:
        InvalidInput: the file, or what is left of it, cannot be read.
        MissingLibrary: it is a Parquet file, and pyarrow is not installed.
    """
    try:
        yield from READERS[source.kind](source, size, kinds)
    except OSError as error:
        raise InvalidInput(f"{source.said} cannot be read: {error.strerror or error}") from error


def read_csv(source: Source, size: int, kinds: Kinds) -> Iterator[Chunk]:
    """Read a table whose first line names the columns; a row of another length is bad."""
    with source.path.open("rb") as file:
        text = Passed(file)
        table = csv.reader(text, delimiter="\t" if source.path.suffix.lower() == ".tsv" else ",")
        names = header(source, table, text)
        for chunk in grouped(source, rows_of(table, text, len(names)), size, file):
            cells = chunk.pop("values")
            kinds.see(names, cells)
            yield Chunk(source, piece=TextPiece(names, cells, kinds), **chunk)


class Passed:
    """The lines of a text table; remembers that it passed one over."""

    def __init__(self, file: BinaryIO) -> None:
        self._lines = lines(file)
        self._has_passed = False

    def __iter__(self) -> "Passed":
        return self

    def __next__(self) -> str:
        line = next(self._lines)
        if line is None:
            self._has_passed = True
            return "\n"
        return line

    def take(self) -> bool:
        """Say whether a line was passed over since this was asked last."""
        found, self._has_passed = self._has_passed, False
        return found


def header(source: Source, table: Iterator[list[str]], text: Passed) -> tuple[str, ...]:
    """Read the names of the columns; raises InvalidInput where these are none."""
    try:
        names = tuple(name.strip() for name in next((row for row in table if row or text.take()), []))
    except csv.Error as error:
        raise InvalidInput(f"{source.said} has no readable first line: {error}") from error
    if not names:
        raise InvalidInput(f"{source.said} must begin with a line that names the columns: it has none")
    doubled = sorted({name for name in names if names.count(name) > 1})
    if doubled:
        raise InvalidInput(f"{source.said} names a column twice: {doubled[0]!r}")
    if all(looks_like_number(name) for name in names):
        raise InvalidInput(
            f"{source.said} must begin with a line that names the columns: {', '.join(names)[:60]}",
            hint="write such a line; what it says does not matter for arrays",
        )
    return names


def looks_like_number(text: str) -> bool:
    """Say whether a column's name is a fraction, as data is and names are not."""
    try:
        float(text)
    except ValueError:
        return False
    return "." in text


def rows_of(table: Iterator[list[str]], text: Passed, width: int) -> Iterator[Read]:
    """Give the rows of a text table, without empty lines."""
    while True:
        try:
            row = next(table, None)
        except csv.Error as error:
            text.take()
            yield None, f"is not CSV: {error}"
            continue
        if text.take():
            yield None, WRONG
        elif row is None:
            return
        elif len(row) == width:
            yield row, None
        elif row:
            yield None, f"must have {width} cells, as the first line: it has {len(row)}"


def read_jsonl(source: Source, size: int, kinds: Kinds) -> Iterator[Chunk]:
    """Read JSON values, one a line."""
    with source.path.open("rb") as file:
        for chunk in grouped(source, map(json_of, filled(lines(file))), size, file):
            yield Chunk(source, piece=ValuePiece(chunk.pop("values"), kinds), **chunk)


def filled(found: Iterable[str | None]) -> Iterator[str | None]:
    """Leave out empty lines."""
    return (line for line in found if line is None or line.strip())


def json_of(line: str | None) -> Read:
    """Read one line of JSON."""
    if line is None:
        return None, WRONG
    try:
        return wire_json.load(line), None
    except ValueError as error:
        return None, str(error)


def read_json(source: Source, size: int, kinds: Kinds) -> Iterator[Chunk]:
    """Read a list of rows; anything else is one row."""
    if source.size > MOST_JSON:
        raise InvalidInput(
            f"{source.said} must be at most {MOST_JSON // 2**20} MiB, as JSON is read at once: {source.size} bytes",
            hint="write its rows as JSON lines, in a .jsonl file",
        )
    try:
        found = wire_json.load(source.path.read_bytes().removeprefix(b"\xef\xbb\xbf"))
    except ValueError as error:
        raise InvalidInput(f"{source.said} {error}") from error
    values = found if isinstance(found, list) else [found]
    for start in range(0, len(values), size):
        part = values[start : start + size]
        done = source.size * (start + len(part)) // len(values)
        yield Chunk(source, start + 1, len(part), ValuePiece(part, kinds), done)


def read_npy(source: Source, size: int, _: Kinds) -> Iterator[Chunk]:
    """Read an array along its first axis, from the file as it is asked for."""
    try:
        array = np.load(source.path, mmap_mode="r", allow_pickle=False)
    except (ValueError, EOFError, TypeError, SyntaxError) as error:
        raise InvalidInput(f"{source.said} is no .npy file of plain values: {error}".split("\n")[0]) from error
    if array.ndim == 0 or array.dtype.names is not None:
        raise InvalidInput(f"{source.said} must be an array of rows: it has {array.dtype} of shape {array.shape}")
    for start in range(0, len(array), size):
        part = array[start : start + size]
        done = source.size * (start + len(part)) // len(array)
        yield Chunk(source, start + 1, len(part), ArrayPiece(part), done)


def read_parquet(source: Source, size: int, _: Kinds) -> Iterator[Chunk]:
    """Read a Parquet file, a group of rows at a time."""
    parquet = need("pyarrow.parquet", "a Parquet file", extra="pandas")
    arrow = need("pyarrow", "a Parquet file", extra="pandas")
    try:
        with parquet.ParquetFile(source.path) as file:
            first, total = 1, max(1, file.metadata.num_rows)
            for batch in file.iter_batches(batch_size=size):
                done = source.size * (first - 1 + batch.num_rows) // total
                yield Chunk(source, first, batch.num_rows, ArrowPiece(batch), done)
                first += batch.num_rows
    except (arrow.ArrowException, ValueError) as error:
        raise InvalidInput(f"{source.said} is no readable Parquet file: {str(error).splitlines()[0]}") from error


def values(sources: Sequence[Source], size: int) -> Iterator[Chunk]:
    """Read files that are one value each, several in a chunk.

    They are handed on as bytes, so that no method can change a file.

    Args:
        sources: the files.
        size: files in a chunk, or fewer where they are large.
    """
    files: list[Source] = []
    for source in sources:
        files.append(source)
        if len(files) == size or sum(one.size for one in files) > MOST_VALUES:
            yield value_chunk(files)
            files = []
    if files:
        yield value_chunk(files)


def value_chunk(files: Sequence[Source]) -> Chunk:
    """Read some files."""
    found: list[Upload] = []
    bad: dict[int, str] = {}
    scope = Context()
    for place, one in enumerate(files):
        try:
            if one.size > MOST_VALUE:
                raise ValueError(f"must be at most {MOST_VALUE // 2**20} MiB: {one.size} bytes")
            found.append(Upload(one.path.read_bytes(), one.media_type, one.path.name, scope))
        except OSError as error:
            bad[place] = f"cannot be read: {error.strerror or error}"
        except ValueError as error:
            bad[place] = str(error)
    last = files[-1]
    return Chunk(last, 1, len(files), ValuePiece(found, Kinds(1.0)), last.size, bad, tuple(files), scope)


def grouped(source: Source, rows: Iterable[Read], size: int, file: BinaryIO) -> Iterator[dict[str, Any]]:
    """Put rows together; give the parts of a chunk, `values` in place of its piece."""
    values: list[Any] = []
    bad: dict[int, str] = {}
    first = 1
    for value, reason in rows:
        if reason is None:
            values.append(value)
        else:
            bad[len(values) + len(bad)] = reason
        if (count := len(values) + len(bad)) == size:
            yield {"first": first, "count": count, "values": values, "bad": bad, "done": file.tell()}
            first, values, bad = first + count, [], {}
    if values or bad:
        count = len(values) + len(bad)
        yield {"first": first, "count": count, "values": values, "bad": bad, "done": source.size}


READERS = {
    "csv": read_csv,
    "json": read_json,
    "jsonl": read_jsonl,
    "npy": read_npy,
    "parquet": read_parquet,
}

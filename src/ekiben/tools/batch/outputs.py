"""Write results in the order of their rows, as they come.

In: a result for each row, `FAILED` for a row that has none. Out: JSON lines, a list in JSON, or CSV.
A row that failed keeps its place: `null`, or empty cells. So the n-th result is that of the n-th row.
"""

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from typing import Any, BinaryIO, Protocol

import numpy as np

from ekiben.schema.open import to_plain
from ekiben.schema.wire import json as wire_json

FAILED: Any = object()
RESULT = "prediction"  # the column of results that have no names of their own

Lost = dict[int, str]  # by place: why a result cannot be written
Dump = Callable[[Any], bytes]


class Output(Protocol):
    """Results on their way into a file.

    `keeps` says whether what was written so far can be read before the end.
    """

    keeps: bool

    def write(self, results: Sequence[Any]) -> Lost:
        """Write some results; those that do not fit become failed ones."""

    def finish(self) -> None:
        """Write what stands at the end."""


class JsonLines:
    """One JSON value a line."""

    keeps = True

    def __init__(self, file: BinaryIO, dump: Dump) -> None:
        self._file = file
        self._dump = dump

    def write(self, results: Sequence[Any]) -> Lost:
        """Write a line for each result; `null` for one that failed."""
        lost: Lost = {}
        self._file.write(b"".join(encoded(one, place, self._dump, lost) + b"\n" for place, one in enumerate(results)))
        self._file.flush()  # for whoever reads along
        return lost

    def finish(self) -> None:
        """The last line has its end already."""


class JsonList:
    """One list in JSON, an item a line."""

    keeps = False

    def __init__(self, file: BinaryIO, dump: Dump) -> None:
        self._file = file
        self._dump = dump
        self._ahead = b"[\n"

    def write(self, results: Sequence[Any]) -> Lost:
        """Write an item for each result; `null` for one that failed."""
        lost: Lost = {}
        for place, one in enumerate(results):
            self._file.write(self._ahead + encoded(one, place, self._dump, lost))
            self._ahead = b",\n"
        return lost

    def finish(self) -> None:
        """Close the list."""
        self._file.write(b"[]\n" if self._ahead.startswith(b"[") else b"\n]\n")


def encoded(result: Any, place: int, dump: Dump, lost: Lost) -> bytes:
    """Give a result as JSON; `null` for one that failed, or has no JSON form."""
    if result is FAILED:
        return b"null"
    try:
        return dump(result)
    except (TypeError, ValueError) as error:
        lost[place] = f"the answer cannot be written as JSON: {error}"
        return b"null"


class Csv:
    """A table, whose columns are those of the first result."""

    keeps = True

    def __init__(self, file: BinaryIO, dump: Dump) -> None:
        self._file = file
        self._dump = dump
        self._names: list[str] | None = None
        self._ahead = 0  # rows that failed before there was a result

    def write(self, results: Sequence[Any]) -> Lost:
        """Write a row for each result; empty cells for one that failed."""
        lost: Lost = {}
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        for place, one in enumerate(results):
            row = None if one is FAILED else named(one)
            if row is not None and self._names is None:
                self._names = list(row)
                writer.writerow(self._names)
                writer.writerows([""] * len(self._names) for _ in range(self._ahead))
            if self._names is None:
                self._ahead += 1
                continue
            if row is not None and not row.keys() <= set(self._names):
                lost[place] = f"the answer has other columns than the first, {', '.join(self._names)}: {', '.join(row)}"
                row = None
            try:
                cells = [""] * len(self._names) if row is None else [self._cell(row.get(name)) for name in self._names]
            except (TypeError, ValueError) as error:
                lost[place] = f"the answer cannot be written as CSV: {error}"
                cells = [""] * len(self._names)
            writer.writerow(cells)
        self._file.write(text.getvalue().encode("utf-8", "backslashreplace"))
        self._file.flush()
        return lost

    def finish(self) -> None:
        """Write the rows that failed, where there are no others."""
        if self._names is None and self._ahead:
            self._file.write((f"{RESULT}\n" + '""\n' * self._ahead).encode())

    def _cell(self, value: Any) -> str:
        """Give one cell: text as it is, numbers as JSON writes them, others as JSON."""
        if value is None:
            return ""
        if isinstance(value, str):
            return value
        text = self._dump(value).decode()
        return "" if text == "null" else text  # of NaN


def named(result: Any) -> Mapping[str, Any]:
    """Give the columns of a result: its members, the numbers of an array, or itself."""
    if isinstance(result, Mapping):
        return {str(name): value for name, value in result.items()}
    if isinstance(result, np.ndarray) and result.ndim == 1:
        return {str(index): value for index, value in enumerate(result)}
    plain = members(result)
    return {RESULT: result} if plain is None else plain


def members(result: Any) -> Mapping[str, Any] | None:
    """Give the members of a record such as a pydantic model; None where it is none."""
    if result is None or isinstance(result, str | int | float | list | tuple | np.generic):
        return None
    found = to_plain_or_none(result)
    return found if isinstance(found, dict) else None


def to_plain_or_none(result: Any) -> Any:
    """Give what stands for *result* in JSON; None where nothing does."""
    try:
        return to_plain(result)
    except (TypeError, ValueError):
        return None


def dump_of(nan_style: str) -> Dump:
    """Give what writes one result as JSON, in the style of a service."""
    return wire_json.dumper(nan_style, to_plain)

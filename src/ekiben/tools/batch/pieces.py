"""Hold some rows of a file in the form in which they were read.

In: cells of text, JSON values, an array, an Arrow table, or files. Out: the same rows as an array, as a frame, or one
by one. A piece can be cut, as a batch that fails is run again by halves.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np

from ekiben.core.optional import need
from ekiben.tools.batch.cells import Asked, Kinds


class Piece(Protocol):
    """Some rows of one file."""

    @property
    def names(self) -> Sequence[str] | None:
        """The columns; None where rows have none."""

    def __len__(self) -> int:
        """Count the rows."""

    def cut(self, start: int, end: int) -> "Piece":
        """Give the rows from *start* to before *end*."""

    def choose(self, names: Sequence[str]) -> "Piece":
        """Give the same rows with these columns only, all of which are there."""

    def array(self) -> Any:
        """Give what an array parameter takes; raises ValueError."""

    def frame(self) -> Any:
        """Give what a frame parameter takes; raises ValueError."""

    def rows(self, asked: Asked) -> list[Any]:
        """Give each row: an object by its columns, a list, or a value; raises ValueError."""


@dataclass(frozen=True, slots=True)
class TextPiece:
    """Rows of a text table."""

    names: tuple[str, ...]
    cells: Sequence[Sequence[str]]  # a list for each row, as long as `names`
    kinds: Kinds

    def __len__(self) -> int:
        return len(self.cells)

    def cut(self, start: int, end: int) -> "TextPiece":
        """Give some of the rows."""
        return replace(self, cells=self.cells[start:end])

    def choose(self, names: Sequence[str]) -> "TextPiece":
        """Give some of the columns."""
        places = [self.names.index(name) for name in names]
        return replace(self, names=tuple(names), cells=[[row[place] for place in places] for row in self.cells])

    def array(self) -> Any:
        """Give the columns of numbers, of shape (rows, columns)."""
        numeric = self.kinds.numeric(self.names)
        piece = self if len(numeric) == len(self.names) else self.choose(numeric)
        try:
            return np.array(piece.cells, dtype=np.float64) if self.is_fraction(piece) else piece.lists()
        except ValueError:  # empty cells, or words
            return piece.lists()

    def is_fraction(self, piece: "TextPiece") -> bool:
        """Say whether all is read by NumPy as by `number`, by a look at the first row."""
        if not piece.cells or not all("." in cell for cell in piece.cells[0]):
            return False
        return not any("_" in cell for row in piece.cells for cell in row)

    def lists(self) -> list[list[Any]]:
        """Give the rows as lists of numbers; raises ValueError."""
        return [list(row) for row in zip(*self.columns().values(), strict=True)] if self.names else []

    def columns(self) -> dict[str, list[Any]]:
        """Read the columns by their kinds; raises ValueError."""
        cells = zip(*self.cells, strict=True)
        return {name: self.kinds.column(name, column) for name, column in zip(self.names, cells, strict=True)}

    def frame(self) -> Any:
        """Give a DataFrame; an empty column is one of NaN."""
        return need("pandas", "a DataFrame", extra="pandas").DataFrame(self.columns())

    def rows(self, asked: Asked) -> list[Any]:
        """Give objects whose members are as *asked*, or as they look."""
        return [asked.record(dict(zip(self.names, row, strict=True))) for row in self.cells]


@dataclass(frozen=True, slots=True)
class ValuePiece:
    """Rows that are values: objects, lists or anything else."""

    values: Sequence[Any]
    kinds: Kinds

    @property
    def names(self) -> Sequence[str] | None:
        """The members of the first row, where that is an object."""
        first = self.values[0] if self.values else None
        return tuple(first) if isinstance(first, Mapping) else None

    def __len__(self) -> int:
        return len(self.values)

    def cut(self, start: int, end: int) -> "ValuePiece":
        """Give some of the rows."""
        return replace(self, values=self.values[start:end])

    def choose(self, names: Sequence[str]) -> "ValuePiece":
        """Give some of the members."""
        found = [
            {name: row[name] for name in names if name in row} if isinstance(row, Mapping) else row
            for row in self.values
        ]
        return replace(self, values=found)

    def array(self) -> Any:
        """Give lists; of objects, of the members that were numbers in the first of all."""
        first = self.values[0] if self.values else None
        names = self.kinds.members
        if names is None:
            if not isinstance(first, Mapping):
                return list(self.values)
            names = tuple(name for name, value in first.items() if value is None or isinstance(value, int | float))
            self.kinds.members = names
        return [members(row, names) for row in self.values]

    def frame(self) -> Any:
        """Give the rows; a frame parameter reads objects itself."""
        return list(self.values)

    def rows(self, asked: Asked) -> list[Any]:
        """Give the values."""
        return list(self.values)


def members(row: Any, names: Sequence[str]) -> list[Any]:
    """Give some members of an object, NaN for None; raises ValueError."""
    if not isinstance(row, Mapping):
        raise ValueError(f"must be an object with the members {', '.join(names)}, as the first row")
    missing = [name for name in names if name not in row]
    if missing:
        raise ValueError(f"misses `{missing[0]}`, which the first row has")
    return [float("nan") if row[name] is None else row[name] for name in names]


@dataclass(frozen=True, slots=True)
class ArrayPiece:
    """Rows of an array, along its first axis."""

    items: Any  # numpy.ndarray, perhaps a view of a file

    @property
    def names(self) -> None:
        """An array has no names."""
        return None

    def __len__(self) -> int:
        return len(self.items)

    def cut(self, start: int, end: int) -> "ArrayPiece":
        """Give some of the rows."""
        return ArrayPiece(self.items[start:end])

    def choose(self, names: Sequence[str]) -> "ArrayPiece":
        """Give the same: there are no columns to choose from."""
        return self

    def array(self) -> Any:
        """Give a copy of its own, which the method may change."""
        return np.array(self.items)

    def frame(self) -> Any:
        """Give a DataFrame with numbered columns."""
        if self.items.ndim != 2:
            raise ValueError(f"must be an array of two axes, to be a table: {self.items.ndim}")
        return need("pandas", "a DataFrame", extra="pandas").DataFrame(np.array(self.items))

    def rows(self, asked: Asked) -> list[Any]:
        """Give each row as lists of plain values."""
        found: list[Any] = self.items.tolist()
        return found


@dataclass(frozen=True, slots=True)
class ArrowPiece:
    """Rows of an Arrow record batch."""

    batch: Any  # pyarrow.RecordBatch

    @property
    def names(self) -> Sequence[str]:
        """The columns."""
        return tuple(self.batch.schema.names)

    def __len__(self) -> int:
        return int(self.batch.num_rows)

    def cut(self, start: int, end: int) -> "ArrowPiece":
        """Give some of the rows."""
        return ArrowPiece(self.batch.slice(start, end - start))

    def choose(self, names: Sequence[str]) -> "ArrowPiece":
        """Give some of the columns."""
        return ArrowPiece(self.batch.select(list(names)))

    def array(self) -> Any:
        """Give the columns of numbers, of shape (rows, columns); a missing one is NaN."""
        types = need("pyarrow.types", "a Parquet file", extra="pandas")
        fit = []
        for column in self.batch.columns:
            kind = column.type
            if types.is_integer(kind) or types.is_floating(kind) or types.is_boolean(kind) or types.is_decimal(kind):
                whole = column.cast("float64") if column.null_count or types.is_decimal(kind) else column
                fit.append(whole.to_numpy(zero_copy_only=False))
        if not fit:
            raise ValueError(f"must have columns of numbers: {', '.join(self.names)}")
        return np.column_stack(fit)

    def frame(self) -> Any:
        """Give a DataFrame; what the file says of pandas is not trusted."""
        return (
            need("pyarrow", "a Parquet file", extra="pandas")
            .Table.from_batches([self.batch])
            .to_pandas(ignore_metadata=True)
        )

    def rows(self, asked: Asked) -> list[Any]:
        """Give objects."""
        found: list[Any] = self.batch.to_pylist()
        return found

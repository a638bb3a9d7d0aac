"""Write results whose form shows only at the end: `.npy` and Parquet.

In: results, as they come. Out: one array, or one table. Each chunk waits in a file beside the output, with the types
that it has; at the end these are put together, chunk by chunk, in a type that holds all. So memory holds a chunk at
most.
Source: NumPy `result_type`; Arrow `unify_schemas`.
"""

from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO

import numpy as np
from numpy.lib import format as npy_format

from ekiben.core.errors import ConfigError
from ekiben.core.optional import need
from ekiben.schema.wire import json as wire_json
from ekiben.tools.batch.outputs import FAILED, Dump, Lost, encoded, named

PLAIN = "biufcUSMm"  # kinds of dtypes that a `.npy` file holds without pickles
NUMBERS = "biufc"


class Npy:
    """One array, whose first axis has a place for each row.

    A row that failed is NaN, which makes whole numbers fractions; empty text, or no time.
    """

    keeps = False

    def __init__(self, file: BinaryIO, spool: BinaryIO) -> None:
        self._file = file
        self._spool = spool
        self._shape: tuple[int, ...] | None = None  # of a result
        self._dtype: np.dtype[Any] | None = None
        self._chunks: list[tuple[int, list[int]]] = []  # results of each, and which of them failed

    def write(self, results: Sequence[Any]) -> Lost:
        """Put some results aside."""
        lost: Lost = {}
        arrays = []
        for place, one in enumerate(results):
            if one is FAILED:
                continue
            array = np.asarray(one)
            reason = self._reason(array)
            if reason is None:
                arrays.append(array)
            else:
                lost[place] = reason
        failed = [place for place, one in enumerate(results) if one is FAILED or place in lost]
        self._chunks.append((len(results), failed))
        if arrays:
            stacked = np.stack(arrays)
            self._dtype = stacked.dtype if self._dtype is None else np.result_type(self._dtype, stacked.dtype)
            np.save(self._spool, stacked, allow_pickle=False)
        return lost

    def _reason(self, array: Any) -> str | None:
        """Say why a result has no place in the array; settle the shape by the first."""
        if array.dtype.kind not in PLAIN:
            return "the answer is no array of plain values, as .npy needs"
        if self._dtype is not None and (array.dtype.kind in NUMBERS) != (self._dtype.kind in NUMBERS):
            return f"the answer holds {array.dtype}, others hold {self._dtype}"
        if self._shape is None:
            self._shape = array.shape
            self._dtype = array.dtype
        if array.shape != self._shape:
            return f"the answer has the shape {array.shape}, others have {self._shape}"
        return None

    def finish(self) -> None:
        """Write the array."""
        dtype = self._dtype or np.dtype(np.float64)
        if any(failed for _, failed in self._chunks) and dtype.kind in "biu":
            dtype = np.dtype(np.float64)
        shape = (sum(count for count, _ in self._chunks), *(self._shape or ()))
        told = {"descr": npy_format.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
        npy_format.write_array_header_1_0(self._file, told)
        self._spool.seek(0)
        for count, failed in self._chunks:
            chunk = np.zeros((count, *shape[1:]), dtype)
            if failed:
                chunk[failed] = missing(dtype)
            good = np.setdiff1d(np.arange(count), failed)
            if len(good):
                chunk[good] = np.load(self._spool, allow_pickle=False)
            self._file.write(chunk.tobytes())


def missing(dtype: Any) -> Any:
    """Give what stands for no result."""
    return {"U": "", "S": b"", "M": np.datetime64("NaT"), "m": np.timedelta64("NaT")}.get(dtype.kind, np.nan)


class Parquet:
    """A table with the columns of all results; of a row that failed all are null."""

    keeps = False

    def __init__(self, file: BinaryIO, spool: BinaryIO, dump: Dump) -> None:
        self._arrow = need("pyarrow", "a Parquet file", extra="pandas")
        self._parquet = need("pyarrow.parquet", "a Parquet file", extra="pandas")
        self._file = file
        self._spool = spool
        self._dump = dump
        self._schemas: list[Any] = []
        self._starts: list[int] = []

    def write(self, results: Sequence[Any]) -> Lost:
        """Put some results aside."""
        lost: Lost = {}
        rows = [{} if one is FAILED else self._row(one, place, lost) for place, one in enumerate(results)]
        names = list(dict.fromkeys(name for row in rows for name in row))
        table = self._table(names, rows)
        self._schemas.append(table.schema)
        self._starts.append(self._spool.tell())
        with self._arrow.ipc.new_stream(self._spool, table.schema) as stream:
            stream.write_table(table)
        return lost

    def _row(self, result: Any, place: int, lost: Lost) -> dict[str, Any]:
        """Give the cells of a result as plain values."""
        known = len(lost)
        row = named(result)
        body = encoded(row, place, self._dump, lost)
        return {} if len(lost) > known else dict(wire_json.load(body))

    def _table(self, names: list[str], rows: list[dict[str, Any]]) -> Any:
        """Make a table; a column of mixed types becomes text."""
        columns = {}
        for name in names:
            cells = [row.get(name) for row in rows]
            try:
                columns[name] = self._arrow.array(cells)
            except (self._arrow.ArrowException, TypeError, ValueError):
                columns[name] = self._arrow.array([None if cell is None else self._text(cell) for cell in cells])
        if not names:  # nothing but rows that failed
            columns[""] = self._arrow.nulls(len(rows))
        return self._arrow.table(columns)

    def _text(self, cell: Any) -> str:
        return cell if isinstance(cell, str) else self._dump(cell).decode()

    def finish(self) -> None:
        """Write the table; raises ConfigError where types do not go together."""
        try:
            found = self._arrow.unify_schemas(self._schemas, promote_options="permissive") if self._schemas else None
        except self._arrow.ArrowException as error:
            raise ConfigError(
                f"the answers have types that cannot stand in one Parquet column: {str(error).splitlines()[0]}",
                hint="write them as JSON lines: -o results.jsonl",
            ) from error
        fields = [field for field in found or () if field.name]
        schema = self._arrow.schema(fields or [self._arrow.field("prediction", self._arrow.null())])
        with self._parquet.ParquetWriter(self._file, schema) as writer:
            for table in self._tables():
                columns = {field.name: self._column(table, field) for field in schema}
                writer.write_table(self._arrow.table(columns, schema=schema))

    def _column(self, table: Any, field: Any) -> Any:
        """Give a column in its settled type; null where a chunk has none."""
        if field.name in table.column_names:
            return table[field.name].cast(field.type)
        return self._arrow.nulls(table.num_rows, field.type)

    def _tables(self) -> Iterator[Any]:
        """Give back what was put aside."""
        for start in self._starts:
            self._spool.seek(start)
            with self._arrow.ipc.open_stream(self._spool) as stream:
                yield stream.read_all()

"""pandas frames and series: records or columns in JSON; CSV, Arrow IPC, Parquet.

In: `pandas.DataFrame` or `pandas.Series`, with `DataframeSchema` and `ContentType` in `Annotated`. Out: a `Leaf`.
A missing value is `null` in JSON. Columns that `DataframeSchema` names must all be there; others are left out.
Source: pandas' `orient`; RFC 4180 (CSV).
"""

import io
from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from ekiben.core.errors import ConfigError, MissingLibrary
from ekiben.core.optional import loaded, need
from ekiben.core.spec import JsonSchema
from ekiben.schema.annotations import ContentType, DataframeSchema
from ekiben.schema.content import JSON, Encoded, Upload, essence
from ekiben.schema.refusal import refuse
from ekiben.schema.values.base import Encoder, cuts
from ekiben.schema.wire import arrow as wire_arrow
from ekiben.schema.wire import json as wire_json
from ekiben.schema.wire.arrow import FILE, FILE_MAGIC, PARQUET, PARQUET_MAGIC, STREAM, STREAM_MAGIC
from ekiben.schema.words import named

NOTES = (DataframeSchema, ContentType)
CSV = "text/csv"


def claims(hint: Any) -> bool:
    """Say whether *hint* is a frame or a series."""
    pandas = loaded("pandas")
    if pandas is None or not hasattr(pandas, "Series") or not isinstance(hint, type):
        return False
    return issubclass(hint, pandas.DataFrame | pandas.Series)


def plan(hint: Any, notes: tuple[Any, ...]) -> "FrameLeaf | SeriesLeaf":
    """Settle columns, orientation and the form of an answer.

    Raises:
        ConfigError: the orientation or the content type is not one of frames.
    """
    pandas = need("pandas", "a frame parameter", extra="pandas")
    form = next((note for note in notes if isinstance(note, DataframeSchema)), None)
    media = next((essence(note.content_type) for note in notes if isinstance(note, ContentType)), JSON)
    if issubclass(hint, pandas.Series):
        if form is not None or media != JSON:
            raise ConfigError(f"a `Series` has no columns and is always {JSON}: {form or media}")
        return SeriesLeaf(pandas)
    if form is not None and form.orient not in ("records", "columns"):
        raise ConfigError(f"`orient` must be 'records' or 'columns': {form.orient!r}")
    try:
        pyarrow = need("pyarrow", "Arrow data", extra="pandas")
        need("pyarrow.parquet", "Parquet data", extra="pandas")
    except MissingLibrary:
        pyarrow = None
    leaf = FrameLeaf(pandas, pyarrow, form, media)
    if media != JSON and media not in leaf.encoders:
        raise ConfigError(f"`ContentType` of a frame must be one of {JSON}, {', '.join(leaf.encoders)}: {media!r}")
    return leaf


MAX_EMPTY = 2**22  # cells of a table that may be empty
MAX_SPREAD = 4  # times the cells that are given, of a larger one


@dataclass(frozen=True, slots=True)
class FrameLeaf:
    """One frame hint, settled."""

    pandas: ModuleType
    pyarrow: ModuleType | None
    form: DataframeSchema | None  # None: both orientations are read, records are written
    output_media: str = JSON
    kind: str = "dataframe"

    @property
    def media_types(self) -> tuple[str, ...]:
        """CSV, and what pyarrow reads where it is installed."""
        return (CSV,) if self.pyarrow is None else (STREAM, CSV, FILE, PARQUET)

    @property
    def encoders(self) -> Mapping[str, Encoder]:
        """CSV, and Arrow and Parquet where pyarrow is installed."""
        found: dict[str, Encoder] = {CSV: self.to_csv}
        return found if self.pyarrow is None else found | {STREAM: self.to_stream, PARQUET: self.to_parquet}

    @property
    def columns(self) -> tuple[str, ...] | None:
        """The columns that must be there."""
        return None if self.form is None else self.form.columns

    def schema(self) -> JsonSchema:
        """Describe a list of objects, an object of lists, or both where none is declared."""
        names = list(self.columns or ())
        keys: dict[str, Any] = {"type": "object"}
        if names:
            keys |= {"properties": {name: {} for name in names}, "required": names}
        rows = {"type": "array", "items": keys}
        columns = {**keys, "additionalProperties": {"type": ["array", "object"]}}
        extra = {"x-columns": names} if names else {}
        if self.form is None:
            return {"anyOf": [rows, columns], **extra}
        return {**(rows if self.form.orient == "records" else columns), "x-orient": self.form.orient, **extra}

    def decode(self, raw: Any) -> Any:
        """Make a frame with the declared columns; raises ValueError or ValidationError."""
        if isinstance(raw, Upload):
            return self.check(self.from_bytes(raw))
        if isinstance(raw, self.pandas.DataFrame):
            return self.check(raw)
        orient = None if self.form is None else self.form.orient
        if isinstance(raw, list) and orient != "columns":
            return self.check(self.from_records(raw))
        if isinstance(raw, dict) and orient != "records":
            return self.check(self.pandas.DataFrame(columns_of(raw)))
        form = "an object with a list for each column" if orient == "columns" else "a list of objects, one a row"
        raise ValueError(f"must be a table as {form}, not {named(raw)}")

    def from_records(self, rows: list[Any]) -> Any:
        """Read rows as objects; as lists only where the columns are declared."""
        if self.columns is not None and rows and isinstance(rows[0], list):
            for index, row in enumerate(rows):
                if not isinstance(row, list) or len(row) != len(self.columns):
                    refuse("dataframe", (index,), f"must be a list of {len(self.columns)} values, one a column", row)
            return self.pandas.DataFrame(rows, columns=list(self.columns))
        for index, row in enumerate(rows):
            if not isinstance(row, dict):
                refuse("dataframe", (index,), f"must be an object with a value for each column, not {named(row)}", row)
        if not rows and self.columns is not None:
            return self.pandas.DataFrame(columns=list(self.columns))
        check_cells(rows)
        return self.pandas.DataFrame(rows)

    def from_bytes(self, upload: Upload) -> Any:
        """Read by the content's first bytes; others are CSV, or JSON where it says so."""
        body = upload.read()
        if self.pyarrow is not None and body.startswith((FILE_MAGIC, STREAM_MAGIC)):
            return self.from_table(wire_arrow.read_ipc(self.pyarrow, body))
        if self.pyarrow is not None and body.startswith(PARQUET_MAGIC):
            return self.from_table(wire_arrow.read_parquet(self.pyarrow, body))
        if essence(upload.media_type) == JSON:
            return self.decode(wire_json.load(body))
        try:
            return self.pandas.read_csv(io.BytesIO(body), low_memory=False)
        except (ValueError, OverflowError, RecursionError) as error:
            raise ValueError(f"is not a readable table: {wire_arrow.first_line(error)}") from error

    def from_table(self, table: Any) -> Any:
        """Turn an Arrow table into a frame; the sender's pandas notes are not trusted."""
        assert self.pyarrow is not None  # it made the table
        try:
            return table.to_pandas(ignore_metadata=True)
        except (self.pyarrow.ArrowException, ValueError, TypeError, MemoryError) as error:
            raise ValueError(f"cannot be turned into a frame: {wire_arrow.first_line(error)}") from error

    def check(self, frame: Any) -> Any:
        """Hold a frame to the declared columns, in their order."""
        if self.columns is None or list(frame.columns) == list(self.columns):
            return frame
        missing = [name for name in self.columns if name not in frame.columns]
        if missing:
            raise ValueError(f"must have the columns {', '.join(self.columns)}; missing: {', '.join(missing)}")
        return frame[list(self.columns)]

    def to_json(self, value: Any) -> Any:
        """Give records, or columns by index where that is declared."""
        if not isinstance(value, self.pandas.DataFrame):
            raise TypeError(f"the answer must be a pandas DataFrame, not {type(value).__name__}")
        if not value.columns.is_unique:
            raise TypeError(f"the answer must be a frame whose columns differ: {list(value.columns)}")
        names = [str(name) for name in value.columns]
        lists = [list_of(value.iloc[:, index]) for index in range(len(names))]
        if self.form is not None and self.form.orient == "columns":
            index = [str(label) for label in value.index]
            return {name: dict(zip(index, items, strict=True)) for name, items in zip(names, lists, strict=True)}
        return [dict(zip(names, row, strict=True)) for row in zip(*lists, strict=True)]

    def to_csv(self, value: Any) -> Encoded:
        """Write a header and a line a row."""
        return Encoded(value.to_csv(index=False, lineterminator="\r\n").encode(), f"{CSV}; charset=utf-8")

    def to_stream(self, value: Any) -> Encoded:
        """Write an Arrow IPC stream."""
        return Encoded(wire_arrow.write_stream(self._pyarrow, self.to_table(value)), STREAM)

    def to_parquet(self, value: Any) -> Encoded:
        """Write a Parquet file."""
        return Encoded(wire_arrow.write_parquet(self._pyarrow, self.to_table(value)), PARQUET)

    def to_table(self, value: Any) -> Any:
        """Give an Arrow table of the columns; the index stays behind, as in records."""
        return self._pyarrow.Table.from_pandas(value, preserve_index=False)

    @property
    def _pyarrow(self) -> ModuleType:
        assert self.pyarrow is not None  # without it, there is no encoder that comes here
        return self.pyarrow

    def alike(self, value: Any, axis: int) -> Hashable:
        """Frames are alike in their columns and dtypes."""
        return tuple(value.columns), tuple(value.dtypes)

    def join(self, values: Sequence[Any], axis: int) -> tuple[Any, list[int]]:
        """Put frames one below the other, under a new index."""
        return self.pandas.concat(list(values), ignore_index=True), [len(value) for value in values]

    def split(self, batch: Any, sizes: Sequence[int], axis: int) -> list[Any]:
        """Cut after each call's rows; each part has its own index from 0."""
        return [batch.iloc[start:end].reset_index(drop=True) for start, end in cuts(len(batch), sizes)]


@dataclass(frozen=True, slots=True)
class SeriesLeaf:
    """One series hint, settled."""

    pandas: ModuleType
    kind: str = "series"
    media_types: tuple[str, ...] = ()
    output_media: str = JSON

    @property
    def encoders(self) -> Mapping[str, Encoder]:
        """JSON is the only form."""
        return {}

    def schema(self) -> JsonSchema:
        """Describe a list."""
        return {"type": "array", "items": {}}

    def decode(self, raw: Any) -> Any:
        """Make a series of a list; raises ValueError."""
        if isinstance(raw, self.pandas.Series):
            return raw
        if not isinstance(raw, list):
            raise ValueError(f"must be a list of values, not {named(raw)}")
        return self.pandas.Series(raw, dtype=None if raw else object)

    def to_json(self, value: Any) -> Any:
        """Give a list."""
        return list_of(value if isinstance(value, self.pandas.Series) else self.pandas.Series(value))

    def alike(self, value: Any, axis: int) -> Hashable:
        """Series are alike in dtype."""
        return str(value.dtype)

    def join(self, values: Sequence[Any], axis: int) -> tuple[Any, list[int]]:
        """Put series one below the other, under a new index."""
        return self.pandas.concat(list(values), ignore_index=True), [len(value) for value in values]

    def split(self, batch: Any, sizes: Sequence[int], axis: int) -> list[Any]:
        """Cut after each call's values; each part has its own index from 0."""
        series = batch if isinstance(batch, self.pandas.Series) else self.pandas.Series(batch)
        return [series.iloc[start:end].reset_index(drop=True) for start, end in cuts(len(series), sizes)]


def check_cells(rows: Collection[Any]) -> None:
    """Refuse rows that nearly all have columns of their own: a far larger table.

    Raises:
        ValueError: it would be.
    """
    given = sum(len(row) for row in rows if isinstance(row, dict))
    if len(rows) * given <= MAX_EMPTY:
        return
    cells = len(rows) * len({name for row in rows if isinstance(row, dict) for name in row})
    if cells > MAX_EMPTY and cells > MAX_SPREAD * given:
        raise ValueError(f"must be a table whose rows have the same columns: of {cells} cells only {given} are given")


def columns_of(raw: dict[str, Any]) -> dict[str, list[Any]]:
    """Read columns, each a list or an object by index, all of one length."""
    found: dict[str, list[Any]] = {}
    keys: Any = None
    for name, column in raw.items():
        if not isinstance(column, list | dict):
            refuse("dataframe", (name,), f"must be a list of the column's values, not {named(column)}", column)
        labels = list(column) if isinstance(column, dict) else len(column)
        keys = labels if keys is None else keys
        if labels != keys:
            refuse("dataframe", (name,), "must have as many values as the other columns, under the same labels", column)
        found[name] = list(column.values()) if isinstance(column, dict) else column
    return found


def list_of(series: Any) -> list[Any]:
    """Give a column's values as JSON has them: missing as None, times as ISO 8601."""
    kind = getattr(series.dtype, "kind", "O")
    if kind in "biuf" and not hasattr(series.dtype, "na_value"):
        return list(series.to_numpy().tolist())
    missing = series.isna().to_numpy()
    values = [None if gone else value for value, gone in zip(series.tolist(), missing, strict=True)]
    if kind in "Mm":
        return [None if value is None else value.isoformat() for value in values]
    return values

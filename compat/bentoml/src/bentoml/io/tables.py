"""Leaves of frames and series: how pandas reads them, what they are held to, how it writes them.

In: a body, or data of a form. Out: a frame or a series; or ValueError with words for the caller.
Pandas is given bytes, never a text that could be taken for a path or an address.
"""

import io
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Self

from bentoml.io.arrays import fits
from ekiben.core.errors import InvalidInput, MissingLibrary, Problem
from ekiben.core.optional import need
from ekiben.core.spec import JsonSchema, Limits
from ekiben.schema.content import JSON, OCTETS, Encoded, Upload, essence
from ekiben.schema.values.dataframe import CSV, FrameLeaf, SeriesLeaf, check_cells
from ekiben.schema.wire import arrow as wire_arrow
from ekiben.schema.wire import json as wire_json
from ekiben.schema.wire import text as wire_text
from ekiben.schema.wire.arrow import FILE, FILE_MAGIC, PARQUET, PARQUET_MAGIC, STREAM, STREAM_MAGIC
from ekiben.schema.words import named, spell

FORMATS = {"json": JSON, "csv": CSV, "parquet": OCTETS}  # BentoML's name of a form, and its media type
OBJECTS = ("index", "split", "table")  # orients that are objects
MAGIC = (PARQUET_MAGIC, FILE_MAGIC, STREAM_MAGIC)
# What pandas raises where JSON is not of the form that it was asked for.
BAD = (ValueError, KeyError, TypeError, AttributeError, IndexError, AssertionError, OverflowError, RecursionError)
CELL = {"anyOf": [{"type": name} for name in ("number", "string", "boolean", "null")]}
SMALL = 16 * 1024  # bytes of JSON that cannot become a large table


@dataclass(frozen=True, slots=True)
class Rules:
    """What a descriptor says of its tables."""

    orient: str = "records"
    columns: tuple[str, ...] | None = None
    is_named: bool = False  # the columns get these names
    dtype: Any = None  # a name, names by column, whether pandas guesses, or None
    is_dtype_enforced: bool = False
    shape: tuple[int, ...] | None = None
    is_shape_enforced: bool = False
    form: str = "json"  # of answers, and of bodies that do not say theirs

    @property
    def wanted(self) -> Any:
        """The dtype to convert to, or None."""
        return None if isinstance(self.dtype, bool) else self.dtype

    def hold(self, value: Any) -> Any:
        """Give a frame or a series names and dtypes, and hold it to the shape; raises ValueError."""
        if self.is_named and self.columns is not None:
            if len(value.columns) != len(self.columns):
                raise ValueError(f"must have {len(self.columns)} columns, not {len(value.columns)}")
            value = value.set_axis(list(self.columns), axis=1)
        value = self.convert(value)
        if self.is_shape_enforced and self.shape is not None and not fits(value.shape, self.shape):
            raise ValueError(f"must be of shape {spell(self.shape)}, not {spell(value.shape)}")
        return value

    def convert(self, value: Any) -> Any:
        """Convert to the dtype; what cannot be is left as it is, unless the dtype is enforced."""
        if self.wanted is None:
            return value
        try:
            found = value.astype(self.wanted)
        except BAD as error:
            if self.is_dtype_enforced:
                raise ValueError(f"must hold {words_of(self.wanted)}: {wire_arrow.first_line(error)}") from error
            return value
        if self.is_dtype_enforced and loses(value, found):
            raise ValueError(f"must hold {words_of(self.wanted)}: a fraction would be cut off")
        return found

    def read_json(self, pandas: ModuleType, body: bytes, kind: str) -> Any:
        """Let pandas read JSON; raises ValueError."""
        if wire_json.depth(body, Limits().max_depth):
            raise ValueError(f"is nested deeper than {Limits().max_depth} levels")
        if self.orient in OBJECTS and body.lstrip()[:1] != b"{":
            raise ValueError(f"must be a {kind} as JSON in pandas' orient {self.orient!r}: an object")
        if kind == "frame" and len(body) > SMALL:
            for rows in rows_of(wire_json.load(body)):
                check_cells(rows)
        dtype = False if self.is_dtype_enforced else self.dtype  # pandas would cut off fractions as it reads
        options = {} if self.orient == "table" else {"dtype": dtype, "precise_float": True}
        try:
            return pandas.read_json(io.BytesIO(body), orient=self.orient, typ=kind, **options)
        except BAD as error:
            raise ValueError(
                f"must be a {kind} as JSON in pandas' orient {self.orient!r}: {wire_arrow.first_line(error)}"
            ) from error


@dataclass(frozen=True, slots=True)
class Table(FrameLeaf):
    """Frames of one descriptor."""

    rules: Rules = Rules()
    examples: tuple[Any, ...] = ()
    json_media: tuple[str, ...] = ("*/*",)

    @classmethod
    def of(cls, pandas: ModuleType, rules: Rules, examples: tuple[Any, ...]) -> Self:
        """Make one, with what reads Parquet if that is installed."""
        pyarrow = arrow()
        return cls(pandas, pyarrow, None, FORMATS[rules.form], rules=rules, examples=examples)

    @property
    def media_types(self) -> tuple[str, ...]:
        """CSV, and whatever shows by its first bytes what it is."""
        return (CSV, OCTETS) if self.pyarrow is None else (CSV, OCTETS, STREAM, FILE, PARQUET)

    @property
    def encoders(self) -> dict[str, Any]:
        """Write in the descriptor's form."""
        write = {"json": self.write_json, "csv": self.write_csv, "parquet": self.write_parquet}[self.rules.form]
        return {self.output_media: write}

    def schema(self) -> JsonSchema:
        """Describe the JSON of the orient."""
        found = {"x-orient": self.rules.orient, **shape_of(self.rules)}
        return {**found, "examples": list(self.examples)} if self.examples else found

    def decode(self, raw: Any) -> Any:
        """Make a frame, and hold it to the rules; raises ValueError."""
        if isinstance(raw, self.pandas.DataFrame):
            return self.rules.hold(raw)
        if isinstance(raw, Upload):
            return self.rules.hold(self.from_upload(raw.read(), raw.media_type))
        if not isinstance(raw, list | dict):
            raise ValueError(f"must be a table as JSON, not {named(raw)}")
        return self.rules.hold(self.rules.read_json(self.pandas, wire_json.dump(raw), "frame"))

    def from_text(self, body: bytes, name: str | None) -> Any:
        """Read a body that does not say its type, or is JSON; None where `decode` has to."""
        if name is not None or not body:
            return None
        is_json = body.lstrip()[:1] in (b"[", b"{")
        if not is_json and self.rules.form == "json" and not body.startswith(MAGIC):
            return None
        try:
            return self.rules.hold(self.from_upload(body, JSON if is_json else FORMATS[self.rules.form]))
        except ValueError as error:
            raise InvalidInput(problems=[Problem("", str(error))]) from error

    def from_upload(self, body: bytes, media_type: str) -> Any:
        """Read a file by its first bytes, else by its type; raises ValueError."""
        if self.pyarrow is not None and body.startswith(MAGIC):
            return FrameLeaf.from_bytes(self, Upload(body))
        media = essence(media_type)
        if media == CSV or (media not in (JSON, OCTETS) and self.rules.form == "csv"):
            return self.read_csv(wire_text.decode(body, media_type))
        if media == OCTETS:
            what = "is not a Parquet file" if self.pyarrow else "cannot be read: `pyarrow` is not installed here"
            raise ValueError(what)
        return self.rules.read_json(self.pandas, body, "frame")

    def read_csv(self, text: str) -> Any:
        """Read CSV with a header; raises ValueError."""
        try:
            return self.pandas.read_csv(io.StringIO(text), dtype=self.rules.wanted, low_memory=False)
        except BAD as error:
            if self.rules.wanted is None or self.rules.is_dtype_enforced:
                raise ValueError(f"is not a readable table: {wire_arrow.first_line(error)}") from error
        try:
            return self.pandas.read_csv(io.StringIO(text), low_memory=False)
        except BAD as error:
            raise ValueError(f"is not a readable table: {wire_arrow.first_line(error)}") from error

    def frame_of(self, value: Any) -> Any:
        """Give an answer as a frame; raises TypeError."""
        if isinstance(value, self.pandas.Series):
            value = value.to_frame()
        if not isinstance(value, self.pandas.DataFrame):
            raise TypeError(f"the answer must be a pandas DataFrame, not {type(value).__name__}")
        try:
            return self.rules.hold(value)
        except ValueError as error:
            raise TypeError(f"the answer {error}") from error

    def to_json(self, value: Any) -> Any:
        """Give data in the orient."""
        return json.loads(self.frame_of(value).to_json(orient=self.rules.orient))

    def write_json(self, value: Any) -> Encoded:
        """Write JSON in the orient."""
        return Encoded(self.frame_of(value).to_json(orient=self.rules.orient).encode(), JSON)

    def write_csv(self, value: Any) -> Encoded:
        """Write CSV as pandas does, the index too."""
        return Encoded(self.frame_of(value).to_csv().encode(), f"{CSV}; charset=utf-8")

    def write_parquet(self, value: Any) -> Encoded:
        """Write a Parquet file, the index too."""
        return Encoded(self.frame_of(value).to_parquet(), OCTETS)


@dataclass(frozen=True, slots=True)
class SeriesTable(SeriesLeaf):
    """Series of one descriptor."""

    rules: Rules = Rules()
    examples: tuple[Any, ...] = ()
    json_media: tuple[str, ...] = ("*/*",)

    @property
    def encoders(self) -> dict[str, Any]:
        """Write JSON in the orient."""
        return {JSON: self.write_json}

    def schema(self) -> JsonSchema:
        """Describe the JSON of the orient."""
        form: dict[str, Any] = {"type": "array", "items": dict(CELL)}
        if self.rules.orient != "records":
            form = {"type": "object", **({"additionalProperties": dict(CELL)} if self.rules.orient == "index" else {})}
        found = {**form, "x-orient": self.rules.orient}
        return {**found, "examples": list(self.examples)} if self.examples else found

    def decode(self, raw: Any) -> Any:
        """Make a series, and hold it to the rules; raises ValueError."""
        if isinstance(raw, self.pandas.Series):
            return self.rules.hold(raw)
        if isinstance(raw, Upload):
            return self.rules.hold(self.read(raw.read()))
        if not isinstance(raw, list | dict):
            raise ValueError(f"must be a series as JSON, not {named(raw)}")
        return self.rules.hold(self.read(wire_json.dump(raw)))

    def from_text(self, body: bytes, name: str | None) -> Any:
        """Read a body of JSON; None where `decode` has to."""
        if name is not None or body.lstrip()[:1] not in (b"[", b"{"):
            return None
        try:
            return self.rules.hold(self.read(body))
        except ValueError:
            return None

    def read(self, body: bytes) -> Any:
        """Let pandas read it; raises ValueError."""
        found = self.rules.read_json(self.pandas, body, "series")
        if not isinstance(found, self.pandas.Series):
            raise ValueError("must be a list of values")
        return found

    def to_json(self, value: Any) -> Any:
        """Give data in the orient."""
        return json.loads(self.text_of(value))

    def write_json(self, value: Any) -> Encoded:
        """Write JSON in the orient."""
        return Encoded(self.text_of(value).encode(), JSON)

    def text_of(self, value: Any) -> str:
        """Give an answer as JSON; raises TypeError."""
        if not isinstance(value, self.pandas.Series):
            raise TypeError(f"the answer must be a pandas Series, not {type(value).__name__}")
        try:
            return str(self.rules.hold(value).to_json(orient=self.rules.orient))
        except ValueError as error:
            raise TypeError(f"the answer {error}") from error


def rows_of(data: Any) -> list[Collection[Any]]:
    """List what can be the rows, or the columns, of JSON in any orient."""
    if isinstance(data, dict):
        inner = data.get("data")
        return [data.values(), inner] if isinstance(inner, list) else [data.values()]
    return [data] if isinstance(data, list) else []


def arrow() -> ModuleType | None:
    """Give pyarrow, with what reads Parquet, where it is installed."""
    try:
        pyarrow = need("pyarrow", "Arrow data", extra="pandas")
        need("pyarrow.parquet", "Parquet data", extra="pandas")
        return pyarrow
    except MissingLibrary:
        return None


def shape_of(rules: Rules) -> JsonSchema:
    """Describe a frame's JSON in an orient of pandas'."""
    names = {name: dict(CELL) for name in rules.columns or ()}
    row: dict[str, Any] = {"type": "object", "additionalProperties": dict(CELL)}
    if names:
        row |= {"properties": names}
    values = {"type": "array", "items": dict(CELL)}
    if rules.orient == "records":
        return {"type": "array", "items": row}
    if rules.orient == "values":
        return {"type": "array", "items": values}
    if rules.orient == "index":
        return {"type": "object", "additionalProperties": row}
    if rules.orient == "columns":
        column = {"type": "object", "additionalProperties": dict(CELL)}
        return {"type": "object", "additionalProperties": {"anyOf": [column, values]}}
    if rules.orient == "split":
        parts = {"columns": values, "index": values, "data": {"type": "array", "items": values}}
        return {"type": "object", "properties": parts, "additionalProperties": False}
    return {"type": "object"}


def loses(before: Any, after: Any) -> bool:
    """Say whether fractions were cut off where a frame or a series was converted."""
    if before.ndim == 1:
        kinds = getattr(before.dtype, "kind", "O"), getattr(after.dtype, "kind", "O")
        return kinds[0] == "f" and kinds[1] in "iu" and not bool((before == after).all())
    return any(loses(before.iloc[:, place], after.iloc[:, place]) for place in range(before.shape[1]))


def words_of(dtype: Any) -> str:
    """Name a dtype as its user wrote it."""
    return ", ".join(f"{name} as {kind}" for name, kind in dtype.items()) if isinstance(dtype, Mapping) else str(dtype)

"""Inputs that are tables: rows of several requests in one frame.

In: JSON in one of pandas' orients, or CSV. Out: a frame, whose rows the engine joins with those of other requests and
whose results it gives back to the request that they came from.
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from bentoml.bundles.commandline import Given
from bentoml.bundles.inputs import BaseInputAdapter
from bentoml.bundles.leaves import ANYTHING, InputLeaf, json_of, only_file, text_of
from ekiben.core.errors import ConfigError
from ekiben.core.optional import need
from ekiben.core.spec import JsonSchema
from ekiben.schema.content import JSON, Upload, essence
from ekiben.schema.refusal import refuse
from ekiben.schema.values import dataframe as frames
from ekiben.schema.words import named

ORIENTS = ("split", "records", "index", "columns", "values")
TYPES = ("frame", "series")
CSV = frames.CSV
SPLIT = {"columns", "index", "data"}


@dataclass(frozen=True, slots=True)
class TableLeaf(InputLeaf):
    """A table as JSON or CSV."""

    pandas: ModuleType
    typ: str = "frame"
    orient: str | None = None  # None: what it looks like
    columns: tuple[str, ...] | None = None  # that must be there
    dtype: Any = None  # by column, by position, or one for all; None: as the JSON has it
    kind: str = "dataframe"
    media_types: tuple[str, ...] = (CSV, ANYTHING)

    def schema(self) -> JsonSchema:
        """Describe rows or columns."""
        rows = {"type": "array", "items": {"type": ["object", "array"]}}
        if self.typ == "series":
            return {"anyOf": [{"type": "array", "items": {}}, {"type": "object"}]}
        if self.orient in ("records", "values"):
            return {"type": "array", "items": {"type": "object" if self.orient == "records" else "array"}}
        columns = {"type": "object", "additionalProperties": {"type": ["array", "object"]}}
        return columns if self.orient is not None else {"anyOf": [rows, columns]}

    def decode(self, raw: Any) -> Any:
        """Make a frame, or a series; raises ValueError."""
        if isinstance(raw, self.pandas.DataFrame | self.pandas.Series):
            return raw
        if isinstance(raw, list) and any(isinstance(part, Upload) for part in raw):
            only_file(raw)
        if isinstance(raw, Upload) and essence(raw.media_type) == CSV:
            found = self.from_csv(raw)
        else:
            found = self.from_json(json_of(raw))
        return self.cast(found)

    def from_csv(self, upload: Upload) -> Any:
        """Read CSV with a header; raises ValueError."""
        text = Upload(text_of(upload).encode(), CSV)
        found = frames.FrameLeaf(self.pandas, None, None).from_bytes(text)
        return found.iloc[:, 0] if self.typ == "series" else self.choose(found)

    def from_json(self, data: Any) -> Any:
        """Read JSON in the orient that is asked for, or that it is in; raises ValueError."""
        if self.typ == "series":
            return self.series(data)
        orient = self.orient or orient_of(data)
        make = {
            "records": self.from_records,
            "values": self.from_values,
            "columns": self.from_columns,
            "index": self.from_index,
            "split": self.from_split,
        }[orient]
        return self.choose(make(data))

    def from_records(self, data: Any) -> Any:
        """Read a list of objects."""
        if not isinstance(data, list):
            raise ValueError(f"must be a list of objects, one a row: {named(data)}")
        for index, row in enumerate(data):
            if not isinstance(row, dict):
                refuse("dataframe", (index,), f"must be an object with a value for each column: {named(row)}", row)
        frames.check_cells(data)
        return self.pandas.DataFrame(data)

    def from_values(self, data: Any) -> Any:
        """Read a list of lists; the columns that are asked for, if any, are theirs."""
        if not isinstance(data, list):
            raise ValueError(f"must be a list of rows, each a list: {named(data)}")
        width = len(data[0]) if data and isinstance(data[0], list) else 0
        for index, row in enumerate(data):
            if not isinstance(row, list) or len(row) != width:
                refuse("dataframe", (index,), f"must be a list of {width} values, as the first row is", row)
        if self.columns is not None and data and width != len(self.columns):
            raise ValueError(f"must have {len(self.columns)} values a row ({', '.join(self.columns)}): {width}")
        return self.pandas.DataFrame(data, columns=None if self.columns is None else list(self.columns))

    def from_columns(self, data: Any) -> Any:
        """Read an object with a list, or an object by index, for each column."""
        if not isinstance(data, dict):
            raise ValueError(f"must be an object with a list for each column: {named(data)}")
        return self.pandas.DataFrame(frames.columns_of(data))

    def from_index(self, data: Any) -> Any:
        """Read an object with a row, itself an object, for each index."""
        if not isinstance(data, dict):
            raise ValueError(f"must be an object with a row for each index: {named(data)}")
        found = self.from_records(list(data.values()))
        found.index = list(data)
        return found

    def from_split(self, data: Any) -> Any:
        """Read an object of columns, index and data."""
        names = data.get("columns") if isinstance(data, dict) else None
        rows = data.get("data") if isinstance(data, dict) else None
        if not isinstance(names, list) or not isinstance(rows, list) or not set(data) <= SPLIT:
            raise ValueError(f"must be an object of `columns`, `index` and `data`: {named(data)}")
        index = data.get("index")
        for place, row in enumerate(rows):
            if not isinstance(row, list) or len(row) != len(names):
                refuse("dataframe", ("data", place), f"must be a list of {len(names)} values, one a column", row)
        if index is not None and (not isinstance(index, list) or len(index) != len(rows)):
            refuse("dataframe", ("index",), f"must be a list of {len(rows)} labels, one a row", index)
        return self.pandas.DataFrame(rows, columns=[str(name) for name in names], index=index)

    def series(self, data: Any) -> Any:
        """Read a list, or an object by index; raises ValueError."""
        if isinstance(data, dict) and (self.orient == "split" or (self.orient is None and "data" in data)):
            data, index = data.get("data"), data.get("index")
            if not isinstance(data, list) or not isinstance(index, list | None) or (index and len(index) != len(data)):
                raise ValueError("must be an object of `data` and `index`, two lists of one length")
            return self.pandas.Series(data, index=index, dtype=None if data else object)
        if isinstance(data, dict) and self.orient in (None, "index"):
            return self.pandas.Series(list(data.values()), index=list(data), dtype=None if data else object)
        if isinstance(data, list) and self.orient in (None, "records"):
            return self.pandas.Series(data, dtype=None if data else object)
        raise ValueError(f"must be a list of values, or an object by index: {named(data)}")

    def choose(self, frame: Any) -> Any:
        """Hold a frame to the columns that are asked for, in their order; raises ValueError."""
        if self.columns is None or (not len(frame) and not len(frame.columns)):
            return frame
        missing = [name for name in self.columns if name not in frame.columns]
        if missing:
            raise ValueError(f"must have the columns {', '.join(self.columns)}; missing: {', '.join(missing)}")
        return frame[list(self.columns)]

    def cast(self, found: Any) -> Any:
        """Give the columns the dtypes that are asked for; raises ValueError."""
        if self.dtype is None or not len(found):
            return found
        try:
            if self.typ == "series" or not isinstance(self.dtype, Mapping | list | tuple):
                return found.astype(self.dtype)
            return found.astype(self.by_column(found))
        except (ValueError, TypeError, OverflowError) as error:
            raise ValueError(f"must hold {dtype_words(self.dtype)}: {error}") from error

    def by_column(self, frame: Any) -> dict[Any, Any]:
        """Give the dtype of each column; raises ValueError."""
        if isinstance(self.dtype, Mapping):
            names = {str(name): name for name in frame.columns}
            missing = [str(name) for name in self.dtype if str(name) not in names]
            if missing:
                raise ValueError(f"the column `{missing[0]}` is missing")
            return {names[str(name)]: kind for name, kind in self.dtype.items()}
        if len(self.dtype) != len(frame.columns):
            raise ValueError(f"there must be {len(self.dtype)} columns, not {len(frame.columns)}")
        return dict(zip(frame.columns, self.dtype, strict=True))

    def alike(self, value: Any, axis: int) -> Hashable:
        """Tables are joined where their columns and dtypes are the same."""
        return self._core(value).alike(value, axis)

    def join(self, values: Sequence[Any], axis: int) -> tuple[Any, list[int]]:
        """Put tables one below the other, under a new index."""
        return self._core(values[0]).join(values, axis)

    def split(self, batch: Any, sizes: Sequence[int], axis: int) -> list[Any]:
        """Cut after each call's rows."""
        return self._core(batch).split(batch, sizes, axis)

    def _core(self, value: Any) -> "frames.FrameLeaf | frames.SeriesLeaf":
        if isinstance(value, self.pandas.DataFrame):
            return frames.FrameLeaf(self.pandas, None, None)
        return frames.SeriesLeaf(self.pandas)


class DataframeInput(BaseInputAdapter):
    """Give the function a `pandas.DataFrame` with the rows of several requests; needs `batch=True`.

    A request may hold any number of rows, as JSON or as `text/csv`, and is answered with as many results.

    Args:
        typ: `frame`, or `series` for single values.
        orient: of the JSON, as in pandas; None reads whatever it looks like.
        columns: that must be there; others are left out. Rows that are lists get these names.
        dtype: of all columns, by column, or a list by position.
        input_dtypes: the older name of `dtype`.
        http_input_example: an input, shown in the docs of the API.
    """

    SINGLE_MODE_SUPPORTED = False
    IS_JOINED = True

    def __init__(
        self,
        typ: str = "frame",
        orient: str | None = None,
        columns: Sequence[str] | None = None,
        dtype: Any = None,
        input_dtypes: Any = None,
        http_input_example: Any = None,
    ) -> None:
        dtype = input_dtypes if dtype is None else dtype
        super().__init__(http_input_example, typ=typ, orient=orient, columns=columns, dtype=dtype)
        if typ not in TYPES:
            raise ConfigError(f"`typ` must be 'frame' or 'series': {typ!r}")
        if orient is not None and orient not in ORIENTS:
            raise ConfigError(f"`orient` must be one of {', '.join(ORIENTS)}: {orient!r}")
        if typ == "series" and orient in ("columns", "values"):
            raise ConfigError(f"`orient` of a series must be split, records or index: {orient!r}")
        if columns is not None and (isinstance(columns, str) or not all(isinstance(name, str) for name in columns)):
            raise ConfigError(f"`columns` must be a list of names: {columns!r}")
        self.typ, self.orient = typ, orient
        self.columns = None if columns is None else tuple(columns)
        self.dtype = None if isinstance(dtype, bool) else dtype  # True and False only said how pandas guesses

    @property
    def pip_dependencies(self) -> list[str]:
        """The library of frames."""
        return ["pandas"]

    def leaf(self) -> InputLeaf:
        """Give what reads the rows of one request."""
        pandas = need("pandas", "`DataframeInput`", extra="pandas")
        check_dtypes(pandas, self.dtype)
        return TableLeaf(pandas, self.typ, self.orient, self.columns, self.dtype)

    def cli_type(self, given: Given) -> str:
        """Tell CSV from JSON by the file's ending, else by its content."""
        if given.content_type in (CSV, JSON):
            return given.content_type
        return JSON if given.content.lstrip()[:1] in (b"[", b"{") or not given.filename else CSV


def check_dtypes(pandas: ModuleType, dtype: Any) -> None:
    """Hold dtypes to those that pandas knows; raises ConfigError."""
    some = dtype.values() if isinstance(dtype, Mapping) else dtype if isinstance(dtype, list | tuple) else [dtype]
    for each in some:
        try:
            pandas.api.types.pandas_dtype("object" if each is None else each)
        except (TypeError, ValueError) as error:
            raise ConfigError(f"`dtype` must be one of pandas': {each!r}", hint='write "float64"') from error


def orient_of(data: Any) -> str:
    """Say in which orient JSON is; raises ValueError."""
    if isinstance(data, list):
        return "values" if data and isinstance(data[0], list) else "records"
    if not isinstance(data, dict):
        raise ValueError(f"must be a table: a list of rows, or an object of columns: {named(data)}")
    is_split = {"columns", "data"} <= set(data) <= SPLIT and isinstance(data["data"], list)
    return "split" if is_split and all(isinstance(row, list) for row in data["data"]) else "columns"


def dtype_words(dtype: Any) -> str:
    """Name a dtype as its user wrote it."""
    if isinstance(dtype, Mapping):
        return ", ".join(f"{name} as {kind}" for name, kind in dtype.items())
    return ", ".join(str(kind) for kind in dtype) if isinstance(dtype, list | tuple) else str(dtype)

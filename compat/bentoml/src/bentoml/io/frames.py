"""pandas' frames and series: JSON as pandas reads and writes it, CSV, Parquet.

In: JSON in one of pandas' orients, or a file of another type. Out: a frame or a series, and the same back.
Source: pandas' `read_json` and `to_json`, whose guesses of dtypes and dates hold here.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from bentoml.exceptions import InvalidArgument
from bentoml.io.arrays import settle_shape
from bentoml.io.base import IODescriptor
from bentoml.io.notes import hint_of
from bentoml.io.tables import FORMATS, Rules, SeriesTable, Table
from ekiben.core.optional import need

FRAME_ORIENTS = ("records", "split", "index", "columns", "values", "table")
SERIES_ORIENTS = ("records", "split", "index")


class PandasDataFrame(IODescriptor[Any], descriptor_id="bentoml.io.PandasDataFrame"):
    """Describes a frame.

    Args:
        orient: of the JSON: records, split, index, columns, values or table.
        columns: names of the columns, for the documents, and for `apply_column_names`.
        apply_column_names: call the columns that come so, by their order.
        dtype: what values are converted to, one for all or by column; True lets pandas guess, False does not.
        enforce_dtype: refuse what cannot be converted.
        shape: rows and columns; -1 for any number.
        enforce_shape: refuse other shapes.
        default_format: of answers, and of bodies that do not say theirs: json, csv or parquet.

    Raises:
        InvalidArgument: an option is not one of these, or something is enforced that is not given.
    """

    def __init__(
        self,
        orient: str = "records",
        columns: Sequence[str] | None = None,
        apply_column_names: bool = False,
        dtype: Any = None,
        enforce_dtype: bool = False,
        shape: Sequence[int] | None = None,
        enforce_shape: bool = False,
        default_format: str = "json",
    ) -> None:
        check_orient(orient, FRAME_ORIENTS)
        check_enforced(dtype, enforce_dtype, shape, enforce_shape)
        if apply_column_names and columns is None:
            raise InvalidArgument("`columns` must be given where `apply_column_names` is True: None")
        if default_format not in FORMATS:
            raise InvalidArgument(f"`default_format` must be one of {', '.join(FORMATS)}: {default_format!r}")
        self._rules = Rules(
            orient=orient,
            columns=None if columns is None else tuple(columns),
            is_named=apply_column_names,
            dtype=settle_dtypes(dtype),
            is_dtype_enforced=enforce_dtype,
            shape=None if shape is None else settle_shape(shape),
            is_shape_enforced=enforce_shape,
            form=default_format,
        )

    def _input_hint(self) -> Any:
        return hint_of(self._table())

    def _output_hint(self) -> Any:
        return hint_of(self._table())

    def _table(self) -> Table:
        pandas = need("pandas", "`PandasDataFrame`", extra="pandas")
        if self._rules.form == "parquet":
            need("pyarrow", '`default_format="parquet"`', extra="pandas")
        examples = () if self.sample is None else (self.openapi_example(),)
        return Table.of(pandas, self._rules, examples)

    def input_type(self) -> Any:
        """Give `pandas.DataFrame`."""
        return need("pandas", "`PandasDataFrame`", extra="pandas").DataFrame

    def openapi_example(self) -> Any:
        """Give the sample as JSON in the descriptor's orient."""
        return None if self.sample is None else json.loads(self.sample.to_json(orient=self._rules.orient))

    @classmethod
    def _options_of(cls, sample: Any) -> dict[str, Any]:
        frame = frame_of(sample)
        return {"columns": [str(name) for name in frame.columns], "shape": (-1, len(frame.columns))}

    @classmethod
    def _dtype_of(cls, sample: Any) -> Any:
        return {name: str(dtype) for name, dtype in frame_of(sample).dtypes.items()}

    def _from_sample(self, sample: Any) -> Any:
        return frame_of(sample)

    def _spec_args(self) -> dict[str, Any]:
        rules = self._rules
        return {
            "orient": rules.orient,
            "columns": None if rules.columns is None else list(rules.columns),
            "apply_column_names": rules.is_named,
            "dtype": rules.dtype,
            "enforce_dtype": rules.is_dtype_enforced,
            "shape": None if rules.shape is None else list(rules.shape),
            "enforce_shape": rules.is_shape_enforced,
            "default_format": rules.form,
        }


class PandasSeries(IODescriptor[Any], descriptor_id="bentoml.io.PandasSeries"):
    """Describes a series.

    Args:
        orient: of the JSON: records, split or index.
        dtype: what values are converted to; True lets pandas guess, False does not.
        enforce_dtype: refuse what cannot be converted.
        shape: the number of values, in a tuple; -1 for any.
        enforce_shape: refuse other numbers.

    Raises:
        InvalidArgument: an option is not one of these, or something is enforced that is not given.
    """

    def __init__(
        self,
        orient: str = "records",
        dtype: Any = None,
        enforce_dtype: bool = False,
        shape: Sequence[int] | None = None,
        enforce_shape: bool = False,
    ) -> None:
        check_orient(orient, SERIES_ORIENTS)
        check_enforced(dtype, enforce_dtype, shape, enforce_shape)
        if isinstance(dtype, Mapping):
            raise InvalidArgument(f"`dtype` of a series must be one dtype: {dtype!r}")
        self._rules = Rules(
            orient=orient,
            dtype=settle_dtypes(dtype),
            is_dtype_enforced=enforce_dtype,
            shape=None if shape is None else settle_shape(shape),
            is_shape_enforced=enforce_shape,
        )

    def _input_hint(self) -> Any:
        return hint_of(self._table())

    def _output_hint(self) -> Any:
        return hint_of(self._table())

    def _table(self) -> SeriesTable:
        pandas = need("pandas", "`PandasSeries`", extra="pandas")
        examples = () if self.sample is None else (self.openapi_example(),)
        return SeriesTable(pandas, rules=self._rules, examples=examples)

    def input_type(self) -> Any:
        """Give `pandas.Series`."""
        return need("pandas", "`PandasSeries`", extra="pandas").Series

    def openapi_example(self) -> Any:
        """Give the sample as JSON in the descriptor's orient."""
        return None if self.sample is None else json.loads(self.sample.to_json(orient=self._rules.orient))

    @classmethod
    def _options_of(cls, sample: Any) -> dict[str, Any]:
        return {"shape": (len(series_of(sample)),)}

    @classmethod
    def _dtype_of(cls, sample: Any) -> Any:
        return str(series_of(sample).dtype)

    def _from_sample(self, sample: Any) -> Any:
        return series_of(sample)

    def _spec_args(self) -> dict[str, Any]:
        rules = self._rules
        return {
            "orient": rules.orient,
            "dtype": rules.dtype,
            "enforce_dtype": rules.is_dtype_enforced,
            "shape": None if rules.shape is None else list(rules.shape),
            "enforce_shape": rules.is_shape_enforced,
        }


def check_orient(orient: str, known: Sequence[str]) -> None:
    """Hold `orient` to what pandas has; raises InvalidArgument."""
    if orient not in known:
        raise InvalidArgument(f"`orient` must be one of {', '.join(known)}: {orient!r}")


def check_enforced(dtype: Any, is_dtype_enforced: bool, shape: Any, is_shape_enforced: bool) -> None:
    """See that what is enforced is given; raises InvalidArgument."""
    if is_dtype_enforced and (dtype is None or isinstance(dtype, bool)):
        raise InvalidArgument(f"`dtype` must be given where `enforce_dtype` is True: {dtype!r}")
    if is_shape_enforced and shape is None:
        raise InvalidArgument("`shape` must be given where `enforce_shape` is True: None")


def settle_dtypes(dtype: Any) -> Any:
    """Give dtypes by their names, so that they can be written as data; raises InvalidArgument."""
    if dtype is None or isinstance(dtype, bool):
        return dtype
    if isinstance(dtype, Mapping):
        return {name: settle_dtypes(inner) for name, inner in dtype.items()}
    pandas = need("pandas", "`dtype`", extra="pandas")
    try:
        return str(pandas.api.types.pandas_dtype(dtype))
    except TypeError as error:
        raise InvalidArgument(f"`dtype` must be one of pandas' or NumPy's: {dtype!r}") from error


def frame_of(sample: Any) -> Any:
    """Give a sample as a frame; raises InvalidArgument."""
    pandas = need("pandas", "`PandasDataFrame`", extra="pandas")
    if isinstance(sample, pandas.DataFrame):
        return sample
    try:
        return pandas.DataFrame(sample)
    except (ValueError, TypeError) as error:
        raise InvalidArgument(f"a sample of `PandasDataFrame` must be a frame: {type(sample).__name__}") from error


def series_of(sample: Any) -> Any:
    """Give a sample as a series; raises InvalidArgument."""
    pandas = need("pandas", "`PandasSeries`", extra="pandas")
    if isinstance(sample, pandas.Series):
        return sample
    if isinstance(sample, list | tuple):
        return pandas.Series(sample)
    raise InvalidArgument(f"a sample of `PandasSeries` must be a series: {type(sample).__name__}")

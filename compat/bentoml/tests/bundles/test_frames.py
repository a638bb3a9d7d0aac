"""Tables come in every orient of pandas, and as CSV; what is no table is refused with its place."""

from typing import Any

import pandas as pd
import pytest
from bentoml.adapters import DataframeInput
from bentoml.bundles.commandline import Given
from bentoml.bundles.frames import TableLeaf, orient_of
from pandas.testing import assert_frame_equal, assert_series_equal
from pydantic import ValidationError

from ekiben.core.errors import ConfigError
from ekiben.schema.content import Upload

ROWS = [{"a": 1, "b": 2.5}, {"a": 3, "b": 4.5}]
FRAME = pd.DataFrame(ROWS)


def leaf(**options: Any) -> TableLeaf:
    """Plan an input."""
    return DataframeInput(**options).leaf()  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("orient", "data"),
    [
        pytest.param("records", ROWS, id="records"),
        pytest.param("columns", {"a": [1, 3], "b": [2.5, 4.5]}, id="columns"),
        pytest.param("columns", {"a": {"0": 1, "1": 3}, "b": {"0": 2.5, "1": 4.5}}, id="columns by index"),
        pytest.param("split", {"columns": ["a", "b"], "index": [0, 1], "data": [[1, 2.5], [3, 4.5]]}, id="split"),
        pytest.param("split", {"columns": ["a", "b"], "data": [[1, 2.5], [3, 4.5]]}, id="split without index"),
    ],
)
@pytest.mark.parametrize("told", [True, False], ids=["told", "found out"])
def test_orients(orient: str, data: Any, told: bool) -> None:
    """A table is the same in each orient, told or found out."""
    found = leaf(orient=orient if told else None).decode(data)
    assert_frame_equal(found.reset_index(drop=True), FRAME)


def test_values() -> None:
    """A list of lists has columns by number, or those that are asked for."""
    assert list(leaf().decode([[1, 2], [3, 4]]).columns) == [0, 1]
    assert_frame_equal(leaf(columns=["a", "b"]).decode([[1, 2.5], [3, 4.5]]), FRAME)
    assert_frame_equal(leaf(orient="values", columns=["a", "b"]).decode([[1, 2.5], [3, 4.5]]), FRAME)


def test_index() -> None:
    """An object of rows has its keys as index."""
    found = leaf(orient="index").decode({"x": ROWS[0], "y": ROWS[1]})
    assert list(found.index) == ["x", "y"]
    assert_frame_equal(found.reset_index(drop=True), FRAME)


@pytest.mark.parametrize(
    ("data", "orient"),
    [
        ([], "records"),
        ([[1]], "values"),
        ([{"a": 1}], "records"),
        ({"a": [1]}, "columns"),
        ({"columns": ["a"], "data": [[1]]}, "split"),
        ({"columns": [1], "data": [2]}, "columns"),
        ({"columns": ["a"], "data": [[1]], "more": [1]}, "columns"),
    ],
)
def test_the_orient_is_found_out(data: Any, orient: str) -> None:
    """What a table looks like tells its orient; a column may be called `data`."""
    assert orient_of(data) == orient


@pytest.mark.parametrize(
    ("options", "data", "words"),
    [
        pytest.param({}, "text", "must be a table", id="text"),
        pytest.param({}, None, "must be a table", id="null"),
        pytest.param({}, [1, 2], r"must be an object", id="numbers"),
        pytest.param({}, [[1], 2], r"must be a list of 1 values", id="a number beside rows"),
        pytest.param({}, {"a": 1}, "must be a list of the column's values", id="a number for a column"),
        pytest.param({}, {"a": [1], "b": []}, "must have as many values", id="columns of different lengths"),
        pytest.param({"orient": "records"}, {"a": [1]}, "must be a list of objects", id="columns for records"),
        pytest.param({"orient": "columns"}, ROWS, "must be an object with a list", id="records for columns"),
        pytest.param({"orient": "values"}, {"a": [1]}, "must be a list of rows", id="columns for values"),
        pytest.param({"orient": "index"}, ROWS, "must be an object with a row", id="records for index"),
        pytest.param({"orient": "index"}, {"x": 3}, "must be an object with a value", id="a number for a row"),
        pytest.param({"orient": "split"}, ROWS, "`columns`, `index` and `data`", id="records for split"),
        pytest.param({"orient": "split"}, {"columns": ["a"], "data": [[1, 2]]}, "a list of 1 values", id="a wide row"),
        pytest.param(
            {"orient": "split"}, {"columns": ["a"], "data": [[1]], "index": []}, "a list of 1 labels", id="no labels"
        ),
        pytest.param({"columns": ["a", "z"]}, ROWS, "missing: z", id="a column is missing"),
        pytest.param({"dtype": {"z": "int64"}}, ROWS, "the column `z` is missing", id="a dtype for none"),
        pytest.param({"dtype": ["int64"]}, ROWS, "there must be 1 columns, not 2", id="dtypes by position"),
        pytest.param({"dtype": "int64"}, [{"a": "x"}], "must hold int64", id="text for a number"),
        pytest.param({"typ": "series"}, {"a": [1]}, None, id="an object of lists is a series of lists"),
        pytest.param({"typ": "series"}, 5, "must be a list of values", id="a number for a series"),
        pytest.param({"typ": "series", "orient": "split"}, {"data": [1], "index": [1, 2]}, "of one length", id="split"),
    ],
)
def test_what_is_no_table(options: dict[str, Any], data: Any, words: str | None) -> None:
    """What is no table of the asked form is refused with words; nothing is guessed."""
    if words is None:
        assert leaf(**options).decode(data).tolist() == [[1]]
        return
    with pytest.raises((ValueError, ValidationError), match=words):
        leaf(**options).decode(data)


@pytest.mark.parametrize(
    ("dtype", "kinds"),
    [
        pytest.param(None, ["int64", "float64"], id="as the JSON has it"),
        pytest.param(True, ["int64", "float64"], id="True guesses nothing more"),
        pytest.param("float32", ["float32", "float32"], id="one for all"),
        pytest.param({"a": "float32"}, ["float32", "float64"], id="by name"),
        pytest.param(["int8", "float32"], ["int8", "float32"], id="by position"),
    ],
)
def test_dtypes(dtype: Any, kinds: list[str]) -> None:
    """Columns get the dtypes that are asked for."""
    assert [str(kind) for kind in leaf(dtype=dtype).decode(ROWS).dtypes] == kinds
    assert [str(kind) for kind in leaf(input_dtypes=dtype).decode(ROWS).dtypes] == kinds


def test_dtypes_of_columns_by_number() -> None:
    """Columns without names are asked for by their number."""
    assert [str(kind) for kind in leaf(dtype={1: "float32"}).decode([[1, 2]]).dtypes] == ["int64", "float32"]


def test_columns_are_chosen_in_their_order() -> None:
    """Columns that are not asked for are left out; the others have the asked order."""
    assert list(leaf(columns=["b", "a"]).decode([{"a": 1, "c": 0, "b": 2}]).columns) == ["b", "a"]


@pytest.mark.parametrize(
    ("content", "media"),
    [
        pytest.param(b"a,b\n1,2.5\n3,4.5\n", "text/csv", id="CSV"),
        pytest.param(b"a,b\r\n1,2.5\r\n3,4.5", "text/csv; charset=utf-8", id="CSV from elsewhere"),
        pytest.param("a,b\n1,2.5\n3,4.5\n".encode("utf-16"), "text/csv; charset=utf-16", id="CSV in another charset"),
        pytest.param(b'[{"a": 1, "b": 2.5}, {"a": 3, "b": 4.5}]', "application/json", id="JSON"),
        pytest.param(b'{"a": [1, 3], "b": [2.5, 4.5]}', "application/octet-stream", id="JSON without its type"),
    ],
)
def test_uploads(content: bytes, media: str) -> None:
    """A file or a body is read as its type says; JSON where it says nothing."""
    assert_frame_equal(leaf().decode(Upload(content, media)), FRAME)


def test_a_path_in_csv_is_text() -> None:
    """A name of a file is a cell like any other."""
    found = leaf().decode(Upload(b"/etc/passwd\nfile:///etc/passwd\n", "text/csv"))
    assert list(found.columns) == ["/etc/passwd"]
    assert found.iloc[0, 0] == "file:///etc/passwd"
    with pytest.raises(ValueError, match="JSON"):
        leaf().decode(Upload(b"/etc/passwd", "text/plain"))


def test_series() -> None:
    """Single values come as a list, by index, or split."""
    expected = pd.Series([1, 2])
    for data in ([1, 2], {"0": 1, "1": 2}, {"data": [1, 2], "index": [0, 1]}):
        assert_series_equal(leaf(typ="series").decode(data).reset_index(drop=True), expected)
    assert leaf(typ="series", dtype="float32").decode([1]).dtype == "float32"
    assert leaf(typ="series").decode(Upload(b"a\n1\n2\n", "text/csv")).tolist() == [1, 2]


def test_no_rows() -> None:
    """A table may be empty, whatever is asked of its columns."""
    assert len(leaf(columns=["a"], dtype={"a": "int64"}).decode([])) == 0
    assert len(leaf().decode({})) == 0
    assert leaf(typ="series").decode([]).tolist() == []


def test_join_and_split() -> None:
    """Tables of the same columns and dtypes are joined, and taken apart by their rows."""
    table = leaf()
    small = table.decode([{"a": 9, "b": 0.5}])
    assert table.alike(FRAME, 0) == table.alike(small, 0)
    assert table.alike(FRAME, 0) != table.alike(table.decode([{"a": 1, "b": 2}]), 0)
    joined, sizes = table.join([FRAME, small], 0)
    assert (len(joined), list(joined.index), sizes) == (3, [0, 1, 2], [2, 1])
    parts = table.split(joined, sizes, 0)
    assert_frame_equal(parts[0], FRAME)
    assert_frame_equal(parts[1], small)
    one = leaf(typ="series")
    assert one.join([pd.Series([1]), pd.Series([2, 3])], 0)[1] == [1, 2]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"typ": "panel"}, "`typ` must be 'frame' or 'series': 'panel'"),
        ({"orient": "table"}, "`orient` must be one of split"),
        ({"typ": "series", "orient": "columns"}, "`orient` of a series"),
        ({"columns": "ab"}, "`columns` must be a list of names: 'ab'"),
        ({"columns": [1]}, "`columns` must be a list of names"),
    ],
)
def test_wrong_options(options: dict[str, Any], words: str) -> None:
    """An option that cannot be is refused by its name."""
    with pytest.raises(ConfigError, match=words):
        DataframeInput(**options)


@pytest.mark.parametrize("dtype", ["flot64", {"a": "flot64"}, ["flot64"]])
def test_an_unknown_dtype(dtype: Any) -> None:
    """A dtype that pandas does not know is the service's mistake, told when it is loaded."""
    with pytest.raises(ConfigError, match="`dtype` must be one of pandas': 'flot64'"):
        leaf(dtype=dtype)


@pytest.mark.parametrize(
    ("given", "media"),
    [
        (Given(b"[1]"), "application/json"),
        (Given(b"x,y"), "application/json"),
        (Given(b" [1]", "application/octet-stream", "rows"), "application/json"),
        (Given(b"x,y\n", "application/octet-stream", "rows"), "text/csv"),
        (Given(b"[1]", "text/csv", "rows.csv"), "text/csv"),
    ],
)
def test_the_type_of_a_file(given: Given, media: str) -> None:
    """The ending of a file tells its type, else its content does."""
    assert DataframeInput().cli_type(given) == media


def test_it_says_what_it_is() -> None:
    """An input tells its options, its package and its schema."""
    adapter = DataframeInput(orient="records", columns=["a"])
    assert adapter.config == {"typ": "frame", "orient": "records", "columns": ["a"], "dtype": None}
    assert adapter.pip_dependencies == ["pandas"]
    assert set(adapter.request_schema) == {"application/json", "multipart/form-data", "text/csv", "*/*"}
    assert leaf(orient="columns").schema()["type"] == "object"
    assert "anyOf" in leaf(typ="series").schema()


@pytest.mark.parametrize(
    "data", [[{f"c{i}": 1} for i in range(40_000)], {f"r{i}": {f"c{i}": 1} for i in range(40_000)}]
)
def test_rows_of_columns_of_their_own(data: Any) -> None:
    """Rows that share no columns, which would fill the memory, are refused in every orient."""
    leaf = TableLeaf(pd, "frame", "index" if isinstance(data, dict) else None, None, None)
    with pytest.raises(ValueError, match="rows have the same columns"):
        leaf.decode(data)

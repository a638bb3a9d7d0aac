"""Frames travel as records, columns, CSV, Arrow and Parquet, with their types and their missing values."""

import io
import json
from typing import Any

import numpy as np
import orjson
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal
from pydantic import ValidationError

from ekiben.core.errors import ConfigError
from ekiben.schema.content import JSON, Upload
from ekiben.schema.open import to_plain
from ekiben.schema.values import dataframe as kind
from ekiben.schema.wire.arrow import FILE, PARQUET, STREAM
from ekiben.schema.wire.json import dumper
from ekiben.validators import ContentType, DataframeSchema

FRAME = pd.DataFrame({"a": [1, 2], "b": [0.5, np.nan], "c": ["x", None], "d": [True, False]})
NAN_STYLE = dumper("null", to_plain)


def leaf(*notes: Any) -> Any:
    """Plan a frame."""
    return kind.plan(pd.DataFrame, notes)


def as_json(value: Any, *notes: Any) -> Any:
    """Write a frame as JSON, and read the data."""
    return orjson.loads(NAN_STYLE(leaf(*notes).to_json(value)))


def test_records() -> None:
    """A frame is a list of rows, and a missing value is null."""
    assert as_json(FRAME) == [{"a": 1, "b": 0.5, "c": "x", "d": True}, {"a": 2, "b": None, "c": None, "d": False}]


def test_columns() -> None:
    """By columns, a frame is what pandas writes, and is read so or with lists."""
    written = as_json(FRAME[["a"]], DataframeSchema("columns"))
    assert written == {"a": {"0": 1, "1": 2}}
    for raw in (written, {"a": [1, 2]}):
        assert_frame_equal(leaf(DataframeSchema("columns")).decode(raw), FRAME[["a"]])


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (pd.Series(pd.to_datetime(["2026-01-02", None])), ["2026-01-02T00:00:00", None]),
        (pd.Series(pd.to_timedelta(["1h", None])), ["P0DT1H0M0S", None]),
        (pd.Series(["a", None], dtype="category"), ["a", None]),
        (pd.Series([1, None], dtype="Int64"), [1, None]),
        (pd.Series([True, None], dtype="boolean"), [True, None]),
        (pd.Series([0.1, 2], dtype="float32"), [0.10000000149011612, 2.0]),
        (pd.Series([[1], None]), [[1], None]),
        (pd.Series([2**70, 1], dtype=object), [2**70, 1]),
        (pd.Series([np.array([1]), None], dtype=object), [[1], None]),
        (pd.Series(["a", None], dtype="string"), ["a", None]),
    ],
)
def test_types_of_columns(column: Any, expected: list[Any]) -> None:
    """Every dtype that pandas has is written as JSON knows it."""
    text = NAN_STYLE(leaf().to_json(pd.DataFrame({"k": column})))
    assert [row["k"] for row in json.loads(text)] == expected


def test_declared_columns() -> None:
    """Declared columns come in their order, whatever else was sent; lists go by position."""
    planned = leaf(DataframeSchema(columns=["b", "a"]))
    assert list(planned.decode([{"a": 1, "x": 2, "b": 3}]).columns) == ["b", "a"]
    assert planned.decode([[3, 1]]).to_dict("list") == {"b": [3], "a": [1]}
    assert list(planned.decode([]).columns) == ["b", "a"]
    assert list(planned.decode(Upload(b"a,b,x\n1,3,2\n", "text/csv")).columns) == ["b", "a"]


@given(
    st.lists(
        st.fixed_dictionaries({"a": st.integers(-(2**62), 2**62), "b": st.floats(allow_nan=False), "c": st.text()}),
        min_size=1,
        max_size=5,
    )
)
def test_any_records_come_back(rows: list[dict[str, Any]]) -> None:
    """Records are the same after a frame, but for infinities, which JSON lacks."""
    written = as_json(leaf().decode(rows))
    infinite = (float("inf"), -float("inf"))
    assert written == [{**row, "b": None if row["b"] in infinite else row["b"]} for row in rows]


@pytest.mark.parametrize("media", ["text/csv", STREAM, PARQUET])
def test_round_trip_in_bytes(media: str) -> None:
    """A frame is the same after CSV, Arrow and Parquet."""
    planned = leaf(ContentType(media))
    encoded = planned.encoders[planned.output_media](FRAME[["a", "b", "d"]])
    assert encoded.media_type.startswith(media)
    assert_frame_equal(leaf().decode(Upload(encoded.body, encoded.media_type)), FRAME[["a", "b", "d"]])


@pytest.mark.parametrize("media", ["text/csv", "application/octet-stream", "image/png", STREAM, FILE, PARQUET])
def test_bytes_are_known_by_content(media: str) -> None:
    """Whatever the sender says of it, a table is read by what it is."""
    for content in (leaf().to_stream(FRAME).body, leaf().to_parquet(FRAME).body, leaf().to_csv(FRAME).body):
        assert list(leaf().decode(Upload(content, media)).columns) == list("abcd")


def test_json_upload() -> None:
    """A file of JSON is read as JSON."""
    assert leaf().decode(Upload(b'[{"a":1}]', JSON)).to_dict("list") == {"a": [1]}


def test_what_pandas_noted_is_not_trusted() -> None:
    """The sender's notes on index and dtypes, which travel beside Arrow columns, are passed over."""
    out = io.BytesIO()
    FRAME.assign(a=["k", "l"]).set_index("a").to_parquet(out)
    assert sorted(leaf().decode(Upload(out.getvalue())).columns) == ["a", "b", "c", "d"]


@pytest.mark.parametrize(
    ("content", "media"),
    [
        (b"", "text/csv"),
        (b"\xff\xfe\x00", "text/csv"),
        (b'a,b\n1,2\n1,2,3,4\n"', "text/csv"),
        (b"\xff\xff\xff\xff" + b"\x00" * 20, STREAM),
        (b"ARROW1\0\0" + b"\x01" * 20, FILE),
        (b"PAR1" + b"\x01" * 20 + b"PAR1", PARQUET),
        (b"{", JSON),
        (b"3", JSON),
    ],
)
def test_damaged(content: bytes, media: str) -> None:
    """Bytes that are no table are refused in words."""
    with pytest.raises((ValueError, ValidationError), match=r"is not|must be"):
        leaf().decode(Upload(content, media))


def test_batches() -> None:
    """Frames are put one below the other and cut again, each part with its own index."""
    one, two = FRAME.iloc[:1], FRAME.iloc[1:]
    joined, sizes = leaf().join([one, two], 0)
    assert sizes == [1, 1]
    assert list(joined.index) == [0, 1]
    parts = leaf().split(joined, sizes, 0)
    assert [list(part.index) for part in parts] == [[0], [0]]
    assert leaf().alike(one, 0) == leaf().alike(two, 0)
    assert leaf().alike(one, 0) != leaf().alike(one[["a"]], 0) != leaf().alike(one[["b"]], 0)
    with pytest.raises(ValueError, match="a batch of 3 items must be answered by as many, not 2"):
        leaf().split(joined, [1, 2], 0)


def test_series() -> None:
    """A series is a list, batched as one."""
    planned: Any = kind.plan(pd.Series, ())
    assert planned.to_json(pd.Series([1.5, np.nan]))[0] == 1.5
    assert planned.decode([1, 2]).tolist() == [1, 2]
    assert planned.decode([]).tolist() == []
    joined, sizes = planned.join([pd.Series([1]), pd.Series([2, 3])], 0)
    assert [part.tolist() for part in planned.split(joined, sizes, 0)] == [[1], [2, 3]]
    assert [part.tolist() for part in planned.split(np.array([1, 2, 3]), sizes, 0)] == [[1], [2, 3]]
    with pytest.raises(ValueError, match="must be a list of values, not 3"):
        planned.decode(3)


@pytest.mark.parametrize("value", [[{"a": 1}], pd.Series([1]), None, pd.DataFrame([[1, 2]], columns=["a", "a"])])
def test_answers_that_are_no_frame(value: Any) -> None:
    """What is no frame, or has a column twice, is the method's mistake."""
    with pytest.raises(TypeError, match="the answer must be"):
        leaf().to_json(value)


@pytest.mark.parametrize(
    ("hint", "note"),
    [
        (pd.DataFrame, DataframeSchema("rows")),  # type: ignore[arg-type]
        (pd.DataFrame, ContentType("image/png")),
        (pd.Series, DataframeSchema()),
        (pd.Series, ContentType("text/csv")),
    ],
)
def test_refused_at_start(hint: Any, note: Any) -> None:
    """An orientation or a content type that frames do not have is refused."""
    with pytest.raises(ConfigError):
        kind.plan(hint, (note,))


def test_rows_of_columns_of_their_own() -> None:
    """Rows that share no columns would make a table far larger than they are, and are refused before it is made."""
    leaf = kind.FrameLeaf(pd, None, None)
    with pytest.raises(ValueError, match="rows have the same columns: of 1600000000 cells only 40000 are given"):
        leaf.decode([{f"c{i}": 1} for i in range(40_000)])
    assert leaf.decode([{f"c{i}": 1} for i in range(100)]).shape == (100, 100)


def test_a_long_table_is_not_taken_for_a_sparse_one() -> None:
    """However many rows there are, and though some lack a column, a table of the same columns is read."""
    kind.check_cells([{"a": 1, "b": 2, "c": 3}] * 3_000_000 + [{"a": 1}])

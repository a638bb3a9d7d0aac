"""`PandasDataFrame` and `PandasSeries` read and write as pandas does, in every orient and form, by their rules."""

import io
import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
from bentoml.exceptions import InvalidArgument
from bentoml.io import PandasDataFrame, PandasSeries, from_spec

from compat.bentoml.tests.io.codecs import codec_of, read
from ekiben.core.errors import InvalidInput
from ekiben.schema.content import JSON, OCTETS, Upload
from ekiben.schema.wire import arrow

FRAME = pd.DataFrame({"a": [1, 2], "b": ["x", "y"]})


@pytest.mark.parametrize("orient", ["records", "split", "index", "columns", "values", "table"])
def test_every_orient(orient: str) -> None:
    """What pandas writes in an orient is read, and written as pandas does."""
    codec = codec_of(PandasDataFrame(orient=orient))
    body = FRAME.to_json(orient=orient).encode()
    found = read(codec, body)
    assert found.values.tolist() == FRAME.values.tolist()
    assert codec.encode(FRAME) == (body, JSON, {})
    assert codec.input_schema["x-orient"] == orient


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        pytest.param(b'[{"a": 1, "b": null}]', {"a": [1], "b": [None]}, id="records"),
        pytest.param(b"[[1, 2], [3, 4]]", {0: [1, 3], 1: [2, 4]}, id="rows as lists"),
        pytest.param(b'[{"a": "5"}]', {"a": [5]}, id="pandas guesses numbers"),
        pytest.param(b'[{"a": 0.1}]', {"a": [0.1]}, id="exact to the last digit"),
        pytest.param(b"[]", {}, id="no rows"),
    ],
)
def test_records(body: bytes, expected: dict[Any, list[Any]]) -> None:
    found = read(codec_of(PandasDataFrame()), body)
    assert {name: [None if pd.isna(x) else x for x in found[name]] for name in found.columns} == expected


def test_csv_and_parquet() -> None:
    """The content type says what a body is, and Parquet says it itself."""
    codec = codec_of(PandasDataFrame())
    for content, media in (
        (b"a,b\r\n1,x\r\n2,y\r\n", "text/csv"),
        ("a,b\n1,x\n2,y\n".encode("utf-16"), "text/csv; charset=utf-16"),
        (FRAME.to_parquet(), OCTETS),
        (FRAME.to_parquet(), "application/vnd.apache.parquet"),
        (FRAME.to_json(orient="records").encode(), "application/x-other"),
    ):
        (found,), _ = codec.from_raw(Upload(content, media))
        assert found.values.tolist() == FRAME.values.tolist()


@pytest.mark.parametrize(
    ("form", "media", "body"),
    [
        ("json", JSON, FRAME.to_json(orient="records").encode()),
        ("csv", "text/csv; charset=utf-8", FRAME.to_csv().encode()),
        ("parquet", OCTETS, FRAME.to_parquet()),
    ],
)
def test_default_format(form: str, media: str, body: bytes) -> None:
    """Answers are of the default form, and so are bodies that do not say theirs."""
    codec = codec_of(PandasDataFrame(default_format=form))
    assert codec.encode(FRAME) == (body, media, {})
    sent = {"json": body, "csv": b"a,b\n1,x\n2,y\n", "parquet": body}[form]
    assert read(codec, sent).values.tolist() == FRAME.values.tolist()
    assert read(codec, FRAME.to_json(orient="records").encode()).shape == (2, 2)


def test_large_parquet_without_a_type() -> None:
    """Brackets among the bytes of Parquet are not taken for the depth of JSON."""
    frame = pd.DataFrame({"a": np.random.default_rng(0).integers(0, 2**62, 50_000)})
    found = read(codec_of(PandasDataFrame(default_format="parquet")), frame.to_parquet())
    pd.testing.assert_frame_equal(found, frame)


def test_names_of_columns() -> None:
    """`apply_column_names` calls the columns by their order; without it, `columns` is for the documents."""
    codec = codec_of(PandasDataFrame(columns=["u", "v"], apply_column_names=True))
    assert list(read(codec, b'[{"a": 1, "b": 2}]').columns) == ["u", "v"]
    with pytest.raises(InvalidInput, match="must have 2 columns, not 1"):
        read(codec, b'[{"a": 1}]')
    plain = codec_of(PandasDataFrame(columns=["u", "v"]))
    assert list(read(plain, b'[{"a": 1}]').columns) == ["a"]
    assert list(plain.input_schema["items"]["properties"]) == ["u", "v"]


def test_dtype() -> None:
    """A dtype converts what it can; CSV is read with it, so that a leading zero stays."""
    codec = codec_of(PandasDataFrame(dtype={"a": "float32", "zip": str}))
    assert str(read(codec, b'[{"a": 1, "zip": "007"}]').dtypes["a"]) == "float32"
    (found,), _ = codec.from_raw(Upload(b"a,zip\n1,007\n", "text/csv"))
    assert found["zip"].tolist() == ["007"]
    assert read(codec, b'[{"a": "x", "zip": "1"}]')["a"].tolist() == ["x"]
    assert read(codec_of(PandasDataFrame(dtype=False)), b'[{"a": "5"}]')["a"].tolist() == ["5"]
    assert str(read(codec_of(PandasDataFrame(dtype="float64")), b'[{"a": 5}]')["a"].dtype) == "float64"


@pytest.mark.parametrize(
    "upload",
    [
        Upload(b'[{"a": "x"}]', "application/other"),
        Upload(b'[{"b": 1}]', "application/other"),
        Upload(b"a\nx\n", "text/csv"),
    ],
    ids=["of another type", "without the column", "CSV"],
)
def test_dtype_is_enforced(upload: Upload) -> None:
    codec = codec_of(PandasDataFrame(dtype={"a": "float64"}, enforce_dtype=True))
    assert read(codec, b'[{"a": 1}]')["a"].tolist() == [1.0]
    with pytest.raises(InvalidInput, match=r"must hold a as float64|is not a readable table"):
        codec.from_raw(upload)


def test_shape_is_enforced() -> None:
    """An enforced shape counts rows and columns; an open length is any."""
    codec = codec_of(PandasDataFrame(shape=(-1, 2), enforce_shape=True))
    assert read(codec, b'[{"a": 1, "b": 2}, {"a": 1, "b": 2}]').shape == (2, 2)
    with pytest.raises(InvalidInput, match=r"must be of shape \(any, 2\), not \(1, 1\)"):
        read(codec, b'[{"a": 1}]')
    assert read(codec_of(PandasDataFrame(shape=(5, 2))), b'[{"a": 1}]').shape == (1, 1)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        pytest.param(b'{"a": 1}', "in pandas' orient 'records'", id="a single object"),
        pytest.param(b"5", "must be a table as JSON, not 5", id="a number"),
        pytest.param(b'"/etc/passwd"', "must be a table as JSON, not", id="a path"),
        pytest.param(b'"http://localhost/x.json"', "must be a table as JSON, not", id="an address"),
        pytest.param(b'[{"a": 1}', "as JSON in pandas' orient", id="cut short"),
        pytest.param(b'[{"a": ' + b"[" * 900 + b"]" * 900 + b"}]", "nested deeper than 64 levels", id="too deep"),
        pytest.param(b"", "is required", id="nothing"),
    ],
)
def test_what_is_refused(body: bytes, words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        read(codec_of(PandasDataFrame()), body)


@pytest.mark.parametrize(
    ("content", "media", "words"),
    [
        pytest.param(b'a,b\n"1,2', "text/csv", "is not a readable table", id="CSV with an open quote"),
        pytest.param(b"", "text/csv", "is not a readable table", id="empty CSV"),
        pytest.param(b"\xff\xfe\xff", "text/csv", "must be text in UTF-8", id="CSV of no text"),
        pytest.param(b"PAR1" + b"x" * 50, OCTETS, "is not a readable Parquet file", id="Parquet by name alone"),
        pytest.param(FRAME.to_parquet()[:-20], OCTETS, "is not a readable Parquet file", id="Parquet cut short"),
        pytest.param(b"anything", OCTETS, "is not a Parquet file", id="other bytes"),
    ],
)
def test_what_files_are_refused(content: bytes, media: str, words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        codec_of(PandasDataFrame()).from_raw(Upload(content, media))


@pytest.mark.parametrize(
    ("orient", "body"),
    [
        ("split", b"[[1]]"),
        ("split", b'{"a": 1}'),
        ("split", b'{"columns": 1, "data": {}}'),
        ("split", b'{"columns": ["a"], "index": [0], "data": [[1, 2]]}'),
        ("index", b"[[[1]]]"),
        ("table", b"[1]"),
        ("table", b'{"schema": {}}'),
        ("table", b'{"schema": 1, "data": 2}'),
        ("columns", b'{"a": 1}'),
        ("values", b'{"a": 1}'),
    ],
)
def test_what_orients_are_refused(orient: str, body: bytes) -> None:
    """JSON of another orient is the caller's mistake, not ours."""
    with pytest.raises(InvalidInput, match=f"in pandas' orient '{orient}'"):
        read(codec_of(PandasDataFrame(orient=orient)), body)


def test_answers_that_are_no_frames() -> None:
    """A series becomes a frame of one column; anything else is the service's fault."""
    codec = codec_of(PandasDataFrame())
    assert codec.encode(pd.Series([1, 2], name="n")).body == b'[{"n":1},{"n":2}]'
    assert codec.encode(pd.DataFrame({"a": [np.nan, 1.5]})).body == b'[{"a":null},{"a":1.5}]'
    for wrong in (np.array([[1]]), [{"a": 1}], "text"):
        with pytest.raises(TypeError, match="the answer must be a pandas DataFrame, not"):
            codec.encode(wrong)
    with pytest.raises(TypeError, match="the answer must be of shape"):
        codec_of(PandasDataFrame(shape=(1, 9), enforce_shape=True)).encode(FRAME)


@pytest.mark.parametrize(
    ("kind", "options", "words"),
    [
        (PandasDataFrame, {"orient": "rows"}, "`orient` must be one of records, split"),
        (PandasDataFrame, {"default_format": "xml"}, "`default_format` must be one of json, csv, parquet: 'xml'"),
        (PandasDataFrame, {"apply_column_names": True}, "`columns` must be given"),
        (PandasDataFrame, {"enforce_dtype": True}, "`dtype` must be given"),
        (PandasDataFrame, {"enforce_dtype": True, "dtype": True}, "`dtype` must be given"),
        (PandasDataFrame, {"enforce_shape": True}, "`shape` must be given"),
        (PandasDataFrame, {"dtype": {"a": "flaot"}}, "`dtype` must be one of pandas' or NumPy's: 'flaot'"),
        (PandasSeries, {"orient": "columns"}, "`orient` must be one of records, split, index: 'columns'"),
        (PandasSeries, {"dtype": {"a": int}}, "`dtype` of a series must be one dtype"),
        (PandasSeries, {"enforce_shape": True}, "`shape` must be given"),
    ],
)
def test_wrong_options(kind: Any, options: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidArgument, match=words):
        kind(**options)


def test_frame_from_a_sample() -> None:
    """A sample gives columns, their number, dtypes where these are enforced, and stands in the documents."""
    descriptor = PandasDataFrame.from_sample(FRAME, enforce_shape=True, orient="split")
    codec = codec_of(descriptor)
    assert codec.input_schema["examples"] == [json.loads(FRAME.to_json(orient="split"))]
    assert read(codec, FRAME.head(1).to_json(orient="split").encode()).shape == (1, 2)
    with pytest.raises(InvalidInput, match="must be of shape"):
        read(codec, b'{"columns": ["a"], "index": [0], "data": [[1]]}')
    plain = PandasDataFrame.from_sample([{"a": 1}])
    assert read(codec_of(plain), b'[{"a": 7.25}]')["a"].tolist() == [7.25]
    strict = PandasDataFrame.from_sample([{"a": 1}], enforce_dtype=True)
    assert strict.to_spec()["args"]["dtype"] == {"a": "int64"}
    assert read(codec_of(strict), b'[{"a": 7.0}]')["a"].tolist() == [7]
    with pytest.raises(InvalidInput, match="must hold a as int64: a fraction would be cut off"):
        read(codec_of(strict), b'[{"a": 7.25}]')
    with pytest.raises(InvalidArgument, match="must be a frame: int"):
        PandasDataFrame.from_sample(5)


def test_series() -> None:
    """A series comes and goes as JSON in its orient, converted and held to its rules."""
    codec = codec_of(PandasSeries(dtype="float64", shape=(-1,), enforce_shape=True))
    found = read(codec, b"[1, 2]")
    assert (found.tolist(), str(found.dtype)) == ([1.0, 2.0], "float64")
    assert codec.encode(pd.Series([1, 2])).body == b"[1.0,2.0]"
    for orient in ("split", "index"):
        codec = codec_of(PandasSeries(orient=orient))
        body = pd.Series([1, 2], index=[5, 6], name="n").to_json(orient=orient).encode()
        assert read(codec, body).tolist() == [1, 2]
        assert json.loads(codec.encode(read(codec, body)).body)
    (found,), _ = codec_of(PandasSeries()).from_fields([("x", "[1, 2]")])
    assert found.tolist() == [1, 2]


@pytest.mark.parametrize("body", [b"5", b'"x"', b"null", b'{"a": {"b": [1]}', b"[" * 99 + b"]" * 99])
def test_what_is_no_series(body: bytes) -> None:
    with pytest.raises(InvalidInput, match=r"series as JSON|is not JSON|is nested deeper"):
        read(codec_of(PandasSeries()), body)


def test_series_from_a_sample() -> None:
    """A sample gives dtype and length; anything else is none."""
    descriptor = PandasSeries.from_sample(pd.Series([1.5, 2.5]))
    assert descriptor.to_spec()["args"]["shape"] == [2]
    strict = PandasSeries.from_sample(pd.Series([1, 2]), enforce_dtype=True)
    assert strict.to_spec()["args"]["dtype"] == "int64"
    with pytest.raises(InvalidInput, match="a fraction would be cut off"):
        read(codec_of(strict), b"[1.5]")
    assert codec_of(descriptor).input_schema["examples"] == [[1.5, 2.5]]
    assert PandasSeries.from_sample([1]).input_type() is pd.Series
    with pytest.raises(InvalidArgument, match="must be a series: str"):
        PandasSeries.from_sample("x")
    with pytest.raises(TypeError, match="must be a pandas Series, not list"):
        codec_of(descriptor).encode([1])


def test_to_data_and_back() -> None:
    """Descriptors are written as data, and made again from it."""
    for descriptor in (
        PandasDataFrame(orient="split", columns=["a"], dtype={"a": np.float32}, shape=(-1, 1), enforce_shape=True),
        PandasDataFrame(default_format="csv", dtype=True),
        PandasSeries(dtype="int8", enforce_dtype=True),
    ):
        spec = json.loads(json.dumps(descriptor.to_spec()))
        assert from_spec(spec).to_spec() == spec
    assert repr(PandasDataFrame(orient="split")) == "PandasDataFrame(orient='split')"


def test_documents() -> None:
    """Each form is listed that a body may have; an answer has its own."""
    descriptor = PandasDataFrame(default_format="csv")
    assert {"application/json", "text/csv", OCTETS} <= set(descriptor.openapi_request_body()["content"])
    assert "text/csv" in descriptor.openapi_responses()["content"]
    assert (descriptor.mime_type, descriptor.input_type()) == ("text/csv", pd.DataFrame)


def test_a_bomb_of_parquet(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few bytes that would unpack to many are refused before they do."""
    target = io.BytesIO()
    pd.DataFrame({"a": np.zeros(300_000)}).to_parquet(target)
    assert len(target.getvalue()) < 20_000
    codec = codec_of(PandasDataFrame())
    assert codec.from_raw(Upload(target.getvalue(), OCTETS))[0][0].shape == (300_000, 1)
    monkeypatch.setattr(arrow, "MAX_UNPACKED", 1_000_000)
    with pytest.raises(InvalidInput, match="must not unpack to more than 1000000 bytes"):
        codec.from_raw(Upload(target.getvalue(), OCTETS))


@pytest.mark.parametrize("orient", ["records", "columns", "index", "table"])
def test_cells_that_nobody_gave(orient: str) -> None:
    """Rows, or columns, that have nothing in common are refused before pandas makes gigabytes of kilobytes."""
    rows = [{f"c{i}": 1} for i in range(40_000)]
    by_name = {f"r{i}": row for i, row in enumerate(rows)}
    data = {"records": rows, "columns": by_name, "index": by_name, "table": {"data": rows}}[orient]
    with pytest.raises(InvalidInput, match="rows have the same columns"):
        read(codec_of(PandasDataFrame(orient=orient)), json.dumps(data).encode())

"""`NumpyNdarray` reads what NumPy reads, converts, refuses where it is told to, and writes JSON."""

import io
from typing import Any

import numpy as np
import pandas as pd
import pytest
from bentoml.exceptions import BadInput, InvalidArgument
from bentoml.io import NumpyNdarray, from_spec

from compat.bentoml.tests.io.codecs import codec_of, read
from ekiben.core.errors import InvalidInput
from ekiben.schema.content import JSON, Upload


def npy(array: Any) -> bytes:
    target = io.BytesIO()
    np.save(target, np.asarray(array))
    return target.getvalue()


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        pytest.param(b"[[5.1, 3.5, 1.4, 0.2]]", np.array([[5.1, 3.5, 1.4, 0.2]]), id="rows of numbers"),
        pytest.param(b"[[1, 2], [3, 4]]", np.array([[1, 2], [3, 4]]), id="whole numbers stay whole"),
        pytest.param(b"7", np.array(7), id="a single number"),
        pytest.param(b'"a"', np.array("a"), id="a single text"),
        pytest.param(b'[["a", "bc"]]', np.array([["a", "bc"]]), id="text"),
        pytest.param(b"[true, false]", np.array([True, False]), id="truth"),
        pytest.param(b"[1, null, 2.5]", np.array([1, np.nan, 2.5]), id="null among numbers is NaN"),
        pytest.param(b"[1, NaN]", np.array([1, np.nan]), id="NaN as Python writes it"),
        pytest.param(b"[]", np.array([]), id="nothing"),
        pytest.param(b"[123456789012345678901234567890]", np.array([1.2345678901234568e29]), id="a huge number"),
    ],
)
def test_what_is_read(body: bytes, expected: Any) -> None:
    array = read(codec_of(NumpyNdarray()), body)
    assert (array.shape, array.dtype.kind) == (expected.shape, expected.dtype.kind)
    np.testing.assert_array_equal(array, expected)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        pytest.param(b"[[1, 2], [3]]", "[1]: must have as many items as its neighbours (2), not 1", id="ragged"),
        pytest.param(b'[{"0": 5}]', "[0]: must be a number, not an object", id="objects"),
        pytest.param(b'["a", null]', "[0]: must be a number, not 'a'", id="null among texts"),
        pytest.param(b"null", "must be an array as nested lists, not null", id="null alone"),
        pytest.param(b"[" * 70 + b"1" + b"]" * 70, "must be an array of at most 64 dimensions", id="too deep"),
        pytest.param(b"[1, 2", "is not JSON", id="cut short"),
        pytest.param(b'{"a": [1]}', "must be an array as nested lists, not an object", id="an object"),
    ],
)
def test_what_is_refused(body: bytes, words: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        read(codec_of(NumpyNdarray()), body)
    assert words in str(refused.value)
    assert isinstance(refused.value, BadInput)


@pytest.mark.parametrize(
    ("dtype", "body", "expected"),
    [
        pytest.param("float32", b"[1, 2]", np.array([1, 2], "float32"), id="whole numbers to floats"),
        pytest.param("int64", b"[1.9]", np.array([1]), id="a fraction is cut off, as NumPy does"),
        pytest.param("float64", b'["1.5"]', np.array([1.5]), id="a number within a text"),
        pytest.param("int64", b'["a"]', np.array(["a"]), id="what cannot be converted stays as it is"),
        pytest.param("U8", b"[1]", np.array(["1"]), id="numbers to text"),
        pytest.param(np.float16, b"[1]", np.array([1], "float16"), id="a NumPy type"),
        pytest.param(bool, b"[0, 2]", np.array([False, True]), id="a Python type"),
    ],
)
def test_dtype_converts(dtype: Any, body: bytes, expected: Any) -> None:
    array = read(codec_of(NumpyNdarray(dtype=dtype)), body)
    assert (array.tolist(), array.dtype.kind, array.itemsize) == (
        expected.tolist(),
        expected.dtype.kind,
        expected.itemsize if array.dtype.kind != "U" else array.itemsize,
    )


@pytest.mark.parametrize(
    ("dtype", "body", "words"),
    [
        ("int32", b"[1.5]", "must be a whole number (int32), not 1.5"),
        ("float32", b'["a"]', "must hold numbers (float32), not <U1"),
        ("uint8", b"[300]", "must be a number from 0 to 255 (uint8), not 300"),
        ("float32", b"[[1], [2, 3]]", "must have as many items"),
    ],
)
def test_dtype_is_enforced(dtype: str, body: bytes, words: str) -> None:
    """An enforced dtype refuses what would lose something; what fits is converted."""
    codec = codec_of(NumpyNdarray(dtype=dtype, enforce_dtype=True))
    assert read(codec, b"[1, 2]").dtype == dtype
    with pytest.raises(InvalidInput) as refused:
        read(codec, body)
    assert words in str(refused.value)


@pytest.mark.parametrize(
    ("shape", "body", "expected"),
    [
        pytest.param((-1, 4), b"[1, 2, 3, 4]", (1, 4), id="a row alone becomes a table"),
        pytest.param((2, 2), b"[[1, 2, 3, 4]]", (2, 2), id="the same items in another form"),
        pytest.param((-1, 4), b"[[1, 2, 3]]", (1, 3), id="another number of items stays as it is"),
        pytest.param((-1, -1), b"[1, 2]", (2,), id="two open lengths cannot be found"),
        pytest.param([2], b"[1, 2]", (2,), id="a list will do"),
    ],
)
def test_shape_is_given(shape: Any, body: bytes, expected: tuple[int, ...]) -> None:
    assert read(codec_of(NumpyNdarray(shape=shape)), body).shape == expected


def test_shape_is_enforced() -> None:
    """An enforced shape lets in what it names, and nothing else."""
    codec = codec_of(NumpyNdarray(shape=(-1, 2), enforce_shape=True))
    assert read(codec, b"[[1, 2], [3, 4], [5, 6]]").shape == (3, 2)
    for body in (b"[1, 2]", b"[[1, 2, 3]]", b"[[[1, 2]]]"):
        with pytest.raises(InvalidInput, match=r"must be of shape \(any, 2\), not "):
            read(codec, body)


def test_a_long_array() -> None:
    """A body of many rows is read to the same array as a short one, dtype and shape too."""
    body = np.arange(60_000.0).reshape(-1, 12) + 0.5
    array = read(codec_of(NumpyNdarray(dtype="float32", shape=(-1, 12))), repr(body.tolist()).encode())
    np.testing.assert_array_equal(array, body.astype("float32"))
    ints = read(codec_of(NumpyNdarray(dtype="int32", enforce_dtype=True)), b"[" + b"12345," * 5000 + b"1]")
    assert (ints.dtype, ints.shape) == ("int32", (5001,))


def test_npy() -> None:
    """A `.npy` body is read as lists are, and held to the same rules."""
    codec = codec_of(NumpyNdarray(dtype="float32", shape=(-1, 2), enforce_shape=True))
    (array,), _ = codec.from_raw(Upload(npy([[1.5, 2.5]]), "application/x-npy"))
    assert (array.tolist(), array.dtype) == ([[1.5, 2.5]], "float32")
    (array,), _ = codec.from_raw(Upload(b"[[1, 2]]", "text/json"))
    assert array.tolist() == [[1.0, 2.0]]
    with pytest.raises(InvalidInput, match="must be of shape"):
        codec.from_raw(Upload(npy([1.0]), "application/x-npy"))


HUGE = npy([1.0]).replace(b"(1,)", b"(9999999999,)")


@pytest.mark.parametrize(
    ("body", "words"),
    [
        pytest.param(HUGE, "is not a", id="a shape larger than its bytes"),
        pytest.param(npy([1.0])[:-3], "is not a whole .npy file", id="cut short"),
        pytest.param(b"\x93NUMPY\x01\x00\xff\xff{", "header is damaged", id="a header that lies"),
        pytest.param(b"garbage", "must be in .npy format", id="no npy at all"),
        pytest.param(b"", "must be in .npy format", id="nothing"),
    ],
)
def test_malformed_npy(body: bytes, words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        codec_of(NumpyNdarray()).from_raw(Upload(body, "application/x-npy"))


def test_an_npy_of_pickles() -> None:
    """An array of objects would have to be unpickled, so it is refused."""
    target = io.BytesIO()
    np.save(target, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(InvalidInput, match=r"of numbers or text|header is damaged"):
        codec_of(NumpyNdarray()).from_raw(Upload(target.getvalue(), "application/x-npy"))


@pytest.mark.parametrize(
    ("value", "body"),
    [
        pytest.param(np.str_("setosa"), b'"setosa"', id="a NumPy text"),
        pytest.param("setosa", b'"setosa"', id="a text"),
        pytest.param(np.float64(1.5), b"1.5", id="a NumPy number"),
        pytest.param(np.int64(3), b"3", id="a whole one"),
        pytest.param(np.bool_(True), b"true", id="a NumPy truth"),
        pytest.param(np.array([[1.0, 2.0]]), b"[[1.0,2.0]]", id="an array"),
        pytest.param(np.array(["a", "b"]), b'["a","b"]', id="an array of text"),
        pytest.param(np.array(["a", 1], dtype=object), b'["a",1]', id="an array of objects"),
        pytest.param([1, 2], b"[1,2]", id="a list"),
        pytest.param(pd.Series([1.5, 2]), b"[1.5,2.0]", id="a series"),
        pytest.param(np.arange(6).reshape(2, 3).T, b"[[0,3],[1,4],[2,5]]", id="another order in memory"),
    ],
)
def test_what_is_written(value: Any, body: bytes) -> None:
    codec = codec_of(NumpyNdarray())
    assert codec.encode(value) == (body, JSON, {})
    assert codec.encoder_for("application/x-npy")(value).media_type == JSON


def test_an_answer_is_converted() -> None:
    """An answer is given dtype and shape; what is enforced and does not fit is the fault of the service."""
    assert codec_of(NumpyNdarray(dtype="float32", shape=(2, 1))).encode(np.array([1, 2])).body == b"[[1.0],[2.0]]"
    assert codec_of(NumpyNdarray(dtype="int64")).encode(np.array([1.7])).body == b"[1.7]"
    with pytest.raises(TypeError, match=r"must be a whole number \(int64\), not 1.7"):
        codec_of(NumpyNdarray(dtype="int64", enforce_dtype=True)).encode(np.array([1.7]))
    with pytest.raises(TypeError, match=r"the answer must be of shape \(any, 2\), not \(1,\)"):
        codec_of(NumpyNdarray(shape=(-1, 2), enforce_shape=True)).encode(np.array([1]))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"enforce_dtype": True}, "`dtype` must be given"),
        ({"enforce_shape": True}, "`shape` must be given"),
        ({"dtype": "flaot32"}, "`dtype` must be a NumPy dtype: 'flaot32'"),
        ({"shape": (-2, 4)}, "`shape` must hold lengths"),
        ({"shape": ("a",)}, "`shape` must hold lengths"),
    ],
)
def test_wrong_options(options: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidArgument, match=words):
        NumpyNdarray(**options)


def test_from_a_sample() -> None:
    """A sample gives dtype and shape, and stands in the documents."""
    sample = np.array([[1, 2]], dtype="int16")
    descriptor = NumpyNdarray.from_sample(sample, enforce_dtype=True)
    assert read(codec_of(descriptor), b"[1, 2]").shape == (1, 2)
    assert codec_of(descriptor).input_schema["examples"] == [[[1, 2]]]
    assert (descriptor.openapi_example(), descriptor.sample is sample) == ([[1, 2]], True)
    assert descriptor.to_spec()["args"] == {
        "dtype": "int16",
        "shape": [1, 2],
        "enforce_dtype": True,
        "enforce_shape": False,
    }
    for wrong in ([[1], [2, 3]], [object()]):
        with pytest.raises(InvalidArgument, match="a sample of `NumpyNdarray` must be"):
            NumpyNdarray.from_sample(wrong)


def test_to_data_and_back() -> None:
    """A descriptor is written as data, and made again from it."""
    descriptor = NumpyNdarray(dtype="float32", shape=(-1, 4), enforce_shape=True)
    again = from_spec(descriptor.to_spec())
    assert isinstance(again, NumpyNdarray)
    assert again.to_spec() == descriptor.to_spec()
    assert repr(descriptor) == "NumpyNdarray(dtype='float32', shape=(-1, 4), enforce_shape=True)"
    assert NumpyNdarray.from_spec(NumpyNdarray(dtype="U4").to_spec()).to_spec()["args"]["dtype"] == "<U4"


def test_documents() -> None:
    """The schema says dtype and shape, the body where it may be JSON, the id what made it."""
    descriptor = NumpyNdarray(dtype="float32", shape=(-1, 4), enforce_shape=True)
    row = {"type": "array", "items": {"type": "number"}, "minItems": 4, "maxItems": 4}
    schema = {"type": "array", "items": row, "x-shape": [-1, 4], "x-dtype": "float32", "x-kind": "ndarray"}
    assert descriptor.openapi_schema() == schema
    assert descriptor.openapi_request_body()["content"]["application/json"] == {"schema": schema}
    assert descriptor.openapi_responses()["content"] == {"application/json": {"schema": schema}}
    assert descriptor.openapi_responses()["x-bentoml-io-descriptor"] == descriptor.to_spec()
    assert (descriptor.openapi_components(), descriptor.mime_type) == (None, "application/json")
    assert descriptor.input_type() is np.ndarray

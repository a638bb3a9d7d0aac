"""Arrays from lists mean what NumPy makes of them; a `.npy` file tells the truth about itself, or is refused."""

import io
import json
import pickle
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hn
from pydantic import ValidationError

from ekiben.core.errors import ConfigError
from ekiben.schema.content import Upload
from ekiben.schema.wire import raw

SCALARS = st.one_of(
    st.integers(-(2**70), 2**70),
    st.integers(-5, 5),
    st.floats(width=64),
    st.booleans(),
    st.none(),
    st.text(max_size=2),
)
NESTED = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=4), max_leaves=12)


def form(dtype: str | None = None, shape: tuple[int, ...] | None = None) -> raw.ArrayForm:
    """Plan the form of a test."""
    return raw.plan(dtype, shape, "a test")


def as_numpy(value: Any) -> np.ndarray | None:
    """Give what NumPy makes of JSON data; None where that is ragged, objects or text."""
    try:
        array = np.asarray(value)
    except (ValueError, OverflowError):
        return None
    return None if array.dtype.kind in "OU" else array


@given(st.lists(NESTED, max_size=4))
def test_lists_are_numpy_or_refused(value: list[Any]) -> None:
    """Whatever the lists hold, the array equals `np.asarray(json.loads(...))`, or the lists are refused."""
    value = json.loads(json.dumps(value))
    expected = as_numpy(value)
    if expected is None:
        with pytest.raises(ValidationError):
            form().decode(value)
        return
    found = form().decode(value)
    assert found.dtype == expected.dtype
    assert np.array_equal(found, expected, equal_nan=found.dtype.kind == "f")


@given(hn.arrays(hn.scalar_dtypes().filter(lambda d: d.kind in "biuf" and d.isnative), hn.array_shapes(max_dims=3)))
def test_json_round_trip_keeps_dtype(array: np.ndarray) -> None:
    """An array of a known dtype is the same after JSON, but for NaN and the infinities, which are null there."""
    if array.dtype.itemsize > 8 or not np.isfinite(array).all():
        return
    wire = form().to_json(array)
    text = json.dumps(wire.tolist() if isinstance(wire, np.ndarray) else wire)
    found = form(array.dtype.str, array.shape).decode(json.loads(text))
    assert found.dtype == array.dtype
    assert np.array_equal(found, array)


@pytest.mark.parametrize("values", [[0, 2**63 + 1], [2**64 - 1, 0], [2**53 + 1, 2**63]])
def test_large_whole_numbers_are_exact(values: list[int]) -> None:
    """Whole numbers of 64 bits keep their last digit, though NumPy makes floats of such a list."""
    assert form("uint64").decode(values).tolist() == values


@pytest.mark.parametrize(("dtype", "value"), [("int64", 2.0**63), ("uint64", 2.0**64), ("int32", 2.0**31)])
def test_floats_beyond_the_type_are_refused(dtype: str, value: float) -> None:
    """A float that is just beyond the largest whole number of the type is refused, not wrapped."""
    with pytest.raises(ValidationError, match="must be a number from"):
        form(dtype).decode([0.0, value])


@given(hn.arrays(hn.scalar_dtypes().filter(lambda d: d.kind in raw.BINARY_KINDS), hn.array_shapes(min_dims=0)))
def test_npy_round_trip(array: np.ndarray) -> None:
    """A `.npy` file gives the same array back, of any plain dtype and shape, and one that can be written to."""
    found = form().decode(Upload(raw.write_npy(np, array)))
    assert found.dtype == array.dtype
    assert found.shape == array.shape
    assert found.tobytes() == array.tobytes()
    assert found.flags.writeable


@given(
    hn.arrays(st.sampled_from(["i8", "u8", "f8", "f4", "i1", "?"]), st.integers(1, 5)),
    st.sampled_from(["i8", "u8", "f8", "f4", "f2", "i1", "u1", "?"]),
)
def test_cast_never_changes_a_value(array: np.ndarray, dtype: str) -> None:
    """Between numbers, a cast gives values that mean the same, to the target's precision, or is refused."""
    try:
        found = form(dtype).decode(array)
    except ValueError:
        return
    assert found.dtype == np.dtype(dtype)
    if dtype in ("f4", "f2", "f8"):
        with np.errstate(over="raise"):
            assert np.array_equal(found, array.astype(dtype), equal_nan=True)
    else:
        assert [int(item) for item in found] == [int(item) for item in array]


@pytest.mark.parametrize(
    "header",
    [
        "{'shape': (2,), 'descr': '<i2', 'fortran_order': False}",
        '{"descr":"<i2","fortran_order":False,"shape":(2, )}',
        "{'descr': '<i2', 'fortran_order': True, 'shape': (2), }",
    ],
)
def test_headers_of_other_writers(header: str) -> None:
    """The entries may come in any order, with other spaces and quotes, as other programs write them."""
    assert form().decode(Upload(npy(header, b"\1\0\2\0"))).tolist() == [1, 2]


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("version", [(1, 0), (2, 0), (3, 0)])
def test_npy_versions_and_orders(order: Any, version: tuple[int, int]) -> None:
    """Both memory orders and every version of the format are read."""
    array = np.asarray(np.arange(6.0).reshape(2, 3), order=order)
    out = io.BytesIO()
    np.lib.format.write_array(out, array, version=version)
    assert np.array_equal(form().decode(Upload(out.getvalue())), array)


class Evil:
    """Writes a file when it is unpickled."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return open, (self.path, "w")


def npy(header: str, data: bytes = b"") -> bytes:
    """Write a version 1 file with any header."""
    text = header.encode("latin-1")
    text += b" " * (-(len(text) + 11) % 64) + b"\n"
    return raw.MAGIC + b"\x01\x00" + len(text).to_bytes(2, "little") + text + data


@pytest.mark.parametrize(
    ("body", "words"),
    [
        pytest.param(b"", "must be in .npy format", id="nothing"),
        pytest.param(b"\x93NUMPY", "header is damaged", id="a magic word alone"),
        pytest.param(b"\x93NUMPY\x09\x00" + b"\0" * 80, "header is damaged", id="an unknown version"),
        pytest.param(
            npy("{'descr': '<f8', 'fortran_order': False, 'shape': (2,), }", b"\0" * 15), "16 bytes", id="cut"
        ),
        pytest.param(
            npy("{'descr': '<f8', 'fortran_order': False, 'shape': (2,), }", b"\0" * 17), "16 bytes", id="long"
        ),
        pytest.param(
            npy("{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000,), }", b"\0" * 8),
            "8000000000000 bytes",
            id="a header that asks for 8 TB",
        ),
        pytest.param(
            npy("{'descr': '<f8', 'fortran_order': False, 'shape': (-1, -1), }", b"\0" * 8), "damaged", id="below 0"
        ),
        pytest.param(npy("{'descr': '|O', 'fortran_order': False, 'shape': (1,), }"), "not of object", id="objects"),
        pytest.param(
            npy("{'descr': [('a', '<f8')], 'fortran_order': False, 'shape': (0,), }"), "damaged", id="records"
        ),
        pytest.param(npy("__import__('os').system('true')"), "header is damaged", id="code as a header"),
        pytest.param(npy("(" * 9000), "header is damaged", id="a header that is deep"),
        pytest.param(npy("{'descr': '<f8', 'fortran_order': False, 'shape': (0,), 'x': 1}"), "damaged", id="more keys"),
    ],
)
def test_attacks_by_npy(body: bytes, words: str) -> None:
    """A damaged or hostile `.npy` file is refused, before memory is taken for it."""
    with pytest.raises(ValueError, match=words):
        form().decode(Upload(body))


def test_a_pickle_in_npy_is_not_loaded(tmp_path: Any) -> None:
    """What hides in an array of objects never runs."""
    out = io.BytesIO()
    np.save(out, np.array([Evil(str(tmp_path / "ran"))], dtype=object), allow_pickle=True)
    for body in (out.getvalue(), pickle.dumps(Evil(str(tmp_path / "ran")))):
        with pytest.raises(ValueError, match="must be"):
            form().decode(Upload(body))
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("dtype", "shape", "body", "expected"),
    [
        ("float32", (2,), np.float32([1, 2]).tobytes(), [1.0, 2.0]),
        ("float32", None, np.float32([1, 2]).tobytes(), [1.0, 2.0]),
        ("uint8", (-1, 2), b"\1\2\3\4", [[1, 2], [3, 4]]),
        ("uint8", (2, 3), b"\1\2\3\4", None),
        ("float32", None, b"\1\2\3", None),
        (None, None, b"\1\2\3\4", None),
    ],
)
def test_bare_numbers(dtype: str | None, shape: Any, body: bytes, expected: Any) -> None:
    """Bare numbers are read where dtype and shape are known and fit."""
    if expected is None:
        with pytest.raises(ValueError, match="must be"):
            form(dtype, shape).decode(Upload(body))
    else:
        assert form(dtype, shape).decode(Upload(body)).tolist() == expected


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        pytest.param(np.array(2.5), "2.5", id="no axes"),
        pytest.param(np.array([[1, 2], [3, 4]])[:, ::-1], "[[2,1],[4,3]]", id="not contiguous"),
        pytest.param(np.array([1.5], ">f8"), "[1.5]", id="the other byte order"),
        pytest.param(np.array([1.5], "longdouble"), "[1.5]", id="long double"),
        pytest.param(np.array(["2026-01-02"], "M8[D]"), '["2026-01-02T00:00:00"]', id="dates"),
        pytest.param(np.array(["a"]), '["a"]', id="text"),
        pytest.param(np.array([0.1], "f4"), "[0.1]", id="float32 in its own precision"),
        pytest.param(np.array([np.nan, np.inf]), "[null,null]", id="NaN and infinity"),
    ],
)
def test_to_json(array: np.ndarray, expected: str) -> None:
    """Every dtype that JSON can carry is written, in any memory layout."""
    assert orjson.dumps(form().to_json(array), option=orjson.OPT_SERIALIZE_NUMPY).decode() == expected


def test_complex_numbers_have_no_json() -> None:
    """Complex numbers are refused by name."""
    with pytest.raises(TypeError, match="complex128"):
        form().to_json(np.array([1j]))


@pytest.mark.parametrize("dtype", ["flaot32", "object", "datetime64[s]", "complex64"])
def test_dtype_must_be_carried(dtype: str) -> None:
    """A dtype that NumPy does not know, or JSON cannot carry, is refused at start."""
    with pytest.raises(ConfigError, match="`DType`"):
        form(dtype)


def test_shape_must_be_lengths() -> None:
    """A length below -1 is refused at start."""
    with pytest.raises(ConfigError, match="`Shape`"):
        form(None, (-2,))


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("spaces", range(4))
def test_a_bytearray_is_the_memory(order: Any, spaces: int) -> None:
    """An array lies in a body that was given away, where its numbers stand at fit places; of bytes it has a copy."""
    array = np.arange(12, dtype="float32").reshape(3, 4, order=order)
    out = io.BytesIO()
    np.save(out, array)
    whole = out.getvalue()
    size = int.from_bytes(whole[8:10], "little")
    whole = (
        whole[:8] + (size + spaces).to_bytes(2, "little") + whole[10:][: size - 1] + b" " * spaces + whole[9 + size :]
    )
    for content, is_shared in ((bytearray(whole), spaces == 0), (whole, False)):
        found = form().decode(Upload(content, raw.NPY))
        assert np.array_equal(found, array)
        assert (found.flags.writeable, found.flags.aligned) == (True, True)
        found += 1
        assert (content != whole) is is_shared
    assert Upload(whole).read() is whole


def test_bare_numbers_in_a_bytearray() -> None:
    """Bare numbers lie in the body too."""
    body = bytearray(np.arange(6, dtype="int32").tobytes())
    found = form("int32", (2, 3)).decode(Upload(body))
    found[1, 2] = 70
    assert body[20] == 70


def test_what_others_read_of_a_bytearray_stays() -> None:
    """Whoever reads an upload without taking it has bytes that nobody changes."""
    body = bytearray(b"abc")
    kept, file = Upload(body).read(), Upload(body).open()
    body[0] = 0
    assert (kept, file.read(), type(kept)) == (b"abc", b"abc", bytes)


@pytest.mark.parametrize("dtype", [None, "U"])
def test_a_long_text_among_many(dtype: str | None) -> None:
    """An array of text takes the longest one's room for each item, so a few bytes of JSON cannot take all memory."""
    form = raw.plan(dtype, None, "an array")
    with pytest.raises(ValueError, match="must be an array whose texts take at most"):
        form.decode([["x" * 100_000] + ["a"] * 9_999] * 10)

"""Arrays that are read from JSON at once are those that the careful way makes."""

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ekiben.core.errors import InvalidInput
from ekiben.core.spec import Style
from ekiben.schema import codec
from ekiben.schema.signature import read as read_signature
from ekiben.schema.wire import numbers
from ekiben.schema.wire.json import load
from ekiben.schema.wire.raw import ArrayForm, plan

DTYPES = [None, "float64", "float32", "float16", "int64", "int32", "int8", "uint8", "uint64", "bool", "U8"]


def careful(form: ArrayForm, body: bytes) -> Any:
    """Read by way of lists; None where that is refused."""
    try:
        return form.decode(load(body))
    except ValueError:
        return None


def same(fast: Any, slow: Any) -> bool:
    """Whether two arrays are one to whoever looks, signs of zero included."""
    return fast.dtype == slow.dtype and fast.shape == slow.shape and fast.tobytes() == slow.tobytes()


scalars = st.one_of(
    st.integers(-(2**66), 2**66),
    st.integers(-300, 300),
    st.floats(allow_nan=False, allow_infinity=False),
    st.floats(-1e6, 1e6).map(lambda number: round(number, 2)),
    st.sampled_from([0.0, -0.0, 1e22, 5e-324, 2.0**53, 2**53 + 1, 16777217, 1.7976931348623157e308]),
)
odd = st.one_of(scalars, st.booleans(), st.none(), st.sampled_from(["", "1", "[", "x.y"]))
ragged = st.recursive(
    odd, lambda inner: st.lists(inner, max_size=4) | st.fixed_dictionaries({"x": inner}), max_leaves=12
)


@st.composite
def regular(draw: st.DrawFn) -> Any:
    """Nested lists of one depth and equal lengths."""
    shape = draw(st.lists(st.integers(0, 4), min_size=1, max_size=3))
    size = int(np.prod(shape))
    items: list[Any] = draw(st.lists(scalars, min_size=size, max_size=size))
    for length in reversed(shape[1:]):
        items = [items[start * length : (start + 1) * length] for start in range(len(items) // length if length else 0)]
    return items


@settings(max_examples=600, deadline=None)
@example(value=[False, ""], dtype="U8", spaced=False)
@given(value=st.one_of(regular(), ragged), dtype=st.sampled_from(DTYPES), spaced=st.booleans())
def test_read_equals_careful(value: Any, dtype: str | None, *, spaced: bool) -> None:
    """What is read at once is, bit for bit, what lists would have become."""
    body = json.dumps(value, separators=None if spaced else (",", ":")).encode()
    form = plan(dtype, None, "an array")
    fast = numbers.read(form, body)
    if fast is not None:
        slow = careful(form, body)
        assert slow is not None
        assert same(fast, slow)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"[[1.0,2],[3]]", id="rows of different lengths"),
        pytest.param(b"[[1.0,[2]],[3,4]]", id="a list within a row, as long as the others"),
        pytest.param(b"[[[1.0],2],[3,4]]", id="a list before a number"),
        pytest.param(b"[1.0,[2]]", id="a number before a list"),
        pytest.param(b"[[[1.0,2],[3]],[[4,5],[6]]]", id="ragged at the third level"),
        pytest.param(b"[[1.0,null]]", id="a null"),
        pytest.param(b"[18446744073709551616]", id="a whole number beyond 64 bits"),
        pytest.param(b'[[1.0,"2"]]', id="a text"),
        pytest.param(b'{"x":[1.0],"x":[2.0]}', id="an object where lists are asked for"),
        pytest.param(b"[[1.0,NaN]]", id="NaN, which is no JSON"),
        pytest.param(b"[1e400, 1.0]", id="a number beyond float64"),
        pytest.param(b"[1.0] [2.0]", id="two documents"),
        pytest.param(b"[1.0", id="half a document"),
        pytest.param(b"[" * 100_000, id="brackets without end"),
        pytest.param(b"\xff[1.0]", id="no UTF-8"),
        pytest.param(b"", id="nothing"),
        pytest.param(b"[]", id="no number, whose dtype nobody can tell"),
    ],
)
def test_read_leaves_the_rest(body: bytes) -> None:
    """Whatever is no plain array of numbers is left to the careful way."""
    assert numbers.read(plan("float64", None, "an array"), body) is None


def test_brief_and_long_bodies_are_read_alike() -> None:
    """The way of short bodies and that of long ones give one array."""
    rows = [[index / 7, float(index)] for index in range(8)]
    brief, form = json.dumps(rows).encode(), plan("float64", None, "an array")
    assert len(brief) <= numbers.BRIEF
    assert same(numbers.read(form, brief), numbers.read(form, brief + b" " * numbers.BRIEF))


def test_read_by_name() -> None:
    """The only member of an object is read under its name, and nothing else is."""
    form = plan("float64", None, "an array")
    assert numbers.read(form, b'{"rows": [[1.5, 2]]}', "rows").tolist() == [[1.5, 2.0]]
    assert numbers.read(form, b'{"other": [[1.5, 2]]}', "rows") is None
    assert numbers.read(form, b'{"rows": [1.5], "rows": [2.5]}', "rows") is None
    assert numbers.read(form, b"[[1.5, 2]]", "rows") is None


def test_read_gives_writable_arrays() -> None:
    """A model may work in place on what it was given."""
    array = numbers.read(plan("float64", None, "an array"), b"[[1.5, 2.5]]")
    array *= 2
    assert array.tolist() == [[3.0, 5.0]]


def test_read_holds_the_shape() -> None:
    """An array of another shape is left to the careful way, which says so."""
    form = plan("float32", (2, 2), "an array")
    assert numbers.read(form, b"[[1.0,2],[3,4]]").dtype == np.float32
    assert numbers.read(form, b"[[1.0,2]]") is None


def test_many_short_rows_are_left() -> None:
    """Rows that are many and short are read the careful way, which is faster then."""
    body = json.dumps([[0.5, 1.5]] * 1000).encode()
    assert numbers.read(plan("float64", None, "an array"), body) is None


def test_codec_tells_places_of_large_arrays() -> None:
    """An endpoint reads arrays at once, and still names the place of a wrong number."""

    def mean(rows: np.ndarray, /) -> float:
        return float(rows.mean())

    reader = codec.plan(read_signature(mean, skip=0), Style())
    ((rows,), _) = reader.from_json(b"[[1.5,2.5],[3.5,4.5]]")
    assert rows.tolist() == [[1.5, 2.5], [3.5, 4.5]]
    with pytest.raises(InvalidInput) as caught:
        reader.from_json(b"[[1.5,2.5],[3.5,null]]")
    assert caught.value.problems[0].path == "[1][1]"

"""Plain values become bytes and come back as they were."""

import math
import pickle
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ekiben.engine import plain

ATOMS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(st.characters(codec=None))
    | st.binary()
    | st.builds(plain.Ref, st.integers(0, 2**32 - 1))
)
KEYS = st.text() | st.integers() | st.tuples(st.integers(), st.text()) | st.frozensets(st.text())
VALUES = st.recursive(
    ATOMS,
    lambda inner: (
        st.lists(inner)
        | st.tuples(inner, inner)
        | st.dictionaries(KEYS, inner)
        | st.sets(st.integers())
        | st.lists(st.floats(allow_nan=False), min_size=20)
        | st.lists(st.integers(), min_size=20)
    ),
    max_leaves=30,
)


def same(one: Any, other: Any) -> bool:
    """Equal, and of the same types all through: 1 is neither True nor 1.0."""
    if type(one) is not type(other):
        return False
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict):
        return list(one) == list(other) and all(same(one[key], other[key]) for key in one)
    return bool(one == other)


@given(VALUES)
def test_values_come_back(value: Any) -> None:
    """What was written is read with the same types: tuples stay tuples, whole numbers whole."""
    assert same(plain.read(plain.write(value)), value)


@pytest.mark.parametrize("value", [[math.nan] * 10, math.nan, -0.0, math.inf], ids=repr)
def test_odd_floats_come_back(value: Any) -> None:
    """NaN, infinities and the sign of zero survive."""
    assert repr(plain.read(plain.write(value))) == repr(value)


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    """Bytes that nobody wrote end in ValueError or in a value, never in another error."""
    try:
        plain.read(data)
    except ValueError:
        return


@given(VALUES, st.data())
def test_cut_bytes_are_refused(value: Any, data: st.DataObject) -> None:
    """A value that is cut short, or followed by more, is refused."""
    whole = plain.write(value)
    cut = data.draw(st.integers(0, len(whole) - 1))
    with pytest.raises(ValueError, match="value"):
        plain.read(whole[:cut])
    with pytest.raises(ValueError, match="value"):
        plain.read(whole + b"n")


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"\xdd\xff\xff\xff\xff", id="a list of four thousand million items in five bytes"),
        pytest.param(b"\xdf\x7f\xff\xff\xff", id="a dict of two thousand million in five bytes"),
        pytest.param(b"\xdb\x7f\xff\xff\xffabc", id="text of two gigabytes in eight bytes"),
        pytest.param(b"\xc9\x7f\xff\xff\xff\x01abc", id="a tuple of two gigabytes in nine bytes"),
        pytest.param(b"\x91" * 5000 + b"\xc0", id="five thousand levels"),
        pytest.param(b"\x81\x90\xc0", id="a list as a key"),
        pytest.param(b"\xa1\xff", id="text that is no UTF-8"),
        pytest.param(b"\xc1", id="a mark that nobody uses"),
        pytest.param(b"\xd4\x63\xc0", id="an extension that nobody knows"),
        pytest.param(b"\xd4\x01\xc0", id="a tuple that is no list"),
        pytest.param(b"\xd4\x05\xff", id="a buffer before the first one"),
        pytest.param(b"\xc7\x03\x02\x91\x90", id="a set that is cut short"),
    ],
)
def test_claims_are_checked_before_anything_is_made(data: bytes) -> None:
    """Bytes that claim more than there is are refused at once."""
    with pytest.raises(ValueError):  # noqa: PT011 - which words depends on the case; the id says what is wrong
        plain.read(data)


class Evil:
    """Would run code wherever it is unpickled."""

    def __reduce__(self) -> Any:
        return print, ("executed",)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_pickle_is_refused(protocol: int, capsys: pytest.CaptureFixture[str]) -> None:
    """A pickle is no value, and nothing in it runs."""
    with pytest.raises(ValueError, match="value"):
        plain.read(pickle.dumps(Evil(), protocol))
    assert "executed" not in capsys.readouterr().out


def test_other_types_need_a_hook() -> None:
    """A value of another type is refused by its name, unless a hook gives something nearer."""
    with pytest.raises(TypeError, match="cannot be sent: Evil"):
        plain.write({"a": [Evil()]})
    assert plain.read(plain.write([1j], near=lambda value: [value.real, value.imag])) == [[0.0, 1.0]]


def nested(make: Callable[[Any], Any], levels: int) -> Any:
    """Put a value into itself, so to speak."""
    value: Any = 1
    for _ in range(levels):
        value = make(value)
    return value


def test_a_value_that_holds_itself_is_refused() -> None:
    """A list within itself ends in an error, not in an endless walk."""
    value: list[Any] = []
    value.append(value)
    with pytest.raises(ValueError, match="nested deeper"):
        plain.write(value)
    with pytest.raises(ValueError, match="nested deeper"):
        plain.write(nested(lambda inner: (inner,), plain.DEEPEST + 1))


def test_nesting_has_a_limit_that_values_do_not_reach() -> None:
    """Lists and tuples within each other come back, as deep as they are written."""
    for value in (nested(lambda inner: [inner], 100), nested(lambda inner: (inner,), plain.DEEPEST)):
        assert plain.read(plain.write(value)) == value


def test_extensions_within_extensions_are_refused_before_the_stack_ends() -> None:
    """Bytes that hold a tuple in a tuple, thousands of times, are refused."""
    data = b"\x90"
    while len(data) < 100_000:
        data = b"\xc9" + len(data).to_bytes(4, "big") + b"\x01" + data
    with pytest.raises(ValueError, match="within each other"):
        plain.read(data)


def test_a_large_value_comes_back() -> None:
    """Nothing in between has a size of its own."""
    value = {"bytes": b"x" * 5_000_000, "floats": [0.5] * 300_000, "text": "ä" * 1_000_000}
    assert plain.read(plain.write(value)) == value

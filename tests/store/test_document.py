"""A description is small plain data, whoever wrote it."""

import datetime
import enum
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from ekiben.core.errors import CorruptItem, InvalidInput, StoreError
from ekiben.store.document import make_plain, parse_document, read_document, write_document

LAUGHS = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{new}: &{new} [*{old}, *{old}, *{old}, *{old}, *{old}, *{old}, *{old}, *{old}, *{old}]\n"
    for old, new in zip("abcdefgh", "bcdefghi", strict=True)
)
MERGES = "a: &a {k: v}\n" + "".join(
    f"{new}: &{new}\n  <<: [*{old}, *{old}, *{old}, *{old}, *{old}, *{old}, *{old}, *{old}, *{old}]\n"
    for old, new in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param(LAUGHS, "when its aliases are read", id="aliases that multiply"),
        pytest.param(MERGES, "must not use the merge key", id="merge keys that multiply"),
        pytest.param("a: &a [*a]", "when its aliases are read", id="an alias inside itself"),
        pytest.param("a: " + "[" * 100 + "]" * 100, "at most 64 deep", id="a hundred lists in each other"),
        pytest.param("a: " + "[" * 100_000, "at most 64 deep", id="lists that are never closed"),
        pytest.param("a: [" + "1," * 250_000 + "]", "at most 200000 values", id="too many values"),
        pytest.param("a: '" + "x" * 5_000_000 + "'", "at most 4194304 bytes", id="too many bytes"),
        pytest.param(
            "a: 1\nb: [\n", "can read: did not find expected node content, in line 3", id="a line that is cut"
        ),
        pytest.param(
            "!!python/object/apply:os.system ['true']", "a YAML document that we can read", id="an object of Python"
        ),
        pytest.param("a: !!python/name:os.system ''", "a YAML document that we can read", id="a name of Python"),
        pytest.param("- a\n- b", "must be a mapping: list", id="a list"),
        pytest.param("", "must be a mapping: NoneType", id="nothing"),
        pytest.param("a: [1", "a YAML document that we can read", id="a list without an end"),
        pytest.param("? [a]\n: b", "a YAML document that we can read", id="a key that is a list"),
        pytest.param("a: 2020-13-45", "a YAML document that we can read", id="a date that does not exist"),
        pytest.param("a: " + "9" * 5000, "a YAML document that we can read", id="a number of 5000 digits"),
        pytest.param("\ud800", "a YAML document that we can read", id="no text at all"),
        pytest.param("a: \0", "a YAML document that we can read", id="a zero byte"),
    ],
)
def test_parse_refuses(text: str, words: str) -> None:
    """What is not a small mapping of plain values is refused in words, without memory or time spent on it."""
    start = time.monotonic()
    with pytest.raises(CorruptItem) as caught:
        parse_document(text.encode("utf-8", "surrogatepass"), "model.yaml")
    assert words in str(caught.value)
    assert str(caught.value).startswith("model.yaml")
    assert time.monotonic() - start < 60


def test_repeated_values_are_read(tmp_path: Path) -> None:
    """An alias that multiplies nothing is read as the value that it stands for."""
    (tmp_path / "m.yaml").write_text("a: &x [0, 0]\nb: *x\n")
    assert read_document(tmp_path / "m.yaml") == {"a": [0, 0], "b": [0, 0]}


def test_a_missing_file_is_an_error_that_names_it(tmp_path: Path) -> None:
    """A file that cannot be read is a StoreError with its path."""
    with pytest.raises(StoreError, match=r"cannot read .*m\.yaml: No such file"):
        read_document(tmp_path / "m.yaml")


class Colour(enum.IntEnum):
    RED = 3


@dataclass
class Point:
    x: int
    y: float


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        pytest.param(np.float32(0.5), 0.5, id="a scalar of NumPy"),
        pytest.param(np.float64(0.5), 0.5, id="a scalar of NumPy that is a float, too"),
        pytest.param(np.int64(7), 7, id="an integer of NumPy"),
        pytest.param(np.str_("a"), "a", id="text of NumPy"),
        pytest.param(np.bool_(True), True, id="a truth value of NumPy"),
        pytest.param(np.arange(4).reshape(2, 2), [[0, 1], [2, 3]], id="an array"),
        pytest.param((1, (2,)), [1, [2]], id="tuples"),
        pytest.param({3}, [3], id="a set"),
        pytest.param({"a": {"b": (1,)}}, {"a": {"b": [1]}}, id="mappings in mappings"),
        pytest.param(Colour.RED, 3, id="an enumeration of numbers"),
        pytest.param(Point(1, np.float32(2)), {"x": 1, "y": 2.0}, id="a dataclass"),
        pytest.param(Path("a/b"), "a/b", id="a path"),
        pytest.param(datetime.date(2020, 1, 2), datetime.date(2020, 1, 2), id="a date"),
        pytest.param(None, None, id="nothing"),
    ],
)
def test_make_plain(value: object, plain: object) -> None:
    """What users measure with becomes what YAML holds, and survives the file."""
    made = make_plain({"v": value}, "metadata")
    assert made == {"v": plain}
    assert type(made["v"]) is type(plain)
    assert parse_document(write_document(made), "m") == made


@pytest.mark.parametrize(
    ("value", "words"),
    [
        pytest.param({"a": [1, object()]}, "`metadata.a[1]` must hold", id="the place is named"),
        pytest.param({"a": lambda: 0}, "`metadata.a` must hold", id="a function"),
        pytest.param({(1, 2): 3}, "the keys of `metadata` must be text", id="a key that is a tuple"),
        pytest.param({"a": Point}, "`metadata.a` must hold", id="a class"),
        pytest.param({"a": b"x"}, "`metadata.a` must hold", id="bytes"),
        pytest.param({"a": np.array([object()])}, "`metadata.a[0]` must hold", id="an object inside an array"),
    ],
)
def test_make_plain_refuses(value: object, words: str) -> None:
    """What YAML cannot hold is refused, and the place is named."""
    with pytest.raises(InvalidInput) as caught:
        make_plain(value, "metadata")
    assert words in str(caught.value)


def test_write_refuses_what_could_not_be_read() -> None:
    """A description too large to be read again is refused when it is written."""
    with pytest.raises(InvalidInput, match="at most 4194304 bytes of YAML"):
        write_document({"a": "x" * 5_000_000})


def test_write_refuses_half_a_letter() -> None:
    """Text that no file can hold is refused in words."""
    with pytest.raises(InvalidInput, match="UTF-8 can hold"):
        write_document({"a": "\ud800"})


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.dates(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(st.text(min_size=1), PLAIN, max_size=5))
def test_what_is_written_is_read(value: dict[str, object]) -> None:
    """Plain data survives the file, texts that look like numbers or dates included."""
    if not value:
        return
    assert parse_document(write_document(value), "m") == value
    assert yaml.safe_load(write_document(value)) == value

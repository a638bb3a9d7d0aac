"""JSON out of nearly everything, and how deep it may be on the way in."""

import datetime as dt
import decimal
import enum
import json
import uuid
from collections import Counter, OrderedDict, defaultdict, namedtuple
from dataclasses import dataclass
from pathlib import PurePosixPath
from types import MappingProxyType
from typing import Any

import attrs
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, SecretStr

from ekiben.schema.wire.json import depth, dump, dumper, load


class Color(enum.Enum):
    RED = "red"


class Word(enum.StrEnum):
    YES = "yes"


class Level(enum.IntEnum):
    HIGH = 2


@dataclass
class Box:
    array: Any
    note: str = "n"


class Row(BaseModel):
    n: int = 1
    when: dt.timedelta = dt.timedelta(hours=1)
    price: decimal.Decimal = decimal.Decimal("1.5")
    secret: SecretStr = SecretStr("hidden")
    raw: bytes = b"abc"
    more: Any = None


Pair = namedtuple("Pair", "a b")
Attributed = attrs.make_class("Attributed", ["a", "b"])

WRITTEN = [
    (None, "null"),
    (True, "true"),
    (2**70, str(2**70)),
    ([1, 2**64], f"[1,{2**64}]"),
    ("a\ud800b", '"a\\ud800b"'),
    (float("nan"), "null"),
    ([float("inf")], "[null]"),
    ({"a": float("nan"), "b": 2**70}, f'{{"a":null,"b":{2**70}}}'),
    (np.float32(0.1), "0.1"),
    (np.int64(3), "3"),
    (np.bool_(True), "true"),
    (np.str_("a"), '"a"'),
    (np.array(2.5), "2.5"),
    (np.array([[1, 2]])[:, ::-1], "[[2,1]]"),
    (np.array(["a"]), '["a"]'),
    ({"a": np.array([1.5, np.nan])}, '{"a":[1.5,null]}'),
    ({np.int64(1): 1, np.float64(1.5): 2}, '{"1":1,"1.5":2}'),
    ({1: "a", None: "b", False: "c", 1.5: "d"}, '{"1":"a","null":"b","false":"c","1.5":"d"}'),
    ({Color.RED: 1}, '{"red":1}'),
    ({dt.date(2026, 1, 2): 1}, '{"2026-01-02":1}'),
    (Color.RED, '"red"'),
    (Attributed(1, [Attributed("x", None)]), '{"a":1,"b":[{"a":"x","b":null}]}'),
    ([Word.YES, Level.HIGH], '["yes",2]'),
    ([Word.YES, Level.HIGH, 2**70], f'["yes",2,{2**70}]'),
    (dt.datetime(2026, 1, 2, 3), '"2026-01-02T03:00:00"'),
    (dt.timedelta(hours=1), '"PT1H"'),
    (decimal.Decimal("1.10"), '"1.10"'),
    (uuid.UUID(int=1), '"00000000-0000-0000-0000-000000000001"'),
    (PurePosixPath("/a/b"), '"/a/b"'),
    (b"\xff", '"/w=="'),
    ((1, 2), "[1,2]"),
    (Pair(1, 2), "[1,2]"),
    ({3}, "[3]"),
    (frozenset({3}), "[3]"),
    (Counter("aa"), '{"a":2}'),
    (OrderedDict(b=1, a=2), '{"b":1,"a":2}'),
    (defaultdict(list, a=[1]), '{"a":[1]}'),
    (MappingProxyType({"a": 1}), '{"a":1}'),
    (range(3), "[0,1,2]"),
    (Box(np.array([1])), '{"array":[1],"note":"n"}'),
    ([Box(2**70)], f'[{{"array":{2**70},"note":"n"}}]'),
    (pd.NaT, "null"),
    (pd.NA, "null"),
    (pd.Timestamp("2026-01-02"), '"2026-01-02T00:00:00"'),
    (Row(), '{"n":1,"when":"PT1H","price":"1.5","secret":"**********","raw":"abc","more":null}'),
    (Row(more=[np.array([1.5])]).model_copy(update={"raw": b"\xff"}), None),
    ([Row(more=np.array([1.5]))], None),
]


@pytest.mark.parametrize(("value", "expected"), WRITTEN, ids=[repr(value)[:40] for value, _ in WRITTEN])
@pytest.mark.parametrize("style", ["null", "literal"])
def test_dump(value: Any, expected: str | None, style: str) -> None:
    """Whatever a method may answer has a JSON form."""
    text = dumper(style)(value).decode()
    if expected is None:
        json.loads(text)
        return
    if style == "literal":
        nan = {"a": "NaN", "b": "1"}
        assert json.loads(text) is not nan
        text = text.replace("NaN", "null").replace("Infinity", "null").replace("0.10000000149011612", "0.1")
    assert text == expected


def test_nan_by_style() -> None:
    """NaN and the infinities are null, or Python's literals where a dialect asks for them."""
    value = {"a": [float("nan"), float("inf"), -float("inf")], "b": np.array([np.nan])}
    assert dump(value) == b'{"a":[null,null,null],"b":[null]}'
    assert dumper("literal")(value) == b'{"a":[NaN,Infinity,-Infinity],"b":[NaN]}'


@pytest.mark.parametrize("style", ["null", "literal"])
def test_no_json_form(style: str) -> None:
    """A value without a JSON form is named, with its place."""
    for value, place in (({"a": [1, object()]}, r"a\[1\]: "), (object(), "^a value"), ({"k": {object(): 1}}, "k: ")):
        with pytest.raises(TypeError, match=place):
            dumper(style)(value)


@pytest.mark.parametrize("style", ["null", "literal"])
def test_a_value_that_holds_itself(style: str) -> None:
    """A circle ends in an error, not in a crash."""
    circle: list[Any] = []
    circle.append(circle)
    with pytest.raises(TypeError, match="holds itself"):
        dumper(style)(circle)


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(PLAIN)
def test_plain_values_come_back(value: Any) -> None:
    """JSON data is the same after both writers and our reader."""
    assert json.loads(dump(value)) == value
    assert json.loads(dumper("literal")(value)) == value
    try:
        text = json.dumps(value).encode()
    except UnicodeEncodeError:
        return
    assert load(text) == json.loads(text)


def deepest(value: Any) -> int:
    """Count levels the slow way."""
    if isinstance(value, list | dict):
        return 1 + max(map(deepest, value.values() if isinstance(value, dict) else value), default=0)
    return 0


TEXTS = st.text(st.sampled_from('[]{}"\\ab,:'))
NESTED = st.recursive(TEXTS | st.integers(), lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner))


@given(NESTED, st.integers(0, 6))
def test_depth(value: Any, limit: int) -> None:
    """The depth is that of the brackets outside of strings, whatever the strings hold."""
    assert depth(json.dumps(value).encode(), limit) == (deepest(value) > limit)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"[" * 64 + b"]" * 64, False),
        (b"[" * 65 + b"]" * 65, True),
        (b'{"a":' * 65 + b"1" + b"}" * 65, True),
        (b"[{" * 33 + b"}]" * 33, True),
        (b"[" + b"[]," * 100_000 + b"[]]", False),
        (b'"' + b"[" * 1000 + b'"', False),
        (b'"\\"' + b"[" * 1000 + b'"', False),
        (b'"\\\\"' + b"[" * 65 + b"]" * 65, True),
        (b"[" * 1_000_000, False),
    ],
    ids=["64", "65", "65 objects", "66 mixed", "wide", "in a string", "after a quote", "after a backslash", "no JSON"],
)
def test_depth_of_64(body: bytes, expected: bool) -> None:
    """64 levels pass and 65 do not; what is no JSON is left to its parser."""
    assert depth(body, 64) is expected


@pytest.mark.parametrize("body", [b"", b"{", b"[" * 500, b"\xff", b"1 2", b"'a'"])
def test_load_refuses(body: bytes) -> None:
    """What is no JSON, or endless, is refused in words."""
    with pytest.raises(ValueError, match="is not JSON"):
        load(body)

"""Values of services come out of a parcel as they went in, and nothing else does."""

import datetime
import decimal
import enum
import uuid
from collections import OrderedDict, namedtuple
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from pydantic import BaseModel, Field

from ekiben.engine import plain
from ekiben.engine.parcel import pack, unpack
from ekiben.engine.plain import Ref, Tagged
from ekiben.engine.wire import MOST_BUFFERS


class Row(BaseModel):
    left: float
    right: float = Field(1.0, validation_alias="Right")


@dataclass
class Pair:
    first: int
    second: Any


class Colour(enum.Enum):
    RED = "red"


Point = namedtuple("Point", "x y")

ARRAYS = [
    np.arange(6, dtype=np.int16).reshape(2, 3),
    np.zeros((0, 4), np.float32),
    np.array(3.5),
    np.arange(12.0).reshape(3, 4)[:, ::2],
    np.arange(12.0).reshape(3, 4).T,
    np.array([True, False]),
    np.array(["a", "bcd"]),
    np.array(["2026-01-01"], dtype="datetime64[D]"),
    np.array([(1, 2.5)], dtype=[("a", "i4"), ("b", "f8")]),
    np.arange(40_000, dtype=np.float64),
    np.array([1 + 2j]),
    np.array([1], dtype=">i4"),
]


@pytest.mark.parametrize("value", ARRAYS, ids=lambda value: f"{value.dtype}{value.shape}")
def test_arrays(value: Any) -> None:
    """An array keeps dtype, shape and values, and can be written to."""
    found = unpack(pack({"x": [value]}))["x"][0]
    assert (found.dtype, found.shape) == (value.dtype, value.shape)
    assert np.array_equal(found, value)
    received = [bytearray(memoryview(buffer).cast("B")) for buffer in pack(value)]  # as a link gives them
    assert unpack(received).flags.writeable


def test_an_array_of_objects_holds_values_only() -> None:
    """An array of objects travels item by item."""
    found = unpack(pack(np.array([1, "a", None], dtype=object)))
    assert (found.dtype, found.tolist()) == (object, [1, "a", None])


@pytest.mark.parametrize(
    "value",
    [
        datetime.datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=datetime.UTC),
        datetime.date(2026, 1, 2),
        datetime.time(1, 2, 3),
        datetime.timedelta(days=-1, microseconds=3),
        uuid.UUID(int=5),
        decimal.Decimal("1.10"),
        3 - 4j,
        Path("a/b"),
        b"x" * 100_000,
        np.float32(1.5),
        np.int64(7),
        np.bool_(True),
        (1, [2, {3: {4, 5}}]),
    ],
    ids=repr,
)
def test_single_values(value: Any) -> None:
    """A value comes back equal and of its type."""
    found = unpack(pack(value))
    assert found == value
    assert isinstance(found, Path) if isinstance(value, Path) else type(found) is type(value)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (Row(left=1, Right=2), {"left": 1.0, "Right": 2.0}),
        (Pair(1, [Row(left=0)]), {"first": 1, "second": [{"left": 0.0, "Right": 1.0}]}),
        (Pair(1, Pair(2, None)), {"first": 1, "second": {"first": 2, "second": None}}),
        (Colour.RED, "red"),
        (Point(1, 2), (1, 2)),
        (OrderedDict(a=1), {"a": 1}),
    ],
    ids=lambda value: type(value).__name__,
)  # fmt: skip
def test_records_travel_as_their_fields(value: Any, expected: Any) -> None:
    """A class does not cross: its instance is what it is made of, and hints make it again."""
    found = unpack(pack(value))
    assert found == expected
    assert type(found) is type(expected)


FRAMES = [
    pd.DataFrame({"a": [1, 2], "b": [1.5, None], "c": ["x", None], "d": pd.to_datetime(["2026-01-01", "2026-01-02"])}),
    pd.DataFrame({"a": pd.Categorical(["x", "y"]), "b": pd.array([1, None], dtype="Int64")}, index=["r", "s"]),
    pd.DataFrame({"a": []}),
    pd.DataFrame([[1, 2]], columns=["same", "same"]),
    pd.DataFrame({"a": [1, 2]}, index=pd.Index([5, 7], name="key")),
]


@pytest.mark.parametrize("value", FRAMES, ids=lambda value: "-".join(map(str, value.columns)))
def test_frames(value: pd.DataFrame) -> None:
    """A frame keeps columns, index, types and gaps."""
    pd.testing.assert_frame_equal(unpack(pack(value)), value)


def test_series() -> None:
    """A series keeps name and index."""
    value = pd.Series([1.0, 2.0], index=["a", "b"], name="s")
    pd.testing.assert_series_equal(unpack(pack(value)), value)


@pytest.mark.parametrize("mode", ["RGB", "L", "1", "P", "RGBA", "F", "CMYK"])
def test_images(mode: str) -> None:
    """An image keeps mode, size and pixels."""
    value = Image.linear_gradient("L").resize((9, 7)).convert(mode)
    found = unpack(pack(value))
    assert (found.mode, found.size) == (mode, (9, 7))
    assert found.convert("RGB").tobytes() == value.convert("RGB").tobytes()


@pytest.mark.parametrize(
    "value", [object(), print, type, iter([]), {1: {2: lambda: 0}}, pd.MultiIndex.from_arrays([[1]])]
)
def test_what_has_no_kind_is_refused(value: Any) -> None:
    """Functions, classes and objects of no known kind are refused by name, not pickled."""
    with pytest.raises(TypeError, match="cannot be sent"):
        pack(value)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (Tagged("function", "os.system"), "unknown kind"),
        (Tagged("array", ["O", [1], Ref(1)]), "objects"),
        (Tagged("array", ["<f8", [9], Ref(1)]), "not well formed|cannot reshape|size"),
        (Tagged("array", ["<f8", [1], Ref(7)]), "not there"),
        (Tagged("array", ["<f8", [1], 1]), "not there"),
        (Tagged("array", []), "unpack"),
        (Tagged("image", ["RGB", [1000, 1000], Ref(1), None]), "not enough|well formed"),
        (Tagged("datetime", 7), "not well formed"),
        (Tagged("decimal", "x"), "not well formed"),
        (Tagged("frame", [["a"], [1], []]), "."),
    ],
)
def test_parcels_that_lie_are_refused(value: Any, words: str) -> None:
    """A parcel that names what is not there, or claims what it does not hold, is a ValueError."""
    with pytest.raises(ValueError, match=words):
        unpack([plain.write(value), b"12345678"])


@given(st.lists(st.binary(max_size=60), max_size=3))
def test_any_buffers_are_values_or_refused(buffers: list[bytes]) -> None:
    """Random buffers end in a value or in ValueError."""
    try:
        unpack(buffers)
    except ValueError:
        return


def test_more_arrays_than_a_frame_takes() -> None:
    """A value that no frame could carry is refused where it is packed, with its number of arrays."""
    one = np.zeros(1)
    assert len(pack([one] * (MOST_BUFFERS - 1))) == MOST_BUFFERS
    with pytest.raises(ValueError, match=f"fewer than {MOST_BUFFERS} arrays.*: {MOST_BUFFERS}; join them"):
        pack([one] * MOST_BUFFERS)

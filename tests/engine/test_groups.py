"""Calls with other arguments beside the one that is joined; and that batching changes no answer."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import Enum, IntEnum
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from ekiben.core.spec import BatchSpec
from ekiben.engine.batch import Batcher, frozen
from ekiben.engine.invoke import drive
from ekiben.engine.messages import Call, Reply
from ekiben.schema.hints import batch_leaf, settle
from ekiben.schema.values.base import Leaf

ARRAYS: Leaf | None = batch_leaf(settle(np.ndarray))
FRAMES: Leaf | None = batch_leaf(settle(pd.DataFrame))
LISTS: Leaf | None = batch_leaf(list[int])


class Color(Enum):
    RED = 1


class Level(IntEnum):
    LOW = 1


class Point(BaseModel):
    x: float
    tags: list[str] = []


@dataclass
class Pair:
    a: int
    b: list[int]


SAME: list[tuple[Any, Any]] = [
    (1, 1),
    ("a", "a"),
    (None, None),
    (float("nan"), float("nan")),
    ([1, [2]], [1, [2]]),
    ({"a": [1]}, {"a": [1]}),
    ({1, 2}, {2, 1}),
    (Point(x=1, tags=["a"]), Point(x=1, tags=["a"])),
    (Pair(1, [2]), Pair(1, [2])),
    (np.arange(3), np.arange(3)),
    (date(2026, 1, 1), date(2026, 1, 1)),
    (Color.RED, Color.RED),
]
OTHER: list[tuple[Any, Any]] = [
    (1, 2),
    (1, 1.0),
    (1, True),
    (0.0, -0.0),
    (Decimal("1.0"), Decimal("1.00")),
    (Level.LOW, 1),
    ("1", 1),
    (b"a", "a"),
    ([1], (1,)),
    ([1, 2], [2, 1]),
    ({"a": 1}, {"a": 2}),
    ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
    (Point(x=1), Point(x=2)),
    (Pair(1, [2]), Pair(1, [3])),
    (np.arange(3), np.arange(3.0)),
    (np.arange(4), np.arange(4).reshape(2, 2)),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_alike(one: Any, other: Any) -> None:
    """Two arguments of one value are one, whatever they are made of."""
    assert hash(frozen(one)) == hash(frozen(other))
    assert frozen(one) == frozen(other)


@pytest.mark.parametrize(("one", "other"), OTHER)
def test_not_alike(one: Any, other: Any) -> None:
    """What a method could tell apart is not one, even where Python says that it is equal."""
    assert frozen(one) != frozen(other)


@pytest.mark.parametrize("value", [object(), [object()], lambda: 1, np.array([{}])])
def test_not_known(value: Any) -> None:
    """A value of unknown kind is compared with nothing."""
    with pytest.raises(TypeError):
        frozen(value)


class Model:
    """Multiplies, refuses negative numbers, and notes how it was called."""

    def __init__(self) -> None:
        self.seen: list[tuple[list[int], Any]] = []

    def __call__(self, call: Call) -> Any:
        values, factor = call.kwargs["x"], call.kwargs.get("factor", 1)
        self.seen.append((np.asarray(values).ravel().tolist(), factor))
        if np.asarray(values).size and np.asarray(values).min() < 0:
            raise ValueError("negative")
        return [value * factor for value in values] if isinstance(values, list) else values * factor


def call(values: Any, **others: Any) -> Call:
    return Call("run", (), {"x": values, **others})


def test_calls_are_grouped_by_their_other_arguments() -> None:
    """Calls with the same factor run together, those with another one apart, whatever the order of arrival."""
    model, batcher = Model(), Batcher(BatchSpec(), LISTS, joined="x")
    replies = drive(batcher.run([call([1], factor=2), call([2], factor=3), call([3, 4], factor=2)]), model)
    assert [reply.value for reply in replies] == [[2], [6], [6, 8]]
    assert model.seen == [([1, 3, 4], 2), ([2], 3)]


def test_unknown_arguments_run_alone() -> None:
    """Calls whose other argument cannot be compared are not joined."""
    model, batcher = Model(), Batcher(BatchSpec(), LISTS, joined="x")

    class Odd(int):
        pass

    replies = drive(batcher.run([call([1], factor=Odd(2)), call([2], factor=Odd(2))]), model)
    assert [reply.value for reply in replies] == [[2], [4]]
    assert len(model.seen) == 2


def test_a_call_in_pieces_keeps_its_other_arguments() -> None:
    """Each piece of a call that is too large has the call's other arguments."""
    model, batcher = Model(), Batcher(BatchSpec(max_size=2), LISTS, joined="x")
    [reply] = drive(batcher.run([call([1, 2, 3], factor=5)]), model)
    assert reply.value == [5, 10, 15]
    assert model.seen == [([1, 2], 5), ([3], 5)]
    assert batcher.size(call([1, 2, 3], factor=5)) == 3


def plainly(reply: Reply) -> Any:
    """Give what a caller can see of a reply."""
    if reply.error is not None:
        return type(reply.error), str(reply.error)
    value = reply.value
    if isinstance(value, pd.DataFrame):
        return value.to_dict("list"), list(value.index), [str(kind) for kind in value.dtypes]
    return (value.tolist(), value.shape, value.dtype.str) if hasattr(value, "shape") else value


def same(leaf: Leaf | None, values: Sequence[Any], size: int) -> None:
    """Hold a batch with isolation to what the same calls give one by one."""
    calls = [call(value, factor=factor) for value, factor in values]
    batcher = Batcher(BatchSpec(max_size=size), leaf, leaf, isolate=True, joined="x")
    alone = [drive(batcher.run([each]), Model())[0] for each in calls]
    bad = sum(reply.error is not None for reply in alone)
    found = drive(batcher.run(calls), Model())
    if bad <= 1:  # then the reruns are enough to find it
        assert [plainly(reply) for reply in found] == [plainly(reply) for reply in alone]
    for reply, expected in zip(found, alone, strict=True):
        assert reply.error is not None or plainly(reply) == plainly(expected)
        assert expected.error is None or plainly(reply) == plainly(expected)


factors = st.sampled_from([1, 2, 2.0, True])


@given(
    st.lists(st.tuples(st.lists(st.integers(-1, 9), max_size=4), factors), min_size=1, max_size=12), st.integers(1, 8)
)
def test_lists_batched_as_one_by_one(values: list[Any], size: int) -> None:
    """However lists are mixed, sized and refused, each call gets what it would get alone."""
    same(LISTS, values, size)


@st.composite
def arrays(draw: st.DrawFn) -> Any:
    shape = (draw(st.integers(0, 3)), draw(st.integers(1, 2)))
    kind = draw(st.sampled_from(["int64", "float32"]))
    low = draw(st.sampled_from([0, 0, 0, -1]))
    return np.full(shape, draw(st.integers(low, 9)), dtype=kind)


@given(st.lists(st.tuples(arrays(), factors), min_size=1, max_size=12), st.integers(1, 8))
def test_arrays_batched_as_one_by_one(values: list[Any], size: int) -> None:
    """However arrays differ in rows, width and dtype, each call gets what it would get alone, dtype and all."""
    same(ARRAYS, values, size)


@given(
    st.lists(
        st.tuples(st.dictionaries(st.sampled_from("ab"), st.integers(0, 9), min_size=1), st.sampled_from([1, 3])),
        min_size=1,
        max_size=6,
    ),
    st.integers(1, 4),
)
def test_frames_batched_as_one_by_one(rows: list[Any], size: int) -> None:
    """Frames of differing columns are answered as they would be alone, index and dtypes included."""
    same(FRAMES, [(pd.DataFrame([row, row]), factor) for row, factor in rows], size)

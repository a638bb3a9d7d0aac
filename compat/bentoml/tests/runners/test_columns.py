"""Values of several calls are joined column by column, and taken apart again."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from bentoml.runners.columns import Columns, ColumnsLeaf

LEAF = ColumnsLeaf()


@pytest.mark.parametrize(
    ("values", "shape"),
    [
        pytest.param((), (), id="nothing to join has no shape, so that the engine runs the call alone"),
        pytest.param((np.zeros((3, 2)), [1, 2, 3]), (3, 2), id="the first value tells how many items there are"),
        pytest.param((["a", "b"],), (2,), id="a list has as many items as it is long"),
    ],
)
def test_shape(values: tuple[Any, ...], shape: tuple[int, ...]) -> None:
    """The engine counts the items of a call by the shape of its first value."""
    assert Columns(values).shape == shape


def test_two_calls_become_one_batch() -> None:
    """Each column is joined by its own kind, along the axis, and split by the sizes of the calls."""
    calls = [
        Columns((np.array([[1.0], [2.0]]), ["a", "b"], pd.DataFrame({"x": [1, 2]}))),
        Columns((np.array([[3.0]]), ["c"], pd.DataFrame({"x": [3]}))),
    ]
    batch, sizes = LEAF.join(calls, 0)
    assert sizes == [2, 1]
    assert batch[0].tolist() == [[1.0], [2.0], [3.0]]
    assert batch[1] == ["a", "b", "c"]
    assert batch[2]["x"].tolist() == [1, 2, 3]
    first, second = LEAF.split(batch, sizes, 0)
    assert (first[0].tolist(), first[1]) == ([[1.0], [2.0]], ["a", "b"])
    assert (second[0].tolist(), second[1], second[2]["x"].tolist()) == ([[3.0]], ["c"], [3])


def test_another_axis() -> None:
    """Arrays are joined along the axis that the method names."""
    batch, sizes = LEAF.join([Columns((np.zeros((2, 1)),)), Columns((np.ones((2, 3)),))], 1)
    assert (batch[0].shape, sizes) == ((2, 4), [1, 3])
    assert [part[0].shape for part in LEAF.split(batch, sizes, 1)] == [(2, 1), (2, 3)]


@pytest.mark.parametrize(
    "others",
    [
        pytest.param((np.zeros((1, 3)),), id="of another width"),
        pytest.param((np.zeros((1, 2), dtype="int8"),), id="of another dtype"),
        pytest.param(([[0.0, 0.0]],), id="of another type"),
        pytest.param((np.zeros((1, 2)), [1]), id="of another number"),
    ],
)
def test_what_differs_is_not_joined(others: tuple[Any, ...]) -> None:
    """Calls go together only where every value goes with that of the other."""
    one = Columns((np.zeros((1, 2)),))
    assert LEAF.alike(one, 0) == LEAF.alike(Columns((np.ones((4, 2)),)), 0)
    assert LEAF.alike(one, 0) != LEAF.alike(Columns(others), 0)


def test_it_is_described_and_written() -> None:
    """What travels between processes of ours is still plain data for whoever describes it."""
    assert LEAF.schema() == {"type": "array"}
    assert LEAF.decode([1, [2]]) == (1, [2])
    assert isinstance(LEAF.decode([]), Columns)
    assert [np.asarray(part).tolist() for part in LEAF.to_json(Columns((np.array([1, 2]), ["a"])))] == [[1, 2], ["a"]]

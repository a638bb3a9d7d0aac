"""Lists are batches of their items, and of nothing smaller."""

from typing import Any

import pytest

from ekiben.schema.values.base import cuts
from ekiben.schema.values.record import RecordLeaf

LEAF = RecordLeaf()


@pytest.mark.parametrize(
    ("values", "joined", "sizes"),
    [
        ([["ab"], ["c", "d"]], ["ab", "c", "d"], [1, 2]),
        ([["ab"], []], ["ab"], [1, 0]),
        (["ab", "cd"], ["ab", "cd"], [1, 1]),
        ([{"k": 1}, {"l": 2}], [{"k": 1}, {"l": 2}], [1, 1]),
        ([[{"k": 1}], [{"l": 2}, {}]], [{"k": 1}, {"l": 2}, {}], [1, 2]),
        ([("a", "b")], ["a", "b"], [2]),
    ],
)
def test_join(values: list[Any], joined: list[Any], sizes: list[int]) -> None:
    """Lists are chained; a text is not taken apart into letters, nor an object into its keys."""
    assert LEAF.join(values, 0) == (joined, sizes)


def test_split() -> None:
    """A list is cut after each call's items."""
    assert LEAF.split([1, 2, 3], [1, 0, 2], 0) == [[1], [], [2, 3]]
    assert LEAF.split([], [], 0) == []


@pytest.mark.parametrize("batch", [[1, 2], [1, 2, 3, 4], [], 3, None])
def test_split_counts(batch: Any) -> None:
    """An answer with more or fewer items than the batch, or without items, is refused."""
    with pytest.raises(ValueError, match="must be answered by"):
        LEAF.split(batch, [1, 2], 0)


def test_cuts() -> None:
    """Starts and ends follow each other."""
    assert cuts(3, [1, 0, 2]) == [(0, 1), (1, 1), (1, 3)]

"""Values without a hint are known by their type when they are there."""

from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pandas as pd
import pytest
from PIL import Image
from pydantic import BaseModel, ConfigDict

from ekiben.schema.open import OpenLeaf, leaf_of, to_plain
from ekiben.schema.wire.json import dumper

LEAF = OpenLeaf()


class Found(BaseModel):
    model_config = ConfigDict(arbitrary_types_allowed=True)

    boxes: Any
    crop: Any = None


@pytest.mark.parametrize(
    ("batch", "expected"),
    [
        (np.array([[1], [2], [3]]), [[[1]], [[2], [3]]]),
        ([1, 2, 3], [[1], [2, 3]]),
        ((1, 2, 3), [(1,), (2, 3)]),
        (pd.Series([1, 2, 3]), [[1], [2, 3]]),
        ({"a": np.array([1, 2, 3]), "b": ["x", "y", "z"]}, [{"a": [1], "b": ["x"]}, {"a": [2, 3], "b": ["y", "z"]}]),
        ((np.array([1, 2, 3]), ["x", "y", "z"]), [([1], ["x"]), ([2, 3], ["y", "z"])]),
    ],
)
def test_split(batch: Any, expected: list[Any]) -> None:
    """A batch is taken apart by what it is; objects and tuples of batches by their members."""
    parts = LEAF.split(batch, [1, 2], 0)
    assert orjson.loads(dumper("null", to_plain)(parts)) == orjson.loads(orjson.dumps(expected))


@pytest.mark.parametrize("batch", ["abc", b"abc", 3, None, np.array(3), [1], {"a": [1]}])
def test_split_refuses(batch: Any) -> None:
    """What has no items, or not as many as went in, is refused."""
    with pytest.raises(ValueError, match="must be answered by"):
        LEAF.split(batch, [1, 2], 0)


def test_split_along_another_axis() -> None:
    """Arrays are cut along the axis of the answer."""
    parts = LEAF.split(np.array([[1, 2, 3], [4, 5, 6]]), [1, 2], 1)
    assert [part.tolist() for part in parts] == [[[1], [4]], [[2, 3], [5, 6]]]


def test_leaf_by_value() -> None:
    """A subclass of a known type is of its kind, and other values of none."""
    assert leaf_of(Image.new("L", (1, 1))).kind == "image"  # type: ignore[union-attr]
    assert leaf_of(pd.DataFrame()).kind == "dataframe"  # type: ignore[union-attr]
    assert leaf_of({}) is leaf_of("a") is None
    assert LEAF.alike(np.zeros((1, 2)), 0) == LEAF.alike(np.zeros((3, 2)), 0) != LEAF.alike([1], 0)


def test_values_within_values() -> None:
    """Arrays, frames and images are written wherever they stand; a path stays text."""
    value = {"model": Found(boxes=np.ones((1, 2)), crop=Image.new("L", (1, 1))), "frame": pd.DataFrame({"a": [1]})}
    found = orjson.loads(dumper("null", to_plain)(value | {"path": Path("/x")}))
    assert found["model"]["boxes"] == [[1.0, 1.0]]
    assert found["model"]["crop"].startswith("iVBOR")
    assert found["frame"] == [{"a": 1}]
    assert found["path"] == "/x"
    assert dumper("literal", to_plain)(value)

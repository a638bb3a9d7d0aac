"""One annotation may stand for several, and those of others are left to pydantic."""

from collections.abc import Iterator
from typing import Annotated, Any

import annotated_types
import numpy as np
import pytest
from pydantic import TypeAdapter, ValidationError

from ekiben.core.errors import ConfigError
from ekiben.schema.hints import only_leaf, parts_of, settle
from ekiben.validators import DType, Shape


class Square:
    """A square array of a dtype."""

    __is_annotated_types_grouped_metadata__ = True

    def __init__(self, size: int, dtype: str) -> None:
        self.size, self.dtype = size, dtype

    def __iter__(self) -> Iterator[Any]:
        yield Shape((self.size, self.size))
        yield DType(self.dtype)


def test_a_group_stands_for_its_parts() -> None:
    """A group of our markers is read as these markers."""
    grouped = settle(Annotated[np.ndarray, Square(2, "float32")])
    apart = settle(Annotated[np.ndarray, Shape((2, 2)), DType("float32")])
    leaf, other = only_leaf(grouped), only_leaf(apart)
    assert leaf is not None
    assert other is not None
    assert leaf.schema() == other.schema()
    assert TypeAdapter(grouped).validate_python([[1, 2], [3, 4]]).dtype == np.float32
    with pytest.raises(ValidationError, match="shape"):
        TypeAdapter(grouped).validate_python([1, 2])


def test_a_group_of_others_is_theirs() -> None:
    """A group without a marker of ours stays whole, and pydantic reads it."""
    interval = annotated_types.Interval(ge=1, le=3)
    assert parts_of(interval) == [interval]
    hint = Annotated[int, interval]
    assert settle(hint) is hint
    with pytest.raises(ValidationError):
        TypeAdapter(hint).validate_python(4)


def test_a_group_on_another_type() -> None:
    """A group says nothing about a type that its markers do not fit."""
    with pytest.raises(ConfigError, match="`Shape` says nothing about this type"):
        settle(Annotated[list[int], Square(2, "float32")])

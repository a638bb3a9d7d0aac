"""What a name of a type stands for is what counts, however the name was given."""

from typing import Any, TypeVar

import numpy as np
import pytest
from typing_extensions import TypeAliasType

from ekiben.schema.hints import only_leaf, settle, unwrapped

Scalar, Other = TypeVar("Scalar", bound=np.generic), TypeVar("Other")
Array = TypeAliasType("Array", np.ndarray[Any, np.dtype[Scalar]], type_params=(Scalar,))  # as NumPy 2.5 has NDArray
Swapped = TypeAliasType("Swapped", dict[Other, list[Scalar]], type_params=(Scalar, Other))
Plain = TypeAliasType("Plain", list[int])


@pytest.mark.parametrize(
    ("hint", "expected"),
    [
        (Array[np.float32], np.ndarray[Any, np.dtype[np.float32]]),
        (Array, np.ndarray[Any, np.dtype[Scalar]]),
        (Swapped[np.float32, str], dict[str, list[np.float32]]),
        (Plain, list[int]),
        (list[int], list[int]),
    ],
)
def test_a_type_statement(hint: Any, expected: Any) -> None:
    """What a `type` statement stands for has the types in it that its name was given."""
    assert unwrapped(hint) == expected


def test_an_array_by_a_type_statement() -> None:
    """The dtype of `NDArray[np.float32]` is known where NDArray is a `type` statement, as from NumPy 2.5 on."""
    leaf = only_leaf(settle(Array[np.float32], is_input=True))
    assert leaf is not None
    assert leaf.schema()["x-dtype"] == "float32"

"""Arrays join along their batch axis and come apart again."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from ekiben.core.errors import ConfigError
from ekiben.schema.content import OCTETS, Upload
from ekiben.schema.hints import unwrapped
from ekiben.schema.values import ndarray as kind
from ekiben.schema.wire.raw import NPY
from ekiben.validators import ContentType, DType

LEAF = kind.plan(np.ndarray, ())


@given(st.lists(st.integers(0, 4), min_size=1, max_size=5), st.integers(0, 2))
def test_split_undoes_join(lengths: list[int], axis: int) -> None:
    """What is joined along any axis comes apart as it was."""
    arrays = []
    for index, length in enumerate(lengths):
        shape = [2, 3, 2]
        shape[axis] = length
        arrays.append(np.full(shape, index))
    joined, sizes = LEAF.join(arrays, axis)
    assert sizes == lengths
    for one, part in zip(arrays, LEAF.split(joined, sizes, axis), strict=True):
        assert np.array_equal(one, part)


@pytest.mark.parametrize("axis", [0, 1, 2, -1, -2])
def test_alike_is_what_numpy_can_join(axis: int) -> None:
    """Two arrays are alike where NumPy joins them without a change of dtype."""
    shapes = [(2, 3, 4), (5, 3, 4), (2, 5, 4), (2, 3, 5), (2, 3), (2, 3, 4)]
    arrays = [np.zeros(shape, "f4") for shape in shapes] + [np.zeros((2, 3, 4), "f8")]
    for one in (array for array in arrays if axis < array.ndim):
        for other in arrays:
            try:
                joinable = np.concatenate([one, other], axis=axis).dtype == one.dtype == other.dtype
            except ValueError:
                joinable = False
            assert (LEAF.alike(one, axis) == LEAF.alike(other, axis)) is joinable


def test_a_batch_answered_by_something_else() -> None:
    """Lists are taken as arrays; a wrong number of items, or a single number, is refused."""
    assert [part.tolist() for part in LEAF.split([1, 2, 3], [1, 2], 0)] == [[1], [2, 3]]
    for answer in ([1, 2], 3):
        with pytest.raises(ValueError, match="must be answered by"):
            LEAF.split(answer, [1, 2], 0)


@pytest.mark.parametrize(("media", "body"), [(NPY, None), (OCTETS, np.array([1.5], "f4").tobytes())])
def test_binary_answers(media: str, body: bytes | None) -> None:
    """An answer may be declared to be binary."""
    leaf = kind.plan(unwrapped(NDArray[np.float32]), (ContentType(media),))
    encoded = leaf.encoders[leaf.output_media](np.array([1.5], "f4"))
    assert encoded.media_type == media
    assert body is None or encoded.body == body
    assert leaf.decode(Upload(encoded.body)).tolist() == [1.5]  # type: ignore[arg-type]


def test_dtype_by_annotation_wins() -> None:
    """`DType` says more than `NDArray[...]`."""
    assert kind.plan(NDArray[np.float32], (DType("float64"),)).form.dtype == np.float64
    assert kind.plan(NDArray[Any], ()).form.dtype is None


def test_content_type_must_be_one_of_arrays() -> None:
    """An array is not declared to be an image."""
    with pytest.raises(ConfigError, match="image/png"):
        kind.plan(np.ndarray, (ContentType("image/png"),))

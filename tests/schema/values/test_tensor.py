"""Tensors of both libraries are read, written, joined and cut as their libraries do."""

import importlib
from typing import Any

import numpy as np
import pytest

from ekiben.core.errors import ConfigError
from ekiben.schema.content import OCTETS, Upload
from ekiben.schema.values import tensor as kind
from ekiben.schema.wire.raw import NPY, write_npy
from ekiben.validators import ContentType, DType, Shape

pytestmark = [pytest.mark.heavy, pytest.mark.filterwarnings("default")]


@pytest.fixture(
    params=[pytest.param("torch", marks=pytest.mark.torch), pytest.param("tensorflow", marks=pytest.mark.tensorflow)]
)
def library(request: pytest.FixtureRequest) -> Any:
    """Give each library, in the environment of its group."""
    return importlib.import_module(request.param)


def leaf(library: Any, *notes: Any) -> Any:
    """Plan a tensor."""
    assert kind.claims(library.Tensor)
    return kind.plan(library.Tensor, notes)


def values(tensor: Any) -> Any:
    """Give a tensor's numbers."""
    return np.asarray(tensor).tolist()


@pytest.mark.parametrize(
    ("raw", "dtype"), [([[1.5, 2]], "float32"), ([1, 2], "int64"), ([True], "bool"), (1.5, "float32"), ([], "float32")]
)
def test_from_json(library: Any, raw: Any, dtype: str) -> None:
    """Numbers with a fraction are float32, as both libraries make them; the others are as NumPy's."""
    found = leaf(library).decode(raw)
    assert isinstance(found, library.Tensor)
    assert values(found) == raw
    assert dtype in str(found.dtype)


def test_declared(library: Any) -> None:
    """A declared dtype and shape hold."""
    planned = leaf(library, DType("float64"), Shape((-1, 2)))
    assert "float64" in str(planned.decode([[1, 2]]).dtype)
    with pytest.raises(ValueError, match="must be of shape"):
        planned.decode([[1]])
    assert planned.schema()["x-dtype"] == "float64"


def test_bytes(library: Any) -> None:
    """A tensor comes and goes as `.npy` and as bare numbers; one from bytes can be written to."""
    planned = leaf(library, DType("float32"), Shape((-1, 2)))
    for content in (write_npy(np, np.ones((1, 2), "f4")), np.ones((1, 2), "f4").tobytes()):
        found = planned.decode(Upload(content))
        assert values(found + 1) == [[2.0, 2.0]]
        assert planned.to_bytes(found).body == np.ones((1, 2), "f4").tobytes()
        assert planned.decode(Upload(planned.to_npy(found).body)).shape == found.shape
    assert leaf(library, ContentType(NPY)).output_media == NPY
    with pytest.raises(ConfigError, match="image/png"):
        leaf(library, ContentType("image/png"))
    assert OCTETS in planned.media_types


def test_to_json(library: Any) -> None:
    """A tensor is written as lists; what its method gives instead, too."""
    planned = leaf(library)
    tensor = planned.decode([[1.5, 2.0]])
    assert planned.to_json(tensor).tolist() == planned.to_json([[1.5, 2.0]]).tolist() == [[1.5, 2.0]]


def test_batches(library: Any) -> None:
    """Tensors join along an axis and come apart again."""
    planned = leaf(library)
    one, two = planned.decode([[1, 2]]), planned.decode([[3, 4], [5, 6]])
    joined, sizes = planned.join([one, two], 0)
    assert sizes == [1, 2]
    assert [values(part) for part in planned.split(joined, sizes, 0)] == [[[1, 2]], [[3, 4], [5, 6]]]
    assert [values(part) for part in planned.split(joined, [1, 1], 1)] == [[[1], [3], [5]], [[2], [4], [6]]]
    assert planned.alike(one, 0) == planned.alike(two, 0) != planned.alike(one, 1)
    with pytest.raises(ValueError, match="must be answered by"):
        planned.split(joined, [1, 1], 0)


def test_tensors_that_numpy_cannot_see() -> None:
    """A tensor with a gradient, a conjugate and bfloat16 is written all the same."""
    torch = pytest.importorskip("torch", reason="`make test-heavy` brings TensorFlow; PyTorch has to be there")
    planned = leaf(torch)
    assert planned.to_json(torch.ones(2, requires_grad=True) * 2).tolist() == [2.0, 2.0]
    assert planned.to_json(torch.ones(2, dtype=torch.bfloat16)).tolist() == [1.0, 1.0]


def test_claims_nothing_else(library: Any) -> None:
    """Nothing but the tensor class is claimed."""
    for hint in (np.ndarray, int, list[int], None, Any):
        assert not kind.claims(hint)

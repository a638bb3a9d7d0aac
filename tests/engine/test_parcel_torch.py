"""Tensors of PyTorch come out of a parcel as they went in, on the CPU."""

from typing import Any

import pytest

from ekiben.engine.parcel import pack, unpack
from tests.libraries import later

torch: Any = later("torch")

pytestmark = [pytest.mark.heavy, pytest.mark.torch, pytest.mark.timeout(300)]

DTYPES = ["float32", "float64", "float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8", "bool", "complex64"]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(2, 3), (0, 4), ()], ids=str)
def test_tensors(dtype: str, shape: tuple[int, ...]) -> None:
    """A tensor keeps dtype, shape and values, and can be written to."""
    tensor = torch.randint(0, 2, shape).to(getattr(torch, dtype))
    found = unpack(pack({"rows": [tensor]}))["rows"][0]
    assert (type(found), found.dtype, found.shape) == (torch.Tensor, tensor.dtype, tensor.shape)
    assert torch.equal(found, tensor)
    found.zero_()
    assert not found.any()


def test_views_and_parameters() -> None:
    """Slices, transposed and conjugated tensors and weights in training travel by their values."""
    square = torch.arange(12.0).reshape(3, 4)
    weight = torch.nn.Parameter(square)
    for tensor in (
        square[:, ::2],
        square.t(),
        weight,
        weight * 2,
        torch.tensor([1 + 2j]).conj(),
        square.expand(2, 3, 4),
    ):
        found = unpack(pack(tensor))
        assert torch.equal(found, tensor.detach())
        assert not found.requires_grad


def test_a_large_tensor_is_not_copied_into_the_tree() -> None:
    """The numbers travel beside the small part, in a buffer of their own."""
    tree, numbers = pack(torch.zeros(1000, 1000))
    assert len(tree) < 200
    assert len(numbers) == 4_000_000


@pytest.mark.parametrize("make", ["sparse", "dtype", "module", "device"])
def test_what_is_no_dense_tensor(make: str) -> None:
    """Other things of PyTorch's are refused, with their type."""
    value = {
        "sparse": lambda: torch.eye(2).to_sparse(),
        "dtype": lambda: torch.float32,
        "module": lambda: torch.nn.ReLU(),
        "device": lambda: torch.device("cpu"),
    }[make]()
    with pytest.raises(TypeError, match=type(value).__name__):
        pack([value])

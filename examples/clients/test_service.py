"""Test a service without a socket: `pytest test_service.py`."""

from collections.abc import Iterator

import numpy as np
import pytest
from service import Lunch

import ekiben.testing
from ekiben import SyncHTTPClient
from ekiben.exceptions import InvalidInput


@pytest.fixture(scope="module")
def lunch() -> Iterator[SyncHTTPClient]:
    """Start the service once for all tests of this file."""
    with ekiben.testing.client(Lunch) as client:
        yield client


def test_scale(lunch: SyncHTTPClient) -> None:
    """Each number is multiplied."""
    np.testing.assert_array_equal(lunch.scale(np.array([1.0, 2.0]), factor=3), [3, 6])


def test_text_is_no_number(lunch: SyncHTTPClient) -> None:
    """Text is refused, with its place."""
    with pytest.raises(InvalidInput, match=r"x\[1\]"):
        lunch.scale([1, "two"])

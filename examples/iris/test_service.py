"""Test the service without a socket: `pytest test_service.py`."""

from service import Iris

import ekiben.testing


def test_a_known_flower() -> None:
    """A flower of the training data gets its name."""
    with ekiben.testing.client(Iris) as client:
        assert client.species(flowers=[[5.1, 3.5, 1.4, 0.2]]) == ["setosa"]

"""Amounts of CPU and memory are read as people write them."""

from typing import Any

import pytest

from ekiben.core.errors import ConfigError
from ekiben.core.resources import cpus, memory


@pytest.mark.parametrize(
    ("value", "expected"), [(2, 2.0), (0.5, 0.5), ("1.5", 1.5), ("500m", 0.5), ("2", 2.0), ("1500m", 1.5)]
)
def test_cpus(value: Any, expected: float) -> None:
    """A number, its text, or thousandths."""
    assert cpus(value, "resources.cpu") == expected


@pytest.mark.parametrize("value", [0, -1, "m", "2 cores", "1e3", True, None, "0m"])
def test_no_cpus(value: Any) -> None:
    """Anything else is refused by its path."""
    with pytest.raises(ConfigError, match=r"`resources\.cpu` must be a number of CPUs above 0: "):
        cpus(value, "resources.cpu")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1000, 1000),
        ("1k", 1000),
        ("1Ki", 1024),
        ("2Gi", 2 * 1024**3),
        ("1.5Gi", 3 * 1024**3 // 2),
        ("500 MB", 500_000_000),
    ],
)
def test_memory(value: Any, expected: int) -> None:
    """A number of bytes, or text with a unit."""
    assert memory(value, "resources.memory") == expected


@pytest.mark.parametrize("value", [0, -1, "2X", "Gi", "lots", True, None, "2i", "1K"])
def test_no_memory(value: Any) -> None:
    """Anything else is refused by its path."""
    with pytest.raises(ConfigError, match=r"`resources\.memory` must be an amount of memory above 0: "):
        memory(value, "resources.memory")

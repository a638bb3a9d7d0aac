"""Whoever runs a service can say how its calls are joined."""

from pathlib import Path
from typing import Any

import pytest

import ekiben
from ekiben.core.config import layer
from ekiben.core.errors import ConfigError
from ekiben.core.spec import BatchSpec, BoundService
from ekiben.services.batches import Joining, join_by, read_batching
from ekiben.services.configure import over
from ekiben.services.load import load
from ekiben.testing import client


@ekiben.service
class Rows:
    """Two endpoints, one of which batches."""

    seen: list[int]

    def __init__(self) -> None:
        self.seen = []

    @ekiben.api(batchable=True, max_batch_size=50, max_latency_ms=2000)
    def double(self, rows: list[int]) -> list[int]:
        """Double each."""
        self.seen.append(len(rows))
        return [row * 2 for row in rows]

    @ekiben.api
    def alone(self, row: int) -> int:
        """Double one."""
        return row * 2


def batches(bound: BoundService) -> dict[str, BatchSpec | None]:
    """Give the rule of each endpoint."""
    return {each.name: each.batch for each in bound.spec.endpoints}


def test_nothing_said_changes_nothing() -> None:
    """Without the option the service is the very same."""
    bound = Rows.__ekiben_service__()
    assert join_by(bound, Joining()) is bound


def test_numbers_stand_over_the_endpoints() -> None:
    """A size and a latency hold for what batches; what does not batch does not begin to."""
    found = batches(over(Rows.__ekiben_service__(), layer({"batching": {"max_batch_size": 8}}, "x: ")))
    assert found["double"] == BatchSpec(max_size=8, max_latency=2.0)
    assert found["alone"] is None


def test_off_and_on_again() -> None:
    """What a lower layer turned off a higher one turns on, with the numbers of the code."""
    off = over(Rows.__ekiben_service__(), layer({"batching": {"enabled": False, "max_batch_size": 8}}, "x: "))
    assert batches(off)["double"] is None
    again = over(off, layer({"batching": {"enabled": True, "max_batch_size": None}}, "y: "))
    assert batches(again)["double"] == BatchSpec(max_size=50, max_latency=2.0)


def test_the_decorator_says_it_too() -> None:
    """The option stands in the decorator as well."""

    @ekiben.service(batching={"max_latency_ms": 500})
    class Quick:
        @ekiben.api(batchable=True)
        def double(self, rows: list[int]) -> list[int]:
            """Double each."""
            return rows

    assert batches(Quick.__ekiben_service__())["double"] == BatchSpec(max_latency=0.5)


@pytest.mark.parametrize("enabled", ["true", "false"])
def test_answers_are_equal(enabled: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """With and without batches a call has the same answer."""
    monkeypatch.setenv("EKIBEN_BATCHING__ENABLED", enabled)
    assert (batches(load(Rows, folder=tmp_path))["double"] is None) == (enabled == "false")
    with client(Rows) as found:
        assert found.double(rows=[1, 2, 3]) == [2, 4, 6]


@pytest.mark.parametrize(
    ("batching", "words"),
    [
        ({"enabled": "no"}, "`batching.enabled` must be True or False"),
        ({"max_batch_size": 0}, "`batching.max_batch_size` must be a whole number"),
        ({"max_latency_ms": 0}, "`batching.max_latency_ms` must be a number of milliseconds"),
        ({"size": 3}, "there is no option `batching.size`"),
        ([8], "`batching` must be a mapping"),
    ],
)
def test_what_is_refused(batching: Any, words: str) -> None:
    """What is no number of its kind is refused by its path."""
    with pytest.raises(ConfigError, match=words):
        read_batching(batching)

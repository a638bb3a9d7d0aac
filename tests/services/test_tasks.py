"""`@task` marks a method, checks its options, and refuses what cannot be a task."""

from collections.abc import Iterator
from typing import Any

import pytest

import ekiben
from ekiben.core.errors import ConfigError
from ekiben.core.spec import EndpointSpec


def only(cls: Any) -> EndpointSpec:
    (found,) = cls.__ekiben_service__().spec.endpoints
    assert isinstance(found, EndpointSpec)
    return found


def test_bare() -> None:
    """Without parentheses it is an endpoint that is a task, started three times at most, with no time limit."""

    @ekiben.service
    class Bare:
        @ekiben.task
        def train(self, x: int) -> int:
            return x

    found = only(Bare)
    assert (found.name, found.route, found.task, found.max_attempts, found.timeout) == (
        "train",
        "/train",
        True,
        3,
        None,
    )
    assert Bare().train(3) == 3  # it stays a method


def test_options() -> None:
    """Its options are those of an endpoint that runs alone."""

    @ekiben.service
    class Optional:
        @ekiben.task(route="/t", name="other", timeout=9, max_attempts=1)
        async def train(self, x: int) -> int:
            return x

    found = only(Optional)
    assert (found.name, found.route, found.task, found.max_attempts, found.timeout) == ("other", "/t", True, 1, 9.0)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"batchable": True}, "`batchable` is not supported by this version: a task runs alone"),
        ({"max_batch_size": 3}, "`max_batch_size` is not supported"),
        ({"max_attempts": 0}, "`max_attempts` must be a whole number from 1 to 1000"),
        ({"max_attempts": True}, "`max_attempts` must be a whole number"),
        ({"max_attemps": 3}, "there is no option `max_attemps`"),
        ({"timeout": -1}, "`timeout` must be a number of seconds"),
        ({"name": "a b"}, "`name` must be a Python name"),
    ],
)
def test_wrong_options(options: dict[str, Any], words: str) -> None:
    """What is no option of a task is refused by its name."""
    with pytest.raises(ConfigError, match=words):
        ekiben.task(**options)


def test_no_method() -> None:
    """Only a method can be a task."""
    with pytest.raises(ConfigError, match="`@task` takes options by keyword only"):
        ekiben.task("train")  # type: ignore[call-overload]


def test_no_generator() -> None:
    """A generator is refused: an answer is whole."""
    with pytest.raises(ConfigError, match=r"`.*Streaming.train` is a generator and cannot be a task") as caught:

        @ekiben.service
        class Streaming:
            @ekiben.task
            def train(self) -> Iterator[int]:
                yield 1

    assert "ctx.progress" in (caught.value.hint or "")


def test_its_routes_are_taken() -> None:
    """No other endpoint may stand at a route of a task, whichever is written first."""
    for names in (("train", "other"), ("other", "train")):
        marks = {"train": ekiben.task, "other": ekiben.api(route="/train/status")}
        members = {name: marks[name](lambda self: None) for name in names}
        for name, method in members.items():
            method.__name__ = name
        with pytest.raises(ConfigError, match="/train/status"):
            ekiben.service(type("Clash", (), members))


@pytest.mark.parametrize(
    ("tasks", "words"),
    [
        ({"workers": 0}, "`tasks.workers` must be a whole number"),
        ({"max_pending": 0}, "`tasks.max_pending` must be"),
        ({"retention_hours": 0}, "`tasks.retention_hours` must be a number of hours above 0"),
        ({"grace": -1}, "`tasks.grace` must be a number of seconds of 0 or more"),
        ({"folder": 3}, "`tasks.folder` must be the path of a folder"),
        ({"retention": 3}, "there is no option `tasks.retention`"),
        (3, "`tasks` must be a mapping"),
    ],
)
def test_wrong_settings(tasks: Any, words: str) -> None:
    """What is no setting of tasks is refused by its path."""
    with pytest.raises(ConfigError, match=words):
        ekiben.service(tasks=tasks)


def test_settings() -> None:
    """Hours become seconds."""

    @ekiben.service(tasks={"workers": 2, "max_pending": 3, "retention_hours": 0.5, "grace": 0, "folder": "x"})
    class Set:
        @ekiben.api
        def plain(self) -> None:
            """Do nothing."""

    found = Set.__ekiben_service__().spec.tasks  # type: ignore[attr-defined]
    assert (found.workers, found.max_pending, found.retention, found.grace, found.folder) == (2, 3, 1800.0, 0.0, "x")

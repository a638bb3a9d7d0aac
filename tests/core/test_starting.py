"""A long start says what it waits for, and a quick one nothing."""

import logging
import threading
from collections.abc import Iterator

import pytest

from ekiben.core import starting
from ekiben.core.starting import FIRST, LATER, Watch, line_of


@pytest.fixture(autouse=True)
def told(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Hear what is told, and leave nothing that watches."""
    caplog.set_level(logging.INFO, "ekiben")
    yield
    starting.over()


def come_to_a_moment(whose: str = "", words: str = "making Iris", *, is_over: bool = False) -> None:
    """Let a watch come to a moment, with a step or after its end."""
    go = threading.Event()

    def moments() -> Iterator[float]:
        go.wait(30)
        yield 0.0

    watch = Watch(whose, moments())
    watch.note(words)
    if is_over:
        watch.over()
    go.set()
    for each in threading.enumerate():  # what is not told by its end is not told at all
        if each.name == "ekiben-starting":
            each.join(30)


@pytest.mark.parametrize(
    ("whose", "words"),
    [
        pytest.param("", "still starting after 0 s: making Iris", id="the program itself"),
        pytest.param("a worker", "a worker is still starting after 0 s: making Iris", id="a worker"),
    ],
)
def test_told(whose: str, words: str, caplog: pytest.LogCaptureFixture) -> None:
    """At its moment a line says what is done, and where in the user's code that is."""
    come_to_a_moment(whose)
    (record,) = caplog.records
    assert record.getMessage().startswith(words)
    assert "test_starting.py, line " in record.getMessage()


def test_nothing_is_told_without_a_step_or_after_the_end(caplog: pytest.LogCaptureFixture) -> None:
    """While others speak, and once all is there, there is no line."""
    come_to_a_moment(words="")
    come_to_a_moment(is_over=True)
    assert not caplog.records


def test_moments_are_few() -> None:
    """The first line comes after seconds, and there is one a minute in the end."""
    assert FIRST[0] == 3.0
    assert list(FIRST) == sorted(FIRST)
    assert LATER >= 60


def test_the_watch_of_this_process() -> None:
    """There is one at most; its end leaves no thread, and what is noted without one goes nowhere."""
    starting.note("nobody watches")
    starting.begin()
    starting.begin("a worker")  # in the place of the first
    starting.note("making Iris")
    watching = [each for each in threading.enumerate() if each.name == "ekiben-starting"]
    assert watching
    starting.over()
    for each in watching:
        each.join(30)
    assert not any(each.is_alive() for each in watching)


def test_a_line_of_the_users_code() -> None:
    """The innermost line that is the user's is shown; a thread that has ended has none."""
    found = line_of(threading.get_ident())
    assert "test_starting.py, line " in found
    assert found.endswith(": found = line_of(threading.get_ident()))")
    assert line_of(-1) == ""

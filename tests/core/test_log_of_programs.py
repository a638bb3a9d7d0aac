"""The logger by the name of the program that was entered is heard as ours is."""

import io
import logging
from collections.abc import Iterator
from dataclasses import replace

import pytest

from ekiben.core.front import EKIBEN, enter
from ekiben.core.log import set_up


@pytest.fixture
def loggers() -> Iterator[tuple[logging.Logger, logging.Logger]]:
    """Our logger and another program's, put back afterwards."""
    found = logging.getLogger("ekiben"), logging.getLogger("otherprogram")
    before = [(list(each.handlers), each.level, each.propagate) for each in found]
    yield found
    for each, (handlers, level, propagate) in zip(found, before, strict=True):
        each.handlers[:], each.propagate = handlers, propagate
        each.setLevel(level)


def test_both_are_heard(loggers: tuple[logging.Logger, logging.Logger]) -> None:
    """What users' code logs under the program's name is shown, at the same level and in the same form."""
    stream = io.StringIO()
    with enter(replace(EKIBEN, program="otherprogram")):
        set_up("info", style="json", stream=stream)
    for each in loggers:
        each.info("said by %s", each.name)
        each.debug("not said")
    assert stream.getvalue().count('"message": "said by') == 2
    assert "not said" not in stream.getvalue()


def test_only_ours_where_nothing_else_was_entered(loggers: tuple[logging.Logger, logging.Logger]) -> None:
    """Another program's logger is let be where that program was not entered, and where it has handlers."""
    ours, other = loggers
    before = list(other.handlers)
    set_up("info", stream=io.StringIO())
    assert other.handlers == before
    own = logging.NullHandler()
    other.addHandler(own)
    with enter(replace(EKIBEN, program="otherprogram")):
        set_up("info", stream=io.StringIO())
    assert other.handlers == [*before, own]
    assert ours.handlers != []

"""A call of a worker that has no task is answered once, whatever becomes of it."""

from collections.abc import Sequence
from typing import Any

import pytest

from ekiben.core.errors import InvalidInput, TooManyRequests
from ekiben.core.running import Running
from ekiben.engine.job import Done
from ekiben.engine.messages import Call
from ekiben.engine.turn import Turn
from ekiben.engine.wire import Buffer, view


class Words:
    """Reads texts, writes them, and fails where they say so."""

    def read(self, head: Any, buffers: Sequence[Buffer]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Read one text."""
        text = bytes(view(buffers[0])).decode()
        if text == "bad":
            raise InvalidInput("the text is bad")
        return (text,), {}

    def about(self, head: Any) -> Running | None:
        """Say whose call it is."""
        return Running("r1")

    def write(self, head: Any, value: Any) -> Done:
        """Write one text."""
        if value == "odd":
            raise TypeError("the value is odd")
        return ["fine", head], [value.encode()]

    def fail(self, head: Any, error: Exception) -> Done:
        """Write an error."""
        return ["wrong", head, str(error)], ()


class Gate:
    """A door that notes who is inside."""

    def __init__(self, error: Exception | None = None) -> None:
        self.inside: list[Call] = []
        self._error = error

    def enter(self, call: Call) -> None:
        """Let in, or refuse."""
        if self._error is not None:
            raise self._error
        self.inside.append(call)

    def leave(self, call: Call) -> None:
        """Let out; raises ValueError for one that is not inside."""
        self.inside.remove(call)


def turn() -> tuple[Turn, list[Any]]:
    ended: list[Any] = []
    return Turn(7, 3, "head", Words(), lambda one, done: ended.append((one.number, done))), ended


def test_a_value_is_written() -> None:
    """What the method gave is written with the head of its call, and the call is let out."""
    one, ended = turn()
    gate = Gate()
    call = one.read("say", [b"a"], 5.0)
    assert call is not None
    assert (call.endpoint, call.args, call.deadline, call.is_wanted) == ("say", ("a",), 5.0, True)
    assert call.about == Running("r1")
    one.enter(gate)
    assert gate.inside == [call]
    one.set_result("b")
    assert ended == [(7, (["fine", "head"], [b"b"]))]
    assert gate.inside == []
    assert not call.is_wanted


def test_what_cannot_be_read_is_answered_at_once() -> None:
    """A bad call never comes to a door, and its caller is told why."""
    one, ended = turn()
    assert one.read("say", [b"bad"], None) is None
    assert ended == [(7, (["wrong", "head", "the text is bad"], ()))]
    assert one.done()


def test_a_refusal_is_an_answer() -> None:
    """A call that the engine does not let in is answered, and not let out."""
    one, ended = turn()
    one.read("say", [b"a"], None)
    one.enter(Gate(TooManyRequests("enough")))
    assert ended == [(7, (["wrong", "head", "enough"], ()))]


@pytest.mark.parametrize("is_raised", [True, False], ids=["by the method", "in writing"])
def test_an_error_is_written(is_raised: bool) -> None:
    """What the method raises, and what writing its value raises, is told, and the call is let out once."""
    one, ended = turn()
    gate = Gate()
    one.read("say", [b"a"], None)
    one.enter(gate)
    if is_raised:
        one.set_exception(TypeError("the value is odd"))
    else:
        one.set_result("odd")
    assert ended == [(7, (["wrong", "head", "the value is odd"], ()))]
    assert gate.inside == []


def test_a_call_is_dropped_once() -> None:
    """A call that nobody waits for leaves, says that its place is free, and nothing twice."""
    one, ended = turn()
    gate = Gate()
    one.read("say", [b"a"], None)
    one.enter(gate)
    one.cancel()
    one.cancel()
    assert ended == [(7, (None, ()))]
    assert gate.inside == []

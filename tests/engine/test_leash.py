"""A worker's place: taken once, out of the environment, and only where a supervisor put it there."""

import os
import socket

import pytest

from ekiben.core.errors import ConfigError, Unavailable
from ekiben.engine.control import read_blocking
from ekiben.engine.leash import VARIABLE, Place, take


def test_no_place() -> None:
    """A process that no supervisor started has no place."""
    assert take() is None


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("nonsense", id="no JSON"),
        pytest.param("{}", id="nothing in it"),
        pytest.param('{"group": "a", "index": 0, "generation": 0, "parent": 1, "control": 9999}', id="no such socket"),
        pytest.param('{"group": "a", "index": 0, "generation": 0, "parent": 1, "control": "x"}', id="no descriptor"),
    ],
)
def test_a_place_that_nobody_gave(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable that leaked or was forged is refused with its name, and is gone from the environment."""
    monkeypatch.setenv(VARIABLE, text)
    with pytest.raises(ConfigError, match=f"`{VARIABLE}` is for a supervisor's own workers"):
        take()
    assert VARIABLE not in os.environ


async def test_what_is_said_arrives(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker's words arrive in order, the last ones too; before it has a loop it asks nothing."""
    ours, theirs = socket.socketpair()
    control = theirs.detach()
    os.set_inheritable(control, True)
    monkeypatch.setenv(VARIABLE, Place("web", 2, 1, os.getppid(), control, notes={"a": 1}).to_text())
    monkeypatch.setattr("ekiben.core.current._place", [0])  # no later test finds itself in worker 2
    leash = take()
    assert leash is not None
    assert (leash.place.group, leash.place.index, leash.place.notes) == ("web", 2, {"a": 1})
    assert not os.get_inheritable(control)
    with pytest.raises(Unavailable, match="starting"):
        await leash.ask("who", 1.0)
    leash._writer.start()
    leash.say("loading", percent=50)
    leash.failed(ConfigError("no model", hint="save one"))
    leash.close()
    with ours:
        assert read_blocking(ours) == {"say": "loading", "percent": 50}
        assert read_blocking(ours) == {"say": "failed", "words": "no model", "hint": "save one"}
    leash._control.close()

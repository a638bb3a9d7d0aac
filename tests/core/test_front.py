"""One name to enter by at a time, and every room says it."""

from pathlib import Path

import pytest

from ekiben import models
from ekiben.core.front import EKIBEN, Front, command, enter, front, typed, worded
from ekiben.core.paths import home

OTHER = Front(program="other", home_variable="OTHER_HOME", home_folder="~/other")


def test_the_front_lasts_for_its_block() -> None:
    """A front is that of its block, also after an error in it."""

    def fail() -> None:
        assert front() is OTHER
        raise KeyError

    with pytest.raises(KeyError), enter(OTHER):
        fail()
    assert front() is EKIBEN


def test_the_home_is_the_fronts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Another front has another folder, and another variable to move it."""
    monkeypatch.setenv("HOME", str(tmp_path))
    with enter(OTHER):
        assert home() == tmp_path / "other"
        monkeypatch.setenv("OTHER_HOME", str(tmp_path / "moved"))
        assert home() == tmp_path / "moved"
    assert home() not in (tmp_path / "other", tmp_path / "moved")


def test_a_hint_names_the_fronts_variable(home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What lies in the other home is found by the variable of the front, not by ours."""
    with models.create("thing"):
        pass
    monkeypatch.setenv("OTHER_HOME", str(tmp_path))
    with enter(OTHER), pytest.raises(Exception, match="thing") as caught:
        models.get("thing")
    assert f"OTHER_HOME={home}" in caught.value.hint


def test_a_command_in_a_message_is_the_fronts() -> None:
    """Hints name the program that was entered."""
    assert command("models verify") == "`ekiben models verify`"
    with enter(OTHER):
        assert command("models verify") == "`other models verify`"


def test_words_for_a_command_line() -> None:
    """Python's words stand where nothing was typed, and those of the command line for the length of a command."""
    assert worded("all=True", "--all") == "all=True"
    with typed():
        assert worded("all=True", "--all") == "--all"
    assert worded("all=True", "--all") == "all=True"

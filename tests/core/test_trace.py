"""What went wrong is shown where the user's code did it."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

import ekiben.core.trace as trace_room
from ekiben.core.errors import NotFound
from ekiben.core.trace import explain, frames, is_users, near


def caught(function: Any) -> BaseException:
    try:
        function()
    except BaseException as error:  # noqa: BLE001 - whatever it is
        return error
    raise AssertionError("nothing was raised")


def test_a_library_is_left_out() -> None:
    """An error deep in a library is shown at the line that called it."""
    words = explain(caught(lambda: json.loads("{")))
    assert words.startswith("JSONDecodeError: Expecting property name")
    assert 'json.loads("{")' in words
    assert "decoder.py" not in words


@pytest.mark.parametrize(
    ("error", "words"),
    [
        pytest.param(ValueError("no"), "ValueError: no", id="an error of Python"),
        pytest.param(KeyError(), "KeyError", id="an error without words"),
        pytest.param(NotFound("there is no model"), "there is no model", id="an error of ours speaks for itself"),
    ],
)
def test_words(error: BaseException, words: str) -> None:
    """An error that no user's line raised is told in one line."""
    assert explain(error) == words


def test_syntax_error(tmp_path: Path) -> None:
    """A syntax error shows its own place."""
    path = tmp_path / "svc.py"
    words = explain(caught(lambda: compile("x = 1\ndef broken(:\n", str(path), "exec")))
    assert words.startswith("SyntaxError: invalid syntax\n")
    assert f'File "{path}", line 2' in words


def test_few_frames() -> None:
    """A recursion does not fill the screen; the deepest places stay."""

    def deeper(n: int) -> None:
        if n == 0:
            raise ValueError("bottom")
        deeper(n - 1)

    found = frames(caught(lambda: deeper(50)))
    assert len(found) == trace_room.MOST
    assert "raise ValueError" in found[-1]


def test_whose_file() -> None:
    """Files of Ekiben, of Python and of libraries are not the user's."""
    assert not is_users(trace_room.__file__)
    assert not is_users(os.__file__)
    assert not is_users(pytest.__file__)
    assert not is_users("<frozen importlib._bootstrap>")
    assert is_users(__file__)


def test_near(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file below the current folder is shown by its path from there."""
    monkeypatch.chdir(tmp_path)
    assert near(str(tmp_path / "a" / "b.py")) == "a/b.py"
    assert near("/elsewhere/b.py") == "/elsewhere/b.py"


def test_near_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the current folder is gone a file is shown by its whole path."""
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    assert near(str(tmp_path / "gone" / "b.py")) == str(tmp_path / "gone" / "b.py")

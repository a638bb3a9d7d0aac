"""uv is found, is given words as they are, and its failures become one line."""

import os
import sys
from pathlib import Path

import pytest

from ekiben.core.errors import ConfigError, MissingLibrary
from ekiben.core.uv import Unreachable, explain, find_uv, has_uv, run_uv
from tests.bundle.index import make_index, reach_nothing, serving


@pytest.fixture(autouse=True)
def _uv_by_itself(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Let uv reach no index that a test did not name."""
    reach_nothing(monkeypatch, tmp_path_factory.mktemp("uv-cache"))


def test_find_uv() -> None:
    """The program of the installed package is found."""
    assert has_uv()
    assert os.access(find_uv("locking packages"), os.X_OK)


def test_missing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without uv the error names the command that installs it; one on the PATH is good enough."""
    monkeypatch.setitem(sys.modules, "uv", None)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert not has_uv()
    with pytest.raises(MissingLibrary, match="locking packages needs the program `uv`") as caught:
        find_uv("locking packages")
    assert caught.value.hint == "pip install 'ekiben[build]'"
    program = tmp_path / "uv"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    assert find_uv("locking packages") == str(program)


def test_run(tmp_path: Path) -> None:
    """What uv prints is given back."""
    assert run_uv(["--version"], why="asking", cwd=tmp_path).startswith("uv ")


def test_words_are_no_shell(tmp_path: Path) -> None:
    """A word with a shell's letters in it is a word, and nothing is run."""
    with pytest.raises(ConfigError, match="asking failed, and uv says: "):
        run_uv(["pip", "compile", f"$(touch {tmp_path}/made); touch made"], why="asking", cwd=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_unreachable(tmp_path: Path) -> None:
    """An index that nobody serves is told from packages that do not go together."""
    (tmp_path / "a.in").write_text("tiny\n")
    with pytest.raises(Unreachable, match="locking: no index of packages can be reached"):
        run_uv(["pip", "compile", "a.in"], why="locking", cwd=tmp_path)
    with pytest.raises(Unreachable):
        run_uv(["pip", "compile", "--offline", "a.in"], why="locking", cwd=tmp_path)


def test_not_there(tmp_path: Path) -> None:
    """A package that the index does not have is uv's error, not one of the network."""
    (tmp_path / "a.in").write_text("no-such-package\n")
    with pytest.raises(ConfigError, match="no-such-package was not found in the package registry") as caught:
        with serving(make_index(tmp_path / "index")) as index:
            run_uv(["pip", "compile", "--default-index", index, "a.in"], why="locking", cwd=tmp_path)
    assert not isinstance(caught.value, Unreachable)


def test_a_password_with_an_at_sign_is_not_shown(tmp_path: Path) -> None:
    """All of a password is hidden, up to the last `@` before the host."""
    said = explain("error: cannot reach https://me:p@ss@word@example.org/simple and http://t@host/x", tmp_path)
    assert said == "cannot reach https://****@example.org/simple and http://****@host/x"


def test_explain() -> None:
    """The line has no password, no folder of ours, no drawing."""
    said = "error: Request failed\n  Caused by: /tmp/x/a.in: https://me:hunter2@x.example/simple\n  ╰─▶ gone\n"
    told = explain(said, Path("/tmp/x"))
    assert told == "Request failed Caused by: a.in: https://****@x.example/simple gone"

"""The programs that go into an image, by themselves: what they start, and what they say when they cannot."""

import os
import shutil
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

import pytest

from ekiben.images.context import SCRIPTS

FOLDER = Path(str(files("ekiben.images") / "scripts"))
SHELL = shutil.which("sh") or "/bin/sh"


def run(name: str, *words: str, path: str = os.environ["PATH"]) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [SHELL, FOLDER / name, *words], capture_output=True, text=True, timeout=60, check=False, env={"PATH": path}
    )


@pytest.fixture
def program(tmp_path: Path) -> str:
    """A program that says its words."""
    place = tmp_path / "server"
    place.write_text(f'#!{SHELL}\nprintf "<%s>" "$@"\necho "$$"\n')
    place.chmod(0o755)
    return str(place)


def test_all_go_into_the_image() -> None:
    """Every script is one that the context has, and is understood by a plain shell."""
    assert {place.name for place in FOLDER.iterdir()} == set(SCRIPTS)
    for name in SCRIPTS:
        assert subprocess.run([SHELL, "-n", FOLDER / name], check=False).returncode == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        pytest.param([], "<serve></bento>", id="nothing serves"),
        pytest.param(["serve"], "<serve></bento>", id="serve serves"),
        pytest.param(["--workers=2"], "<serve></bento><--workers=2>", id="an option is one of serve"),
        pytest.param(["serve", "--timeout", "3 4"], "<serve></bento><--timeout><3 4>", id="words stay whole"),
        pytest.param(["-p", "$(x)", "`y`", ""], "<serve></bento><-p><$(x)><`y`><>", id="no word is expanded"),
    ],
)
def test_entrypoint_serves(words: list[str], said: str, program: str) -> None:
    """`serve`, options and nothing at all start the server with the bento."""
    assert run("entrypoint", program, "/bento", *words).stdout.startswith(said)


def test_entrypoint_starts_other_programs(program: str) -> None:
    """Any other word is a program, with its words."""
    assert run("entrypoint", "/gone", "/bento", program, "serve", "a b").stdout.startswith("<serve><a b>")
    assert run("entrypoint", program, "/bento", "no-such-program").returncode == 127


def test_entrypoint_gives_its_place_to_the_server(program: str) -> None:
    """The server has the number of the process that was started, so that signals reach it."""
    with subprocess.Popen([SHELL, FOLDER / "entrypoint", program, "/bento"], stdout=subprocess.PIPE, text=True) as done:
        out, _ = done.communicate(timeout=60)
    assert out == f"<serve></bento>{done.pid}\n"


def test_packages_without_apt_get(tmp_path: Path) -> None:
    """A base image without apt-get is said so, with what was asked for."""
    done = run("install-system", "curl", path=str(tmp_path))
    assert done.returncode == 1
    assert done.stderr == "error: `docker.system_packages` need apt-get, which the base image does not have: curl\n"


def test_packages_by_apt_get(tmp_path: Path, program: str) -> None:
    """apt-get gets names behind `--`, so that none is an option."""
    noted = tmp_path / "words"
    for name in ("apt-get", "rm"):
        place = tmp_path / name
        place.write_text(f'#!{SHELL}\nprintf "<%s>" {name} "$@" >>{noted}\n')
        place.chmod(0o755)
    assert run("install-system", "curl", "g++", path=str(tmp_path)).returncode == 0
    told = noted.read_text()
    assert "<apt-get><install><-q><-y><--no-install-recommends><--><curl><g++>" in told
    assert told.startswith("<apt-get><update>")


def test_another_python(tmp_path: Path) -> None:
    """A base image with another Python, or none, is refused before anything is installed."""
    (tmp_path / "python3").symlink_to(sys.executable)
    for version in ("3.99", "3.1"):
        done = run("install-python", version, str(tmp_path), str(tmp_path / "venv"), path=str(tmp_path))
        assert done.returncode == 1
        assert f"error: the base image must have Python {version}, which" in done.stderr
        assert not (tmp_path / "venv").exists()


@pytest.mark.parametrize("first", ["#!/usr/bin/env sh\n", ""])
def test_a_setup_script(first: str, tmp_path: Path) -> None:
    """The script runs by its first line, or by the shell, and its failure is the build's."""
    place = tmp_path / "setup"
    place.write_text(f"{first}echo hello\nexit 3\n")
    done = run("run-setup", str(place))
    assert (done.returncode, done.stdout) == (3, "hello\n")

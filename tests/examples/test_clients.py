"""The examples of docs/clients.md run, and print what they promise."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.house.tree import ROOT
from tests.servers import serving

FOLDER = ROOT / "examples/clients"


def run(*words: str | Path) -> str:
    """Run an example; give what it prints."""
    command = [sys.executable, "-B", *words]
    done = subprocess.run(command, cwd=FOLDER, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.slow
def test_asking() -> None:
    """Both clients ask a served service: an array, a file, an image, an error, many calls at once."""
    with serving("service:Lunch", cwd=FOLDER) as server:
        words = len((FOLDER / "ask.py").read_text().split())
        assert run("ask.py", server.url).splitlines() == ["[3. 6.]", str(words), "(32, 24)", "['x[0]']", "4.0"]
        assert run("ask_async.py", server.url) == "[ 0.  2.  4.  6.  8. 10. 12. 14. 16. 18.]\n"


def test_notebook() -> None:
    """A script serves, asks and ends."""
    assert run("notebook.py").splitlines()[1] == "[2. 4.]"


@pytest.mark.slow
def test_testing() -> None:
    """The tests of the example pass."""
    assert "2 passed" in run("-m", "pytest", "-p", "no:cacheprovider", "-c", "/dev/null", "test_service.py")

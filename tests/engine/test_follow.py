"""A process that became another program ends with the one that started it."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ekiben.engine import follow

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="prctl is Linux's")

SCRIPT = follow.__file__
STARTER = (
    "import os, subprocess, sys, time\n"
    "subprocess.Popen([sys.executable, *sys.argv[1:3], str(os.getpid()), *sys.argv[3:]])\n"
    "time.sleep(60)"
)


def test_it_is_that_program() -> None:
    """The program has the number of the process, gets its words as they are, and its status is told."""
    code = "import os, sys; print(os.getpid(), sys.argv[1]); raise SystemExit(7)"
    words = [sys.executable, "-I", SCRIPT, str(os.getpid()), sys.executable, "-c", code, "$HOME; *"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        told, _ = process.communicate(timeout=30)
    assert told.split(" ", 1) == [str(process.pid), "$HOME; *\n"]
    assert process.returncode == 7


def test_a_program_that_cannot_be_run(tmp_path: Path) -> None:
    """What cannot be run is told in one line, with the status of a shell."""
    (tmp_path / "none").write_text("no program")
    words = [sys.executable, SCRIPT, str(os.getpid()), str(tmp_path / "none")]
    done = subprocess.run(words, capture_output=True, text=True, timeout=30)
    assert done.returncode == 127
    assert done.stderr == f"ekiben: {tmp_path / 'none'} cannot be run: Permission denied\n"


def test_a_starter_that_is_gone_already() -> None:
    """Where somebody else is the parent by then, nothing is run."""
    done = subprocess.run([sys.executable, SCRIPT, "1", "echo", "here"], capture_output=True, timeout=30)
    assert (done.returncode, done.stdout) == (0, b"")


def test_it_ends_with_its_starter(tmp_path: Path) -> None:
    """SIGKILL to the starter is SIGTERM to the program."""
    note, code = (
        tmp_path / "note",
        (
            "import pathlib, signal, sys, time\n"
            "def end(*_): pathlib.Path(sys.argv[1]).write_text('told'); sys.exit()\n"
            "signal.signal(signal.SIGTERM, end); pathlib.Path(sys.argv[1]).write_text('here'); time.sleep(60)"
        ),
    )
    with subprocess.Popen(
        [sys.executable, "-c", STARTER, "-I", SCRIPT, sys.executable, "-c", code, str(note)]
    ) as starter:
        wait_for(note, "here")
        starter.send_signal(signal.SIGKILL)
    wait_for(note, "told")


def wait_for(note: Path, words: str) -> None:
    end = time.monotonic() + 30
    while not (note.exists() and note.read_text() == words):
        assert time.monotonic() < end
        time.sleep(0.01)

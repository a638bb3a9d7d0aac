"""What processes use is read from /proc, by process and by who listens."""

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ekiben.tools.bench import machine

PARENT = """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE)
print(child.pid, flush=True)
sys.stdin.read()
"""


def test_family() -> None:
    """A process is found with what it started, and nobody else is."""
    with subprocess.Popen([sys.executable, "-c", PARENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        assert machine.family({parent.pid}) == {parent.pid, child}
        assert {parent.pid, child, os.getpid()} <= machine.family({os.getpid()})
        assert parent.stdin is not None
        parent.stdin.close()
    assert machine.family({parent.pid}) == set()


def test_cpu() -> None:
    """Work shows in a process's seconds; a process that is gone has none."""
    before = machine.cpu({os.getpid()})[os.getpid()]
    end = time.process_time() + 0.1
    while time.process_time() < end:
        pass
    assert machine.cpu({os.getpid()})[os.getpid()] > before
    assert machine.cpu({2**30}) == {}


def test_busy() -> None:
    """The CPUs were never busy for longer than they were there."""
    in_use, at_hand = machine.busy()
    assert 0 < in_use <= at_hand


def test_listeners() -> None:
    """Who listens on a port is found by it, and a port that nobody listens on has nobody."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        port = listening.getsockname()[1]
        assert os.getpid() in machine.listeners(port)
    assert machine.listeners(port) == set()


def test_without_proc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is no /proc nothing is known, and nothing fails."""
    monkeypatch.setattr(machine, "PROC", tmp_path / "gone")
    assert machine.family({os.getpid()}) == set()
    assert machine.cpu({os.getpid()}) == {}
    assert machine.listeners(80) == set()
    assert machine.busy() == (0.0, 0.0)

"""`make demo ONCE=1` goes from a model to an answer, and leaves nothing running."""

import os
import re
import socket
import subprocess
import sys

import pytest

from tests.house.tree import ROOT


def demo(port: int) -> "subprocess.CompletedProcess[str]":
    """Run the demo on *port*, once."""
    env = os.environ | {"ONCE": "1", "PORT": str(port)}
    command = [sys.executable, "-B", "examples/demo.py"]
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=110, check=False)


@pytest.mark.slow
def test_demo() -> None:
    """Each step is told, the stored model is shown, each flower is answered, and the port is free again."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    done = demo(port)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.findall(r"^(\d)\. ", done.stdout, re.MULTILINE) == list("12345")
    assert re.search(r"^ iris:[a-z2-7]{16}  ekiben\.sklearn", done.stdout, re.MULTILINE)
    assert re.search(r"< HTTP 200 .*\n *< \[0,2\]", done.stdout)
    assert f"http://localhost:{port}/docs" in done.stdout
    assert "\033" not in done.stdout, "colours are for terminals"
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0


def test_busy_port() -> None:
    """A port that is taken is named, with what to type instead, before anything is trained."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = demo(taken.getsockname()[1])
    assert done.returncode != 0
    assert "PORT=" in done.stdout + done.stderr
    assert "Traceback" not in done.stderr

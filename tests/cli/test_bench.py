"""`ekiben bench` from outside: a service is served, loaded and ended; a running one is only loaded."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from ekiben import sklearn as ekiben_sklearn
from tests.cli.conftest import Command
from tests.servers import leftovers, serving

SERVICE = """\
import ekiben


@ekiben.service
class Doubles:
    @ekiben.api(batchable=True)
    def double(self, x: list[int]) -> list[int]:
        return [2 * each for each in x]

    @ekiben.api
    def draw(self, name: str) -> str:
        return name
"""
BRIEF = ("--seconds", "0.4", "--warm-up", "0.1", "--clients", "1")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand in a folder with a service."""
    (tmp_path / "service.py").write_text(SERVICE)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_served_for_the_run(folder: Path, ekiben: Command) -> None:
    """A target is served on a free port and loaded in steps; the answer is a table and one sentence."""
    words = ("--endpoint", "double", "--concurrency", "1,4", *BRIEF, "--plot", "a.png")
    ran = ekiben("bench", "service.py", *words, "--", "--timeout", "20")
    assert (ran.code, ran.err) == (0, "")
    lines = ran.out.splitlines()
    assert lines[0] == "POST /double, 9 bytes of application/json"
    assert lines[1].split()[:3] == ["CONCURRENCY", "RATE", "REQUESTS/S"]
    assert [line.split()[0] for line in lines[2:4]] == ["1", "4"]
    assert all(float(line.split()[2]) > 1 for line in lines[2:4])
    assert lines[-1]
    assert (folder / "a.png").stat().st_size > 1000


def test_json(folder: Path, ekiben: Command) -> None:
    """As JSON every step has its numbers, with batches and CPU where they can be read."""
    ran = ekiben("bench", "service.py", "--endpoint", "double", "--rate", "50", "-c", "2", *BRIEF, "-o", "json")
    told = json.loads(ran.out)
    (row,) = told["rows"]
    assert (told["endpoint"], row["rate"], row["errors"]) == ("double", 50.0, {})
    assert row["mean_batch"] >= 1
    assert row["server_cores"] >= 0
    assert row["p50_ms"] <= row["p99_ms"]
    assert told["advice"]


def test_running_server(folder: Path, ekiben: Command) -> None:
    """A server that runs is loaded where it is, with a body of one's own, and goes on running."""
    with serving("service.py") as server:
        (folder / "body.json").write_text('{"x": [1, 2, 3]}')
        body = ("--body", "@body.json", "--header", "X-Team: nlp")
        ran = ekiben("bench", server.url, "--endpoint", "double", "-c", "1", *BRIEF, *body)
        assert (ran.code, ran.err) == (0, "")
        assert "16 bytes of application/json" in ran.out
        assert server.http.get("/readyz").status_code == 200
        ran = ekiben("bench", server.url, "--", "--port", "1")
        assert ran.code == 2
        assert "options of `serve` do not go with a server that runs" in ran.err


def test_stored_model(folder: Path, ekiben: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stored model is asked with the first item of its sample."""
    from sklearn.linear_model import LinearRegression

    monkeypatch.setenv("EKIBEN_HOME", str(folder / "home"))
    sample = np.array([[0.25, 0.5], [1.0, 2.0]])
    ekiben_sklearn.save_model("line", LinearRegression().fit(sample, [1, 2]), sample=sample)
    ran = ekiben("bench", "line:latest", "-c", "1", *BRIEF)
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith("POST /predict, 12 bytes of application/json")  # [[0.25,0.5]]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("service.py",), "`--endpoint` must name one of: double, draw"),
        (("service.py", "--endpoint", "double", "--body", '{"x": 3}'), "/double answers 400: x: "),
        (("service.py", "--endpoint", "double", "--body", "@gone.json"), "`--body` cannot be read: gone.json"),
        (("service.py", "--endpoint", "double", "--header", "x"), "`--header` must be a name and a value: 'x'"),
        (("gone.py",), "`gone.py` cannot be served: there is no file"),
        (("service.py", "--", "--nonsense"), "has no option `--nonsense`"),
        (("http://127.0.0.1:1", "--endpoint", "x"), "there is no server at http://127.0.0.1:1"),
        (("http://", "--endpoint", "x"), "the address of a server must have a host"),
        (("service.py", "-c", "1,x"), "it must be numbers above 0, separated by commas: '1,x'"),
        (("service.py", "-c", "0"), "it must be numbers above 0"),
        (("service.py", "--rate", "-1"), "it must be numbers above 0"),
    ],
)
def test_refused(folder: Path, ekiben: Command, words: tuple[str, ...], expected: str) -> None:
    """What cannot be loaded is told before the load begins, in one line, and no server is left."""
    ran = ekiben("bench", *words)
    assert ran.code in (1, 2)
    assert expected in ran.err
    assert "Traceback" not in ran.err


def test_plot_without_matplotlib(ekiben: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """A picture that cannot be drawn is refused before anything is loaded, with what to install."""
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    ran = ekiben("bench", "gone.py", "--plot", "a.png")
    assert (ran.code, ran.out) == (1, "")
    assert "`--plot` needs the library `matplotlib`" in ran.err
    assert "pip install 'ekiben[plot]'" in ran.err


def test_ctrl_c_shows_what_there_is(folder: Path) -> None:
    """Ctrl-C ends the load, shows the steps so far, and leaves no process."""
    command = [sys.executable, "-m", "ekiben", "bench", "service.py", "--endpoint", "double", "-c", "1,2"]
    process = subprocess.Popen(
        [*command, "--seconds", "300", "--warm-up", "0", "--clients", "1"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    session = process.pid
    end = time.monotonic() + 60
    while len(load := loads_of(process.pid)) < 1:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(0.05)
    time.sleep(1.0)  # answers come in meanwhile; without any there would be nothing to show
    os.kill(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert out.splitlines()[2].split()[0] == "1", err
    assert leftovers(session) == []
    assert not any(Path(f"/proc/{pid}").exists() for pid in load)


def loads_of(pid: int) -> list[int]:
    """List the processes of the load that *pid* started."""
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            words = Path(f"/proc/{name}/cmdline").read_bytes().split(b"\0")
            parent = Path(f"/proc/{name}/stat").read_text().rpartition(")")[2].split()[1]
        except OSError:
            continue
        if parent == str(pid) and b"ekiben.tools.bench.load" in words:
            found.append(int(name))
    return found

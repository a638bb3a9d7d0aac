"""`--reload`: the server starts again when code changes, outlives mistakes, and ends with the one that watches."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from ekiben.cli.reload import Inherited, last_words, lifeline, telling
from ekiben.core.errors import ConfigError
from tests.servers import READY_S, Running, leftovers, serving

SERVICE = """\
import ekiben
from words import GREETING


@ekiben.service
class Hello:
    @ekiben.api
    def hello(self) -> str:
        return GREETING
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A service, and a module that it imports."""
    (tmp_path / "service.py").write_text(SERVICE)
    (tmp_path / "words.py").write_text("GREETING = 'one'\n")
    return tmp_path


def until(say: str, ask: Callable[[], str]) -> None:
    """Ask until the answer is *say*; a connection that breaks while the server changes is asked again."""
    end, answer = time.monotonic() + READY_S, ""
    while answer != say:
        assert time.monotonic() < end, f"it still answers {answer!r}"
        try:
            answer = ask()
        except httpx.TransportError as error:
            answer = str(error)


def asking(server: Running) -> Callable[[], str]:
    return lambda: httpx.post(f"{server.url}/hello", json={}, timeout=READY_S).text


@pytest.mark.slow
def test_reload(project: Path) -> None:
    """A change is served; a syntax error is outlived; other files change nothing; Ctrl-C ends both processes."""
    with serving("service:Hello", "--reload", cwd=project) as server:
        assert asking(server)() == "one"
        (project / "notes.txt").write_text("not code")
        (project / "words.py").write_text("GREETING = 'two'\n")
        until("two", asking(server))
        assert "notes.txt" not in server.log
        assert server.log.count("changed: restarting") == 1
        (project / "words.py").write_text("GREETING = (\n")
        server.wait_for_log("the service is down")
        assert "Traceback" not in server.log
        (project / "words.py").write_text("GREETING = 'three'\n")
        until("three", asking(server))
        assert len(leftovers(server.pid)) == 2
        assert server.stop(signal.SIGINT) == 0
        assert leftovers(server.pid) == []
    assert not list(project.rglob("__pycache__"))


@pytest.mark.slow
@pytest.mark.parametrize("more", ["--lane asgi", "--lane fast", "--workers 2 --layout replicas"])
def test_broken_code_is_told(project: Path, more: str) -> None:
    """While code cannot start, each call gets 503 with the fault, also where a connection was open before."""
    with serving("service:Hello", "--reload", *more.split(), cwd=project) as server:
        until("one", asking(server))
        assert server.http.post("/hello", json={}).text == "one"  # its connection stays open
        for broken, fault in (
            ("GREETING = (\n", "SyntaxError: '(' was never closed (words.py, line 1)"),
            ("\nGREETING = 1 / 0\n", "ZeroDivisionError: division by zero (words.py, line 2)"),
        ):
            (project / "words.py").write_text(broken)
            until("503", lambda fault=fault: status(server, fault))
            for method, path in (("POST", "/hello"), ("GET", "/readyz"), ("GET", "/livez"), ("GET", "/nowhere")):
                answer = server.http.request(method, path, timeout=READY_S)
                assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
                assert answer.headers["content-type"] == "application/problem+json"
                assert "the code could not be started" in answer.json()["detail"]
                assert answer.json()["detail"].endswith(fault)
        (project / "words.py").write_text("GREETING = 'three'\n")
        until("three", asking(server))
        assert "Traceback" not in server.log
        assert server.stop(signal.SIGINT) == 0
        assert leftovers(server.pid) == []


def status(server: Running, words: str) -> str:
    """Ask on the connection that is open; give the status once *words* are the reason."""
    answer = server.http.post("/hello", json={}, timeout=READY_S)
    return str(answer.status_code) if words in answer.text else answer.text


@pytest.mark.slow
def test_a_server_that_is_killed_is_told(project: Path) -> None:
    """A server that ends without a word is told, too; ending everything while nothing runs leaves nobody behind."""
    with serving("service:Hello", "--reload", cwd=project) as server:
        until("one", asking(server))
        [child] = [pid for pid in leftovers(server.pid) if pid != server.pid]
        os.kill(child, signal.SIGKILL)
        server.wait_for_log("the service is down")
        answer = httpx.post(f"{server.url}/hello", json={}, timeout=READY_S)
        assert answer.status_code == 503
        assert "the service ended with exit code -9" in answer.json()["detail"]
        assert server.stop(signal.SIGTERM) == 0
        assert leftovers(server.pid) == []


@pytest.mark.slow
def test_settings_are_watched(project: Path) -> None:
    """A change of ekiben.yaml starts the server again, with what it says now; a slip in it is outlived."""
    settings = project / "ekiben.yaml"
    settings.write_text("http: {max_headers: 90}")
    with serving("service:Hello", "--reload", cwd=project) as server:
        assert asking(server)() == "one"
        settings.write_text("http: {max_heders: 1}")
        server.wait_for_log("ekiben.yaml: http.max_heders: there is no option `http.max_heders`")
        settings.write_text("http: {max_headers: 1}")
        end = time.monotonic() + READY_S
        while server.http.get("/docs.json").status_code != 431:
            assert time.monotonic() < end, server.log
            time.sleep(0.05)
        assert server.stop(signal.SIGINT) == 0


@pytest.mark.slow
def test_the_server_ends_with_its_watcher(project: Path) -> None:
    """Where the one that watches is killed outright, the server ends by itself, in order."""
    with serving("service:Hello", "--reload", cwd=project) as server:
        [child] = [pid for pid in leftovers(server.pid) if pid != server.pid]
        os.kill(server.pid, signal.SIGKILL)
        server.process.wait(30)
        end = time.monotonic() + READY_S
        while leftovers(server.pid):
            assert time.monotonic() < end, f"process {child} is still there"
            time.sleep(0.02)
        assert "stopped" in server.log


@pytest.mark.slow
def test_a_target_that_is_not_there(project: Path) -> None:
    """What cannot start at first is waited for, too: the file may be written next."""
    command = [sys.executable, "-m", "ekiben", "serve", "later:Hello", "--reload", "--port", "0"]
    with subprocess.Popen(command, cwd=project, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if "the service is down" in line:
                (project / "later.py").write_text(SERVICE)
            elif "ready in" in line:
                break
        process.send_signal(signal.SIGINT)
        assert process.wait(READY_S) == 0


def test_last_words() -> None:
    """What keeps a server from running is handed on in one line; where nobody watches it is only raised."""
    with lifeline() as (theirs, ours):
        assert last_words(ours) == ""
        with pytest.raises(ConfigError), telling(f"5:{theirs}"):
            raise ConfigError("`port` must be free:\n  3000")
        assert last_words(ours) == "`port` must be free: 3000"
        with pytest.raises(ConfigError), telling(None):
            raise ConfigError("nobody hears this")
        assert last_words(ours) == ""
        with pytest.raises(ConfigError), telling(f"5:{theirs}"):
            raise ConfigError("there is no file b\udcff.py")  # a name that is no UTF-8
        assert last_words(ours) == "there is no file b?.py"
        ours.close()
        with pytest.raises(ConfigError), telling(f"5:{theirs}"):
            raise ConfigError("the one that watches is gone")


def test_what_a_server_inherits() -> None:
    """Sockets and lifeline are read from one word."""
    assert Inherited.parse("5,6:7") == Inherited((5, 6), 7)


def test_a_server_ends_with_the_one_that_watches(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server ends itself when nobody watches it any more, though its last words were never read."""
    ended = threading.Event()
    monkeypatch.setattr(
        os, "kill", lambda pid, how: ended.set() if (pid, how) == (os.getpid(), signal.SIGTERM) else None
    )
    with lifeline() as (theirs, ours):
        os.write(theirs, b"nobody reads this")
        Inherited((), theirs).hold()
        ours.close()
        assert ended.wait(20)

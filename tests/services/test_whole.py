"""Services, served by real processes."""

import signal
import threading
from pathlib import Path

import pytest

from tests.servers import serve_to_end, serving

SERVICE = """
from __future__ import annotations
import time
from pathlib import Path
import ekiben

@ekiben.service(name="echo")
class Echo:
    def __init__(self) -> None:
        Path("made").open("a").write("x")
        while not Path("go").exists():
            time.sleep(0.01)

    @ekiben.on_shutdown
    def close(self) -> None:
        Path("closed").touch()

    @ekiben.api
    def double(self, number: int) -> int:
        return number * 2

    @ekiben.api
    def slow(self) -> str:
        Path("entered").touch()
        while not Path("answer").exists():
            time.sleep(0.01)
        return "done"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "echo.py").write_text(SERVICE)
    (tmp_path / "go").touch()
    return tmp_path


def wait_for(path: Path) -> None:
    """Wait for a file that the service makes."""
    waiting = threading.Event()
    for _ in range(3000):
        if path.exists():
            return
        waiting.wait(0.01)
    raise AssertionError(f"{path.name} did not come")


def test_served_class(folder: Path) -> None:
    """`ekiben serve file.py:Class` answers calls, makes one instance, and leaves at Ctrl-C with 0 after its hooks."""
    with serving("echo.py:Echo", cwd=folder) as server:
        answer = server.http.post("/double", json={"number": 21})
        assert (answer.status_code, answer.json()) == (200, 42)
        assert server.stop(signal.SIGINT) == 0
    assert (folder / "made").read_text() == "x"
    assert (folder / "closed").exists()


def test_readiness(folder: Path) -> None:
    """While `__init__` runs the process is alive, not ready, and refuses calls; then it is ready."""
    (folder / "go").unlink()
    with serving("echo.py:Echo", cwd=folder, wait=False) as server:
        wait_for(folder / "made")
        assert server.http.get("/livez").status_code == 200
        assert server.http.get("/readyz").status_code == 503
        assert server.http.post("/double", json={"number": 1}).status_code == 503
        (folder / "go").touch()
        server.wait_until_ready()
        assert server.http.post("/double", json={"number": 1}).status_code == 200


@pytest.mark.parametrize("before", [pytest.param(0, id="at once"), pytest.param(200, id="after 200 fast calls")])
def test_health_never_waits(before: int, folder: Path) -> None:
    """Twenty health answers arrive before the one slow answer does."""
    with serving("echo.py:Echo", cwd=folder) as server:
        for number in range(before):
            assert server.http.post("/double", json={"number": number}).json() == number * 2
        answers: list[str] = []
        call = threading.Thread(target=lambda: answers.append(server.http.post("/slow", json={}).text))
        call.start()
        wait_for(folder / "entered")
        healthy = [server.http.get(path).status_code for path in ("/livez", "/readyz") * 10]
        assert healthy == [200] * 20
        assert answers == []
        (folder / "answer").touch()
        call.join(60)
        assert answers == ["done"]


def test_draining(folder: Path) -> None:
    """A call that runs when the server is stopped is answered before the process leaves."""
    with serving("echo.py:Echo", "--drain", "60", cwd=folder) as server:
        answers: list[str] = []
        call = threading.Thread(target=lambda: answers.append(server.http.post("/slow", json={}).text))
        call.start()
        wait_for(folder / "entered")
        server.process.send_signal(signal.SIGTERM)
        (folder / "answer").touch()
        call.join(60)
        assert server.process.wait(60) == 0
        assert answers == ["done"]
    assert (folder / "closed").exists()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param("import absent_library\n", ["`svc.py` cannot be imported", 'svc.py", line 1'], id="an import"),
        pytest.param(
            "import ekiben\n@ekiben.service\nclass A:\n    def __init__(self):\n        raise ValueError('no data')\n",
            ["`A` cannot start: ValueError: no data", 'svc.py", line 5, in __init__'],
            id="an `__init__`",
        ),
    ],
)
def test_what_fails_is_shown_at_its_line(text: str, words: list[str], tmp_path: Path) -> None:
    """A service that cannot start ends with a code other than 0, the user's line, and no frame of ours."""
    (tmp_path / "svc.py").write_text(text)
    done = serve_to_end("svc.py", cwd=tmp_path)
    assert done.returncode == 1
    assert [each for each in words if each not in done.stderr] == []
    assert "Traceback" not in done.stderr
    assert "ekiben/" not in done.stderr

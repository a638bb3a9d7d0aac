"""`ekiben serve` of several targets: real servers, one port, each service below its name."""

import contextlib
import os
import re
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

import ekiben
from ekiben import picklable_model
from tests.cli.conftest import Command
from tests.http.tasking import PATIENCE
from tests.servers import Running, serve_to_end, serving

pytestmark = pytest.mark.slow

SERVICES = """\
import os
import time
import ekiben


@ekiben.service
class Words:
    @ekiben.on_deployment
    @staticmethod
    def once() -> None:
        print("words deployed", flush=True)

    @ekiben.api
    def split(self, text: str) -> list[str]:
        return text.split()

    @ekiben.api
    def pid(self) -> int:
        return os.getpid()


@ekiben.service(traffic={"timeout": 20})
class Counter:
    words = ekiben.depends(Words)

    @ekiben.on_deployment
    @staticmethod
    def once() -> None:
        print("counter deployed", flush=True)

    @ekiben.api
    def count(self, text: str) -> int:
        \"\"\"Count words.\"\"\"
        return len(self.words.split(text))

    @ekiben.api
    def pids(self) -> list[int]:
        return [os.getpid(), self.words.pid()]


@ekiben.service
class Joiner:
    words = ekiben.depends(Words)

    @ekiben.api
    def pids(self) -> list[int]:
        return [os.getpid(), self.words.pid()]


@ekiben.service(tasks={"workers": 1})
class Trainer:
    @ekiben.task
    def train(self, n: int) -> int:
        return n * 2

    @ekiben.api
    def nap(self, started: str, seconds: float) -> str:
        open(started, "w").close()
        time.sleep(seconds)
        return "rested"
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("several")
    (folder / "service.py").write_text(SERVICES)
    (folder / "other").mkdir()
    (folder / "other/service.py").write_text(SERVICES.replace("Words", "Others"))
    return folder


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[Running]:
    targets = ("join=service:Joiner", "service:Words", "service:Trainer")
    home = {"EKIBEN_HOME": str(folder / "home")}
    with serving("service:Counter", *targets, cwd=folder, env=home) as running:
        yield running


def test_said(server: Running) -> None:
    """The log says where each endpoint is, once, before the services are ready."""
    log = server.log
    assert re.search(r"POST /Counter/count +Count words\.", log)
    assert "POST /join/pids" in log
    assert "GET  /docs" in log
    assert log.index("loading service:Counter join=") < log.index("/Words/split") < log.index("ready in")
    assert log.count("ready in") == 1


def test_calls(server: Running) -> None:
    assert server.http.post("/Counter/count", json={"text": "a b c"}).text == "3"
    assert server.http.post("/Words/split", json={"text": "a b"}).json() == ["a", "b"]
    assert server.http.post("/count", json={"text": "a"}).json()["hint"] == "did you mean /Counter/count?"


def test_dependencies(server: Running) -> None:
    """What two services depend on runs once, in a process of its own, beside the one that is served."""
    front, words = server.http.post("/Counter/pids").json()
    assert server.http.post("/join/pids").json() == [front, words]
    assert front == server.pid != words
    assert server.http.post("/Words/pid").json() == front
    assert server.log.count("words deployed") == server.log.count("counter deployed") == 1


def test_log(server: Running) -> None:
    """The access log has whole paths, and leaves out the probes of each service too."""
    server.http.post("/join/pids")
    assert server.http.get("/join/readyz").status_code == 200
    server.http.post("/join/nowhere")
    server.wait_for_log('"POST /join/nowhere" 404')  # the lines of one service are in their order
    assert '"POST /join/pids" 200' in server.log
    assert "GET /join/readyz" not in server.log


def test_a_dependency_dies(folder: Path, tmp_path: Path) -> None:
    """Those that call it are not ready until it is there again; others go on."""
    targets = ("join=service:Joiner", "service:Trainer")
    with serving("service:Counter", *targets, cwd=folder, env={"EKIBEN_HOME": str(tmp_path)}) as server:
        _, words = server.http.post("/Counter/pids").json()
        os.kill(words, signal.SIGKILL)
        end = time.monotonic() + PATIENCE
        seen = ""
        while seen != "not ready: Counter, join\n":
            assert time.monotonic() < end, seen
            seen = server.http.get("/readyz").text
        assert server.http.get("/Trainer/readyz").status_code == 200
        server.wait_until_ready()
        _, again = server.http.post("/join/pids").json()
        assert again != words


def test_a_stuck_call(folder: Path) -> None:
    """A worker that one service holds beyond its `kill_after` is replaced, for all."""
    options = ("--workers", "1", "--layout", "replicas", "--timeout", "0.5")
    env = {"EKIBEN_SERVICES__TRAINER__TRAFFIC__KILL_AFTER": "0.5"}
    with serving("service:Words", "t=service:Trainer", *options, cwd=folder, env=env) as server:
        before = httpx.post(f"{server.url}/Words/pid").json()
        began = folder / "stuck"
        assert httpx.post(f"{server.url}/t/nap", json={"started": str(began), "seconds": 600}).status_code == 504
        server.wait_for_log("a call of `nap` went on")
        end = time.monotonic() + PATIENCE
        after = before
        while after == before:
            assert time.monotonic() < end
            with contextlib.suppress(httpx.TransportError):
                after = httpx.post(f"{server.url}/Words/pid", timeout=60).json()


def test_tasks(server: Running) -> None:
    """Tasks have their routes below the place, and clients find them there."""
    with ekiben.SyncHTTPClient(f"{server.url}/Trainer") as client:
        task = client.train.submit(n=4)
        assert task.get(timeout=PATIENCE) == 8
    assert server.http.get("/Trainer/train/status", params={"task_id": task.id}).json()["status"] == "completed"


def test_drained(folder: Path, tmp_path: Path) -> None:
    """SIGTERM lets a call of any of the services end."""
    with serving("service:Words", "service:Trainer", cwd=folder, env={"EKIBEN_HOME": str(tmp_path)}) as server:
        began = tmp_path / "began"
        answers: list[str] = []
        with httpx.Client(base_url=server.url, timeout=60) as client:
            thread = threading.Thread(
                target=lambda: answers.append(
                    client.post("/Trainer/nap", json={"started": str(began), "seconds": 1.0}).text
                )
            )
            thread.start()
            while not began.exists():
                thread.join(0.01)
            os.kill(server.pid, signal.SIGTERM)
            thread.join(60)
        assert answers == ["rested"]
        assert server.stop() == 0


def test_replicas(folder: Path, tmp_path: Path) -> None:
    """Each worker holds all services; one scrape counts all of both, and hooks run once."""
    home = {"EKIBEN_HOME": str(tmp_path)}
    with serving("service:Words", "t=service:Trainer", "--workers", "2", cwd=folder, env=home) as server:
        server.wait_for_log("ready in")
        pids = set()
        for _ in range(8):
            with httpx.Client(base_url=server.url, timeout=60) as client:
                pids.add(client.post("/Words/pid").json())
        assert len(pids) == 2
        assert server.pid not in pids
        text = server.http.get("/metrics").text
        assert 'endpoint="/Words/pid",http_response_code="200",service_name="Words",service_version=""} 8.0' in text
        assert 'ekiben_workers{service_name="Words",service_version=""} 2.0' in text
        assert 'ekiben_workers{service_name="t",service_version=""} 2.0' in text
        own = server.http.get("/t/metrics").text
        assert 'ekiben_workers{service_name="t"' in own
        assert 'service_name="Words"' not in own
        assert server.log.count("words deployed") == 1
        with ekiben.SyncHTTPClient(f"{server.url}/t") as client:
            assert client.train(n=2) == 4
        assert server.stop(signal.SIGTERM) == 0


def test_development(folder: Path, tmp_path: Path) -> None:
    """With --development all run in one process, their dependencies too, and start again at a change."""
    home = {"EKIBEN_HOME": str(tmp_path)}
    with serving("service:Counter", "service:Words", "--development", cwd=folder, env=home) as server:
        front, words = server.http.post("/Counter/pids").json()
        assert front == words == server.http.post("/Words/pid").json()
        (folder / "fresh.py").touch()
        server.wait_for_log("restarting")
        server.wait_until_ready()


def save(version: str, answer: int, name: str = "iris") -> None:
    """Save a model that gives one answer."""

    class Constant:
        def predict(self, rows: list[float]) -> list[int]:
            return [answer] * len(rows)

    picklable_model.save_model(f"{name}:{version}", Constant(), signatures={"predict": {}}, sample=[1.0])


def predicted(server: Running, place: str) -> list[int]:
    found: list[int] = httpx.post(f"{server.url}/{place}/predict", json=[1.0], timeout=60, trust_env=False).json()
    return found


def test_stored_models(home: Path) -> None:
    """Models are served beside each other, two versions of one too; a newer one takes over where it is watched for."""
    save("v1", 1)
    save("v1", 7, "other")
    with serving("old=iris:v1", "iris:latest", "other", "--watch-models") as server:
        assert [predicted(server, place) for place in ("old", "iris", "other")] == [[1], [1], [7]]
        save("v2", 2)
        server.wait_for_log("iris:v2 is served in place of iris:v1")
        assert [predicted(server, place) for place in ("old", "iris", "other")] == [[1], [2], [7]]
        text = httpx.get(f"{server.url}/metrics", trust_env=False).text
        assert 'ekiben_model_in_use{model="iris",service_name="old, iris, other",version="v2"} 1.0' in text


def test_folders(folder: Path) -> None:
    """Files of one name in two folders are two modules."""
    targets = ("other/service.py:Others",)
    with serving("service:Words", *targets, cwd=folder) as server:
        assert server.http.post("/Others/split", json={"text": "a b"}).json() == ["a", "b"]
        assert server.http.post("/Words/split", json={"text": "a b"}).json() == ["a", "b"]


@pytest.mark.parametrize(
    ("targets", "words"),
    [
        pytest.param(["service:Words", "servce:Counter"], "error: `servce:Counter` is neither a module", id="a slip"),
        pytest.param(["service:Words", "service:Count"], "error: `service` has no attribute `Count`", id="a class"),
        pytest.param(["service:Words", "service:Words"], "would stand at /Words: `service:Words` and", id="twice"),
        pytest.param(["service:Words", "docs=service:Counter"], "`service:Counter` cannot stand at /docs", id="taken"),
        pytest.param(
            ["service:Words", "x=service:Trainer", "--layout", "apart"], "`layout` must be inline", id="apart"
        ),
        pytest.param(
            ["service:Words", "x=service:Trainer", "--layout", "inline", "--workers", "2"],
            "`workers` must be 1 with `layout: inline`",
            id="inline with two",
        ),
    ],
)
def test_refused(folder: Path, targets: list[str], words: str) -> None:
    """What cannot be served is one error, which names it, and no server."""
    ended = serve_to_end(targets[0], *targets[1:], cwd=folder)
    assert ended.returncode != 0
    assert words in ended.stderr
    assert "Traceback" not in ended.stderr
    assert ended.stderr.count("error:") == 1


def test_one_name(folder: Path) -> None:
    """Two dependencies of one name from two files are refused, in words."""
    (folder / "third.py").write_text(SERVICES)
    ended = serve_to_end("a=service:Counter", "b=third:Counter", cwd=folder)
    assert "two services are called `Words`: service:Words and third:Words" in ended.stderr


def test_print_config(ekiben: Command, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The options of each service are shown, with what was typed for all."""
    monkeypatch.chdir(folder)
    shown = ekiben("serve", "a=service:Counter", "service:Words", "--timeout", "3", "--print-config").out
    assert [line for line in shown.splitlines() if line in ("a", "Words", "a, Words")][:2] == ["a", "Words"]
    assert len(re.findall(r"traffic\.timeout +3.0 +--timeout", shown)) >= 2

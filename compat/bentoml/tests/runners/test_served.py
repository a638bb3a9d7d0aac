"""Services of BentoML 1.0 in real servers: processes, runners of their own, and what becomes of those that die."""

import os
import signal
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import bentoml
import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from tests.house.tree import ROOT
from tests.servers import Running, free_port, leftovers, starting

SOURCES = ROOT / "compat" / "bentoml" / "src"

SERVICE = """
import os, signal, time
import bentoml
import numpy as np
from bentoml.io import JSON, NumpyNdarray, Text

class Where(bentoml.Runnable):
    @bentoml.Runnable.method(batchable=True)
    def rows(self, rows, scale=1):
        if (rows < 0).any():
            raise ValueError("a negative row")
        return rows * scale

    @bentoml.Runnable.method
    def process(self):
        time.sleep(0.2)
        return os.getpid(), os.environ.get("PLACE")

    @bentoml.Runnable.method
    def tokens(self, n, end=" "):
        for i in range(n):
            yield f"{i}{end}"

    @bentoml.Runnable.method
    def die(self):
        os.kill(os.getpid(), signal.SIGKILL)

class Two(bentoml.legacy.DefaultStrategy):
    @classmethod
    def get_worker_count(cls, runnable_class, resource_request, workers_per_resource):
        return 2

    @classmethod
    def get_worker_env(cls, runnable_class, resource_request, workers_per_resource, worker_index):
        return {"PLACE": f"place {worker_index}"}

iris = bentoml.sklearn.get("iris:latest").to_runner()
where = bentoml.Runner(Where, name="where", scheduling_strategy=Two)
svc = bentoml.Service("clasificador_iris", runners=[iris, where])

@svc.api(input=NumpyNdarray(), output=NumpyNdarray())
async def classify(input_series: str) -> str:
    found = await iris.predict.async_run(input_series)
    return np.array(["setosa", "other"])[found[0]]

@svc.api(input=JSON(), output=JSON())
def classify_sync(rows):
    return iris.run(np.array(rows))

@svc.api(input=JSON(), output=JSON())
async def rows(value):
    return await where.rows.async_run(np.array(value), scale=3)

@svc.api(input=JSON(), output=JSON())
async def processes(value):
    return [os.getpid(), *await where.process.async_run()]

@svc.api(input=JSON(), output=Text())
async def tokens(n):
    async for token in where.tokens.async_stream(n, end=";"):
        yield token

@svc.api(input=JSON(), output=JSON())
async def blocking(value):
    return iris.predict.run(np.array(value)).tolist()

@svc.api(input=JSON(), output=JSON())
async def die(value):
    await where.die.async_run()
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a service, and a home with its model."""
    folder = tmp_path_factory.mktemp("project")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BENTOML_HOME", str(folder / "home"))
        rows = np.array([[0.0], [0.1], [5.0], [5.1]])
        bentoml.sklearn.save_model("iris", LogisticRegression().fit(rows, [0, 0, 1, 1]))
    (folder / "service.py").write_text(SERVICE)
    return folder


@contextmanager
def served(folder: Path, *words: str) -> Iterator[Running]:
    """Run `bentoml serve` in a folder."""
    port = free_port()
    command = [sys.executable, "-m", "bentoml", "serve", *words, "--host", "127.0.0.1", "--port", str(port)]
    env = {"PYTHONPATH": str(SOURCES), "BENTOML_HOME": str(folder / "home")}
    with starting(command, port, cwd=folder, env=env) as running:
        running.wait_until_ready()
        yield running


def runners(running: Running) -> dict[int, str]:
    """Give the processes that answer eight calls side by side, and where their strategy placed them."""
    with ThreadPoolExecutor(8) as threads:
        return {found[1]: found[2] for found in threads.map(lambda _: ask(running, "/processes"), range(8))}


def ask(running: Running, path: str, value: Any = 0) -> Any:
    answer = running.http.post(path, json=value)
    assert answer.status_code == 200, answer.text
    return answer.json() if "json" in answer.headers["content-type"] else answer.text


def test_in_production(project: Path) -> None:
    """API workers and runners are processes of their own; calls are batched, and one bad item fails alone."""
    with served(project, "service:svc") as running:
        assert ask(running, "/classify", [[0.0]]) == "setosa"
        assert ask(running, "/classify_sync", [[5.0], [0.0]]) == [1, 0]
        assert ask(running, "/rows", [[1, 2]]) == [[3, 6]]
        assert ask(running, "/tokens", 3) == "0;1;2;"
        assert running.http.post("/rows", json=[[-1]]).status_code == 500
        assert "a negative row" in running.log
        assert running.http.post("/blocking", json=[[0.0]]).status_code == 500
        assert "`predict.run` of the runner `iris` waits" in running.log
        assert "in an `async def` write `await ….predict.async_run(…)`" in running.log
        assert "….to_async" not in running.log
        before = runners(running)
        assert set(before.values()) == {"place 0", "place 1"}
        assert ask(running, "/processes")[0] not in {*before, running.pid}
        os.kill(min(before), signal.SIGKILL)
        end = time.monotonic() + 60
        while len(after := runners(running)) < 2:
            assert time.monotonic() < end, running.log
        assert len(before.keys() & after.keys()) == 1
        assert set(after.values()) == {"place 0", "place 1"}
        assert running.http.post("/die", json=0).status_code == 503
        assert ask(running, "/classify", [[0.0]]) == "setosa"


@pytest.mark.parametrize("words", [("service.py:svc", "--development"), ("service", "--reload")])
def test_in_development(project: Path, words: tuple[str, ...]) -> None:
    """One process answers, and runs the runners too."""
    with served(project, *words) as running:
        assert ask(running, "/classify", [[5.0]]) == "other"
        assert ask(running, "/tokens", 2) == "0;1;"
        api, runner, place = ask(running, "/processes")
        assert (api, place) == (runner, None)
        assert len(leftovers(running.pid)) == 2

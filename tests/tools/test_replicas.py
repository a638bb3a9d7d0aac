"""The supervisor of replicas while a newer model is on trial: nobody calls it, and it has its time."""

import asyncio
import contextlib
import logging
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

import ekiben
from ekiben.engine.process import State, Worker
from ekiben.tools.landing import Landing
from ekiben.tools.replicas import NAME, Plan, Replicas
from tests.servers import HOST, READY_S

pytestmark = pytest.mark.slow

SERVICE = """\
import pathlib
import ekiben

@ekiben.service
class Iris:
    stored = ekiben.models.get("iris")

    def __init__(self) -> None:
        self.model = self.stored.load_model()

    def __is_ready__(self) -> bool:
        answer = self.model.predict([[1.0]])[0]
        pathlib.Path(f"asked {answer}").touch()
        return answer != 2

    @ekiben.api
    def predict(self, rows: list[list[float]]) -> list[int]:
        return self.model.predict(rows)
"""
IN_A_WORKER = "EKIBEN_PINS"


def save(version: str, answer: int, *, is_slow: bool = False) -> None:
    """Save a model that gives one answer, without a sample; a slow one takes minutes to load in a worker."""

    class Constant:
        def predict(self, rows: Any) -> list[int]:
            return [answer] * len(rows)

        def __setstate__(self, state: dict[str, Any]) -> None:
            import os
            import time

            if is_slow and IN_A_WORKER in os.environ:
                time.sleep(120)

        def __getstate__(self) -> dict[str, Any]:
            return {"a": "state, so that there is one to set"}

    ekiben.picklable_model.save_model(f"iris:{version}", Constant())


@dataclass(slots=True)
class Run:
    """Replicas that run in this process; their workers are real."""

    replicas: Replicas
    url: str
    log: pytest.LogCaptureFixture

    def workers(self) -> list[Worker]:
        assert self.replicas._supervisor is not None
        return self.replicas._supervisor.workers(NAME)

    async def said(self, words: str) -> None:
        """Wait until the log holds *words*."""
        await until(lambda: words in self.log.text)

    async def predict(self) -> Any:
        """Ask over a connection of its own."""
        async with httpx.AsyncClient(base_url=self.url, timeout=READY_S, trust_env=False) as client:
            return (await client.post("/predict", json={"rows": [[1.0]]})).json()


async def until(condition: Any) -> None:
    async with asyncio.timeout(READY_S):
        while not condition():
            await asyncio.sleep(0.02)


@contextlib.asynccontextmanager
async def running(home: Path, caplog: pytest.LogCaptureFixture, **limits: float) -> AsyncIterator[Run]:
    """Run one replica of the service, which watches `iris`."""
    caplog.set_level(logging.INFO, "ekiben")
    command = [sys.executable, "-m", "ekiben", "serve", "service:Iris", "--watch-models", "--drain", "2"]
    store = home / "models"
    plan = Plan("Iris", 1, command, 2.0, models={"iris": "v1"}, store=str(store), **limits)
    with socket.create_server((HOST, 0)) as listening:
        ready = asyncio.Event()
        replicas = Replicas(plan, [listening], ready.set, Landing(store, ["iris"], look=1.0))
        task = asyncio.create_task(replicas.run())
        try:
            async with asyncio.timeout(READY_S):
                await ready.wait()
            yield Run(replicas, f"http://{HOST}:{listening.getsockname()[1]}", caplog)
        finally:
            replicas.end()
            await asyncio.wait_for(task, 30)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, home: Path) -> Path:
    """Stand in a folder with the service; give the home with its first model."""
    (tmp_path / "service.py").write_text(SERVICE)
    monkeypatch.chdir(tmp_path)
    save("v1", 1)
    return home


async def test_a_service_that_says_no(project: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A model with which the service is never ready is refused."""
    async with running(project, caplog, trial=1.0) as run:
        [old] = run.workers()
        save("v2", 2)
        await run.said(
            "iris:v2 is refused, and iris:v1 stays: `__is_ready__` did not say within 1 seconds that it is ready"
        )
        assert run.workers() == [old]
        assert await run.predict() == [1]
        save("v3", 3)
        await run.said("iris:v3 is served in place of iris:v1")
        assert await run.predict() == [3]


async def test_nobody_calls_a_model_on_trial(project: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Even where the old worker dies meanwhile, its successor answers, which has the old model."""
    async with running(project, caplog, trial=60.0) as run:
        [old] = run.workers()
        save("v2", 2)
        await run.said("loading iris:v2 beside iris:v1")
        await until((tmp_path / "asked 2").exists)
        os.kill(old.pid, signal.SIGKILL)
        await until(lambda: old.state is State.ENDED)
        while isinstance(answer := await run.predict(), dict):  # the problem of a 503, while it starts
            assert answer["status"] == 503
        assert answer == [1]
        [successor] = run.workers()
        assert successor is not old


async def test_a_model_that_takes_too_long(project: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Loading has an end: the old model stays, and the next one is tried."""
    async with running(project, caplog, loading=6.0) as run:
        save("v2", 2, is_slow=True)
        await run.said("iris:v2 is refused, and iris:v1 stays: they were not ready within 6 seconds")
        assert await run.predict() == [1]
        save("v3", 3)
        await run.said("iris:v3 is served in place of iris:v1")


async def test_a_stop_while_a_model_is_loaded(project: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A stop does not wait for the model, and refuses nothing."""
    async with running(project, caplog) as run:
        save("v2", 2, is_slow=True)
        await run.said("loading iris:v2 beside iris:v1")
        assert await run.predict() == [1]
    assert "is refused" not in caplog.text
    assert run.workers() == []

"""`ekiben serve --watch-models`: a newer model takes over while calls go on, or is refused."""

import asyncio
import os
import signal
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

import ekiben
from tests.cli.conftest import Command
from tests.cli.load import children, in_log, loaded, more, until
from tests.servers import READY_S, Running, serve_to_end, serving

pytestmark = pytest.mark.slow

ROWS = [[5.1, 3.5]]
SERVICE = """\
import ekiben

@ekiben.service
class Iris:
    stored = ekiben.models.get("iris:latest")

    def __init__(self) -> None:
        self.model = self.stored.load_model()

    @ekiben.api
    def predict(self, rows: list[list[float]]) -> list[int]:
        return [int(each) for each in self.model.predict(rows)]

    @ekiben.task
    def tag(self) -> str:
        return f"{self.stored.tag} and {ekiben.models.get('iris').tag}"
"""
IN_A_WORKER = "EKIBEN_PINS"  # is set in workers of a supervisor that watches


def save(version: str, answer: int, *, is_bad: bool = False, name: str = "iris", pause: float = 0.0) -> None:
    """Save a model that gives one answer; a bad one gives it only where it is trained, and else fails after a pause."""

    class Constant:
        def predict(self, rows: Any) -> list[int]:
            if is_bad and IN_A_WORKER in os.environ:
                time.sleep(pause)
                raise RuntimeError("the library here is another one")
            return [answer] * len(rows)

    signatures = {"predict": {"batchable": True}}
    ekiben.picklable_model.save_model(f"{name}:{version}", Constant(), signatures=signatures, sample=ROWS)


def save_rubbish(version: str) -> None:
    """Save files that the framework cannot load."""
    signatures = {"predict": {"batchable": True}}
    with ekiben.models.create(f"iris:{version}", module="ekiben.picklable_model", signatures=signatures) as model:
        (model.path / "saved_model.pkl").write_bytes(b"rubbish")


def predict(server: Running, endpoint: str = "predict", body: Any = None) -> Any:
    """Ask over a connection of its own."""
    found = httpx.post(f"{server.url}/{endpoint}", json=body or ROWS, timeout=READY_S, trust_env=False)
    assert found.status_code == 200, found.text
    return found.json()


def figures(server: Running) -> dict[str, float]:
    """Give the metrics about models, by their labels."""
    lines = httpx.get(f"{server.url}/metrics", trust_env=False).text.splitlines()
    found = [line.rpartition(" ") for line in lines if line.startswith(("ekiben_model_swaps", "ekiben_model_in_use"))]
    return {name: float(value) for name, _, value in found}


def swaps(server: Running, outcome: str) -> float:
    return figures(server)[f'ekiben_model_swaps_total{{outcome="{outcome}",service_name="iris"}}']


@pytest.mark.parametrize("workers", ["1", "2"])
async def test_a_newer_model_takes_over(workers: str) -> None:
    """Under load every answer is the old model's or the new one's, none is lost; in the end all are the new one's."""
    save("v1", 1)
    with serving("iris", "--watch-models", "--no-access-log", "--workers", workers) as server:
        await in_log(server, "ready in")
        before = children(server)
        async with loaded(server, "predict", ROWS) as load:
            save("v2", 2)
            await in_log(server, "iris:v2 is served in place of iris:v1")
            await asyncio.to_thread(until, "old workers are left", lambda: not set(before) & set(children(server)))
            mark = load.good + 8  # what was on its way
            await more(load, 50)
        assert load.bad == []
        assert set(map(tuple, load.answers)) == {(1,), (2,)}
        assert set(map(tuple, load.answers[mark:])) == {(2,)}
        assert len(children(server)) == int(workers)
        assert "loading iris:v2 beside iris:v1" in server.log
        assert (swaps(server, "swapped"), swaps(server, "refused")) == (1, 0)
        assert figures(server)['ekiben_model_in_use{model="iris",service_name="iris",version="v2"}'] == 1


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        pytest.param("its sample fails", "the stored sample does not pass `iris.predict`: RuntimeError", id="sample"),
        pytest.param("it is rubbish", "iris:v2 cannot be unpickled: ", id="not loadable"),
        pytest.param("its description is rubbish", "the model 'iris:v2' cannot be read", id="not readable"),
    ],
)
async def test_a_bad_model_is_refused(bad: str, words: str, home: Path) -> None:
    """A model that does not work here is refused with the reason, once; the old stays, and a newer one is taken."""
    save("v1", 1)
    with serving("iris:latest", "--watch-models", "--no-access-log", "--workers", "1") as server:
        before = children(server)
        async with loaded(server, "predict", ROWS) as load:
            if bad == "it is rubbish":
                save_rubbish("v2")
            elif bad == "its sample fails":
                save("v2", 2, is_bad=True)
            else:
                (home / "models/iris/v2").mkdir()
                (home / "models/iris/v2/model.yaml").write_text("rubbish: [")
                (home / "models/iris/latest").write_text("v2")
            await in_log(server, "iris:v2 is refused, and iris:v1 stays: ")
            await more(load, 50)
            assert words in server.log
            assert "Traceback" not in server.log.rpartition("is refused")[2]
            assert {tuple(answer) for answer in load.answers} == {(1,)}
            assert swaps(server, "refused") == 1
            await asyncio.to_thread(until, "new workers were left", lambda: children(server) == before)
            save("v3", 3)
            await in_log(server, "iris:v3 is served in place of iris:v1")
            await asyncio.to_thread(until, "the old worker is left", lambda: not set(before) & set(children(server)))
        assert load.bad == []
        assert predict(server) == [3]
        assert server.log.count("loading iris:v2") == 1
        assert (swaps(server, "swapped"), swaps(server, "refused")) == (1, 1)


async def test_a_bad_model_answers_nobody(tmp_path: Path) -> None:
    """A worker that is ready early gets no calls while another is still on trial with the same model."""
    (tmp_path / "service.py").write_text(SERVICE)
    save("v1", 1)
    with serving("service:Iris", "--watch-models", "--no-access-log", "--workers", "2", cwd=tmp_path) as server:
        await in_log(server, "ready in")
        async with loaded(server, "predict", {"rows": ROWS}) as load:
            save("v2", 2, is_bad=True, pause=3.0)
            await in_log(server, "iris:v2 is refused, and iris:v1 stays: the stored sample does not pass iris:v2")
            await more(load, 20)
        assert load.bad == []
        assert {tuple(answer) for answer in load.answers} == {(1,)}


def test_several_services() -> None:
    """Of several services behind one port each stands the trial: a bad model of one is refused, another's comes."""
    save("v1", 1)
    save("v1", 3, name="wine")
    with serving("wine", "iris", "--watch-models", "--no-access-log") as server:
        save("v2", 2, is_bad=True)
        log = server.wait_for_log("iris:v2 is refused, and iris:v1 stays: ")
        assert "the stored sample does not pass `iris.predict`: RuntimeError" in log
        save("v2", 4, name="wine")
        server.wait_for_log("wine:v2 is served in place of wine:v1")
        until("it does not take over", lambda: predict(server, "wine/predict") == [4])
        assert predict(server, "iris/predict") == [1]


def test_a_crash_after_a_swap(tmp_path: Path) -> None:
    """A worker that dies is started again with the model of the others, not with a newer one that was refused.

    Tasks have it too. A reload by SIGHUP tries the newer one again.
    """
    (tmp_path / "service.py").write_text(SERVICE)
    save("v1", 1)
    with serving("service:Iris", "--watch-models", "--no-access-log", "--workers", "2", cwd=tmp_path) as server:
        save("v2", 2)
        server.wait_for_log("iris:v2 is served in place of iris:v1")
        save("v3", 3, is_bad=True)
        log = server.wait_for_log("iris:v3 is refused, and iris:v2 stays: ")
        assert "the stored sample does not pass iris:v3: RuntimeError: the library here is another one" in log
        until("there are more or fewer", lambda: len(children(server)) == 2)
        for victim in children(server):
            os.kill(victim, signal.SIGKILL)
            until("it was not started again", lambda gone=victim: gone not in children(server))
        until("they were not started again", lambda: len(children(server)) == 2)
        server.wait_until_ready()
        assert [predict(server, body={"rows": ROWS}) for _ in range(6)] == [[2]] * 6
        with ekiben.SyncHTTPClient(server.url) as client:
            assert client.tag.submit().get(timeout=READY_S) == "iris:v2 and iris:v2"
        server.process.send_signal(signal.SIGHUP)
        server.wait_for_log(
            "the new workers cannot start, and the old ones stay: the stored sample does not pass iris:v3"
        )
        assert predict(server, body={"rows": ROWS}) == [2]


async def test_two_saves_in_a_row() -> None:
    """Where a second version lands while the first is being loaded, the second is what is served in the end."""
    save("v1", 1)
    with serving("iris", "--watch-models", "--no-access-log") as server:
        async with loaded(server, "predict", ROWS) as load:
            save("v2", 2)
            save("v3", 3)
            await asyncio.to_thread(until, "the newest does not come", lambda: predict(server) == [3])
        assert load.bad == []
        assert set(map(tuple, load.answers)) <= {(1,), (2,), (3,)}
        server.wait_for_log("iris:v3 is served in place of ")


def test_the_version_in_use_is_deleted() -> None:
    """`latest` is followed backwards too; a model that goes altogether stays in use, and the log says so."""
    save("v1", 1)
    save("v2", 2)
    with serving("iris", "--watch-models", "--no-access-log") as server:
        assert predict(server) == [2]
        ekiben.models.delete("iris:v2")
        server.wait_for_log("iris:v1 is served in place of iris:v2")
        until("it does not take over", lambda: predict(server) == [1])
        ekiben.models.delete("iris", all=True)
        server.wait_for_log("the store has no version of iris any more; v1 stays")
        assert predict(server) == [1]
        save("v5", 5)
        server.wait_for_log("iris:v5 is served in place of iris:v1")
        until("it does not take over", lambda: predict(server) == [5])
        assert server.stop(signal.SIGTERM) == 0
        assert "Traceback" not in server.log


@pytest.mark.parametrize("how", ["decorator", "variable", "file"])
def test_who_may_ask_for_it(tmp_path: Path, how: str) -> None:
    """It is set by decorator, file and environment too, and a model may be named by `BentoModel`."""
    text = SERVICE.replace("@ekiben.service", "@ekiben.service(watch_models=True)") if how == "decorator" else SERVICE
    if how == "file":
        text = text.replace("models.get(", "models.BentoModel(")
    (tmp_path / "service.py").write_text(text)
    if how == "file":
        (tmp_path / "ekiben.yaml").write_text("watch_models: true\n")
    env = {"EKIBEN_WATCH_MODELS": "true"} if how == "variable" else {}
    save("v1", 1)
    with serving("service:Iris", cwd=tmp_path, env=env) as server:
        save("v2", 2)
        server.wait_for_log("iris:v2 is served in place of iris:v1")
        until("it does not take over", lambda: predict(server, body={"rows": ROWS}) == [2])


@pytest.mark.parametrize(
    ("target", "options", "words"),
    [
        pytest.param("iris:v1", (), "`--watch-models` needs a model that is asked for as `latest`, and `iris` names "
                     "exact versions: iris:v1", id="an exact version"),
        pytest.param("service:None_", (), "`None_` names no stored model as an attribute of its class", id="no model"),
        pytest.param("iris", ("--layout", "apart"), "`--watch-models` replaces whole processes", id="apart"),
        pytest.param("iris", ("--layout", "inline"), "`--watch-models` needs a supervisor", id="inline"),
    ],
)  # fmt: skip
def test_refused(tmp_path: Path, target: str, options: tuple[str, ...], words: str) -> None:
    """Where no model can be swapped it is an error, before anything runs."""
    (tmp_path / "service.py").write_text("import ekiben\n\n@ekiben.service\nclass None_:\n    pass\n")
    save("v1", 1)
    found = serve_to_end(target, "--watch-models", *options, cwd=tmp_path)
    assert found.returncode == 1
    assert words in found.stderr
    assert "hint:" in found.stderr
    assert "Traceback" not in found.stderr


def test_print_config(ekiben: Command) -> None:
    """`--print-config` shows whether models are watched, and who said so."""
    save("v1", 1)
    shown = [line.split() for line in ekiben("serve", "iris", "--watch-models", "--print-config").out.splitlines()]
    assert ["watch_models", "true", "--watch-models"] in shown

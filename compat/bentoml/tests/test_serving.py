"""`bentoml.serve` starts a server by BentoML's words, and its clients have what BentoML's have."""

import asyncio
import logging
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import bentoml
import httpx
import numpy as np
import pytest
from bentoml.serving import layer_of

from ekiben import exceptions
from ekiben.core.errors import ConfigError

SERVICE = """
import time
from pathlib import Path

import bentoml
import numpy as np
from pydantic import BaseModel


class Args(BaseModel):
    factor: int = 2


args = bentoml.use_arguments(Args)


@bentoml.service(traffic={"timeout": 30})
class Served:
    model = bentoml.models.BentoModel("factor:latest")

    def __init__(self):
        self.bias = int((self.model.path / "bias").read_text())
        self.seen = []

    @bentoml.api
    def times(self, x: int) -> int:
        return args.factor * x + self.bias

    @bentoml.api(batchable=True)
    def rows(self, x: np.ndarray) -> np.ndarray:
        return x * args.factor

    @bentoml.api
    def where(self) -> int:
        return bentoml.server_context.worker_index

    @bentoml.api
    def answer(self, ctx: bentoml.Context) -> dict:
        ctx.response.status_code = 202
        ctx.response.headers["x-one"] = "1"
        ctx.response.metadata["x-two"] = "2"
        ctx.response.set_cookie("session", "abc", httponly=True)
        ctx.response.background.add_task(self.seen.append, ctx.request.url.path)
        ctx.state["calls"] = ctx.state.get("calls", 0) + 1
        return {"method": ctx.request.method, "calls": ctx.state["calls"], "folder": Path(ctx.temp_dir).is_dir()}

    @bentoml.api
    def after(self) -> list[str]:
        return self.seen

    @bentoml.api
    def close(self) -> str:
        return "an endpoint whose name a client has"

    @bentoml.task
    def chore(self, x: int) -> int:
        return x + 1

    @bentoml.task
    def hold(self) -> None:
        time.sleep(600)
"""


@pytest.fixture
def target(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A service in a file, and the model that it needs, in BentoML's home."""
    monkeypatch.setenv("BENTOML_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("EKIBEN_HOME", str(tmp_path / "ours"))
    with bentoml.models.create("factor") as model:
        (model.path / "bias").write_text("1")
    name = f"served_{abs(hash(tmp_path))}"
    (tmp_path / f"{name}.py").write_text(SERVICE)
    monkeypatch.syspath_prepend(str(tmp_path))
    return f"{name}:Served"


def test_a_server_and_its_client(target: str, tmp_path: Path) -> None:
    """The handle tells where the server is and whether it runs; the client has a method an endpoint."""
    with bentoml.serve(target, port=0, host="127.0.0.1", working_dir=str(tmp_path), args={"factor": "3"}) as server:
        assert server.running
        assert (server.name, server.url.startswith("http://localhost:")) == ("Served", True)
        with bentoml.SyncHTTPClient(server.url, timeout=20, server_ready_timeout=20) as client:
            assert client.is_ready(timeout=5)
            client.wait_until_server_ready()
            assert (client.times(x=2), client.call("times", x=3), client.times(4)) == (7, 10, 13)
            assert client.rows(x=np.array([[1.0], [2.0]])) == [[3.0], [6.0]]  # lists, as JSON has them
            assert client.where() == 1
            assert client.api_close() == "an endpoint whose name a client has"
            assert client.request("POST", "/times", json={"x": 1}).json() == 4
            with pytest.raises(bentoml.exceptions.BadInput):
                client.times(x="many")
            with pytest.raises(AttributeError, match="has no endpoint `tims`"):
                client.tims(1)
        with server.get_client() as client:
            assert (client.times(x=0), client.rows(x=[[1.0]])) == (1, [[3.0]])
    assert not server.running
    with pytest.raises(httpx.TransportError):
        httpx.get(server.url, timeout=2)
    server.stop()


def test_the_context(target: str) -> None:
    """Status, headers, cookies, state, folder and background tasks of a call are BentoML's."""
    with bentoml.serve(target, port=0, host="127.0.0.1") as server, httpx.Client(base_url=server.url) as client:
        answer = client.post("/answer", json={})
        assert (answer.status_code, answer.json()) == (202, {"method": "POST", "calls": 1, "folder": True})
        assert (answer.headers["x-one"], answer.headers["x-two"]) == ("1", "2")
        assert answer.cookies["session"] == "abc"
        assert client.post("/answer", json={}).json()["calls"] == 2
        for _ in range(200):
            seen = client.post("/after", json={}).json()
            if len(seen) == 2:
                break
        assert seen == ["/answer", "/answer"]


def test_tasks(target: str) -> None:
    """A task is submitted, asked after, awaited, canceled and run again, by both clients."""
    with bentoml.serve(target, port=0, host="127.0.0.1") as server:
        with bentoml.SyncHTTPClient(server.url) as client:
            task = client.chore.submit(x=1)
            assert task.get(timeout=60) == 2
            assert task.get_status().value == "completed"
            assert task.retry().get(timeout=60) == 2
            held, waiting = client.hold.submit(), client.chore.submit(x=8)
            assert (
                str(waiting.get_status()) == "in_progress"
            )  # though it waits, as whoever asks until that changes expects
            assert held.cancel().value == "canceled"
            assert str(held.get_status()) == "canceled"
            assert waiting.get(timeout=60) == 9

        async def later() -> list[Any]:
            async with bentoml.AsyncHTTPClient(server.url) as client:
                task = await client.chore.submit(x=5)
                return [await task.get(timeout=60), str(await task.get_status()), await client.times(x=1)]

        assert asyncio.run(later()) == [6, "completed", 3]


@pytest.mark.skipif(sys.platform != "linux", reason="workers share memory as only Linux does")
def test_workers(target: str) -> None:
    """`api_workers` starts as many, in BentoML's home and with the arguments; each knows its place."""
    with bentoml.serve(target, port=0, host="127.0.0.1", api_workers=2, args={"factor": 5}) as server:
        with server.get_client() as client:
            assert client.times(x=1) == 6
            found = {client.where() for _ in range(40)}
        assert found <= {1, 2}
        assert found


def test_blocking(target: str) -> None:
    """A blocking server waits until another thread stops it."""
    made: list[Any] = []
    server = bentoml.serve(target, port=0, host="127.0.0.1")
    waiting = threading.Thread(target=lambda: made.append(server.wait()))
    waiting.start()
    assert server.running
    server.stop()
    waiting.join(30)
    assert (waiting.is_alive(), made) == (False, [None])


def test_where_it_listens(target: str) -> None:
    """A port that is taken is said with the address."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(ConfigError, match=str(taken.getsockname()[1])):
            bentoml.serve(target, port=taken.getsockname()[1], host="127.0.0.1")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"server_type": "grpc"}, '`server_type` must be "http"'),
        ({"reload": True}, "run `bentoml serve --reload`"),
        ({"development": True}, "`development` is not offered"),
        ({"env": "conda"}, "run `bentoml serve TAG --env`"),
        ({"nonsense": 1}, "there is no option `nonsense`"),
        ({"ssl_nonsense": 1}, "there is no option `ssl_nonsense`"),
        ({"timeout": "soon"}, "`traffic.timeout` must be a number"),
        ({"api_workers": -1}, "`workers` must be a whole number"),
        ({"args": [1]}, "`args` must be a mapping"),
        ({"ssl_certfile": "nowhere.pem"}, "nowhere.pem"),
    ],
)
def test_what_serve_does_not_take(target: str, options: dict[str, Any], words: str) -> None:
    """An option that does not work here is refused by its name, before a server starts."""
    with pytest.raises(ConfigError, match=words):
        bentoml.serve(target, port=0, host="127.0.0.1", **options)


def test_what_stands_over_the_service(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """Options of a server are laid over those of the service; what changes nothing is told once."""
    monkeypatch.setattr("bentoml.words._said", set())
    told = {"timeout": 5, "backlog": 100, "ssl_certfile": "c.pem", "ssl_keyfile": None, "reload": False, "env": None}
    with caplog.at_level(logging.WARNING):
        found = layer_of({**told, "production": True, "timeout_keep_alive": 5, "api_workers": None})
    assert found.values == {
        "traffic": {"timeout": 5}, "backlog": 100, "ssl": {"enabled": True, "certfile": "c.pem"},
    }  # fmt: skip
    assert caplog.text.count("changes nothing") == 2


def test_what_cannot_be_served() -> None:
    """What is nothing is refused; a client of nothing says so."""
    with pytest.raises(exceptions.ServiceLoadError):
        bentoml.serve("no_such_module_at_all:X", port=0)
    with pytest.raises(bentoml.exceptions.ServiceUnavailable):
        bentoml.SyncHTTPClient("http://127.0.0.1:9", timeout=1).call("x")


SCRIPT = """
import httpx

import bentoml


def double(x):
    return [2 * one for one in x]


if __name__ == "__main__":
    bentoml.picklable_model.save_model("double", double, signatures={"__call__": {"batchable": False}})
    with bentoml.serve("double:latest", port=0, api_workers=2) as server:
        print(httpx.post(f"{server.url}/predict", json=[1, 2], trust_env=False).text)
"""


def test_workers_find_what_is_stored(tmp_path: Path) -> None:
    """A stored model of BentoML's home is served by several processes."""
    (tmp_path / "script.py").write_text(SCRIPT)
    sources = Path(__file__).parents[1] / "src"
    env = {"PYTHONPATH": str(sources), "HOME": str(tmp_path), "PATH": "/usr/bin:/bin", "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, "script.py"], cwd=tmp_path, env=env, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.stdout.splitlines()[-1:] == ["[2,4]"], done.stderr
    assert (tmp_path / "bentoml" / "models" / "double").is_dir()

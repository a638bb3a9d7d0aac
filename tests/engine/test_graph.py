"""Services in processes of their own call each other as if they were in one."""

import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import ekiben
from ekiben.core.errors import ConfigError
from ekiben.core.spec import BoundService, ServiceSpec
from ekiben.engine.graph import Graph, Start
from ekiben.engine.handle import GRACE
from ekiben.services.depends import in_order
from tests.engine import services_of_graph
from tests.engine.services_of_graph import Middle, Model, Top
from tests.http.real import wait_for
from tests.servers import Running, serving

ROOT = Path(__file__).parents[2]
TARGET = "tests.engine.services_of_graph:Top"

LAYOUTS = {
    "the served one in the front": {},
    "the served one apart too": {"EKIBEN_SERVICES__TOP__LAYOUT": "apart"},
    "all in one process": {"EKIBEN_SERVICES__TOP__LAYOUT": "inline"},
}


@pytest.fixture(scope="module", params=LAYOUTS.values(), ids=LAYOUTS.keys())
def graph(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Running, Path]]:
    folder = tmp_path_factory.mktemp("graph")
    with serving(TARGET, cwd=ROOT, env={**request.param, "GRAPH_FOLDER": str(folder)}) as running:
        yield running, folder


def ask(running: Running, name: str, **arguments: Any) -> Any:
    answer = running.http.post(f"/{name}", json=arguments)
    assert answer.status_code == 200, answer.text
    return answer.json()


pytestmark = pytest.mark.slow


def test_each_service_has_its_processes(graph: tuple[Running, Path]) -> None:
    """Three services are three processes and more, unless one process is asked for; all end with the server."""
    running, _ = graph
    found = [tuple(ask(running, "processes")) for _ in range(20)]
    tops, middles, models = (set(column) for column in zip(*found, strict=True))
    if tops == middles:
        assert models == middles == {running.pid}
    else:
        assert len(tops) == len(middles) == 1
        assert len(models) <= 2
        assert not tops & middles
        assert not (tops | middles) & models


def test_dependencies_start_first(graph: tuple[Running, Path]) -> None:
    """What others depend on is ready before they are made; a call in `__init__` is answered."""
    running, folder = graph
    assert ask(running, "twice", x=[1.0, 2.0]) == [2.0, 4.0]
    started = (folder / "order").read_text().split()
    assert started.index("Middle") == started.count("Model")


def test_every_kind_crosses(graph: tuple[Running, Path]) -> None:
    """Records, frames, images, files and tuples arrive as what they were, sync and async."""
    running, _ = graph
    assert ask(running, "kinds") == {
        "row": ["Row", 3, 3.0],
        "greet": "HELLO ADA",
        "to_sync": "hello you",
        "frame": {"a": [1], "b": [2], "total": [3]},
        "image": [[2, 4], [1, 2, 3]],
        "file": 7,
        "open": True,
    }


def test_large_arrays(graph: tuple[Running, Path]) -> None:
    """An array of megabytes crosses both ways, and can be written to."""
    running, _ = graph
    assert ask(running, "large", n=500_000) == 999_998.0


@pytest.mark.parametrize("how", ["gathered", "threaded"])
def test_calls_run_side_by_side(graph: tuple[Running, Path], how: str) -> None:
    """Calls of one method, by `asyncio.gather` or by threads, each get their own answer."""
    running, _ = graph
    assert ask(running, how, n=50) == [[2.0 * i] for i in range(50)]


def test_streams_cross(graph: tuple[Running, Path]) -> None:
    """A generator of another service is one here: sync, async, by both faces, and passed on as a stream."""
    running, _ = graph
    assert ask(running, "streamed", n=3) == [["Row", 0], ["Row", 1], ["Row", 2]]
    assert ask(running, "streamed", n=500)[-1] == ["Row", 499]
    assert ask(running, "streamed_async", n=40)[-1] == ["39", 117]
    assert ask(running, "streamed_by_faces", n=2) == [[0, 1], ["0", "1"]]
    assert ask(running, "streamed", n=0) == []
    assert running.http.post("/passed_on", json={"n": 50}).text.split() == [str(i) for i in range(50)]


def test_an_error_ends_a_stream(graph: tuple[Running, Path]) -> None:
    """What a generator raises comes after its pieces, as an error of its class."""
    running, _ = graph
    assert ask(running, "streamed_async", n=2, broken=True) == [["0", 0], ["1", 3], "`n` must be another"]


def test_a_stream_waits_and_ends_with_its_reader(graph: tuple[Running, Path]) -> None:
    """A generator is never far ahead of whoever reads it, and its `finally` runs when that one leaves."""
    running, folder = graph
    name = f"rows-{running.port}"
    assert ask(running, "left_early", file=name) < 500
    wait_for(folder / f"{name}-ended")


def test_errors_cross(graph: tuple[Running, Path]) -> None:
    """A caller's mistake stays one, with its words; a bug is a 500 whose traceback is in the log."""
    running, _ = graph
    ours, bug = (running.http.post("/fail", json={"how": how}) for how in ("ours", "bug"))
    assert (ours.status_code, ours.json()["detail"], ours.json()["hint"]) == (
        400,
        "`how` must be kind: 'ours'",
        "be kind",
    )
    assert (bug.status_code, "secret" in bug.text) == (500, False)
    assert "KeyError: 'secret'" in running.wait_for_log("KeyError: 'secret'")
    assert running.http.post("/fail", json={"how": "theirs"}).status_code == 422
    assert ask(running, "caught")[1:] == [422, "too short"]


def test_time_shrinks_along_the_way(graph: tuple[Running, Path]) -> None:
    """A dependency sees what is left of the first call's time and a moment, or of its own where that is less."""
    running, _ = graph
    assert 0 < ask(running, "left") <= 20 + GRACE


def test_readiness_includes_dependencies(graph: tuple[Running, Path]) -> None:
    """The server is ready only while each service is."""
    running, _ = graph
    assert running.is_ready()


@pytest.fixture
def spread(tmp_path: Path) -> Iterator[tuple[Running, Path]]:
    with serving(
        TARGET, cwd=ROOT, env={"GRAPH_FOLDER": str(tmp_path), "EKIBEN_SERVICES__MODEL__WORKERS": "1"}
    ) as running:
        yield running, tmp_path


def test_a_killed_dependency_costs_what_it_had_begun(spread: tuple[Running, Path]) -> None:
    """The begun call is 503; those that waited are answered by the worker that follows."""
    running, folder = spread
    (_, _, model) = ask(running, "processes")
    with ThreadPoolExecutor(9) as pool:
        begun = pool.submit(running.http.post, "/hold", json={"name": "one"})
        wait_for(folder / "one-began")
        waits = [pool.submit(running.http.post, "/gathered", json={"n": 3}) for _ in range(4)]
        os.kill(model, signal.SIGKILL)
        assert begun.result(60).status_code == 503
        assert "worker that ran this call ended" in begun.result().json()["detail"]
        assert [each.result(60).status_code for each in waits] == [200] * 4
    assert ask(running, "processes")[2] != model


def test_what_cannot_cross_is_said(spread: tuple[Running, Path]) -> None:
    """A wait on the event loop, a method that is no endpoint, a function as a value: each has its words in the log."""
    running, _ = spread
    for name, words in (
        ("blocking", "cannot be waited for on the event loop"),
        ("unknown", "has none called `helper`"),
        ("unsendable", "a value of this type cannot be sent: function"),
    ):
        assert running.http.post(f"/{name}", json={}).status_code == 500
        running.wait_for_log(words)


def test_a_deadline_ends_the_whole_call(spread: tuple[Running, Path]) -> None:
    """A call that waits for a dependency ends at its own limit, and the 504 says whose it was."""
    running, folder = spread
    answer = running.http.post("/late", json={"name": "slow"})
    (folder / "slow").touch()
    assert answer.status_code == 504
    assert "0.2 seconds, the limit of the endpoint" in answer.json()["detail"]


def test_a_dependency_that_cannot_start_is_told(tmp_path: Path) -> None:
    """What keeps a dependency from starting ends the server with its words."""
    missing = {"GRAPH_FOLDER": str(tmp_path / "nowhere")}
    with serving(TARGET, cwd=ROOT, env=missing, wait=False) as running:
        assert running.process.wait(60) == 1
        assert "`Model` cannot start: FileNotFoundError" in running.log


def test_our_sockets_have_no_name(spread: tuple[Running, Path]) -> None:
    """Nobody else can reach the sockets between our processes; `test_pickles.py` sends a pickle to each."""
    running, _ = spread
    ours = running.pid
    links = [os.readlink(f"/proc/{ours}/fd/{fd}") for fd in os.listdir(f"/proc/{ours}/fd")]
    inodes = {link[8:-1] for link in links if link.startswith("socket:")}
    named = [line.split() for line in Path("/proc/net/unix").read_text().splitlines()[1:]]
    assert {line[6] for line in named} & inodes, "a server with dependencies has sockets"
    assert [line[7] for line in named if line[6] in inodes and len(line) > 7] == []


def test_own_methods_are_plain_calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A method calls another of its own service as Python does, and a dependency through its handle."""
    monkeypatch.setattr(services_of_graph, "FOLDER", tmp_path)
    with ekiben.testing.client(Top) as top:
        assert top.twice([1.0]).tolist() == [2.0]
        assert top.gathered(2) == [[0.0], [2.0]]


def test_order() -> None:
    """Each service comes after what it depends on, once."""
    assert [one.spec.name for one in in_order(Top.__ekiben_service__())] == ["Model", "Middle", "Top"]


def test_a_circle_is_refused() -> None:
    """Services that depend on each other are refused, and the error names the circle."""
    bounds: dict[str, BoundService] = {}
    for name, other in (("A", "B"), ("B", "C"), ("C", "A")):
        bounds[name] = BoundService(
            ServiceSpec(name), create=lambda handles: None, dependencies={"x": lambda other=other: bounds[other]}
        )
    with pytest.raises(ConfigError, match="circle: A → B → C → A"):
        in_order(bounds["A"])


def test_two_services_of_one_name_are_refused() -> None:
    """Two different services of one name cannot be told apart by their workers."""
    model, middle = Model.__ekiben_service__(), Middle.__ekiben_service__()
    twin = replace(model, origin="elsewhere:Model")
    both = replace(middle, dependencies={"one": lambda: model, "other": lambda: twin})
    with pytest.raises(ConfigError, match="two services are called `Model`"):
        in_order(both)


async def test_each_service_has_its_own_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    """Services get GPUs after each other; the first are of the one that runs in the process that listens."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,6,7")
    model, middle = (
        replace(each, spec=replace(each.spec, resources={"gpu": 1}))
        for each in (Model.__ekiben_service__(), Middle.__ekiben_service__())  # type: ignore[attr-defined]
    )
    root = replace(middle, spec=replace(middle.spec, name="root"))
    start = Start(["true"], ".", lambda each: 1, 1.0)
    for bounds, expected in (([model, middle, root], ["4", "6", "7"]), ([model, middle], ["6", "7"])):
        groups = Graph(root, bounds, start)._supervisor.groups
        assert [groups[one.spec.name].env(0)["CUDA_VISIBLE_DEVICES"] for one in bounds] == expected


async def test_a_service_may_place_its_workers_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """Variables that a service gives each worker go over those of its share of the machine."""
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    native = Model.__ekiben_service__()  # type: ignore[attr-defined]  # the decorator adds it
    bound = replace(native, environ=lambda index: {"OMP_NUM_THREADS": f"1{index}", "PLACE": str(index)})
    start = Start(["true"], ".", lambda each: 2, 1.0, {"PLACE": "anywhere", "KEPT": "yes"})
    env = Graph(bound, [bound], start)._supervisor.groups["Model"].env
    assert [env(index)["OMP_NUM_THREADS"] for index in range(2)] == ["10", "11"]
    assert [env(index)["PLACE"] for index in range(2)] == ["0", "1"]
    assert env(0)["KEPT"] == "yes"
    plain = Graph(native, [native], replace(start, env={}))._supervisor.groups["Model"].env
    assert "PLACE" not in plain(0)

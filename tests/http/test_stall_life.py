"""Several services in one server start, become ready and end together, and each has its lane."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

import ekiben
from ekiben.core.errors import ConfigError
from ekiben.http.listen import Listen, bind
from ekiben.http.server import Server
from ekiben.http.stall import Stall, app_of
from ekiben.services.load import load
from tests.http.lanes import PATIENCE
from tests.http.stalls import Plain, Walled
from tests.http.within import started
from tests.servers import HOST


@contextmanager
def opened(targets: Any) -> Iterator[tuple[Server, httpx.Client]]:
    """Serve on a thread, without waiting until it is ready."""
    with bind(Listen(port=0)) as listening:
        server = Server(load(targets), Listen(port=0))
        thread = threading.Thread(target=server.run, args=(listening.sockets,), daemon=True)
        thread.start()
        try:
            with httpx.Client(base_url=f"http://{HOST}:{listening.port}", timeout=60, trust_env=False) as http:
                yield server, http
        finally:
            server.should_exit = True
            thread.join(60)
            assert not thread.is_alive()


def wait_for(what: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not what():
        assert time.monotonic() < end
        time.sleep(0.01)


class Slow:
    """Is not ready until it is told so."""

    go = threading.Event()
    well = True

    def __init__(self) -> None:
        assert self.go.wait(60)

    def __is_ready__(self) -> bool:
        return self.well

    def __is_alive__(self) -> bool:
        return self.well

    @ekiben.api
    def add(self, a: int) -> int:
        return a


def test_ready_when_all_are() -> None:
    """`/readyz` says which service is not ready, while the others answer; `/livez` says which is not alive."""
    went = threading.Event()

    class Late(Slow):
        go = went

    late = ekiben.service(Late)
    with opened([Plain, late]) as (server, http):
        wait_for(lambda: http.get("/Plain/readyz").status_code == 200)
        answer = http.get("/readyz")
        assert (answer.status_code, answer.text) == (503, "not ready: Late\n")
        assert http.post("/Plain/add", json={"a": 1}).text == "2"
        assert http.post("/Late/add", json={"a": 1}).status_code == 503
        assert not server.is_ready
        went.set()
        wait_for(lambda: http.get("/readyz").status_code == 200)
        late.well = False
        assert http.get("/readyz").text == "not ready: Late\n"
        assert (http.get("/livez").status_code, http.get("/livez").text) == (503, "not alive: Late\n")


class Diary:
    """What the services of a test have done, in order."""

    said: list[str] = []  # noqa: RUF012 - shared on purpose


def keeper(name: str, *, fails: bool = False) -> Any:
    class Keeper:
        def __init__(self) -> None:
            if fails:
                raise RuntimeError("no model here")
            Diary.said.append(f"{name} made")

        @ekiben.on_shutdown
        def end(self) -> None:
            Diary.said.append(f"{name} ended")

        @ekiben.api
        def add(self, a: int) -> int:
            return a

    return ekiben.service(name=name)(Keeper)


class TestLife:
    """Services start in their order and end in the opposite one."""

    def test_order(self) -> None:
        Diary.said.clear()
        before = set(threading.enumerate())
        with ekiben.serve([keeper("one"), keeper("two")]):
            assert Diary.said == ["one made", "two made"]
        assert Diary.said == ["one made", "two made", "two ended", "one ended"]
        assert set(threading.enumerate()) <= before

    def test_one_cannot_start(self) -> None:
        """A service that cannot start ends the whole, by its name; those before it end in order."""
        Diary.said.clear()
        with pytest.raises(RuntimeError, match="no model here"):
            ekiben.serve([keeper("one"), keeper("two", fails=True), keeper("three")])
        assert Diary.said == ["one made", "one ended"]

    async def test_as_asgi(self) -> None:
        """As an ASGI app it tells its server why it cannot start; one that can starts and ends."""
        Diary.said.clear()
        async with started(app_of(load([keeper("one"), keeper("two")]))) as app:
            assert isinstance(app, Stall)
            assert app.is_ready
        assert Diary.said[-1] == "one ended"
        with pytest.raises(RuntimeError, match="no model here"):
            with ekiben.testing.client([keeper("one"), keeper("two", fails=True)], service="one"):
                pytest.fail("it started")


class TestLanes:
    """The fast lane is a matter of each service, and asked for of all."""

    def test_refused(self) -> None:
        """Asked for, it is refused where one service forbids it, by its place."""
        with pytest.raises(ConfigError, match="the middleware `Wall` must see every request at /walled: 'fast'"):
            Server(load({"a": Plain, "walled": Walled}), Listen(port=0, lane="fast"))
        chosen: Any = Server(load({"a": Plain, "b": Plain}), Listen(port=0, lane="fast")).config.http_protocol_class
        assert sorted(chosen.routes) == [b"/a/add", b"/b/add"]

    def test_said(self, caplog: pytest.LogCaptureFixture) -> None:
        """Where it is not asked for, the log says which service is without it."""
        with caplog.at_level("INFO", "ekiben"):
            Server(load({"a": Plain, "walled": Walled}), Listen(port=0))
        assert "every request to /walled goes through the ASGI app: the middleware" in caplog.text
        assert "/a " not in caplog.text


@ekiben.service(layout="replicas", workers=3)
class Many:
    @ekiben.api
    def add(self, a: int) -> int:
        return a + 2


@pytest.mark.parametrize(
    ("options", "words"),
    [
        pytest.param({"workers": 2}, "`workers` must be 1 where a script serves several services.*: 2", id="workers"),
        pytest.param({"layout": "replicas"}, "`layout` must be inline where a script serves several", id="replicas"),
        pytest.param({"layout": "apart"}, "`layout` must be inline or replicas for several services", id="apart"),
    ],
)
def test_layouts_of_a_script(options: dict[str, Any], words: str) -> None:
    """A server within a script is one process; services that ask for more are refused, not served by less."""

    @ekiben.service(**options)
    class More:
        @ekiben.api
        def add(self, a: int) -> int:
            return a

    with pytest.raises(ConfigError, match=words):
        ekiben.serve([Plain, More])


def test_ports_of_a_script() -> None:
    """A script names the port, and so services may name different ones, as one alone may."""

    def at(port: int) -> Any:
        return ekiben.service(http={"port": port})(type("At", (), {"add": Plain.__dict__["add"]}))

    with ekiben.serve({"a": at(1), "b": at(2)}) as server, server.client("b") as client:
        assert client.add(a=1) == 2


def test_layouts_in_a_test() -> None:
    """A client for tests has all in this process, whatever layouts and workers the services ask for."""
    with ekiben.testing.client([Plain, Many], service="Many") as client:
        assert client.add(a=1) == 3

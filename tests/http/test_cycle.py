"""A call is answered once, by whoever is first: its method, its deadline, a client that leaves, the end."""

import asyncio
import re
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

import ekiben
from ekiben.core.errors import Unavailable
from ekiben.core.spec import Limits
from ekiben.http.app import App
from ekiben.http.exchange import OUTCOME
from ekiben.http.listen import Listen
from ekiben.http.protocol import give_up
from ekiben.http.server import Server
from ekiben.http.strict import DEEP
from tests.http.calls import Calls
from tests.http.lanes import ANSWER, PATIENCE, Lane, lane, request
from tests.http.test_lanes import BEGUN, CLOSE, FAST, LEFT
from tests.http.test_protocol import Wire, connection
from tests.http.within import bound, started

pytestmark = pytest.mark.slow


@ekiben.service(name="gated")
class Gated:
    """Waits until a test says go."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.began: list[str] = []
        self.cancelled: list[str] = []

    @ekiben.api
    def sync(self, name: str) -> str:
        """Wait in the thread."""
        self.began.append(name)
        assert self.go.wait(PATIENCE)
        return name

    @ekiben.api
    async def on_loop(self, name: str) -> str:
        """Wait on the loop."""
        self.began.append(name)
        try:
            while not self.go.is_set():
                await asyncio.sleep(0.002)
        except asyncio.CancelledError:
            self.cancelled.append(name)
            raise
        return name

    @ekiben.api(timeout=0.05)
    def late(self, name: str) -> str:
        """Wait for longer than is allowed."""
        assert self.go.wait(PATIENCE)
        return name

    @ekiben.api(timeout=0.05)
    async def late_on_loop(self, name: str) -> str:
        """Wait for longer than is allowed."""
        await asyncio.Event().wait()
        return name

    @ekiben.api
    async def quick(self, name: str) -> str:
        """Answer at once."""
        return name


def ask(path: str, name: str, **headers: Any) -> bytes:
    return request(path, b'{"name": "%s"}' % name.encode(), **headers)


def target(running: Lane) -> Any:
    assert running.server.app.dispatcher.instance is not None
    return running.server.app.dispatcher.instance.target


def wait_until(is_so: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.002)


@pytest.fixture(params=["asgi", "fast"])
def running(request: pytest.FixtureRequest) -> Iterator[Lane]:
    with lane(Gated, request.param) as running:
        yield running


def counted(running: Lane, path: str) -> dict[int, int]:
    """Count the answers of a route by their status."""
    return {status: found.count for status, found in running.server.app._tallies[path].answers.items()}


@pytest.mark.parametrize("path", ["/sync", "/on_loop"])
def test_a_client_that_leaves(running: Lane, path: str) -> None:
    """Its call is dropped, also one that still waits; nothing stays inside, and 499 is counted."""
    with running.connect() as first, running.connect() as second:
        first.sendall(ask(path, "first"))
        wait_until(lambda: "first" in target(running).began)
        second.sendall(ask(path, "second"))
        wait_until(lambda: running.server.app.inside == 2)
    wait_until(lambda: running.server.app.inside == 0)
    target(running).go.set()
    running.wait_until_empty()
    assert running.say(ask("/quick", "x", **CLOSE)).endswith(b"x")
    assert target(running).began in (["first"], ["first", "second"][: 1 + (path == "/on_loop")])
    assert counted(running, path) == {499: 2}
    if path == "/on_loop":
        assert sorted(target(running).cancelled) == ["first", "second"]


def test_a_body_that_is_cut(running: Lane) -> None:
    """A client that leaves within its body is counted as one that left, and nothing runs."""
    with running.connect() as client:
        client.sendall(ask("/quick", "x")[:-4])
        wait_until(lambda: bool(running.server.server_state.connections))
        time.sleep(0.05)
    wait_until(lambda: counted(running, "/quick") == {499: 1})
    running.wait_until_empty()


@pytest.mark.parametrize("path", ["/late", "/late_on_loop"])
def test_deadline(running: Lane, path: str) -> None:
    """504 is the only answer: what the method gives later is not sent, and the connection goes on."""
    with running.connect() as client:
        client.sendall(ask(path, "x"))
        assert client.recv(65536).startswith(b"HTTP/1.1 504 ")
        target(running).go.set()
        for name in ("a", "b"):
            client.sendall(ask("/quick", name))
            assert client.recv(65536).endswith(b"\r\n\r\n" + name.encode())
    running.wait_until_empty()


def test_order(running: Lane) -> None:
    """A request waits for the one before it on its connection, and is not begun earlier."""
    with running.connect() as client:
        client.sendall(
            ask("/on_loop", "slow") + ask("/quick", "1") + ask("/on_loop", "2") + ask("/quick", "3", **CLOSE)
        )
        wait_until(lambda: target(running).began == ["slow"])
        target(running).go.set()
        found = b""
        while more := client.recv(65536):
            found += more
    assert [part[-1:] for part in ANSWER.split(found)[1:]] == [b"w", b"1", b"2", b"3"]
    assert target(running).began == ["slow", "2"]


@pytest.mark.parametrize("behind", [ask("/on_loop", "never"), LEFT["a form"]], ids=["fast", "asgi"])
def test_a_connection_that_breaks_with_requests_behind(running: Lane, behind: bytes) -> None:
    """The call that runs is dropped, also when another request of its connection was read already."""
    with running.connect() as client:
        client.sendall(ask("/on_loop", "slow") + behind)
        wait_until(lambda: target(running).began == ["slow"])
    left = time.monotonic()
    wait_until(lambda: target(running).cancelled == ["slow"])
    assert time.monotonic() - left < PATIENCE / 2  # long before its deadline
    running.wait_until_empty()
    assert target(running).began == ["slow"]


@pytest.mark.parametrize("name", ["asgi", "fast"])
def test_too_many(name: str) -> None:
    """A call over the service's limit gets 429, in the same words."""
    with lane(Gated, name, limits=Limits(max_concurrency=1)) as running, running.connect() as client:
        client.sendall(ask("/on_loop", "slow"))
        wait_until(lambda: target(running).began == ["slow"])
        told = running.say(ask("/quick", "x", **CLOSE))
        assert told.startswith(b"HTTP/1.1 429 ")
        assert b"retry-after: 1\r\n" in told
        assert b"more than 1 calls at once" in told
        target(running).go.set()
        assert client.recv(65536).endswith(b"slow")


def test_the_scope_is_uvicorns() -> None:
    """What the app gets of a call that began in the fast lane is what it gets of any."""
    scopes = []
    for name in ("asgi", "fast"):
        with lane(Gated, name) as running:
            running.say(request("/quick", b"{}", **CLOSE))
            (scope,) = running.counting.scopes
            seen = {key: value for key, value in scope.items() if not key.startswith("ekiben.")}
            seen["client"], seen["server"] = seen["client"][0], seen["server"][0]
            scopes.append(seen)
            assert (OUTCOME in scope) is (name == "fast")
    assert scopes[0] == scopes[1]


def test_counted_and_logged_alike(caplog: pytest.LogCaptureFixture) -> None:
    """After the same requests both lanes show the same counts, and their log the same lines."""
    asked = [*FAST.values(), *BEGUN.values(), LEFT["a form"], LEFT["nowhere"], LEFT["GET"]]
    told = []
    for name in ("asgi", "fast"):
        caplog.clear()
        with caplog.at_level("INFO", "ekiben.access"), lane(Calls, name) as running:
            for each in asked:
                running.say(each)
            running.wait_until_empty()
            metrics = httpx.get(f"http://127.0.0.1:{running.port}/metrics", trust_env=False).text
        shown = [line for line in metrics.splitlines() if line.startswith("ekiben_request_") and "_sum" not in line]
        lines = sorted(re.sub(r"\S+ms|127.0.0.1:\d+|id=[0-9a-f]{20}", "", m) for m in access_lines(caplog))
        told.append(([line for line in shown if "bucket" not in line and "created" not in line], lines))
    assert told[0] == told[1]
    assert len(told[0][1]) == len(asked)


def access_lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [one.getMessage() for one in caplog.records if one.name == "ekiben.access"]


async def test_the_end_of_patience() -> None:
    """When the server's patience ends every call of the fast lane gets 503, also one whose body is not there yet."""
    uvicorn = Server(bound(Gated), Listen(port=0))
    async with started(uvicorn.app):
        await ready(uvicorn.app)
        wires = [Wire() for _ in range(3)]
        for wire, asked in zip(wires, [ask("/sync", "x"), ask("/on_loop", "y"), ask("/quick", "z")[:-2]], strict=True):
            connection(uvicorn, wire).data_received(asked)
        give_up(uvicorn.server_state.connections, Unavailable("the server stopped"))
        while uvicorn.server_state.tasks:
            await asyncio.sleep(0.001)
        for wire in wires:
            assert len(ANSWER.findall(wire.written)) == 1
            assert wire.written.startswith(b"HTTP/1.1 503 ")
        assert uvicorn.app.inside == uvicorn.app.dispatcher.admission.inside == 0
        target: Any = uvicorn.app.dispatcher.instance.target  # type: ignore[union-attr]  # it runs
        target.go.set()


async def test_a_client_that_does_not_read() -> None:
    """While a client leaves its answers lying no further call of it begins, and nothing of it is read."""
    uvicorn = Server(bound(Gated), Listen(port=0))
    async with started(uvicorn.app):
        await ready(uvicorn.app)
        wire = Wire()
        made = connection(uvicorn, wire)
        made.pause_writing()
        made.data_received(ask("/quick", "1") + ask("/quick", "2"))
        made.data_received(ask("/quick", "3"))
        for _ in range(20):
            await asyncio.sleep(0)
        assert (wire.written, made.flow.read_paused, uvicorn.app.inside) == (b"", True, 0)
        made.resume_writing()
        async with asyncio.timeout(PATIENCE):
            while len(ANSWER.findall(wire.written)) < 3:
                await asyncio.sleep(0.001)
        assert [part[-1:] for part in ANSWER.split(wire.written)[1:]] == [b"1", b"2", b"3"]
        assert not made.flow.read_paused


async def test_much_that_waits() -> None:
    """A client may send some requests ahead; then nothing is read until some are answered."""
    uvicorn = Server(bound(Gated), Listen(port=0))
    async with started(uvicorn.app):
        await ready(uvicorn.app)
        wire = Wire()
        made = connection(uvicorn, wire)
        for number in range(DEEP + 1):
            assert not made.flow.read_paused, number
            made.data_received(ask("/quick" if number % 2 else "/nowhere", "1"))
        assert made.flow.read_paused
        async with asyncio.timeout(PATIENCE):
            while len(ANSWER.findall(wire.written)) < DEEP + 1:
                await asyncio.sleep(0.001)
        assert not made.flow.read_paused


async def ready(app: App) -> None:
    async with asyncio.timeout(PATIENCE):
        while not app.dispatcher.is_ready:
            await asyncio.sleep(0.001)

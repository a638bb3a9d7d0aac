"""WebSockets of mounted apps work in both lanes: messages, subprotocols, close codes, and an end at the server's."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from tests.http.real import server, wait_for
from tests.servers import Running

LARGE = 1_000_000  # bytes; a client of `websockets` takes a MiB by default


@pytest.fixture(scope="module", params=["fast", "asgi"])
def running(request: pytest.FixtureRequest) -> Iterator[Running]:
    """A real server of each lane."""
    with server("tests.http.sockets:Sockets", lane=request.param) as found:
        found.wait_until_ready()
        yield found


def opened(running: Running, path: str, *subprotocols: str) -> ClientConnection:
    """Open a WebSocket."""
    return connect(
        f"ws://127.0.0.1:{running.port}{path}", subprotocols=[Subprotocol(one) for one in subprotocols] or None
    )


def code_of(closed: ConnectionClosed) -> int | None:
    """Give the code that the server closed with."""
    return None if closed.rcvd is None else closed.rcvd.code


def test_messages_of_any_size(running: Running) -> None:
    """Text and bytes come back as they went, empty or large, one after the other."""
    with opened(running, "/own/echo") as socket:
        for message in ("", "é漢😀", "a" * LARGE, b"", b"\x00\xff" * (LARGE // 2)):
            socket.send(message)
            assert socket.recv(timeout=30) == message


def test_many_in_a_row(running: Running) -> None:
    """Messages that are sent without waiting come back in their order."""
    with opened(running, "/own/echo") as socket:
        for number in range(500):
            socket.send(str(number))
        assert [socket.recv(timeout=30) for _ in range(500)] == [str(number) for number in range(500)]


@pytest.mark.parametrize(("offered", "chosen"), [((), None), (("v1", "v2"), "v2"), (("v1",), None)])
def test_subprotocols_and_close_codes(running: Running, offered: tuple[str, ...], chosen: str | None) -> None:
    """The app chooses among the subprotocols that are offered, sees path and query, and closes with its own code."""
    with opened(running, "/own/speak?a=1", *offered) as socket:
        assert socket.subprotocol == chosen
        assert json.loads(socket.recv(timeout=30)) == {"root": "/own", "query": "1"}
        with pytest.raises(ConnectionClosed) as closed:
            socket.recv(timeout=30)
        assert code_of(closed.value) == 4001
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.reason == "enough"


@pytest.mark.parametrize("path", ["/own/refuse", "/own/nothing", "/double", "/nothing"])
def test_what_lets_nobody_in(running: Running, path: str) -> None:
    """A WebSocket that an app refuses, or that nobody serves, is answered with 403; an endpoint is none."""
    with pytest.raises(InvalidStatus) as refused, opened(running, path):
        pass
    assert refused.value.response.status_code == 403


def test_a_client_that_leaves(running: Running, tmp_path: Path) -> None:
    """The app hears with which code its client left."""
    with opened(running, f"/own/wait?folder={tmp_path}") as socket:
        assert socket.recv(timeout=30) == "ready"
        socket.close(4444)
    wait_for(tmp_path / "code")
    assert (tmp_path / "code").read_text() == "4444"


def test_calls_beside(running: Running) -> None:
    """Endpoints answer while a WebSocket is open."""
    with opened(running, "/own/echo") as socket:
        assert running.http.post("/double", json={"number": 4}).json() == 8
        socket.send("still")
        assert socket.recv(timeout=30) == "still"


@pytest.mark.parametrize("lane", ["fast", "asgi"])
def test_stopping(lane: str, tmp_path: Path) -> None:
    """A server that stops says so by 1012, service restart; the app hears it, and the server leaves with 0."""
    with server("tests.http.sockets:Sockets", lane=lane, drain=0.5) as own:
        own.wait_until_ready()
        with opened(own, f"/own/wait?folder={tmp_path}") as socket:
            assert socket.recv(timeout=30) == "ready"
            assert own.stop() == 0
            with pytest.raises(ConnectionClosed) as closed:
                socket.recv(timeout=30)
            assert code_of(closed.value) == 1012
        assert (tmp_path / "code").read_text() == "1012"

"""What a client may leave open has an end, and what uvicorn's protocol promises us still holds."""

import inspect
import re
from collections.abc import Iterator

import pytest
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from ekiben.http import protocol
from ekiben.http.listen import KEEP_ALIVE, Listen
from ekiben.http.patience import Times
from ekiben.http.server import TICKS, Server
from ekiben.http.strict import DEEP
from tests.http.calls import Calls
from tests.http.raw import Wire, connection, replies, say
from tests.http.real import server
from tests.http.within import bound
from tests.servers import Running

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    with server() as running:
        running.wait_until_ready()
        yield running


JSON, FORM = b"application/json", b"application/x-www-form-urlencoded"
START = b"POST /add HTTP/1.1\r\nhost: x\r\n"


@pytest.mark.parametrize(
    ("pieces", "status"),
    [
        pytest.param([b"GARBAGE\r\n\r\n"], 400, id="no HTTP"),
        pytest.param([b"GET / HTTP/1.1\r\nhost: x\r\nbad header\r\n\r\n"], 400, id="a header without a colon"),
        pytest.param([START + b"content-length: 1\r\ntransfer-encoding: chunked\r\n\r\n0"], 400, id="two lengths"),
        pytest.param([START + b"content-length: -1\r\n\r\n"], 400, id="a length below 0"),
        pytest.param([b"GET / HTTP/1.1\r\n"] + [b"x: " + b"y" * 30_000 + b"\r\n"] * 4, 431, id="a head without an end"),
        pytest.param([b"GET /" + b"a" * 30_000] + [b"a" * 30_000] * 4, 431, id="a path without an end"),
        pytest.param([START + b"x: 1\r\n" * 101 + b"connection: close\r\n\r\n"], 431, id="too many headers"),
    ],
)  # fmt: skip
def test_refused(running: Running, pieces: list[bytes], status: int) -> None:
    """Each is answered as a problem, and hung up on; the server goes on."""
    head, _, body = say(running.port, *pieces).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 %d " % status), head
    assert b"content-type: application/problem+json" in head
    assert b'"status":%d' % status in body
    assert running.http.get("/livez").status_code == 200


def test_large_body_then_small_request(running: Running) -> None:
    """The bytes of a body are not counted as those of the next head."""
    body = b"a=" + b"x" * 500_000
    head = b"POST /add HTTP/1.1\r\nhost: x\r\ncontent-type: application/x-www-form-urlencoded\r\n"
    length = b"content-length: %d\r\n\r\n" % len(body)
    then = b"GET /livez HTTP/1.1\r\nhost: x\r\n"
    found = say(running.port, head + length + body + then, b"connection: close\r\n\r\n")
    assert re.findall(rb"HTTP/1.1 (\d+)", found) == [b"400", b"200"]


def test_pipelined(running: Running) -> None:
    """Requests that are sent at once are answered in their order."""
    ask = b"POST /add HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 9\r\n%s\r\n"
    found = say(running.port, ask % b"" + b'{"a": 10}' + ask % b"connection: close\r\n" + b'{"a": 20}')
    assert [part[-2:] for part in found.split(b"HTTP/1.1 200 OK")[1:]] == [b"11", b"21"]


@pytest.mark.parametrize(
    ("said", "patience"),
    [
        pytest.param([], KEEP_ALIVE, id="nothing"),
        pytest.param([b"GET / HTTP/1.1\r\nx: "], Times().head, id="a part of a head"),
        pytest.param([b"GET / HTTP/1.1\r\n"] + [b"x: 1\r\n"] * 20, Times().head, id="a head in drops"),
    ],
)
async def test_silence_has_an_end(said: list[bytes], patience: float) -> None:
    """A connection is closed once it said nothing, or no whole head, for as long as it may, and not before."""
    uvicorn, wire = Server(bound(Calls), Listen(port=0)), Wire()
    made = connection(uvicorn, wire)
    protocol.sweep(uvicorn.server_state.connections, 100.0)
    for turn, piece in enumerate(said):
        made.data_received(piece)
        protocol.sweep(uvicorn.server_state.connections, 101.0 + turn / 100)
    began = 101.0 if said else 100.0
    protocol.sweep(uvicorn.server_state.connections, began + patience - 0.5)
    assert not wire.closed
    protocol.sweep(uvicorn.server_state.connections, began + patience + 0.5)
    assert wire.closed


SLOW = {
    "no body": (b"content-length: 9\r\n", []),
    "a body that stops": (b"content-length: 90000\r\n", [b"x" * 5000]),
    "a body in drops": (b"content-length: 90000\r\n", [b"x" * 500] * 40),
    "chunks in drops": (b"transfer-encoding: chunked\r\n", [b"1\r\nx\r\n"] * 40),
}


@pytest.mark.parametrize("name", SLOW)
async def test_a_slow_body_has_an_end(name: str) -> None:
    """A body that comes slower than 1 kB a second, all in all for ten seconds, gets 408."""
    header, pieces = SLOW[name]
    uvicorn, wire = Server(bound(Calls), Listen(port=0)), Wire()
    made = connection(uvicorn, wire)
    now = 100.0
    made.data_received(START + header + b"\r\n")
    for piece in pieces + [b""] * 40:
        made.sweep(now)
        if wire.closed:
            break
        if piece:
            wire.deliver(piece)
        now += 1
    assert 110 < now < (113 if name in ("no body", "chunks in drops") else 125)
    (reply,) = replies(wire.written)
    assert (reply.status, reply.headers["connection"]) == (408, "close")
    assert b"1000 bytes a second" in reply.body


@pytest.mark.parametrize("media", [JSON, FORM])
async def test_a_fast_body_may_last(media: bytes) -> None:
    """Nobody who sends 1 kB a second is hung up on, nor one who is not read."""
    uvicorn, wire = Server(bound(Calls), Listen(port=0)), Wire()
    made = connection(uvicorn, wire)
    made.data_received(START + b"content-type: %s\r\ncontent-length: 900000\r\n\r\n" % media)
    for second in range(60):
        made.sweep(100.0 + second)
        wire.deliver(b"x" * 1000)
    assert not wire.closed
    if media == JSON:
        return
    made.data_received(b"x" * 70_000)
    assert wire.paused, "nobody takes the body yet"
    for second in range(60):
        made.sweep(200.0 + second)
    assert not wire.closed


async def test_a_head_in_the_queue_is_waited_for() -> None:
    """A client that is not read, as its earlier requests are not answered, is not late."""
    uvicorn, wire = Server(bound(Calls), Listen(port=0)), Wire()
    made = connection(uvicorn, wire)
    made.data_received(b"GET /livez HTTP/1.1\r\nhost: x\r\n\r\n" * (DEEP + 2) + b"GET /li")
    assert wire.paused
    for second in range(60):
        made.sweep(100.0 + second)
    assert (wire.closed, wire.written) == (False, b"")


async def test_a_running_server_sweeps() -> None:
    """Once a second the server looks at its connections, each time it has ticked so often."""
    uvicorn, wire = Server(bound(Calls), Listen(port=0)), Wire()
    uvicorn.config.timeout_keep_alive = -1
    connection(uvicorn, wire)
    for counter in range(2 * TICKS):
        assert not wire.closed, counter
        await uvicorn.on_tick(counter + 1)
    assert wire.closed


@pytest.mark.parametrize(
    "name",
    ["connection_made", "connection_lost", "data_received", "on_message_begin", "on_url", "on_header",
     "on_headers_complete", "on_body", "on_message_complete", "on_response_complete", "_start_asgi_task",
     "resume_writing", "shutdown", "eof_received", "handle_websocket_upgrade", "_should_upgrade"],
)  # fmt: skip
def test_uvicorn_still_has(name: str) -> None:
    """What we override or call in uvicorn's protocol is there; the behaviour is watched by the tests above."""
    assert callable(getattr(HttpToolsProtocol, name))


async def test_uvicorn_still_keeps() -> None:
    """The attributes that the fast lane reads and sets are those of uvicorn's protocol and cycle."""
    uvicorn = Server(bound(Calls), Listen(port=0))
    made = HttpToolsProtocol(uvicorn.config, uvicorn.server_state, {})
    ours = {"app", "app_state", "asgi_version", "client", "cycle", "flow", "headers", "logger", "access_logger",
            "access_log", "parser", "pipeline", "root_path", "scheme", "scope", "server", "server_state",
            "timeout_keep_alive", "transport", "expect_100_continue"}  # fmt: skip
    assert ours <= set(vars(made))
    parameters = list(inspect.signature(RequestResponseCycle).parameters)
    assert parameters == ["scope", "transport", "flow", "logger", "access_logger", "access_log", "default_headers",
                          "message_event", "expect_100_continue", "keep_alive", "on_response"]  # fmt: skip
    cycle = RequestResponseCycle(**dict.fromkeys(parameters))  # type: ignore[arg-type]
    assert {"response_complete", "disconnected", "keep_alive", "message_event", "more_body"} <= set(vars(cycle))
    assert {"read_paused", "write_paused"} <= set(vars(FlowControl(Wire())))

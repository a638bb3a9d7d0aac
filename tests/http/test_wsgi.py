"""A WSGI app can be mounted: it sees its own paths, answers in pieces, and hides no error."""

import asyncio
import logging
import signal
import socket
import threading
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import urlsplit

import flask
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

import ekiben
from ekiben.core.errors import ConfigError, Unavailable
from ekiben.http.body import ClientLeft
from ekiben.http.wsgi import Link
from ekiben.testing import client
from tests.http.real import server as real_server
from tests.servers import HOST

app = flask.Flask("pages")
closed: list[str] = []
ended = threading.Event()


@app.get("/hello/<name>")
def hello(name: str) -> flask.Response:
    words = f"{flask.request.script_root}|{flask.request.args.get('q')}|{flask.request.headers.get('X-Thing')}|{name}"
    return flask.Response(words, headers={"x-answer": "yes"}, status=201)


@app.post("/length")
def length() -> dict[str, int]:
    return {"length": len(flask.request.get_data())}


class Pieces:
    """An answer in pieces, which is closed whatever happens."""

    def __init__(self, fail: bool) -> None:
        self.fail = fail

    def __iter__(self) -> Iterator[bytes]:
        yield b"a"
        yield b""
        if self.fail:
            raise ValueError("amid the answer")
        yield b"b"

    def close(self) -> None:
        closed.append("closed")


class Endless:
    """An answer that never ends by itself."""

    def __iter__(self) -> Iterator[bytes]:
        while True:
            yield b"x" * 65536

    def close(self) -> None:
        ended.set()


def plain(environ: Any, start_response: Any) -> Iterable[bytes]:
    path = environ["PATH_INFO"]
    if path == "/endless":
        start_response("200 OK", [])
        return Endless()
    if path == "/split":
        start_response("200 OK", [("X-Name", "a\r\nSet-Cookie: forged=1")])
        return [b"x"]
    if path == "/silent":
        return [b"x"]
    write = start_response("200 OK", [("Content-Type", "text/plain")])
    if path == "/twice":
        start_response("200 OK", [])
    if path == "/written":
        write(b"first ")
    if path == "/names":
        return [environ.get("HTTP_X_ONE", "none").encode(), b"|", environ["REMOTE_ADDR"].encode()]
    return Pieces(fail=path == "/breaks")


@ekiben.asgi_app(ekiben.wsgi_app(app), path="/flask")
@ekiben.asgi_app(ekiben.wsgi_app(plain), path="/plain")
@ekiben.service
class Mounted:
    @ekiben.api
    def x(self) -> int:
        return 1


def test_an_app_sees_its_own_paths() -> None:
    """Path, query, headers and status are as WSGI has them, below the mount."""
    with client(Mounted) as found:
        answer = found.request("GET", "/flask/hello/%C3%A4", params={"q": "é"}, headers={"x-thing": "1"})
        assert (answer.status_code, answer.text) == (201, "/flask|é|1|ä")
        assert answer.headers["x-answer"] == "yes"
        assert found.request("GET", "/flask/nothing").status_code == 404
        assert found.x() == 1


@pytest.mark.parametrize("size", [0, 10, 3 * 1024 * 1024])
def test_a_body_arrives_whole(size: int) -> None:
    """A body arrives as it was sent, also one that is too long for memory."""
    with client(Mounted) as found:
        assert found.request("POST", "/flask/length", content=b"x" * size).json() == {"length": size}


def test_an_answer_in_pieces() -> None:
    """Pieces and what is written come in their order, and the answer is closed."""
    closed.clear()
    with client(Mounted) as found:
        assert found.request("GET", "/plain/written").text == "first ab"
        assert closed == ["closed"]


@pytest.mark.parametrize("path", ["silent", "twice"])
def test_a_wrong_app_is_a_fault_of_the_service(path: str, caplog: pytest.LogCaptureFixture) -> None:
    """An app that breaks the protocol gets 500, and the log tells what it did."""
    with client(Mounted) as found, caplog.at_level(logging.ERROR):
        assert found.request("GET", f"/plain/{path}").status_code == 500
    assert "start_response" in caplog.text


def test_an_answer_that_breaks_off_is_closed() -> None:
    """What an app raises amid its answer ends the answer, and `close` is called."""
    closed.clear()
    with client(Mounted) as found:
        with pytest.raises(Unavailable, match="the app broke its answer off"):
            found.request("GET", "/plain/breaks")
        assert closed == ["closed"]


def test_a_broken_answer_is_not_taken_for_whole() -> None:
    """On a socket it has what came before the fault and no last chunk, and the connection is closed."""
    with ekiben.serve(Mounted, port=0) as server:
        place = urlsplit(server.url)
        with socket.create_connection((place.hostname, place.port), timeout=30) as reader:
            reader.sendall(b"GET /plain/breaks HTTP/1.1\r\nHost: x\r\n\r\n")
            head, _, body = reader.makefile("rb").read().partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 ")
    assert body == b"1\r\na\r\n"


def test_a_header_cannot_pose_as_another() -> None:
    """A header with an underscore is left out, so that it cannot pass for one that a proxy sets."""
    with client(Mounted) as found:
        answer = found.request("GET", "/plain/names", headers={"x_one": "forged"})
        assert answer.text.startswith("none|")


def test_a_body_in_chunks_has_its_length() -> None:
    """A body that came without a length is not taken for none."""
    with client(Mounted) as found:
        answer = found.request("POST", "/flask/length", content=iter([b"abc", b"de"]))
        assert answer.json() == {"length": 5}


def test_a_body_has_a_limit() -> None:
    """A body cannot fill the disk, whether it says its length or not."""

    @ekiben.asgi_app(ekiben.wsgi_app(app, max_body=1000), path="/small")
    @ekiben.service
    class Small:
        @ekiben.api
        def x(self) -> int:
            return 1

    with client(Small) as found:
        assert found.request("POST", "/small/length", content=b"x" * 1000).json() == {"length": 1000}
        assert found.request("POST", "/small/length", content=b"x" * 1001).status_code == 413
        assert found.request("POST", "/small/length", content=iter([b"x" * 900] * 2)).status_code == 413


@pytest.mark.parametrize("wrong", ["1", -1, None, True])
def test_what_is_no_limit(wrong: Any) -> None:
    """A limit that is no number of bytes is refused at once."""
    with pytest.raises(ConfigError, match="`max_body` must be a number of bytes"):
        ekiben.wsgi_app(app, max_body=wrong)


def test_readers_who_leave_free_their_threads() -> None:
    """An endless answer ends when its reader leaves, or the threads would be spent."""
    with ekiben.serve(Mounted, port=0) as server, server.client() as found:
        place = urlsplit(server.url)
        for _ in range(50):
            ended.clear()
            with socket.create_connection((place.hostname, place.port), timeout=30) as reader:
                reader.sendall(b"GET /plain/endless HTTP/1.1\r\nHost: x\r\n\r\n")
                assert reader.recv(12) == b"HTTP/1.1 200"
            assert ended.wait(30)
        assert found.request("GET", "/plain/written").text == "first ab"


async def test_a_websocket_is_refused() -> None:
    """WSGI has none, so that it is closed before it opens; the app is not called, and its life is no concern either."""
    called: list[Any] = []
    answer = ekiben.wsgi_app(lambda *told: called.append(told))
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "websocket.connect"}

    async def send(message: Any) -> None:
        sent.append(message)

    await answer({"type": "websocket", "path": "/", "headers": []}, receive, send)
    assert sent == [{"type": "websocket.close", "code": 1008}]
    await answer({"type": "lifespan"}, receive, send)
    assert (len(sent), called) == (1, [])


def test_a_websocket_gets_403() -> None:
    """A client of a real server is told so, and the server goes on."""
    with ekiben.serve(Mounted, port=0) as server, server.client() as found:
        with pytest.raises(InvalidStatus) as refused:
            connect(server.url.replace("http", "ws", 1) + "/plain/written")
        assert refused.value.response.status_code == 403
        assert found.request("GET", "/plain/written").text == "first ab"


async def test_cutting_a_link_frees_who_waits() -> None:
    """A thread that waits until there is room is told that the client left, as is whoever sends after that."""
    is_asked = asyncio.Event()

    async def never(message: Any) -> None:
        is_asked.set()
        await asyncio.Event().wait()

    link = Link(never)
    waiting = asyncio.create_task(asyncio.to_thread(link.send, {"type": "http.response.body"}))
    await is_asked.wait()
    link.cut()
    with pytest.raises(ClientLeft):
        await asyncio.wait_for(waiting, 30)
    with pytest.raises(ClientLeft):
        await asyncio.to_thread(link.send, {"type": "http.response.body"})


async def test_a_link_that_was_cut_sends_nothing() -> None:
    """One that was cut before its first message passes none on."""
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    link = Link(send)
    await asyncio.to_thread(link.send, {"type": "http.response.start"})
    link.cut()
    with pytest.raises(ClientLeft):
        await asyncio.to_thread(link.send, {"type": "http.response.body"})
    assert sent == [{"type": "http.response.start"}]


async def test_an_answer_that_is_cancelled_frees_its_thread() -> None:
    """Where the server gives an answer up, its thread stops waiting, and what the app gave is closed."""
    ended.clear()
    is_full = asyncio.Event()

    async def receive() -> Any:
        if is_full.is_set():
            await asyncio.Event().wait()
        is_full.set()
        return {"type": "http.request", "body": b"", "more_body": False}

    begun = asyncio.Event()

    async def send(message: Any) -> None:
        if message["type"] == "http.response.body":
            begun.set()
            await asyncio.Event().wait()

    scope = {"type": "http", "method": "GET", "path": "/endless", "headers": []}
    answering = asyncio.ensure_future(ekiben.wsgi_app(plain)(scope, receive, send))
    await asyncio.wait_for(begun.wait(), 30)
    answering.cancel()
    with pytest.raises(asyncio.CancelledError):
        await answering
    assert await asyncio.to_thread(ended.wait, 30)


@pytest.mark.slow
def test_a_server_stops_beside_a_reader_who_does_not_read() -> None:
    """A thread that waits for room does not keep the process: it ends in order, some seconds after its drain."""
    with real_server("tests.http.test_wsgi:Mounted", drain=0.2) as running:
        running.wait_until_ready()
        with socket.create_connection((HOST, running.port), timeout=30) as reader:
            reader.sendall(b"GET /plain/endless HTTP/1.1\r\nHost: x\r\n\r\n")
            assert reader.recv(12) == b"HTTP/1.1 200"
            running.process.send_signal(signal.SIGTERM)
            assert running.process.wait(60) == 0


def test_a_header_cannot_begin_another(caplog: pytest.LogCaptureFixture) -> None:
    """A line break in a header is a fault of the app, and nothing of it is sent."""
    with client(Mounted) as found, caplog.at_level(logging.ERROR):
        answer = found.request("GET", "/plain/split")
        assert answer.status_code == 500
        assert "set-cookie" not in answer.headers
    assert "control characters" in caplog.text


def test_what_is_no_app() -> None:
    """What cannot be called is refused at once."""
    with pytest.raises(ConfigError, match="WSGI app must be callable: 'x'"):
        ekiben.wsgi_app("x")

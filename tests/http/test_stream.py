"""A stream reaches its client as it is made, ends for both when one of them leaves, and never ends by mistake."""

import asyncio
import json
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from ekiben.core.spec import Style
from ekiben.http.errors import plan as plan_errors
from ekiben.http.exchange import Exchange
from ekiben.http.stream import Sender, Stalled
from ekiben.schema.codec import plan
from ekiben.schema.signature import read
from tests.http.real import ROOT, wait_for
from tests.http.streaming import Streaming
from tests.http.within import asking
from tests.servers import Running, serving

SSE = {"accept": "text/event-stream"}


@contextmanager
def streaming(layout: str, drain: float = 10.0) -> Iterator[Running]:
    """A real server of the streams."""
    options = ("--layout", layout, "--workers", "2" if layout == "apart" else "1", "--drain", f"{drain:g}")
    with serving("tests.http.streaming:Streaming", *options, cwd=ROOT) as found:
        yield found


@pytest.fixture(scope="module", params=["inline", "apart"])
def running(request: pytest.FixtureRequest) -> Iterator[Running]:
    """A real server in each layout, which answer alike."""
    with streaming(request.param) as found:
        yield found


def connect(port: int, path: str, body: Any, *headers: str) -> socket.socket:
    """Send a request by hand."""
    content = json.dumps(body).encode()
    lines = [f"POST {path} HTTP/1.1", "host: localhost", f"content-length: {len(content)}", *headers, "", ""]
    client = socket.create_connection(("127.0.0.1", port), timeout=30)
    client.sendall("\r\n".join(lines).encode() + content)
    return client


def read_until(client: socket.socket, words: bytes) -> bytes:
    """Read until *words* are there, or the end."""
    found = b""
    while words not in found and (piece := client.recv(65536)):
        found += piece
    return found


def read_all(client: socket.socket) -> bytes:
    """Read to the end of the connection."""
    return read_until(client, b"\0 never \0")


@pytest.mark.parametrize(
    ("path", "body", "headers", "media", "content"),
    [
        ("tokens", {"words": ["a", "b\n", "é"]}, {}, "text/plain; charset=utf-8", "ab\né".encode()),
        ("tokens", {"words": ["a\nb", "c"]}, SSE, "text/event-stream", b"data: a\ndata: b\n\ndata: c\n\n"),
        ("tokens", {"words": []}, {}, "text/plain; charset=utf-8", b""),
        ("rows", {"count": 2}, {}, "application/x-ndjson", b'{"number":0}\n{"number":1}\n'),
        ("rows", {"count": 1}, {"accept": "application/jsonl"}, "application/jsonl", b'{"number":0}\n'),
        ("sound", {}, SSE, "audio/wav", b"RIFF"),
        ("events", {}, {}, "text/event-stream", b'event: token\nid: 1\ndata: a\ndata: b\n\ndata: {"done":true}\n\n'),
    ],
)
async def test_forms(path: str, body: Any, headers: dict[str, str], media: str, content: bytes) -> None:
    """Each stream comes in its usual form, or in the one that is asked for."""
    async with asking(Streaming) as client:
        answer = await client.post(f"/{path}", json=body, headers=headers)
        assert answer.status_code == 200
        assert answer.headers["content-type"] == media
        assert answer.content == content
        assert ("vary" in answer.headers) == (path in ("tokens", "rows"))
        assert answer.headers.get("cache-control") == ("no-cache" if "event" in media else None)


async def test_context() -> None:
    """What the generator sets before its first piece is in the head, also in place of what we set."""
    async with asking(Streaming) as client:
        answer = await client.post("/polite", headers=SSE)
        assert (answer.status_code, answer.headers["x-model"]) == (203, "tiny")
        assert answer.headers["cache-control"] == "max-age=60"
        assert answer.text == "data: a\n\ndata: True\n\n"


@pytest.mark.parametrize(("how", "status", "words"), [("bug", 500, "its log says which"), ("ours", 400, "be kind")])
async def test_an_error_before_the_first_piece(how: str, status: int, words: str) -> None:
    """What fails before anything was sent is answered as any error is."""
    async with asking(Streaming) as client:
        answer = await client.post("/fail", json={"after": 0, "how": how}, headers=SSE)
        assert answer.status_code == status
        assert answer.headers["content-type"] == "application/problem+json"
        assert words in answer.json()["detail"]


@pytest.mark.parametrize(("how", "status", "words"), [("bug", 500, "its log says which"), ("ours", 400, "be kind")])
async def test_an_error_later_is_an_event(how: str, status: int, words: str) -> None:
    """A stream of events that breaks says so in its last event, without the words of our own fault."""
    async with asking(Streaming) as client:
        answer = await client.post("/fail", json={"after": 1, "how": how}, headers=SSE)
        first, last = answer.text.removesuffix("\n\n").split("\n\n")
        assert first == "data: 0"
        name, data = last.split("\n")
        assert name == "event: error"
        problem = json.loads(data.removeprefix("data: "))
        assert problem["status"] == status
        assert words in problem["detail"]
        assert "12345" not in answer.text


def test_an_error_later_breaks_text_off(running: Running) -> None:
    """A stream of text that breaks never gets its last chunk, so that its client knows; the log says why."""
    with connect(running.port, "/fail", {"after": 3}) as client:
        found = read_all(client)
    assert found.startswith(b"HTTP/1.1 200")
    assert not found.endswith(b"0\r\n\r\n")
    assert b"2\r\n" in found
    assert "the password is 12345" in running.wait_for_log("Traceback")
    assert running.log.count("an answer broke off") == 1
    with pytest.raises(httpx.RemoteProtocolError):
        running.http.post("/fail", json={"after": 3})


def test_time_is_up(running: Running) -> None:
    """A stream that is not over in time ends with 504 in an event, or breaks off."""
    answer = running.http.post("/late", headers=SSE)
    assert answer.text.startswith("data: a\n\nevent: error\n")
    assert "no end within 0.3 seconds, the limit of the endpoint" in answer.text
    with pytest.raises(httpx.RemoteProtocolError):
        running.http.post("/late")


def test_pieces_come_as_they_are_made(running: Running, tmp_path: Path) -> None:
    """The first piece is there while the generator waits for the second; its client's leaving ends it."""
    with connect(running.port, "/wait", {"folder": str(tmp_path)}) as client:
        assert b"first" in read_until(client, b"first")
        assert not (tmp_path / "closed").exists()
    wait_for(tmp_path / "closed")


def test_a_client_that_leaves_ends_a_sync_generator(running: Running, tmp_path: Path) -> None:
    """A sync generator whose client left is closed in the model's thread, and the model is free again."""
    with connect(running.port, "/flood", {"folder": str(tmp_path)}) as client:
        read_until(client, b"x" * 1000)
    wait_for(tmp_path / "closed")
    assert running.http.post("/whole").json() == 5
    assert (tmp_path / "closed").read_text() == "ekiben-model-0"


def test_a_slow_client_pauses_the_generator(running: Running, tmp_path: Path) -> None:
    """A client that does not read holds the generator up, not the memory nor other calls."""
    with connect(running.port, "/flood", {"folder": str(tmp_path)}) as client:
        read_until(client, b"x" * 1000)
        count, seen, end = tmp_path / "count", -1, time.monotonic() + 30
        wait_for(count)
        while (now := int(count.read_text() or 0)) != seen:  # until it stands still
            assert time.monotonic() < end
            seen = now
            time.sleep(0.3)
            assert running.http.post("/whole").json() == 5
        assert seen < 1000  # of 64 kB: what the system's buffers hold, and no more
    wait_for(tmp_path / "closed")


def test_heartbeat(running: Running) -> None:
    """A stream of events that is silent says that it lives; who reads events sees nothing of it."""
    answer = running.http.post("/events", json={"pause": 0.4})
    assert ": \n\n" in answer.text
    assert answer.text.replace(": \n\n", "").startswith("event: token\nid: 1\ndata: a\ndata: b\n\ndata: {")


def test_many_streams_side_by_side(running: Running) -> None:
    """Sixteen streams at once on one model thread each come whole."""
    words = [f"word{number} " for number in range(300)]
    clients = [connect(running.port, "/tokens", {"words": words}, "connection: close") for _ in range(16)]
    for client in clients:
        with client:
            found = read_all(client)
            assert found.endswith(b"0\r\n\r\n")
            assert found.count(b"word") == 300


def test_the_log_and_the_counts_come_at_the_end(running: Running, tmp_path: Path) -> None:
    """A stream is counted and logged once, when it is over, with the size of all its pieces."""
    with connect(running.port, "/wait", {"folder": str(tmp_path)}) as client:
        read_until(client, b"first")
        line = 'ekiben_request_in_progress{endpoint="/wait",service_name="streaming",service_version=""} 1.0'
        assert line in running.http.get("/metrics").text
    wait_for(tmp_path / "closed")
    running.wait_for_log('"POST /wait" 499')
    assert running.http.post("/tokens", json={"words": ["ab", "cd"]}).text == "abcd"
    running.wait_for_log("text/plain; charset=utf-8, 4)")


@pytest.mark.parametrize("layout", ["inline", "apart"])
def test_stopping_breaks_off_what_is_left(tmp_path: Path, layout: str) -> None:
    """A stream that outlives the drain breaks off when its server stops, and its generator ends."""
    with streaming(layout, drain=0.1) as own:
        with connect(own.port, "/wait", {"folder": str(tmp_path)}) as client:
            read_until(client, b"first")
            assert own.stop() == 0
            assert not read_all(client).endswith(b"0\r\n\r\n")
        assert (tmp_path / "closed").exists()


class Numbers:
    """A stream of the engine's, by hand."""

    def __init__(self, turns: list[list[str]]) -> None:
        self.turns = turns
        self.closed = 0

    def at_end(self, action: Any) -> None:
        """Nothing waits for it."""

    def __aiter__(self) -> "Numbers":
        return self

    async def __anext__(self) -> list[str]:
        if not self.turns:
            raise StopAsyncIteration
        return self.turns.pop(0)

    async def close(self) -> None:
        self.closed += 1


def sender(stall: float = 60.0) -> Sender:
    """Plan a stream of text."""

    def stream(self: Any) -> Iterator[str]:
        yield ""

    pieces = plan(read(stream)).pieces
    assert pieces is not None
    return Sender(pieces, plan_errors(Style()), stall=stall)


def exchange() -> Exchange:
    """A request without headers."""
    return Exchange({"type": "http", "method": "POST", "path": "/", "headers": []}, None, b"x-id")  # type: ignore[arg-type]


async def test_one_write_for_what_is_there() -> None:
    """Pieces that are there together leave together; the last message is empty and the only one that ends it."""
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    stream = Numbers([["a"], ["b", "c"], ["d"]])
    await sender().send(stream, exchange(), send, None, head=False)
    assert [(one["body"], one["more_body"]) for one in sent[1:]] == [
        (b"a", True), (b"bc", True), (b"d", True), (b"", False),
    ]  # fmt: skip
    assert stream.closed == 1


async def test_head_has_no_body() -> None:
    """HEAD is answered by the head alone, and the generator is closed."""
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    stream = Numbers([["a"], ["b"]])
    await sender().send(stream, exchange(), send, None, head=True)
    assert [one.get("body") for one in sent] == [None, b""]
    assert (stream.closed, len(stream.turns)) == (1, 1)


async def test_a_client_that_takes_nothing_is_given_up() -> None:
    """A reader that has taken nothing for so long is hung up on, and the generator ends."""

    async def send(message: Any) -> None:
        if message["type"] == "http.response.body":
            await asyncio.Event().wait()

    stream = Numbers([["a"], ["b"]])
    with pytest.raises(Stalled, match=r"the client took nothing for 0\.02 seconds"):
        await sender(stall=0.02).send(stream, exchange(), send, None, head=False)
    assert stream.closed == 1


async def test_a_piece_that_cannot_be_written() -> None:
    """A piece that has no form is an error like one of the generator's own."""

    async def send(message: Any) -> None:
        """Take anything."""

    stream = Numbers([["\ud800"]])
    with pytest.raises(UnicodeEncodeError):
        await sender().send(stream, exchange(), send, None, head=False)
    assert stream.closed == 1

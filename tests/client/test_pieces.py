"""A stream reaches the caller piece by piece, as what the method gave, from a server and in a test."""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

import ekiben
from ekiben.client.answers import Head
from ekiben.client.base import Kind, Route
from ekiben.client.pieces import ACCEPT, Reader
from ekiben.client.sync import SyncHTTPClient
from ekiben.core.errors import InvalidInput, ServerError, Unavailable
from tests.http.real import server

QUOTED = "text/event-stream; data=json"
ended = threading.Event()


@ekiben.service
class Speaker:
    """Speaks piece by piece."""

    @ekiben.api
    def words(self, words: list[str]) -> Iterator[str]:
        """Give the words back."""
        yield from words

    @ekiben.api
    def arrays(self, count: int) -> Iterator[np.ndarray]:
        """Give arrays."""
        for number in range(count):
            yield np.full(2, number)

    @ekiben.api
    async def events(self) -> AsyncIterator[ekiben.Event]:
        """Give events."""
        yield ekiben.Event("a\r\nb", event="token", id="1")
        yield ekiben.Event({"n": 1})

    @ekiben.api
    def sound(self) -> Iterator[bytes]:
        """Give bytes."""
        yield b"\xff\xfe"

    @ekiben.api
    def anything(self):  # type: ignore[no-untyped-def]
        """Give what comes."""
        yield {"a": 1}
        yield "text"

    @ekiben.api
    def fail(self, after: int, how: str) -> Iterator[str]:
        """Fail at last."""
        for number in range(after):
            yield str(number)
        raise InvalidInput("be kind") if how == "ours" else ValueError("secret")

    @ekiben.api
    async def forever(self) -> AsyncIterator[int]:
        """Never end."""
        ended.clear()
        try:
            number = 0
            while True:
                yield number
                number += 1
                await asyncio.sleep(0)
        finally:
            ended.set()


@pytest.fixture(scope="module")
def speaker() -> Iterator[SyncHTTPClient]:
    """A client without a socket."""
    with ekiben.testing.client(Speaker) as found:
        yield found


@pytest.fixture(scope="module")
def far() -> Iterator[SyncHTTPClient]:
    """A client of a real server."""
    with server("tests.client.test_pieces:Speaker") as running, SyncHTTPClient(running.url) as found:
        running.wait_until_ready()
        yield found


@pytest.fixture(params=["speaker", "far"])
def client(request: pytest.FixtureRequest) -> SyncHTTPClient:
    """Both of them."""
    found: SyncHTTPClient = request.getfixturevalue(request.param)
    return found


ODD = ["a", "", "two\nlines", "back\rward", "\r\n", "é漢😀", " space ", "data: x\n\n", "\u2028"]


@pytest.mark.parametrize(
    ("name", "kwargs", "expected"),
    [
        pytest.param("words", {"words": ODD}, ODD, id="each piece of text as it was"),
        pytest.param("words", {"words": []}, [], id="nothing"),
        pytest.param("sound", {}, [b"\xff\xfe"], id="bytes"),
        pytest.param("anything", {}, [{"a": 1}, "text"], id="what is not hinted"),
        pytest.param(
            "events", {}, [ekiben.Event("a\r\nb", "token", "1"), ekiben.Event({"n": 1}, None, "1")], id="events"
        ),
    ],
)
def test_pieces(client: SyncHTTPClient, name: str, kwargs: dict[str, Any], expected: list[Any]) -> None:
    """The pieces that come are those that the method gave."""
    assert list(getattr(client, name)(**kwargs)) == expected


def test_arrays(client: SyncHTTPClient) -> None:
    """A piece is shaped as an answer of its type is."""
    found = list(client.arrays(2))
    assert all(isinstance(one, np.ndarray) for one in found)
    np.testing.assert_array_equal(found, [[0, 0], [1, 1]])


@pytest.mark.parametrize(("how", "kind", "words"), [("ours", InvalidInput, "be kind"), ("bug", ServerError, "its log")])
@pytest.mark.parametrize("after", [0, 3])
def test_errors(client: SyncHTTPClient, after: int, how: str, kind: type[Exception], words: str) -> None:
    """An error comes as itself: at the call where nothing came before it, else after all pieces before it."""
    if not after:
        with pytest.raises(kind, match=words):
            client.fail(after, how)
        return
    stream = client.fail(after, how)
    assert [next(stream) for _ in range(after)] == ["0", "1", "2"]
    with pytest.raises(kind, match=words):
        next(stream)
    assert list(stream) == []


def test_wrong_arguments_fail_at_the_call(client: SyncHTTPClient) -> None:
    """A value that is refused is refused by the call, not by the loop over its answer."""
    with pytest.raises(InvalidInput, match="after"):
        client.fail("three", "ours")


def test_leaving_early(speaker: SyncHTTPClient) -> None:
    """A loop that is left, with its stream closed, ends the generator; the client goes on to work."""
    with speaker.forever() as stream:
        for number in stream:
            if number == 3:
                break
    assert ended.wait(30)
    assert list(stream) == []
    assert list(speaker.words(["a"])) == ["a"]


def test_forgetting_a_stream_closes_it(speaker: SyncHTTPClient) -> None:
    """A stream that nobody holds any more is closed too."""
    stream = speaker.forever()
    assert next(stream) == 0
    del stream
    assert ended.wait(30)


async def test_async() -> None:
    """From async code a call can be looped over as it is, or awaited first."""
    async with ekiben.testing.async_client(Speaker) as speaker:
        assert [word async for word in speaker.words(ODD)] == ODD
        stream = await speaker.words(["a", "b"])
        assert [word async for word in stream] == ["a", "b"]
        async with await speaker.forever() as endless:
            assert await anext(endless) == 0
        assert await asyncio.to_thread(ended.wait, 30)
        failing = await speaker.fail(1, "ours")
        assert await anext(failing) == "0"
        with pytest.raises(InvalidInput, match="be kind"):
            await anext(failing)
        with pytest.raises(ServerError):
            await speaker.fail(0, "bug")


async def test_a_call_is_still_a_coroutine() -> None:
    """What an async client's endpoint gives can be made a task, gathered and cancelled."""
    async with ekiben.testing.async_client(Speaker) as speaker:
        first, second = await asyncio.gather(speaker.words(["a"]), asyncio.create_task(speaker.words(["b"])))
        assert [[word async for word in stream] for stream in (first, second)] == [["a"], ["b"]]
        unused = speaker.words(["c"])
        unused.close()


def reader(media: str, output: Any = None) -> Reader:
    """Make a reader of one stream."""
    route = Route("go", "/go", "POST", "", (), False, {}, Kind(), output or {}, is_stream=True)
    return Reader(route, Head(200, {"content-type": media}))


@pytest.mark.parametrize(
    ("media", "content", "expected"),
    [
        ("text/plain; charset=utf-8", "é漢😀".encode(), "é漢😀"),
        ("text/event-stream", b"raw \xe6\xbc\xa2", "raw 漢"),
        ("text/plain", b"cut \xe6\xbc", "cut \ufffd"),
    ],
)
def test_text_that_is_cut_within_a_letter(media: str, content: bytes, expected: str) -> None:
    """Text comes out whole, wherever its bytes are cut, and never as half a letter."""
    read = reader(media)
    pieces = [piece for byte in content for piece in read.feed(bytes([byte]))]
    assert "".join([*pieces, *read.finish()]) == expected
    assert all(pieces)


@given(st.lists(st.text() | st.integers(-(2**53), 2**53) | st.lists(st.booleans())), st.integers(1, 7))
def test_lines(values: list[Any], size: int) -> None:
    """Lines of JSON come out one by one, however they are cut, also where the last one is not ended."""
    content = b"\n".join(orjson.dumps(value) for value in values)
    read = reader("application/x-ndjson")
    found = [piece for at in range(0, len(content), size) for piece in read.feed(content[at : at + size])]
    assert [*found, *read.finish()] == values


def test_a_piece_that_is_no_json() -> None:
    """A damaged piece is the server's fault, and names the endpoint."""
    with pytest.raises(ServerError, match="a piece of the answer of `go` cannot be read"):
        list(reader(QUOTED).feed(b"data: {\n\n"))


def test_an_event_of_the_users_own_that_is_called_error() -> None:
    """An event named `error` that is no problem is the service's own."""
    read = reader(QUOTED, {"type": "string", "x-kind": "event"})
    assert list(read.feed(b'event: error\ndata: "mine"\n\n')) == [ekiben.Event("mine", "error")]


def test_what_is_asked_for() -> None:
    """Clients ask for events, which can say what went wrong, and take anything else."""
    assert ACCEPT == "text/event-stream; data=json, */*;q=0.1"


def test_a_server_that_breaks_off() -> None:
    """A stream whose server dies is no end: the caller hears that it broke off."""
    with server("tests.client.test_pieces:Speaker") as running:
        running.wait_until_ready()
        with SyncHTTPClient(running.url) as client:
            stream = client.forever()
            assert next(stream) == 0
            running.process.kill()
            with pytest.raises(Unavailable, match="broke off"):
                for _ in stream:
                    pass

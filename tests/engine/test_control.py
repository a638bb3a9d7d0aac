"""Control messages: what is read is a message of ours, or an error; nothing else ever comes of it."""

import asyncio
import json
import pickle
import socket
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ekiben.core.errors import Unavailable
from ekiben.engine.control import HEAD, MOST, Dialog, Message, pack, read, read_blocking, unpack

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@given(st.dictionaries(st.text().filter(lambda key: key not in ("say", "ask", "answer")), JSON, max_size=5))
def test_what_is_packed_is_read(values: dict[str, Any]) -> None:
    """A message comes out as it went in."""
    frame = pack({**values, "say": "ready"})
    assert HEAD.unpack(frame[:4])[0] == len(frame) - 4
    assert unpack(frame[4:]) == {**values, "say": "ready"}


@given(st.binary() | JSON.map(lambda value: json.dumps(value).encode()))
def test_anything_else_is_refused(body: bytes) -> None:
    """Random bytes and random JSON are refused with a ValueError, or they are a message."""
    try:
        message = unpack(body)
    except ValueError:
        return
    assert len({"say", "ask", "answer"} & message.keys()) == 1


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(pickle.dumps({"say": "ready"}), id="a pickle"),
        pytest.param(b'{"say": "ready", "ask": "x", "id": 1}', id="two kinds at once"),
        pytest.param(b'{"ask": "place"}', id="a question without an id"),
        pytest.param(b'{"answer": true}', id="an answer to no number"),
        pytest.param(b'["say"]', id="a list"),
        pytest.param(b"[" * 100_000, id="a bomb of brackets"),
    ],
)
def test_bodies_that_are_no_message(body: bytes) -> None:
    """What is no message is an error with its first bytes, never more than that."""
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - json's words for some, ours for others
        unpack(body)
    assert len(str(caught.value)) < 500


async def test_a_stream_is_read_frame_by_frame() -> None:
    """Frames are read one by one; an end, also amid a frame, is an end; a length that nobody sends is an error."""
    reader = asyncio.StreamReader()
    reader.feed_data(pack({"say": "a"}) + pack({"say": "b"}) + pack({"say": "c"})[:-1])
    reader.feed_eof()
    assert [await read(reader) for _ in range(3)] == [{"say": "a"}, {"say": "b"}, None]
    forged = asyncio.StreamReader()
    forged.feed_data(HEAD.pack(MOST + 1))
    with pytest.raises(ValueError, match=str(MOST)):
        await read(forged)


def test_a_thread_reads_the_same() -> None:
    """The blocking reader gives what the asynchronous one gives."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(pack({"say": "a", "text": "x" * 60_000}) + pack({"say": "b"})[:5])
        theirs.shutdown(socket.SHUT_WR)
        first = read_blocking(ours)
        assert first is not None
        assert len(first["text"]) == 60_000
        assert read_blocking(ours) is None


async def test_a_dialog_with_itself() -> None:
    """Answers find their questions, in whatever order; what nobody asked is passed over; a closed end says so."""
    heard: list[Message] = []

    async def double(message: Message) -> Message:
        await asyncio.sleep(0.01 / message["number"])
        return {"doubled": message["number"] * 2}

    async def never(_: Message) -> Message:
        return await asyncio.get_running_loop().create_future()  # type: ignore[no-any-return]

    def send(frame: bytes) -> None:
        asyncio.get_running_loop().call_soon(dialog.receive, unpack(frame[4:]))

    dialog = Dialog(send, heard.append, {"double": double, "never": never})
    answers = await asyncio.gather(*(dialog.ask("double", 30.0, number=number) for number in (1, 2, 3)))
    assert [answer["doubled"] for answer in answers] == [2, 4, 6]
    dialog.receive({"answer": 99, "doubled": 0})
    dialog.say("hello", to="you")
    await asyncio.sleep(0)
    assert heard == [{"to": "you", "say": "hello"}]
    waiting = asyncio.create_task(dialog.ask("never", 30.0))
    await asyncio.sleep(0.01)
    dialog.close()
    with pytest.raises(Unavailable, match="the other end is gone"):
        await waiting


async def test_what_is_too_long_is_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    """A message that the other end would refuse is an error here; in place of such an answer the asker is told."""
    monkeypatch.setattr("ekiben.engine.control.MOST", 200)

    async def long(message: Message) -> Message:
        return {"text": "x" * message["size"]}

    def send(frame: bytes) -> None:
        asyncio.get_running_loop().call_soon(dialog.receive, unpack(frame[4:]))

    dialog = Dialog(send, lambda message: None, {"long": long})
    with pytest.raises(ValueError, match="at most 200 bytes"):
        dialog.say("hello", text="x" * 200)
    with pytest.raises(Unavailable, match="at most 200 bytes"):
        await dialog.ask("long", 30.0, size=200)
    assert (await dialog.ask("long", 30.0, size=1))["text"] == "x"

"""Between a server and its task process travel JSON and bytes, and nothing else is understood."""

import asyncio
import pickle
import socket
import struct
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ekiben.engine.tasks import frames
from ekiben.engine.tasks.frames import LENGTHS, Frame, pack


def sent(*content: bytes) -> Frame | None:
    """Give what the other end reads of some bytes."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.settimeout(30)
        writer = threading.Thread(target=lambda: [ours.sendall(b"".join(content)), ours.shutdown(socket.SHUT_WR)])
        writer.start()
        try:
            return frames.read_blocking(theirs)
        finally:
            theirs.close()
            writer.join(30)


async def read(content: bytes) -> Frame | None:
    reader = asyncio.StreamReader()
    reader.feed_data(content)
    reader.feed_eof()
    return await frames.read(reader)


@given(
    st.dictionaries(st.text(), st.integers() | st.text() | st.none() | st.lists(st.text())), st.binary(max_size=100_000)
)
@settings(max_examples=50, deadline=None)
def test_round_trip(head: dict[str, object], body: bytes) -> None:
    """A frame arrives as it was sent, at either end."""
    content = b"".join(pack(head, body))
    for found in (asyncio.run(read(content)), sent(content[:60_000], content[60_000:])):
        assert found == Frame(head, body)


@pytest.mark.parametrize("cut", [0, 1, 11, 12, 15, 20])
def test_cut_short(cut: int) -> None:
    """An end amid a frame is an end."""
    content = b"".join(pack({"say": "done"}, b"body"))[:cut]
    assert asyncio.run(read(content)) is None
    assert sent(content) is None


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(pickle.dumps({"say": "done"}) + bytes(100), id="a pickle"),
        pytest.param(LENGTHS.pack(2, 0) + b"[]", id="a head that is no object"),
        pytest.param(LENGTHS.pack(2, 0) + b"\x80\x04", id="a head that is no JSON"),
        pytest.param(LENGTHS.pack(200_000, 0) + b"[" * 200_000, id="a head that is nested without end"),
        pytest.param(LENGTHS.pack(1 << 30, 0), id="a head of a gigabyte"),
        pytest.param(struct.pack(">IQ", 2, 1 << 60) + b"{}", id="a body of an exabyte"),
    ],
)
def test_odd_frames(content: bytes) -> None:
    """What nobody sends is refused before memory is taken for it, and nothing is unpickled."""
    with pytest.raises(ValueError, match=r"head|utf-8|decode|Expecting"):
        asyncio.run(read(content))
    with pytest.raises(ValueError, match=r"head|utf-8|decode|Expecting"):
        sent(content)


@given(st.binary(max_size=200))
@settings(max_examples=300, deadline=None)
def test_noise(content: bytes) -> None:
    """Any bytes are a frame, an end, or an error of one kind."""
    try:
        found = asyncio.run(read(content))
    except ValueError:
        return
    assert found is None or isinstance(found.head, dict)

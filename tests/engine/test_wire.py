"""Frames are read as they were written; anything else closes its link and does no more."""

import mmap
import os
import pickle
import resource
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ekiben.engine import wire
from ekiben.engine.wire import Frame, Kind, Parser, Shared, WireError, pack, share, view

LARGE = bytes(range(256)) * (wire.SHARE // 256)


def written(frame: Frame) -> tuple[bytes, list[int]]:
    """Give the bytes of a frame, and copies of its descriptors as the kernel would make them."""
    parts, shared = pack(frame)
    return b"".join(parts), [os.dup(each.fd) for each in shared]


def contents(frame: Frame) -> list[bytes]:
    return [bytes(view(buffer)) for buffer in frame.buffers]


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))


@given(st.sampled_from(Kind), st.lists(st.binary(max_size=100), max_size=5), st.lists(st.integers(1, 50)))
def test_frames_come_back_however_they_are_cut(kind: Kind, buffers: list[bytes], cuts: list[int]) -> None:
    """Two frames in a row are read as they were written, in whatever pieces they arrive."""
    data = written(Frame(kind, {"n": 1}, buffers))[0] + written(Frame(Kind.READY))[0]
    parser, found = Parser(), []
    for cut in cuts:
        found += parser.feed(data[:cut])
        data = data[cut:]
    found += parser.feed(data)
    assert [frame.kind for frame in found] == [kind, Kind.READY]
    assert found[0].value == {"n": 1}
    assert contents(found[0]) == buffers


def test_large_buffers_are_shared() -> None:
    """A large buffer is not in the frame's bytes; it arrives as memory that both see."""
    data, files = written(Frame(Kind.REPLIES, None, [b"small", LARGE, b"end"]))
    assert len(data) < 1000
    assert len(files) == 1
    (frame,) = Parser().feed(data, files)
    assert isinstance(frame.buffers[1], Shared)
    assert contents(frame) == [b"small", LARGE, b"end"]


@contextmanager
def without_files() -> Iterator[None]:
    """Let no file more be opened."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (1, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_shared_memory_is_read_once() -> None:
    """What was closed gives an error, not zeros."""
    held = share(memoryview(LARGE))
    assert bytes(view(held)) == LARGE
    with pytest.raises(ValueError, match="once"):
        view(held)


def test_out_of_files_buffers_go_inline() -> None:
    """A process that can open no file more still sends large buffers; of shared ones it says why it cannot."""
    held = share(memoryview(LARGE))
    with without_files():
        parts, shared = pack(Frame(Kind.REPLIES, None, [LARGE]))
        with pytest.raises(WireError, match="cannot be passed on now: Too many open files"):
            pack(Frame(Kind.REPLIES, None, [held]))
    assert shared == []
    (frame,) = Parser().feed(b"".join(parts))
    assert contents(frame) == [LARGE]


def test_without_shared_memory_buffers_go_inline(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the system has no sealed memory, the same frame travels as bytes alone."""
    monkeypatch.setattr(wire, "HAS_MEMORY", False)
    data, files = written(Frame(Kind.REPLIES, None, [LARGE]))
    assert files == []
    (frame,) = Parser().feed(data)
    assert contents(frame) == [LARGE]


def test_a_receiver_can_write_and_nobody_else_sees_it() -> None:
    """What a receiver writes into shared memory stays in its own copy."""
    data, files = written(Frame(Kind.CALLS, None, [LARGE]))
    again = os.dup(files[0])
    (frame,) = Parser().feed(data, files)
    seen = view(frame.buffers[0])
    seen[0] = 77
    with mmap.mmap(again, len(LARGE), access=mmap.ACCESS_READ) as other:
        assert other[0] == 0
    os.close(again)


def test_sealed_memory_cannot_be_changed() -> None:
    """Neither the sender nor anybody else can change what was shared."""
    shared = share(memoryview(LARGE))
    with pytest.raises(PermissionError):
        os.pwrite(shared.fd, b"x", 0)
    with pytest.raises(PermissionError):
        os.ftruncate(shared.fd, 10)


@pytest.mark.parametrize(
    ("size", "said", "sealed"),
    [
        pytest.param(len(LARGE), len(LARGE), False, id="memory that could still be changed"),
        pytest.param(len(LARGE), len(LARGE) * 2, True, id="memory that is smaller than was said"),
        pytest.param(len(LARGE), len(LARGE) - 1, True, id="memory that is larger than was said"),
        pytest.param(0, 0, True, id="no memory at all"),
    ],
)
def test_unfit_memory_is_refused(size: int, said: int, sealed: bool) -> None:
    """Memory is taken only if it is sealed and of the size that was said; else it is closed."""
    before = open_files()
    data, files = written(Frame(Kind.CALLS, None, [LARGE]))
    for each in files:
        os.close(each)
    if sealed:
        found = share(memoryview(bytes(size)))
        fd = os.dup(found.fd)
        found.close()
    else:
        fd = os.memfd_create("test", os.MFD_ALLOW_SEALING)
        os.write(fd, bytes(size))
    wrong = data.replace((len(LARGE) | wire.SHARED).to_bytes(8, "little"), (said | wire.SHARED).to_bytes(8, "little"))
    with pytest.raises(WireError, match="shared memory must"):
        Parser().feed(wrong, [fd])
    assert open_files() == before


def test_a_pipe_is_no_memory() -> None:
    """A descriptor of something else is refused, not mapped."""
    data, files = written(Frame(Kind.CALLS, None, [LARGE]))
    reading, writing = os.pipe()
    with pytest.raises(WireError, match="sealed"):
        Parser().feed(data, [reading])
    for each in (*files, writing):
        os.close(each)


def head(**changes: Any) -> bytes:
    parts = {"mark": wire.MARK, "kind": 3, "buffers": 0, "shared": 0, "value": 1, "inline": 0, **changes}
    return wire.HEAD.pack(*parts.values()) + b"n"


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(head(mark=b"GE"), id="another protocol"),
        pytest.param(head(kind=200), id="an unknown kind"),
        pytest.param(head(value=wire.MOST_VALUE + 1), id="a value beyond its limit"),
        pytest.param(head(inline=wire.MOST_INLINE + 1), id="buffers beyond their limit"),
        pytest.param(head(buffers=wire.MOST_BUFFERS + 1), id="too many buffers"),
        pytest.param(head(shared=1), id="more shared buffers than buffers"),
        pytest.param(head(buffers=1, shared=1) + bytes(8), id="a descriptor that did not come"),
        pytest.param(head(buffers=1, value=0, inline=2) + bytes(10), id="a size that does not add up"),
        pytest.param(head(value=5)[:-1] + b"l\xff\xff\xff\xff", id="a value that claims too much"),
        pytest.param(pickle.dumps(print), id="a pickle"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", id="a request of HTTP"),
    ],
)
def test_what_is_no_frame_is_refused(data: bytes) -> None:
    """A frame that lies, or something else, is refused before memory is taken for it."""
    with pytest.raises(WireError):
        Parser().feed(data)


@given(st.binary(max_size=300), st.booleans())
def test_any_bytes_are_frames_or_refused(data: bytes, is_marked: bool) -> None:
    """Random bytes end in frames, in waiting for more, or in WireError; never in another error."""
    try:
        Parser().feed((wire.MARK if is_marked else b"") + data)
    except WireError:
        return


@given(st.data())
def test_a_frame_with_one_wrong_byte_does_no_harm(data: st.DataObject) -> None:
    """A frame in which one byte was changed is read, waited for, or refused."""
    whole = bytearray(written(Frame(Kind.CALLS, ["predict", [[1, 2.5, {"a": None}]]], [b"abc", b"d"]))[0])
    whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    try:
        Parser().feed(bytes(whole))
    except WireError:
        return


def test_descriptors_without_a_frame_are_closed() -> None:
    """Descriptors that no frame names are closed, at the latest with the parser."""
    before = open_files()
    parser = Parser()
    pairs = [os.pipe() for _ in range(3)]
    parser.feed(b"", [reading for reading, _ in pairs])
    parser.close()
    for _, writing in pairs:
        os.close(writing)
    assert open_files() == before


def test_a_frame_beyond_its_limits_is_not_written() -> None:
    """The sender learns that a frame is too long, rather than the receiver."""
    with pytest.raises(WireError, match="must have at most"):
        pack(Frame(Kind.CALLS, b"x" * (wire.MOST_VALUE + 1)))
    with pytest.raises(WireError, match="must have at most"):
        pack(Frame(Kind.CALLS, None, [b""] * (wire.MOST_BUFFERS + 1)))


def test_descriptors_are_not_inherited() -> None:
    """Shared memory does not leak into processes that a service starts."""
    shared = share(memoryview(LARGE))
    assert not os.get_inheritable(shared.fd)
    assert socket.AF_UNIX  # the descriptors that arrive are checked by tests/engine/test_link.py

"""A link passes frames both ways, and ends alone when what came was no frame."""

import array
import asyncio
import os
import pickle
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from ekiben.engine import wire
from ekiben.engine.link import Link
from ekiben.engine.wire import Frame, Kind, Shared, WireError, view


class End:
    """One end, with what it heard."""

    def __init__(self, sock: socket.socket) -> None:
        self.frames: asyncio.Queue[Frame] = asyncio.Queue()
        self.closed: asyncio.Future[WireError | None] = asyncio.get_running_loop().create_future()
        self.link = Link(sock, self.frames.put_nowait, self.closed.set_result)


@asynccontextmanager
async def linked() -> AsyncIterator[tuple[End, End]]:
    one, other = map(End, socket.socketpair())
    try:
        yield one, other
    finally:
        one.link.close()
        other.link.close()


@asynccontextmanager
async def attacked() -> AsyncIterator[tuple[socket.socket, End]]:
    ours, theirs = socket.socketpair()
    end = End(theirs)
    try:
        yield ours, end
    finally:
        ours.close()
        end.link.close()


async def test_frames_go_both_ways_in_order() -> None:
    """Each end hears what the other sent, in order, buffers included."""
    async with linked() as (one, other):
        for number in range(100):
            one.link.send(Frame(Kind.CALLS, number, [b"x" * number]))
        other.link.send(Frame(Kind.READY))
        heard = [await other.frames.get() for _ in range(100)]
        assert [frame.value for frame in heard] == list(range(100))
        assert [len(view(frame.buffers[0])) for frame in heard] == list(range(100))
        assert (await one.frames.get()).kind is Kind.READY


async def test_large_and_small_buffers_mix() -> None:
    """Shared memory arrives with its own frame, among others, more than the kernel takes at once."""
    async with linked() as (one, other):
        big = os.urandom(wire.SHARE + 1)
        small = os.urandom(wire.SHARE - 1)
        for number in range(40):
            one.link.send(Frame(Kind.CALLS, number, [small, big, b""]))
        for number in range(40):
            frame = await other.frames.get()
            assert frame.value == number
            assert isinstance(frame.buffers[1], Shared)
            assert not os.get_inheritable(frame.buffers[1].fd)
            assert [bytes(view(buffer)) for buffer in frame.buffers] == [small, big, b""]


async def test_shared_memory_can_be_passed_on() -> None:
    """What came as shared memory goes on to a third process without being read."""
    async with linked() as (one, other), linked() as (third, last):
        big = os.urandom(wire.SHARE)
        one.link.send(Frame(Kind.CALLS, None, [big]))
        third.link.send(await other.frames.get())
        assert bytes(view((await last.frames.get()).buffers[0])) == big


async def test_no_descriptor_is_left() -> None:
    """After the ends closed, whatever was on the way, as many descriptors are open as before."""
    before = len(os.listdir("/proc/self/fd"))
    async with linked() as (one, other):
        one.link.send(Frame(Kind.CALLS, None, [bytes(wire.SHARE)]))
        await other.frames.get()
        one.link.send(Frame(Kind.CALLS, None, [bytes(wire.SHARE)]))
    await asyncio.sleep(0)
    assert len(os.listdir("/proc/self/fd")) <= before


async def test_the_end_of_one_is_told_to_the_other() -> None:
    """When one end closes, the other is told once, without an error."""
    async with linked() as (one, other):
        one.link.send(Frame(Kind.READY))
        await other.frames.get()
        one.link.close()
        assert await other.closed is None
        assert not other.link.is_open
        other.link.send(Frame(Kind.CALLS, None, [bytes(wire.SHARE)]))  # dropped


class Evil:
    """Would run code wherever it is unpickled."""

    def __reduce__(self) -> Any:
        return os.putenv, ("EKIBEN_EVIL", "executed")


def send_files(sock: socket.socket) -> None:
    files = [os.dup(0) for _ in range(2)]
    head = wire.HEAD.pack(wire.MARK, 3, 0, 0, 5, 0) + b"nnnnn"
    sock.sendmsg([head], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", files))])
    for each in files:
        os.close(each)


@pytest.mark.parametrize(
    "attack",
    [
        pytest.param(lambda sock: sock.sendall(pickle.dumps(Evil())), id="a pickle"),
        pytest.param(lambda sock: sock.sendall(b"\0" * 100), id="zeros"),
        pytest.param(send_files, id="descriptors and nonsense"),
    ],
)
async def test_an_attack_closes_its_link_and_no_other(attack: Callable[[socket.socket], None]) -> None:
    """Nonsense ends the link that it came by with a reason; another link of the process goes on."""
    before = os.environ.get("EKIBEN_EVIL")
    async with linked() as (one, other):
        async with attacked() as (sock, end):
            attack(sock)
            assert isinstance(await end.closed, WireError)
        one.link.send(Frame(Kind.READY))
        assert (await other.frames.get()).kind is Kind.READY
    assert os.environ.get("EKIBEN_EVIL") == before


async def test_a_frame_that_is_cut_short_ends_quietly() -> None:
    """Half a frame and then the end: the link closes, and no frame was heard."""
    async with attacked() as (sock, end):
        sock.sendall(wire.HEAD.pack(wire.MARK, 3, 0, 0, 100, 0) + b"l")
        sock.close()
        assert await end.closed is None
        assert end.frames.empty()


async def test_a_slow_reader_loses_nothing() -> None:
    """What the kernel does not take at once is kept, and sent when it does."""
    async with attacked() as (sock, end):
        piece = os.urandom(wire.SHARE - 1)
        for number in range(100):
            end.link.send(Frame(Kind.REPLIES, number, [piece]))
        parser, found = wire.Parser(), []
        while len(found) < 100:
            await asyncio.sleep(0)
            try:
                found += parser.feed(sock.recv(65536, socket.MSG_DONTWAIT))
            except BlockingIOError:
                continue
        assert [frame.value for frame in found] == list(range(100))
        assert bytes(view(found[-1].buffers[0])) == piece

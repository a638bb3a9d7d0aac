"""A long body is read into one piece of memory, which costs no more than what came, and ends as any body does."""

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import ekiben
from ekiben.core.errors import Unavailable
from ekiben.http.intake import AHEAD, LEAST, Gathered
from ekiben.http.listen import Listen
from ekiben.http.protocol import give_up
from ekiben.http.server import Server
from tests.http.lanes import PATIENCE, Lane, lane, request
from tests.http.payloads import LARGE_ARRAY, SMALL_ARRAY, jpeg, npy
from tests.http.raw import Wire, connection, replies
from tests.http.within import bound, started

NPY = "application/x-npy"


@ekiben.service(name="keeping")
class Keeping:
    """Takes what is long."""

    def __init__(self) -> None:
        self.paths: list[Path] = []
        self.arrays: list[np.ndarray] = []

    @ekiben.api
    def total(self, x: np.ndarray, /) -> float:
        """Add up an array, and write to it."""
        found = float(x.sum())
        x += 1
        self.arrays.append(x)
        return found

    @ekiben.api
    def weigh(self, file: Path, /) -> int:
        """Say how long a file is."""
        self.paths.append(file)
        return file.stat().st_size

    @ekiben.api
    def give_back(self, file: Path, /) -> Path:
        """Give a file back."""
        self.paths.append(file)
        return file

    @ekiben.api
    def describe(self, file: Path, note: str) -> str:
        """Say how long a file is, and what was noted."""
        self.paths.append(file)
        return f"{note} {file.stat().st_size}"

    @ekiben.api
    def lose(self, file: Path, /) -> int:
        """Fail with a file."""
        self.paths.append(file)
        raise Unavailable("lost")


@given(st.lists(st.binary(max_size=30_000), max_size=12), st.integers(0, 200_000))
def test_gathered(pieces: list[bytes], missing: int) -> None:
    """The body is its pieces, by whichever way they came, and its memory is bounded by what came."""
    size = sum(map(len, pieces)) + missing
    gathered = Gathered(size)
    for number, piece in enumerate(pieces):
        if number % 2:
            gathered.add(piece)
        else:
            while piece:
                space = gathered.space()
                part, piece = piece[: len(space)], piece[len(space) :]
                space[: len(part)] = part
                gathered.filled += len(part)
        assert len(gathered._buffer) <= min(size, max(LEAST, AHEAD * gathered.filled))
    assert gathered.is_whole is (missing == 0)
    assert gathered.whole() == b"".join(pieces)


def test_a_promise_costs_nothing() -> None:
    """A head that promises a gigabyte takes no more memory than a short body."""
    assert len(Gathered(2**30).space()) == LEAST


def ask(path: str, body: bytes, content_type: str = NPY, **headers: Any) -> bytes:
    return request(path, body, content_type=content_type, **headers)


@pytest.fixture(params=["asgi", "fast"])
def running(request: pytest.FixtureRequest) -> Iterator[Lane]:
    with lane(Keeping, request.param) as running:
        yield running


def target(running: Lane) -> Any:
    assert running.server.app.dispatcher.instance is not None
    return running.server.app.dispatcher.instance.target


@pytest.mark.slow
def test_long_and_short(running: Lane) -> None:
    """Long bodies and short ones follow each other on a connection, and every array may be written to."""
    with running.connect() as client:
        for number in range(6):
            array = np.full((1 + number % 2 * 100_000, 3), number, "float32")
            client.sendall(ask("/total", npy(array)))
            found = b""
            while not found.partition(b"\r\n\r\n")[2]:
                found += client.recv(65536)
            assert found.endswith(b"\r\n\r\n%.1f" % array.sum())
    kept = target(running).arrays
    assert [float(array.flat[0]) for array in kept] == [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]
    running.wait_until_empty()


@pytest.mark.slow
def test_past_the_app(running: Lane) -> None:
    """In the fast lane the app hears nothing of long arrays, nor of long pieces of JSON."""
    running.counting.scopes.clear()
    for body, media in ((npy(LARGE_ARRAY), NPY), (b"[" + b"1," * 200_000 + b"1]", "application/json")):
        assert running.say(ask("/total", body, media, connection="close")).startswith(b"HTTP/1.1 200 ")
    assert len(running.counting.paths) == (0 if target_lane(running) == "fast" else 2)


def target_lane(running: Lane) -> str:
    return "fast" if running.server.config.http_protocol_class.routes else "asgi"  # type: ignore[union-attr]


@pytest.mark.slow
@pytest.mark.parametrize("size", [10, 400_000])
@pytest.mark.parametrize(("path", "status"), [("/weigh", 200), ("/give_back", 200), ("/lose", 503)])
def test_files_end_with_their_call(running: Lane, path: str, status: int, size: int) -> None:
    """A file that came as the body is there for the call and its answer, and is gone then."""
    body = b"x" * size
    answer = running.say(ask(path, body, "application/octet-stream", connection="close"))
    assert answer.startswith(b"HTTP/1.1 %d " % status)
    if status == 200:
        assert answer.endswith(b"\r\n\r\n" + (body if path == "/give_back" else b"%d" % size))
    (kept,) = target(running).paths
    wait_until_gone(kept)


def wait_until_gone(kept: Path) -> None:
    end = time.monotonic() + PATIENCE
    while kept.parent.exists():
        assert time.monotonic() < end
        time.sleep(0.005)


@pytest.mark.slow
@pytest.mark.parametrize("size", [10, 400_000, 1_500_000])
def test_files_of_a_form_end_with_their_call(running: Lane, size: int) -> None:
    """A file of a form ends with its call too; the app reads forms that are large."""
    body = b'--B\r\nContent-Disposition: form-data; name="file"; filename="a.bin"\r\n\r\n' + b"x" * size
    body += b'\r\n--B\r\nContent-Disposition: form-data; name="note"\r\n\r\nhm\r\n--B--\r\n'
    running.counting.scopes.clear()
    answer = running.say(ask("/describe", body, "multipart/form-data; boundary=B", connection="close"))
    assert answer.endswith(b"\r\n\r\nhm %d" % size)
    assert (running.counting.paths == []) is (target_lane(running) == "fast" and size < 2**20)
    (kept,) = target(running).paths
    wait_until_gone(kept)


@pytest.mark.slow
def test_a_client_that_leaves_within_its_body(running: Lane) -> None:
    """It is counted as one that left, and nothing of it stays or runs."""
    with running.connect() as client:
        client.sendall(ask("/total", npy(LARGE_ARRAY))[:-100_000])
        end = time.monotonic() + PATIENCE
        while not running.server.server_state.connections:
            assert time.monotonic() < end
            time.sleep(0.005)
        time.sleep(0.05)
    while not (counts := running.server.app._tallies["/total"].answers):
        assert time.monotonic() < end
        time.sleep(0.005)
    assert {status: found.count for status, found in counts.items()} == {499: 1}
    running.wait_until_empty()
    assert target(running).arrays == []


async def ready(server: Server) -> None:
    async with asyncio.timeout(PATIENCE):
        while not server.app.dispatcher.is_ready:
            await asyncio.sleep(0.001)


async def said(wire: Wire, count: int) -> list[Any]:
    async with asyncio.timeout(PATIENCE):
        while wire.written.count(b"HTTP/1.1 ") < count:
            await asyncio.sleep(0.001)
    return replies(wire.written)


@pytest.mark.slow
@pytest.mark.parametrize("cut", [200, 70_000, 150_000, 10**6])
async def test_pipelined_behind_a_long_body(cut: int) -> None:
    """What follows a body that was read past the parser is the next request, also in the same data."""
    server, wire = Server(bound(Keeping), Listen(port=0)), Wire()
    async with started(server.app):
        await ready(server)
        connection(server, wire)
        whole = (
            ask("/total", npy(LARGE_ARRAY))
            + ask("/total", npy(SMALL_ARRAY))
            + b"GET /livez HTTP/1.1\r\nhost: x\r\n\r\n"
        )
        for start in range(0, len(whole), cut):
            wire.deliver(whole[start : start + cut])
            if cut > 1000:
                await asyncio.sleep(0)
        found = await said(wire, 3)
    assert [each.status for each in found] == [200, 200, 200]
    assert [each.body for each in found[:2]] == [b"%.1f" % LARGE_ARRAY.sum(), b"%.1f" % SMALL_ARRAY.sum()]


@pytest.mark.slow
async def test_a_long_body_behind_another_request_waits() -> None:
    """While a request is answered no more than a piece of the next one's body is read."""
    server, wire = Server(bound(Keeping), Listen(port=0)), Wire()
    async with started(server.app):
        await ready(server)
        connection(server, wire)
        body = npy(np.zeros(300_000, "float32"))
        first, second = ask("/total", npy(SMALL_ARRAY)), ask("/total", body)
        wire.deliver(first + second[:1000])
        place = 1000
        while not wire.paused and place < len(second):
            wire.deliver(second[place : place + 50_000])
            place += 50_000
        assert place < 400_000
        await said(wire, 1)
        assert not wire.paused
        wire.deliver(second[place:])
        assert [each.body for each in await said(wire, 2)] == [b"%.1f" % SMALL_ARRAY.sum(), b"0.0"]


@pytest.mark.slow
async def test_refused_within() -> None:
    """A body that comes too slowly gets 408, a server that stops 503; what comes then is passed by."""
    server = Server(bound(Keeping), Listen(port=0))
    async with started(server.app):
        await ready(server)
        asked = ask("/total", npy(LARGE_ARRAY))
        for status in (408, 503):
            wire = Wire()
            made = connection(server, wire)
            wire.deliver(asked[:100_000])
            assert wire.protocol is not made, "it is not read past the parser"
            if status == 503:
                give_up([made], Unavailable("the server stopped"))
                (found,) = await said(wire, 1)
                wire.deliver(asked[100_000:])
                assert wire.protocol is made
            else:
                for now in range(100, 400):
                    made.sweep(float(now))
                (found,) = replies(wire.written)
                wire.deliver(asked[100_000:])
                assert wire.closed
            assert found.status == status
        assert server.app.inside == server.app.dispatcher.admission.inside == 0


@pytest.mark.slow
async def test_nothing_holds_a_body_that_was_cut() -> None:
    """The memory of a body whose client left is not held until its line of the log is written."""
    server, wire = Server(bound(Keeping), Listen(port=0)), Wire()
    async with started(server.app):
        await ready(server)
        made = connection(server, wire)
        wire.deliver(ask("/total", npy(LARGE_ARRAY))[:200_000])
        cycle = made._own
        assert cycle.gathered.filled > 190_000
        made.connection_lost(None)
        assert (cycle.status, cycle.gathered, cycle.body) == (499, None, b"")


@pytest.mark.slow
async def test_a_call_that_is_over_before_it_is_decoded() -> None:
    """A client that leaves while a thread decodes its picture leaves nothing behind."""
    server, wire = Server(bound(Keeping), Listen(port=0)), Wire()
    async with started(server.app):
        await ready(server)
        made = connection(server, wire)
        wire.deliver(ask("/weigh", b"x" * 300_000, "application/octet-stream"))
        assert server.app.inside == 1
        made.connection_lost(None)
        assert server.app.inside == 0
        await asyncio.get_running_loop().shutdown_default_executor()
        for _ in range(3):
            await asyncio.sleep(0)
        target: Any = server.app.dispatcher.instance.target  # type: ignore[union-attr]  # it runs
        assert (target.paths, server.app.dispatcher.admission.inside, wire.written) == ([], 0, b"")


def test_pictures_are_as_large_as_the_tests_say() -> None:
    """The picture that must be decoded beside the loop is long enough for that."""
    assert len(jpeg(560, noise=True)) > 256 * 1024

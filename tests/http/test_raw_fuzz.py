"""Whatever bytes come, cut however: nothing crashes, hangs, or is answered twice; what follows is served."""

import asyncio
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ekiben.http.fast import LANES
from ekiben.http.listen import Listen
from ekiben.http.server import Server
from tests.http.calls import Calls
from tests.http.raw import Reply, Wire, connection, replies, say
from tests.http.real import server
from tests.http.within import bound, started
from tests.servers import Running

JSON = b"content-type: application/json\r\n"
HOST = b"host: x\r\nx-request-id: %b\r\n"
IDS = [b"alpha", b"bravo", b"charlie", b"delta"]  # no change of bytes makes one of another
VALID = [  # each with a place for its id
    b"POST /add HTTP/1.1\r\n" + HOST + JSON + b'content-length: 8\r\n\r\n{"a": 1}',
    b"POST /double HTTP/1.1\r\n" + HOST + JSON + b"content-length: 2\r\n\r\n[]",
    b"POST /add HTTP/1.1\r\n"
    + HOST
    + b'transfer-encoding: chunked\r\n\r\n3\r\n{"a\r\n5\r\n": 1}\r\n0\r\nx-t: 1\r\n\r\n',
    b"POST /add HTTP/1.1\r\n" + HOST + b'expect: 100-continue\r\ncontent-length: 8\r\n\r\n{"a": 2}',
    b"POST /add HTTP/1.1\r\n" + HOST + b'connection: upgrade\r\nupgrade: h2c\r\ncontent-length: 8\r\n\r\n{"a": 3}',
    b"POST /add HTTP/1.0\r\n" + HOST + b'content-length: 8\r\n\r\n{"a": 4}',
    b"POST /nowhere HTTP/1.1\r\n" + HOST + b"content-length: 3\r\n\r\nabc",
    b"POST /add HTTP/1.1\r\n" + HOST + b"content-type: text/csv\r\ncontent-length: 3\r\n\r\nabc",
    b"GET /livez HTTP/1.1\r\n" + HOST + b"\r\n",
    b"GET http://y/readyz?a=b HTTP/1.1\r\n" + HOST + b"\r\n",
    b"OPTIONS * HTTP/1.1\r\n" + HOST + b"\r\n",
    b"GET /healthz HTTP/1.1\r\n" + HOST + b"connection: close\r\n\r\n",
]
SPICES = [
    b"\r\n", b"\n", b"\r", b"\0", b" ", b":", b"0\r\n\r\n", b"\r\n\r\n",
    b"GET / HTTP/1.1\r\n", b"content-length: 5\r\n", b"-1",
    b"transfer-encoding: chunked\r\n", b"transfer-encoding: identity\r\n", b"connection: close\r\n", b"host: y\r\n",
    b"99999999999999999999",
    b"ffffffffffffffff", b"HTTP/2.0", b"CONNECT x:1 ", b"expect: 100-continue\r\n", b"x" * 9000,
    b"upgrade: h2c\r\nconnection: upgrade\r\n", b"\xff\xfe", b"%00", b";a=b", b"\r\n x", b"x: 1\r\n" * 101,
]  # fmt: skip
PLACE = st.floats(0, 1, exclude_max=True)
CHANGE = st.tuples(PLACE, st.integers(0, 12), st.sampled_from(SPICES) | st.binary(max_size=6))
CASES = st.tuples(
    st.lists(st.sampled_from(VALID), min_size=1, max_size=4), st.lists(CHANGE, max_size=4), st.lists(PLACE, max_size=6)
)


def mixed(requests: list[bytes], changes: list[tuple[float, int, bytes]], cuts: list[float]) -> list[bytes]:
    """Put requests together, put other bytes in place of some, and cut all into pieces."""
    data = b"".join(request % name for request, name in zip(requests, IDS, strict=False))
    for place, length, spice in changes:
        start = int(place * len(data))
        data = data[:start] + spice + data[start + length :]
    marks = sorted({0, len(data), *(int(cut * len(data)) for cut in cuts)})
    return [data[start:end] for start, end in pairwise(marks)]


def check(found: list[Reply]) -> None:
    """No request has two answers, answers keep the order, and none follows the last."""
    told = [reply.headers.get("x-request-id", "").encode() for reply in found]
    ids = [IDS.index(name) for name in told if name in IDS]
    assert ids == sorted(set(ids))
    assert all("connection" not in reply.headers for reply in found[:-1])
    assert all(reply.status < 500 for reply in found)


class Place:
    """A server without a socket, whose connections are `Wire`s."""

    def __init__(self, lane: str) -> None:
        self.loop = asyncio.new_event_loop()
        self.server = Server(bound(Calls), Listen(port=0, lane=lane))
        self.server.app._on_failure = None  # so that the instance is there when the life has begun
        self.life: AbstractAsyncContextManager[Any] = started(self.server.app)
        self.errors: list[dict[str, Any]] = []
        self.loop.set_exception_handler(lambda _, context: self.errors.append(context))
        self.loop.run_until_complete(self.life.__aenter__())

    def close(self) -> None:
        self.loop.run_until_complete(self.life.__aexit__(None, None, None))
        self.loop.close()

    def answers(self, pieces: list[bytes]) -> list[Reply]:
        """Send *pieces* on one connection, close its sending side, and give the answers."""
        return self.loop.run_until_complete(self._ask(pieces))

    async def _ask(self, pieces: list[bytes]) -> list[Reply]:
        wire = Wire()
        made = connection(self.server, wire)
        for piece in pieces:
            if not wire.closed:
                made.data_received(piece)
            await asyncio.sleep(0)
        await self._until(lambda: wire.closed or not made.is_busy or (made._phase.name == "BODY" and not made.pipeline))
        if not wire.closed and made.eof_received():
            await self._until(lambda: wire.closed)
        made.connection_lost(None)
        await self._until(lambda: self.server.app.inside == 0)
        assert self.errors == []
        return replies(wire.written)

    async def _until(self, is_so: Any) -> None:
        end = self.loop.time() + 20
        while not is_so():
            assert self.loop.time() < end, "it hangs"
            await asyncio.sleep(0.0005)


@pytest.fixture(scope="module", params=LANES)
def place(request: pytest.FixtureRequest) -> Iterator[Place]:
    place = Place(request.param)
    yield place
    place.close()


def fuzz(place: Place, most: int) -> None:
    @given(case=CASES)
    @settings(max_examples=most, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    def mutated(case: Any) -> None:
        check(place.answers(mixed(*case)))

    @given(pieces=st.lists(st.binary(max_size=300) | st.sampled_from(SPICES), max_size=6))
    @settings(max_examples=most // 5, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    def random(pieces: list[bytes]) -> None:
        check(place.answers(pieces))

    mutated()
    random()
    (served,) = place.answers([VALID[0] % IDS[0]])
    assert (served.status, served.body) == (200, b"2")


@pytest.mark.slow
def test_any_bytes(place: Place) -> None:
    fuzz(place, 400)


@pytest.mark.chaos
@pytest.mark.timeout(900)
def test_ten_thousand_times(place: Place) -> None:
    fuzz(place, 8400)


def test_unchanged(place: Place) -> None:
    """Each valid request is answered, alone and behind another, however it is cut."""
    for number, request in enumerate(VALID):
        for pieces in ([request % IDS[2]], [bytes([byte]) for byte in request % IDS[2]]):
            (reply,) = place.answers(pieces)
            assert reply.headers["x-request-id"] == "charlie", VALID[number]
        assert len(place.answers([VALID[0] % IDS[1] + request % IDS[2]])) == 2


@pytest.fixture(scope="module", params=LANES)
def running(request: pytest.FixtureRequest) -> Iterator[Running]:
    with server(lane=request.param) as running:
        running.wait_until_ready()
        yield running


@pytest.mark.slow
def test_any_bytes_on_a_socket(running: Running) -> None:
    """The same on sockets: the server hangs up in time, and goes on serving."""

    @given(case=CASES)
    @settings(max_examples=60, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    def mutated(case: Any) -> None:
        said = say(running.port, *mixed(*case), half=True, pause=0.002)
        check(replies(said))

    mutated()
    assert running.http.post("/add", json={"a": 1}).json() == 2
    assert "Traceback" not in running.log

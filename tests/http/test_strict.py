"""What two readers of one connection could understand in two ways is refused; what is allowed is answered."""

import socket
from collections.abc import Iterator

import pytest

from ekiben.http.fast import LANES
from tests.http.raw import replies, say
from tests.http.real import server
from tests.servers import HOST, Running

pytestmark = pytest.mark.slow
MOST_BUFFERED = 64 * 1024 * 1024  # bytes that lie in the buffers of two sockets at most


@pytest.fixture(scope="module", params=LANES)
def running(request: pytest.FixtureRequest) -> Iterator[Running]:
    with server(lane=request.param) as running:
        running.wait_until_ready()
        yield running


POST = b"POST /add HTTP/1.1\r\nhost: x\r\n"
SOCKET = (
    b"connection: upgrade\r\nupgrade: websocket\r\n"
    b"sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
)
CHUNKED = POST + b"transfer-encoding: chunked\r\n\r\n"
GOOD = POST + b'content-type: application/json\r\ncontent-length: 8\r\n\r\n{"a": 1}'
BYE = POST + b'content-type: application/json\r\ncontent-length: 8\r\nconnection: close\r\n\r\n{"a": 2}'

REFUSED = {
    "a length and chunks": POST + b"content-length: 3\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunks and a length": POST + b"transfer-encoding: chunked\r\ncontent-length: 3\r\n\r\n0\r\n\r\n",
    "one length twice": POST + b"content-length: 3\r\ncontent-length: 3\r\n\r\nabc",
    "two lengths": POST + b"content-length: 3\r\ncontent-length: 4\r\n\r\nabcd",
    "a list of lengths": POST + b"content-length: 3, 3\r\n\r\nabc",
    "a length below 0": POST + b"content-length: -1\r\n\r\n",
    "a length with a plus": POST + b"content-length: +3\r\n\r\nabc",
    "a length in hex": POST + b"content-length: 0x3\r\n\r\nabc",
    "a length of no letters": POST + b"content-length:\r\n\r\n",
    "a length beyond 64 bits": POST + b"content-length: 18446744073709551616\r\n\r\nabc",
    "a length that is folded": POST + b"content-length:\r\n 3\r\n\r\nabc",
    "identity": POST + b"transfer-encoding: identity\r\n\r\nabc",
    "chunked twice": POST + b"transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunked in chunked": POST + b"transfer-encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
    "gzip in chunked": POST + b"transfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "chunked, then identity": POST + b"transfer-encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    "almost chunked": POST + b"transfer-encoding: xchunked\r\n\r\n0\r\n\r\n",
    "chunked behind a control character": POST + b"transfer-encoding: \x0bchunked\r\n\r\n0\r\n\r\n",
    "no encoding": POST + b"transfer-encoding:\r\n\r\n",
    "chunks in HTTP/1.0": b"POST /add HTTP/1.0\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    "a folded header": POST + b"x: a\r\n b\r\n\r\n",
    "a space before the first header": b"POST /add HTTP/1.1\r\n host: x\r\n\r\n",
    "line feeds alone": b"POST /add HTTP/1.1\nhost: x\ncontent-length: 3\n\nabc",
    "one line feed alone": POST + b"x: 1\ncontent-length: 3\r\n\r\nabc",
    "a line feed alone at the end": POST + b"content-length: 3\r\n\nabc",
    "a return alone": POST + b"x: 1\rcontent-length: 3\r\n\r\nabc",
    "NUL in a value": POST + b"x: a\0b\r\n\r\n",
    "NUL in a name": POST + b"x\0: ab\r\n\r\n",
    "NUL in the path": b"GET /a\0b HTTP/1.1\r\nhost: x\r\n\r\n",
    "a control character in a value": POST + b"x: a\x01b\r\n\r\n",
    "a space before the colon": POST + b"content-length : 3\r\n\r\nabc",
    "a tab before the colon": POST + b"content-length\t: 3\r\n\r\nabc",
    "no name": POST + b": 3\r\n\r\n",
    "no colon": POST + b"bad header\r\n\r\n",
    "a name that is no token": POST + b"x(y): 1\r\n\r\n",
    "a chunk beyond 64 bits": CHUNKED + b"fffffffffffffffff\r\nabc",
    "a chunk below 0": CHUNKED + b"-1\r\nabc",
    "a chunk in 0x": CHUNKED + b"0x3\r\nabc\r\n0\r\n\r\n",
    "a chunk without a size": CHUNKED + b"\r\nabc\r\n0\r\n\r\n",
    "a chunk behind a line feed alone": CHUNKED + b"3\nabc\n0\n\n",
    "a chunk that is longer than it says": CHUNKED + b"3\r\nabcd\r\n0\r\n\r\n",
    "a chunk without an end": CHUNKED + b"3\r\nabc0\r\n\r\n",
    "a line feed in a chunk's extension": CHUNKED + b"3;a\nb\r\nabc\r\n0\r\n\r\n",
    "a length among the trailers": CHUNKED + b"3\r\nabc\r\n0\r\ntransfer-encoding: x\r\n\r\n",
    "extensions without end": CHUNKED + (b"1;" + b"x" * 5000 + b"\r\na\r\n") * 20,
    "no host": b"GET /livez HTTP/1.1\r\n\r\n",
    "two hosts": b"GET /livez HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n",
    "two hosts in HTTP/1.0": b"GET /livez HTTP/1.0\r\nhost: a\r\nhost: b\r\n\r\n",
    "a host with a path": b"GET /livez HTTP/1.1\r\nhost: a/b\r\n\r\n",
    "two hosts in one": b"GET /livez HTTP/1.1\r\nhost: a, b\r\n\r\n",
    "HTTP/2.0": b"GET /livez HTTP/2.0\r\nhost: x\r\n\r\n",
    "HTTP/0.9 with a version": b"GET /livez HTTP/0.9\r\nhost: x\r\n\r\n",
    "HTTP/0.9": b"GET /livez\r\n\r\n",
    "HTTP/1.2": b"GET /livez HTTP/1.2\r\nhost: x\r\n\r\n",
    "the preface of HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "no method": b"GARBAGE\r\n\r\n",
    "an unknown method": b"BREW /livez HTTP/1.1\r\nhost: x\r\n\r\n",
    "a method in small letters": b"get /livez HTTP/1.1\r\nhost: x\r\n\r\n",
    "a path that is none": b"GET livez HTTP/1.1\r\nhost: x\r\n\r\n",
    "a path with a space": b"GET /live z HTTP/1.1\r\nhost: x\r\n\r\n",
    "a path beyond ASCII": b"GET /\xff\xfe HTTP/1.1\r\nhost: x\r\n\r\n",
    "a target of another scheme": b"GET ftp://x/livez HTTP/1.1\r\nhost: x\r\n\r\n",
    "a target with a password": b"GET http://me:secret@x/livez HTTP/1.1\r\nhost: x\r\n\r\n",
    "a proxy's method": b"CONNECT x:443 HTTP/1.1\r\nhost: x\r\n\r\n",
    "a tunnel to a path": b"CONNECT /livez HTTP/1.1\r\nhost: x\r\n\r\n",
    "a tunnel to a path, with a body": b"CONNECT /add HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\n\r\nabc",
    "a tunnel in HTTP/1.0": b"CONNECT /livez HTTP/1.0\r\n\r\n",
    "a tunnel to a name": b"CONNECT x HTTP/1.1\r\nhost: x\r\n\r\n",
    "a tunnel to a URL": b"CONNECT http://x/livez HTTP/1.1\r\nhost: x\r\n\r\n",
    "a tunnel to an IPv6 address": b"CONNECT [::1]:80 HTTP/1.1\r\nhost: x\r\n\r\n",
    "a tunnel that would be a WebSocket": (b"CONNECT /livez HTTP/1.1\r\nhost: x\r\n" + SOCKET + b"\r\n"),
    "a tunnel that would be HTTP/2": (
        b"CONNECT /livez HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\n"
    ),
    "a WebSocket in HTTP/1.0": b"GET /livez HTTP/1.0\r\nhost: x\r\n" + SOCKET + b"\r\n",
    "a WebSocket with a body": POST + SOCKET + b"content-length: 3\r\n\r\nabc",
    "a WebSocket whose body is the next request": b"GET /livez HTTP/1.1\r\nhost: x\r\n"
    + SOCKET
    + b"content-length: 130\r\n\r\n",
    "a WebSocket with chunks": POST + SOCKET + b"transfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    "an asterisk": b"GET * HTTP/1.1\r\nhost: x\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(running: Running, name: str) -> None:
    """Each gets 400 as a problem, and the connection ends; what smuggled itself in behind it is not read."""
    (reply,) = replies(say(running.port, REFUSED[name] + GOOD))
    assert (reply.status, reply.headers["connection"]) == (400, "close"), reply
    assert reply.headers["content-type"] == "application/problem+json"
    assert b'"status":400' in reply.body


@pytest.mark.parametrize("name", REFUSED)
def test_refused_in_its_turn(running: Running, name: str) -> None:
    """What was asked before it on the same connection is answered first."""
    found = replies(say(running.port, GOOD + GOOD + REFUSED[name] + GOOD))
    assert [(reply.status, reply.body[:1]) for reply in found] == [(200, b"2"), (200, b"2"), (400, b"{")]


LONG = {
    "a head without an end": [b"GET / HTTP/1.1\r\n"] + [b"x: " + b"y" * 30_000 + b"\r\n"] * 4,
    "a long head at once": [b"GET / HTTP/1.1\r\nhost: x\r\n" + b"x: " + b"y" * 70_000 + b"\r\n\r\n"],
    "a path without an end": [b"GET /" + b"a" * 30_000] + [b"a" * 30_000] * 4,
    "a long path at once": [b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\nhost: x\r\n\r\n"],
    "a name without an end": [b"GET / HTTP/1.1\r\n" + b"x" * 30_000] + [b"x" * 30_000] * 4,
    "101 headers": [b"GET / HTTP/1.1\r\nhost: x\r\n" + b"x: 1\r\n" * 100 + b"\r\n"],
}


@pytest.mark.parametrize("name", LONG)
def test_too_long(running: Running, name: str) -> None:
    """More than 64 kB or 100 headers get 431, and the connection ends."""
    (reply,) = replies(say(running.port, *LONG[name]))
    assert (reply.status, reply.headers["connection"]) == (431, "close")
    assert b'"status":431' in reply.body


def test_as_long_as_may_be(running: Running) -> None:
    """100 headers, and 60 kB in many pieces, are answered."""
    many = b"GET /livez HTTP/1.1\r\nhost: x\r\n" + b"x: 1\r\n" * 98 + b"connection: close\r\n\r\n"
    assert [reply.status for reply in replies(say(running.port, many))] == [200]
    large = [b"GET /livez HTTP/1.1\r\nhost: x\r\nconnection: close\r\n"]
    large += [b"x: " + b"y" * 20_000 + b"\r\n"] * 3
    assert [reply.status for reply in replies(say(running.port, *large, b"\r\n", pause=0.01))] == [200]


ANSWERED = {
    "chunks": (CHUNKED.replace(b"host", b"content-type: application/json\r\nhost")
               + b'3\r\n{"a\r\n5\r\n": 41\r\n1\r\n}\r\n0\r\n\r\n', 200, b"42"),
    "chunks with extensions": (CHUNKED + b'8;a=b;c\r\n{"a": 1}\r\n0\r\n\r\n', 200, b"2"),
    "chunks with a trailer": (CHUNKED + b'8\r\n{"a": 1}\r\n0\r\nx-sum: 1\r\n\r\n', 200, b"2"),
    "CHUNKED": (POST + b'transfer-encoding: CHUNKED\r\n\r\n8\r\n{"a": 1}\r\n0\r\n\r\n', 200, b"2"),
    "zeros before a length": (POST + b'content-length: 008\r\n\r\n{"a": 1}', 200, b"2"),
    "empty lines first": (b"\r\n\r\n" + GOOD, 200, b"2"),
    "an absolute target": (GOOD.replace(b"/add", b"http://elsewhere:80/add"), 200, b"2"),
    "an absolute target without a path": (b"GET http://x HTTP/1.1\r\nhost: x\r\n\r\n", 200, b"<!doctype html>"),
    "an absolute target with a query": (b"GET http://x/livez?a=b HTTP/1.1\r\nhost: x\r\n\r\n", 200, b"\n"),
    "a query": (GOOD.replace(b"/add", b"/add?a=%00"), 200, b"2"),
    "letters by their codes": (GOOD.replace(b"/add", b"/%61dd"), 200, b"2"),
    "GET with a body": (b"GET /livez HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\n\r\nabc", 200, b"\n"),
    "OPTIONS": (b"OPTIONS /add HTTP/1.1\r\nhost: x\r\n\r\n", 204, b""),
    "OPTIONS of all": (b"OPTIONS * HTTP/1.1\r\nhost: x\r\n\r\n", 204, b""),
    "a wrong method": (b"DELETE /add HTTP/1.1\r\nhost: x\r\n\r\n", 405, b"{"),
    "an unknown path": (b"GET //add/../.. HTTP/1.1\r\nhost: x\r\n\r\n", 404, b"{"),
    "a path with a NUL": (b"GET /%00 HTTP/1.1\r\nhost: x\r\n\r\n", 404, b"{"),
    "a length beyond the limit": (POST + b"connection: close\r\ncontent-length: 9999999999999\r\n\r\n", 413, b"{"),
}  # fmt: skip


@pytest.mark.parametrize("name", ANSWERED)
def test_answered(running: Running, name: str) -> None:
    """Each is answered, and where it is whole the next request on its connection too."""
    asked, status, body = ANSWERED[name]
    first, *others = replies(say(running.port, asked + BYE))
    assert (first.status, first.body[: len(body)]) == (status, body), first
    assert [(reply.status, reply.body) for reply in others] == ([] if status == 413 else [(200, b"3")])


def test_methods(running: Running) -> None:
    """OPTIONS names what a path takes, and so does 405."""
    ask = b"%s /add HTTP/1.1\r\nhost: x\r\n%s\r\n"
    said = say(running.port, ask % (b"OPTIONS", b"") + ask % (b"GET", b"connection: close\r\n"))
    assert [reply.headers["allow"] for reply in replies(said)] == ["POST, OPTIONS"] * 2


def test_head(running: Running) -> None:
    """HEAD has the headers of GET and no body."""
    ask = b" /docs.json HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"
    (head,) = replies(say(running.port, b"HEAD" + ask), heads_only=True)
    (get,) = replies(say(running.port, b"GET" + ask))
    assert (head.status, head.headers["content-length"]) == (200, str(len(get.body)))


def test_trailers_are_no_headers(running: Running) -> None:
    """A header behind the body, as a proxy would not have checked it, does not count."""
    trailed = b"POST /echo HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n"
    (reply,) = replies(say(running.port, trailed + b"2\r\n{}\r\n0\r\nx-request-id: smuggled\r\n\r\n"))
    assert reply.status == 200
    assert reply.headers["x-request-id"] != "smuggled"


def test_http_1_0(running: Running) -> None:
    """The old version needs no host, gets no chunks, and one answer a connection."""
    ask = b'POST /add HTTP/1.0\r\ncontent-length: 8\r\nexpect: 100-continue\r\n\r\n{"a": 1}'
    said = say(running.port, ask + ask)
    assert b"100 Continue" not in said
    (reply,) = replies(said)
    assert (reply.status, reply.body, reply.headers["connection"]) == (200, b"2", "close")


def test_expect(running: Running) -> None:
    """The body is asked for where it is wanted; where not, the answer comes at once and the connection ends."""
    head = POST + b"expect: 100-continue\r\ncontent-length: 8\r\n"
    said = say(running.port, head + b"\r\n", b'{"a": 1}' + BYE)
    assert said.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n")
    assert [reply.body for reply in replies(said)] == [b"2", b"3"]
    said = say(running.port, head + b"content-type: text/csv\r\n\r\n")
    (reply,) = replies(said)
    assert (reply.status, reply.headers["connection"]) == (415, "close")
    assert b"100 Continue" not in said


def test_refused_before_its_body(running: Running) -> None:
    """The answer comes before the body does; the body is passed by and the next request answered."""
    head = POST + b"content-type: text/csv\r\ncontent-length: 200000\r\n\r\n"
    said = say(running.port, head, b"x" * 100_000, b"x" * 100_000 + BYE)
    assert [reply.status for reply in replies(said)] == [415, 200]


@pytest.mark.parametrize("asked", [GOOD, GOOD + GOOD, GOOD + GOOD[:60], GOOD + GOOD[:-2]], ids=len)
def test_half_closed(running: Running, asked: bytes) -> None:
    """A client that closes its sending side has the answers to all that it sent whole."""
    found = replies(say(running.port, asked, half=True, pause=0.001))
    assert [reply.body for reply in found] == [b"2"] * (len(asked) // len(GOOD))


def test_a_request_byte_by_byte(running: Running) -> None:
    """How the bytes are cut changes nothing."""
    pieces = [bytes([byte]) for byte in GOOD + CHUNKED + b'8\r\n{"a": 1}\r\n0\r\n\r\n' + BYE]
    assert [reply.body for reply in replies(say(running.port, *pieces, pause=0.0005))] == [b"2", b"2", b"3"]


def test_upgrade_to_what_is_not_spoken(running: Running) -> None:
    """The request is answered in HTTP/1.1, its body read, and the connection goes on."""
    more = b"connection: upgrade, http2-settings\r\nupgrade: h2c\r\nhost"
    asked = GOOD.replace(b"host", more) + CHUNKED.replace(b"host", more) + b'8\r\n{"a": 4}\r\n0\r\n\r\n'
    found = replies(say(running.port, asked + b"GET /livez HTTP/1.1\r\n" + more + b": x\r\n\r\n" + BYE))
    assert [reply.body for reply in found] == [b"2", b"5", b"\n", b"3"]


def test_a_client_that_does_not_read(running: Running) -> None:
    """Answers that nobody reads are not made: memory stays as it is, and others are served."""
    ask = b"GET /docs/swagger-ui-bundle.js HTTP/1.1\r\nhost: x\r\n\r\n"
    assert running.http.get("/docs/swagger-ui-bundle.js").status_code == 200
    before = memory(running.pid)
    with socket.create_connection((HOST, running.port), timeout=5) as client:
        client.settimeout(1)
        assert fill(client, ask * 1000) < MOST_BUFFERED  # our own requests are not read either
        assert running.http.post("/add", json={"a": 1}).json() == 2
        assert memory(running.pid) - before < 60 * 1024 * 1024
    assert running.http.get("/livez").status_code == 200


def fill(client: socket.socket, data: bytes) -> int:
    """Send until nothing is taken any more; give how much was."""
    sent = 0
    try:
        while sent < MOST_BUFFERED:
            sent += client.send(data)
    except TimeoutError:
        pass
    return sent


def memory(pid: int) -> int:
    """Give the resident memory of a process, in bytes."""
    with open(f"/proc/{pid}/statm") as file:
        return int(file.read().split()[1]) * 4096

"""What stands behind a service gets its requests, and nothing can make it somebody else's."""

import json
import socket
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest

from ekiben.core.errors import InvalidInput
from ekiben.http.proxy import target_of, without
from tests.servers import HOST, Running, free_port, serving

COMMANDED = "tests.services.commanded"


@pytest.fixture(scope="module")
def behind() -> Iterator[Running]:
    with serving(f"{COMMANDED}:Behind", env={"FOREIGN_PORT": str(free_port())}) as running:
        yield running


@pytest.fixture(scope="module")
def by_method() -> Iterator[Running]:
    options = {"FOREIGN_PORT": str(free_port())}
    with serving(f"{COMMANDED}:ByMethod", env=options, wait=False) as running:
        end = time.monotonic() + 60
        while not running.log or not answers(running):
            assert time.monotonic() < end, running.log
            time.sleep(0.02)
        yield running


def answers(running: Running) -> bool:
    """Say whether the service below /v1 is ready."""
    try:
        return running.http.get("/v1/readyz").status_code == 200
    except httpx.TransportError:
        return False


def headers_of(told: Any) -> dict[str, str]:
    return dict(told["headers"])


def raw(running: Running, request: bytes) -> bytes:
    """Send bytes as they are; give all that comes back until the server closes."""
    with closing(socket.create_connection((HOST, running.port), 30)) as connection:
        connection.sendall(request)
        found = b""
        while piece := connection.recv(65536):
            found += piece
    return found


def test_own_endpoints_answer_first(behind: Running) -> None:
    """The class's endpoints and pages are its own, batches too; every other path is the command's."""
    assert behind.http.post("/double", json={"x": 4}).json() == 8
    assert behind.http.post("/triple", json={"xs": [1, 2]}).json() == [3, 6]
    assert "/double" in behind.http.get("/docs.json").json()["paths"]
    assert "covers" in behind.log  # why there is no fast lane
    for path in ("/", "/other", "/double/below", "/docs/none"):
        assert behind.http.get(path).json()["target"] == path


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_a_request_arrives_as_it_was_sent(behind: Running, method: str) -> None:
    """Method, path, query, host and body are not changed, whatever is escaped in them."""
    target = "/a%2Fb/c%20d/%C3%A9?x=1&y=%26;z"
    told = behind.http.request(method, target, content=b"caf\xc3\xa9", headers={"x-own": "1"}).json()
    assert (told["method"], told["target"]) == (method, target)
    assert told["body"].encode("latin-1") == b"caf\xc3\xa9"
    assert headers_of(told)["host"] == f"127.0.0.1:{behind.port}"
    assert headers_of(told)["x-own"] == "1"


def test_head_has_no_body(behind: Running) -> None:
    """A HEAD request tells the length of what GET would give."""
    answer = behind.http.head("/x")
    assert (answer.status_code, answer.content) == (200, b"")
    assert int(answer.headers["content-length"]) > 10


def test_who_the_client_is_is_ours_to_say(behind: Running) -> None:
    """What a client says of where it comes from is left out; the request id is the one that is answered."""
    said = {
        "x-forwarded-for": "8.8.8.8",
        "x-forwarded-proto": "https",
        "forwarded": "for=8.8.8.8",
        "x-real-ip": "8.8.8.8",
    }
    answer = behind.http.get("/x", headers={**said, "x-forwarded-host": "evil.example", "x-request-id": "mine"})
    found = [tuple(line) for line in answer.json()["headers"]]
    assert [value for name, value in found if name == "x-forwarded-for"] == ["127.0.0.1"]
    assert [value for name, value in found if name == "x-forwarded-proto"] == ["http"]
    assert [value for name, value in found if name == "x-request-id"] == ["mine"] == [answer.headers["x-request-id"]]
    assert "8.8.8.8" not in str(found)
    assert "evil.example" not in str(found)


def test_what_is_of_one_connection_stays_there(behind: Running) -> None:
    """Hop-by-hop headers and what `Connection` names are not passed on, either way; repeated ones stay repeated."""
    told = raw(
        behind,
        b"GET /x HTTP/1.1\r\nHost: a\r\nConnection: close, X-Mine\r\nX-Mine: 1\r\nTE: trailers\r\nKeep-Alive: 5\r\n"
        b"Proxy-Authorization: Basic x\r\nProxy-Connection: close\r\nX-Kept: 2\r\n\r\n",
    )
    found = headers_of(json.loads(told.partition(b"\r\n\r\n")[2]))
    gone = {"x-mine", "te", "keep-alive", "proxy-authorization", "proxy-connection", "upgrade"}
    assert not gone & set(found)
    assert (found["x-kept"], found["host"]) == ("2", "a")
    answer = behind.http.get("/hops")
    assert answer.status_code == 201
    assert not {"x-secret", "keep-alive", "upgrade"} & set(answer.headers)
    assert answer.headers.get_list("set-cookie") == ["a=1", "b=2"]
    assert answer.headers["x-kept"] == "2"
    assert len(answer.headers.get_list("date")) == len(answer.headers.get_list("server")) == 1


@pytest.mark.parametrize(
    "target",
    [
        pytest.param(b"http://192.0.2.1/x", id="an absolute address"),
        pytest.param(b"http://user:secret@192.0.2.1:1/x", id="with a user"),
        pytest.param(b"//192.0.2.1/x", id="a host after two slashes"),
        pytest.param(b"/../../x", id="steps up"),
        pytest.param(b"/%2e%2e/@192.0.2.1/x", id="escaped steps"),
        pytest.param(b"/@192.0.2.1:1/x", id="an at sign"),
        pytest.param(b"/x%0d%0aHost:%20192.0.2.1", id="an escaped end of line"),
        pytest.param(b"/\\192.0.2.1/x", id="a backslash"),
        pytest.param(b"/x?u=http://192.0.2.1", id="an address in the query"),
    ],
)
def test_no_address_leads_elsewhere(behind: Running, target: bytes) -> None:
    """Whatever a client writes as its target, the command gets it as a path, or nobody does."""
    told = raw(behind, b"GET " + target + b" HTTP/1.1\r\nHost: 192.0.2.1\r\nConnection: close\r\n\r\n")
    status = int(told.split(b" ", 2)[1])
    assert status in (200, 400), told
    if status == 200:
        found = json.loads(told.partition(b"\r\n\r\n")[2])
        assert found["target"].startswith("/")
        assert [value for name, value in found["headers"] if name == "host"] == ["192.0.2.1"]


@pytest.mark.parametrize(
    "request_line",
    [b"CONNECT 192.0.2.1:80 HTTP/1.1", b"CONNECT /x HTTP/1.1", b"GET x HTTP/1.1"],
    ids=bytes.decode,
)
def test_what_is_no_path_is_refused(behind: Running, request_line: bytes) -> None:
    """A tunnel, and a target that is no path, get 4xx or nothing at all, and reach nobody."""
    told = raw(behind, request_line + b"\r\nHost: a\r\nConnection: close\r\n\r\n")
    assert told == b"" or told.startswith((b"HTTP/1.1 4", b"HTTP/1.0 4")), told
    assert b'"target"' not in told


@pytest.mark.parametrize(
    "scope",
    [
        {"path": "/x", "raw_path": b"/x\r\nHost: evil"},
        {"path": "/x", "raw_path": b"http://evil/x"},
        {"path": "/x", "raw_path": b"/x", "query_string": b"a\r\nb"},
        {"path": "/x", "raw_path": b"/x y"},
        {"path": "/x", "raw_path": b"/\xe9"},
        {"path": "x"},
    ],
    ids=str,
)
def test_a_target_is_one_word(scope: dict[str, Any]) -> None:
    """What another ASGI server lets through, and could end the line, is refused."""
    with pytest.raises(InvalidInput, match="must be a path in ASCII"):
        target_of(scope, "")


@pytest.mark.parametrize(
    ("path", "sent", "query", "target"),
    [
        ("/v1/a", b"/v1/a", b"", b"/a"),
        ("/v1", b"/v1", b"x=1", b"/?x=1"),
        ("/v1/a/é", b"/%761/a/%C3%A9", b"", b"/a/%C3%A9"),
        ("/v1/a b", None, b"", b"/a%20b"),
        ("/v1/a", b"/v1/a?x=1", b"x=1", b"/a?x=1"),
    ],
    ids=str,
)
def test_a_prefix_is_taken_off(path: str, sent: bytes | None, query: bytes, target: bytes) -> None:
    """The server behind does not see the prefix, however a client escapes it."""
    assert target_of({"path": path, "raw_path": sent, "query_string": query}, "/v1") == target


def test_named_headers_are_left_out() -> None:
    """What `Connection` names goes, in any case and with blanks."""
    lines = [(b"connection", b" X-A ,x-b"), (b"x-a", b"1"), (b"x-b", b"2"), (b"x-c", b"3")]
    assert without(lines, {b"connection"}) == [(b"x-c", b"3")]


def test_bodies(behind: Running) -> None:
    """A body goes through with its length or in pieces, and not one byte over the limit."""
    assert behind.http.post("/x", content=b"a" * 1_000_000).json()["body"] == 1_000_000
    pieces = behind.http.post("/x", content=iter([b"a" * 400_000] * 2)).json()
    assert (pieces["body"], headers_of(pieces)["transfer-encoding"]) == (800_000, "chunked")
    assert behind.http.post("/x", content=b"a" * 1_000_001).status_code == 413
    assert behind.http.post("/x", content=iter([b"a" * 400_000] * 3)).status_code == 413


def test_smuggling_is_refused(behind: Running) -> None:
    """A request whose length is said twice never reaches the command."""
    head = b"POST /x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
    twice = raw(
        behind, head + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /y HTTP/1.1\r\n\r\n"
    )
    assert twice.startswith(b"HTTP/1.1 400"), twice
    assert b'"target"' not in twice
    named = raw(behind, head.replace(b"close", b"close, content-length") + b"Content-Length: 4\r\n\r\nabcd")
    assert json.loads(named.partition(b"\r\n\r\n")[2])["body"] == "abcd"


def test_answers_without_body_and_redirects(behind: Running) -> None:
    """An answer without a body is passed on as such; nobody follows where an answer leads."""
    assert behind.http.get("/unchanged").status_code == 304
    moved = behind.http.get("/moved", follow_redirects=False)
    assert (moved.status_code, moved.headers["location"]) == (302, "http://192.0.2.1/")


def test_pieces_come_when_they_are_sent(behind: Running, tmp_path: Path) -> None:
    """A stream is not held back: the first piece is here before the second is sent."""
    go = tmp_path / "go"
    with behind.http.stream("GET", "/events", headers={"x-note": str(go)}) as answer:
        pieces = answer.iter_raw()
        assert next(pieces) == b"one\n\n"
        go.touch()
        assert b"".join(pieces) == b"two\n\n"
    assert answer.headers["content-type"] == "text/event-stream"


def test_a_client_that_leaves_is_not_waited_for(behind: Running, tmp_path: Path) -> None:
    """The request behind ends when its client is gone."""
    note = tmp_path / "note"
    with closing(socket.create_connection((HOST, behind.port), 30)) as connection:
        connection.sendall(b"GET /slow HTTP/1.1\r\nHost: a\r\nX-Note: " + str(note).encode() + b"\r\n\r\n")
        wait_for(note.with_suffix(".begun"))
    wait_for(note)
    assert note.read_text() == "left"


def wait_for(path: Path) -> None:
    end = time.monotonic() + 30
    while not (path.exists() and (path.suffix or path.read_text())):
        assert time.monotonic() < end, path
        time.sleep(0.01)


def test_what_is_no_http_is_a_bad_gateway(behind: Running) -> None:
    """Garbage is answered with 502 and a problem, not with our traceback; the next request is fine."""
    answer = behind.http.get("/garbage")
    assert answer.status_code == 502
    assert answer.json()["error"] == "the command behind the service does not answer"
    assert answer.headers["content-type"] == "application/problem+json"
    with pytest.raises(httpx.RemoteProtocolError):
        behind.http.get("/broken")
    assert behind.http.get("/x").status_code == 200


def test_websockets_are_refused(behind: Running) -> None:
    """A WebSocket gets a plain no."""
    told = raw(
        behind,
        b"GET /chat HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
    )
    assert told.startswith(b"HTTP/1.1 403"), told


def test_limits_of_the_service_hold(by_method: Running, tmp_path: Path) -> None:
    """`timeout` is answered with 504, one call too many with 429; the words of the instance's method count."""
    told = by_method.http.get("/v1/x?y").json()
    assert told["target"] == "/x?y"
    assert headers_of(told)["x-forwarded-prefix"] == "/v1"
    note = {"x-note": str(tmp_path / "note")}
    with closing(socket.create_connection((HOST, by_method.port), 30)) as connection:
        line = f"GET /v1/slow HTTP/1.1\r\nHost: a\r\nConnection: close\r\nX-Note: {note['x-note']}\r\n\r\n"
        connection.sendall(line.encode())
        wait_for(tmp_path / "note.begun")
        assert by_method.http.get("/v1/x").status_code == 429
        assert connection.recv(65536).startswith(b"HTTP/1.1 504")
    assert by_method.http.get("/x").status_code == 404

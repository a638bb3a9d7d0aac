"""Where a server cannot start, whatever is asked gets 503 and the reason, and the sockets stay for the next one."""

import json
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import trustme
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from ekiben.core.errors import ConfigError
from ekiben.core.spec import Style, TlsSpec
from ekiben.http.listen import Listen, Listening, bind
from ekiben.http.stand_in import StandIn
from tests.http.raw import replies, say
from tests.servers import HOST

REASON = "the code could not be started: '(' was never closed"


@pytest.fixture
def listening() -> Iterator[Listening]:
    with bind(Listen(port=0)) as found:
        yield found


def numbers(listening: Listening) -> list[int]:
    return [each.fileno() for each in listening.sockets]


def port_of(listening: Listening) -> int:
    assert listening.port is not None
    return listening.port


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE", "OPTIONS"])
@pytest.mark.parametrize("path", ["/predict", "/livez", "/readyz", "/", "/metrics", "/docs?a=%00"])
def test_everything_gets_the_reason(listening: Listening, method: str, path: str) -> None:
    """Any path and method: a problem body with the reason, when to ask again, and an end of the connection."""
    with StandIn(numbers(listening), REASON):
        answer = httpx.request(method, f"http://{HOST}:{listening.port}{path}", timeout=30)
    assert answer.status_code == 503
    assert answer.headers["content-type"] == "application/problem+json"
    assert (answer.headers["retry-after"], answer.headers["connection"]) == ("1", "close")
    assert answer.json()["detail"] == REASON
    assert answer.headers["x-request-id"]


def test_in_the_style_of_a_dialect(listening: Listening) -> None:
    """The body has the form that the program's own errors have."""
    with StandIn(numbers(listening), REASON, Style(error_style="object")):
        assert httpx.get(f"http://{HOST}:{listening.port}/x", timeout=30).json() == {"error": REASON}


POST = b"POST /x HTTP/1.1\r\nhost: x\r\n"


def test_head_has_no_body(listening: Listening) -> None:
    """HEAD has the headers alone."""
    with StandIn(numbers(listening), REASON):
        (reply,) = replies(say(port_of(listening), b"HEAD / HTTP/1.1\r\nhost: x\r\n\r\n"), heads_only=True)
    assert (reply.status, reply.body) == (503, b"")


def test_a_long_body_is_read_before_the_end(listening: Listening) -> None:
    """A client that sends much has its answer, and no reset; one that asks first is told at once."""
    with StandIn(numbers(listening), REASON):
        body = b"x" * 3_000_000
        (reply,) = replies(say(port_of(listening), POST + b"content-length: %d\r\n\r\n" % len(body) + body))
        assert reply.status == 503
        said = say(port_of(listening), POST + b"content-length: 3000000\r\nexpect: 100-continue\r\n\r\n")
        assert said.startswith(b"HTTP/1.1 503 ")


def test_one_answer_a_connection(listening: Listening) -> None:
    """A client that would keep its connection is told to open another, which finds the next server."""
    with StandIn(numbers(listening), REASON):
        found = replies(say(port_of(listening), POST + b"content-length: 0\r\n\r\n" + POST))
    assert [(reply.status, reply.headers["connection"]) for reply in found] == [(503, "close")]


@pytest.mark.parametrize(
    ("said", "status"),
    [
        pytest.param(b"GARBAGE\r\n\r\n", 400, id="no HTTP"),
        pytest.param(POST + b"content-length: 1\r\ncontent-length: 2\r\n\r\nab", 400, id="two lengths"),
        pytest.param(b"CONNECT x:443 HTTP/1.1\r\nhost: x\r\n\r\n", 400, id="a tunnel"),
        pytest.param(b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\nhost: x\r\n\r\n", 431, id="a path without an end"),
    ],
)
def test_as_strict_as_a_server(listening: Listening, said: bytes, status: int) -> None:
    """What a server refuses is refused here too."""
    with StandIn(numbers(listening), REASON):
        (reply,) = replies(say(port_of(listening), said))
    assert (reply.status, reply.headers["connection"]) == (status, "close")


def test_a_websocket(listening: Listening) -> None:
    """A WebSocket is refused with the same words."""
    with StandIn(numbers(listening), REASON), pytest.raises(InvalidStatus) as refused:
        connect(f"ws://{HOST}:{listening.port}/x")
    assert refused.value.response.status_code == 503
    assert json.loads(refused.value.response.body or b"")["detail"] == REASON


def test_nobody_holds_up_the_next_server(listening: Listening) -> None:
    """It ends while clients say nothing, or half of something; a connection that was not taken waits for the next."""
    with (
        socket.create_connection((HOST, port_of(listening))) as silent,
        socket.create_connection((HOST, port_of(listening))) as slow,
    ):
        slow.sendall(POST + b"content-length: 10\r\n\r\nabc")
        with StandIn(numbers(listening), REASON):
            silent.sendall(b"GET / HT")
            assert httpx.get(f"http://{HOST}:{listening.port}/", timeout=30).status_code == 503
        assert not [each for each in threading.enumerate() if each.name == "ekiben-stand-in"]
    with socket.create_connection((HOST, port_of(listening)), timeout=30) as late:
        late.sendall(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        with StandIn(numbers(listening), "another reason"):
            assert b"another reason" in late.makefile("rb").read()


def test_a_unix_socket(tmp_path: Path) -> None:
    """It answers on a path as well, which stays its owner's."""
    path = tmp_path / "socket"
    with bind(Listen(uds=str(path))) as listening:
        with StandIn(numbers(listening), REASON):
            with httpx.Client(transport=httpx.HTTPTransport(uds=str(path)), timeout=30) as client:
                assert client.get("http://x/").status_code == 503
        assert path.exists()


def test_tls(listening: Listening, tmp_path: Path) -> None:
    """With TLS it is spoken here, too; files that cannot be used are told."""
    authority = trustme.CA()
    certificate = authority.issue_cert("localhost", "127.0.0.1")
    file = tmp_path / "all.pem"
    certificate.private_key_and_cert_chain_pem.write_to_path(str(file))
    context = ssl.create_default_context()
    authority.configure_trust(context)
    with StandIn(numbers(listening), REASON, tls=TlsSpec(certfile=str(file))):
        answer = httpx.get(f"https://{HOST}:{listening.port}/", verify=context, timeout=30)
    assert answer.json()["detail"] == REASON
    with pytest.raises(ConfigError, match=r"the TLS files cannot be used: No such file .*: certificate .*none\.pem\n"):
        StandIn(numbers(listening), REASON, tls=TlsSpec(certfile=str(tmp_path / "none.pem")))

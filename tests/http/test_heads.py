"""Whoever writes an answer, no header of it can begin another header or another answer; it is a logged 500 instead."""

import json
import logging
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest

from ekiben.http.exchange import checked, opening
from ekiben.http.task_process import collected
from tests.http.forging import FORGED, HEADS, Forger, Surrounded, made
from tests.http.lanes import Lane, lane, request
from tests.http.raw import Reply, replies

pytestmark = pytest.mark.slow

CLOSE: dict[str, Any] = {"connection": "close"}
SOCKET: dict[str, Any] = {
    "method": "GET", "body": b"", "upgrade": "websocket", "connection": "upgrade", "content_length": None,
    "content_type": None, "sec_websocket_key": "dGhlIHNhbXBsZSBub25jZQ==", "sec_websocket_version": "13",
}  # fmt: skip


@pytest.fixture(scope="module", params=["asgi", "fast", "asgi apart", "fast apart"])
def forger(request: pytest.FixtureRequest) -> Iterator[Lane]:
    name, _, apart = request.param.partition(" ")
    with lane(Forger, name, apart=1 if apart else 0) as found:
        yield found


def asked(path: str, **arguments: str) -> bytes:
    return request(path, json.dumps(arguments).encode()) + request("/fine", b"{}", **CLOSE)


def refused(said: bytes) -> None:
    """Hold that the first answer is our 500, whole, and that the next request has its own answer."""
    assert b"forged" not in said
    first, then = replies(said)
    assert is_our_500(first), first
    assert (then.status, then.body) == (200, b"fine")


def is_our_500(reply: Reply) -> bool:
    is_problem = reply.headers["content-type"] == "application/problem+json"
    return reply.status == 500 and is_problem and json.loads(reply.body)["status"] == 500


@pytest.mark.parametrize("path", ["/forge", "/forge_more"])
@pytest.mark.parametrize("how", HEADS)
def test_a_response_of_an_endpoint(forger: Lane, path: str, how: str) -> None:
    """A response whose head HTTP forbids is 500, the connection goes on, and nothing of it was sent."""
    refused(forger.say(asked(path, how=how)))


@pytest.mark.parametrize("path", ["/echo", "/trickle"])
def test_what_a_client_sends(forger: Lane, path: str) -> None:
    """A client cannot write an answer by what an endpoint repeats of it in a header."""
    refused(forger.say(asked(path, value=FORGED)))
    first, _ = replies(forger.say(asked(path, value="plain\tß")))
    assert (first.status, first.headers["x-a"], first.body) == (200, "plain\tß", b"body")


@pytest.mark.parametrize("how", HEADS)
def test_a_mounted_app(forger: Lane, how: str) -> None:
    """The same holds for what a mounted app sends."""
    first = request(f"/own/?{quote(how)}", method="GET", body=b"")
    refused(forger.say(first + request("/fine", b"{}", **CLOSE)))


def test_the_transfer_encoding_is_the_servers(forger: Lane) -> None:
    """An app that says both a length and chunks gives one of them: two would be read in two ways."""
    (reply,) = replies(forger.say(request("/own/?chunked", method="GET", body=b"", **CLOSE)))
    assert (reply.status, reply.body, reply.headers["content-length"]) == (200, b"body", "4")
    assert "transfer-encoding" not in reply.headers


@pytest.mark.parametrize("how", ["accept", "subprotocol", "refuse"])
def test_a_websocket(forger: Lane, how: str) -> None:
    """What lets a WebSocket in, or keeps it out, cannot forge a header either."""
    said = forger.say(request(f"/own/?{how}", **SOCKET))
    assert said.startswith(b"HTTP/1.1 500 ")
    assert b"forged" not in said


def test_middleware() -> None:
    """Middleware that breaks every head gets 500 for every answer."""
    with lane(Surrounded, None) as found:
        said = found.say(request("/fine", b"{}", **CLOSE))
        (reply,) = replies(said)
        assert is_our_500(reply)
        assert b"forged" not in said


def test_it_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """The log says which header it was; the answer does not."""
    with lane(Forger, "fast") as found, caplog.at_level(logging.ERROR):
        (reply,) = replies(found.say(request("/forge", b'{"how": "a line break"}', **CLOSE)))
    assert b"x-a" not in reply.body
    assert "the header `x-a` must not hold control characters" in caplog.text
    assert "of POST /forge" in caplog.text


@pytest.mark.parametrize("how", HEADS)
def test_checked(how: str) -> None:
    """Each is refused by its reason, before any byte of it is sent."""
    status, headers = HEADS[how]
    with pytest.raises((ValueError, TypeError)):
        checked(status, headers)


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param([], id="none"),
        pytest.param([(b"content-type", b"text/plain"), (b"vary", b"accept"), (b"vary", b"origin")], id="usual ones"),
        pytest.param([(b"X-A", b"a\tb \xff"), (b"set-cookie", b"a=1"), (b"set-cookie", b"b=2")], id="unusual ones"),
    ],
)
def test_what_may_stand_in_a_head(headers: list[tuple[bytes, bytes]]) -> None:
    """Tabs, letters beyond ASCII and repeated names are HTTP's, and go as they came."""
    assert checked(200, headers) == headers


async def test_the_answer_of_a_task() -> None:
    """A task whose method gives such a response fails when it runs, and not each time its answer is fetched."""
    with pytest.raises(ValueError, match="the header `x-a` must not hold control characters"):
        await collected(made("a line break"))


async def test_what_is_no_opening_passes() -> None:
    """Messages of an open WebSocket are passed on as they are."""
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    await opening(send)({"type": "websocket.accept", "subprotocol": "v2", "headers": [(b"x-a", b"1")]})
    await opening(send)({"type": "websocket.send", "text": FORGED})
    assert [message["type"] for message in sent] == ["websocket.accept", "websocket.send"]

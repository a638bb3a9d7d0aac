"""Clients tell the server how long they wait, and keep to the time of the call that they are made in."""

import time
from typing import Any

import httpx
import pytest

import ekiben
from ekiben.client.aio import AsyncHTTPClient
from ekiben.client.base import PATIENCE, patience_header
from ekiben.client.sync import SyncHTTPClient
from ekiben.core.deadline import remaining, within
from ekiben.core.errors import DeadlineExceeded
from ekiben.http.deadline import FIELD
from tests.engine.running import ask, running

ROUTE = {
    "name": "go", "route": "/go", "methods": ["POST"], "input": {}, "output": {}, "reads": ["application/json"],
}  # fmt: skip
sent: list[httpx.Request] = []


def answer(request: httpx.Request) -> httpx.Response:
    """Be the server."""
    if request.url.path == "/schema.json":
        return httpx.Response(200, json={"routes": [ROUTE]})
    sent.append(request)
    return httpx.Response(200, json=1)


@pytest.fixture(autouse=True)
def nothing_sent() -> None:
    """Begin with no request."""
    sent.clear()


def test_both_sides_mean_the_same_header() -> None:
    """The client writes the header that the server reads."""
    assert PATIENCE.encode() == FIELD


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        pytest.param(30.0, {PATIENCE: "30000"}, id="in milliseconds"),
        pytest.param(0.0001, {PATIENCE: "1"}, id="never 0"),
        pytest.param(1e12, {PATIENCE: "9999999999"}, id="never more than the server reads"),
        pytest.param(None, {}, id="no limit is not told"),
    ],
)
def test_header(seconds: float | None, expected: dict[str, str]) -> None:
    """A time is told as the server reads it."""
    assert patience_header(seconds) == expected


def test_the_timeout_is_told() -> None:
    """A client's `timeout` goes with each call."""
    with SyncHTTPClient("http://a", timeout=2.5, transport=httpx.MockTransport(answer)) as client:
        client.call("go")
    assert sent[0].headers[PATIENCE] == "2500"
    assert sent[0].extensions["timeout"]["read"] == 2.5


async def test_the_timeout_is_told_async() -> None:
    """So it does from async code."""
    async with AsyncHTTPClient("http://a", timeout=2.5, transport=httpx.MockTransport(answer)) as client:
        await client.call("go")
    assert sent[0].headers[PATIENCE] == "2500"


def test_a_call_within_a_call_has_what_is_left() -> None:
    """Within a call that has a second left, another one gets no more than that."""
    with SyncHTTPClient("http://a", timeout=30, transport=httpx.MockTransport(answer)) as client:
        with within(time.monotonic() + 1):
            client.call("go")
        with within(time.monotonic() + 1000):
            client.call("go")
    assert 0 < int(sent[0].headers[PATIENCE]) <= 1000
    assert sent[0].extensions["timeout"]["read"] <= 1
    assert sent[1].headers[PATIENCE] == "30000"


def test_no_time_left() -> None:
    """A call that is late makes no other one."""
    with (
        SyncHTTPClient("http://a", transport=httpx.MockTransport(answer)) as client,
        within(time.monotonic()),
        pytest.raises(DeadlineExceeded, match="no time left"),
    ):
        client.call("go")
    assert sent == []


@ekiben.service(traffic={"timeout": 50})
class Front:
    """Calls another service."""

    other: Any = ekiben.depends(url="http://localhost:9")

    @ekiben.api
    def left(self) -> float:
        """Say what is left, on the model's thread."""
        return remaining() or -1.0

    @ekiben.api(timeout=20)
    async def left_async(self) -> float:
        """Say what is left, on the loop."""
        return remaining() or -1.0


async def test_the_engine_tells_the_code() -> None:
    """Wherever a method of a service with dependencies runs, its deadline is known there, and only while it runs."""
    async with running(Front) as dispatcher:
        assert 40 < await ask(dispatcher, "left") <= 50
        assert 10 < await ask(dispatcher, "left_async") <= 20
        assert remaining() is None
        assert await dispatcher.in_thread(remaining) is None

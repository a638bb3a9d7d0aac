"""A caller says how long it waits, and gets 504 that says whose limit it was."""

import asyncio
import threading
import time
from typing import Any

import pytest

import ekiben
from ekiben.core.errors import InvalidInput
from ekiben.http import deadline
from tests.http.within import asking

FIELD = deadline.FIELD.decode()
ended: list[str] = []
free = threading.Event()


@ekiben.service(traffic={"timeout": 50})
class Slow:
    """Waits."""

    @ekiben.api
    async def wait(self) -> None:
        """Wait for ever; tell how it ended."""
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            ended.append("cancelled")
            raise

    @ekiben.api
    def block(self) -> None:
        """Block the model's thread."""
        free.wait(60)

    @ekiben.api(timeout=0.02)
    async def short(self) -> None:
        """Have a limit of its own."""
        await asyncio.Event().wait()

    @ekiben.api
    def left(self, ctx: ekiben.Context) -> float:
        """Say how much time there is."""
        return ctx.remaining() or -1

    @ekiben.api(timeout=None)
    async def endless(self, ctx: ekiben.Context) -> bool:
        """Say that there is no end."""
        return ctx.deadline is None and ctx.remaining() is None


@pytest.mark.parametrize("value", ["", "0", "-5", "1.5", "soon", "12345678901", "1e3", "٣"])
def test_what_is_no_number_is_refused(value: str) -> None:
    """Only a whole number of milliseconds above 0 is a deadline; the error names the header."""
    with pytest.raises(InvalidInput, match=f"`{FIELD}` must be a whole number of milliseconds above 0"):
        deadline.read({deadline.FIELD: value.encode()})


def test_reading() -> None:
    """The header counts from now; without it there is no deadline."""
    assert deadline.read({}) is None
    found = deadline.read({deadline.FIELD: b"2500"})
    assert found is not None
    assert 2 < found - time.monotonic() <= 2.5


@pytest.mark.parametrize(
    ("name", "headers", "words"),
    [
        pytest.param("wait", {FIELD: "20"}, "0.02 seconds, the limit of the caller", id="async: the caller's"),
        pytest.param("block", {FIELD: "20"}, "0.02 seconds, the limit of the caller", id="sync: the caller's"),
        pytest.param("short", {}, "0.02 seconds, the limit of the endpoint", id="the endpoint's"),
        pytest.param("short", {FIELD: "9000"}, "0.02 seconds, the limit of the endpoint", id="it is not lengthened"),
    ],
)
async def test_504_says_whose(name: str, headers: dict[str, str], words: str) -> None:
    """The answer to a call that took too long says which limit ended it."""
    try:
        async with asking(Slow) as client:
            answer = await client.post(f"/{name}", headers=headers)
            assert answer.status_code == 504
            assert words in answer.json()["detail"]
            free.set()
    finally:
        free.set()
        free.clear()


async def test_the_services_limit() -> None:
    """A call that its service ends says so."""
    service: Any = ekiben.service(traffic={"timeout": 0.02})(type("Other", (Slow,), {}))
    async with asking(service) as client:
        answer = await client.post("/wait")
        assert "0.02 seconds, the limit of the service" in answer.json()["detail"]


async def test_an_async_method_is_cancelled() -> None:
    """An async method whose time is up gets CancelledError, so that it can let go of what it holds."""
    ended.clear()
    async with asking(Slow) as client:
        assert (await client.post("/wait", headers={FIELD: "10"})).status_code == 504
    assert ended == ["cancelled"]


async def test_the_method_sees_what_is_left() -> None:
    """`ctx.remaining()` is the shorter of the service's and the caller's time."""
    async with asking(Slow) as client:
        assert 40 < (await client.post("/left")).json() <= 50
        assert 0 < (await client.post("/left", headers={FIELD: "30000"})).json() <= 30
        assert 40 < (await client.post("/left", headers={FIELD: "9000000"})).json() <= 50
        assert (await client.post("/endless")).json() is True


async def test_a_wrong_header_is_the_callers_mistake() -> None:
    """A header that is no number is answered with 400."""
    async with asking(Slow) as client:
        answer = await client.post("/left", headers={FIELD: "soon"})
        assert answer.status_code == 400
        assert FIELD in answer.json()["detail"]

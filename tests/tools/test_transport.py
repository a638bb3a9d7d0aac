"""An app in this process is asked as over a socket: piece by piece, with back-pressure, with an end on both sides."""

import asyncio
from typing import Any

import httpx
import pytest

from ekiben.tools.transport import AHEAD, AsyncTransport, scope_of

START = {"type": "http.response.start", "status": 200, "headers": [(b"x-a", b"1")]}


def client(app: Any) -> httpx.AsyncClient:
    """Make a client of *app*."""
    return httpx.AsyncClient(transport=AsyncTransport(app), base_url="http://localhost:3000")


async def test_pieces_are_paused_and_the_client_can_leave() -> None:
    """An app is paused when nobody reads, its reader gets each piece alone, and it hears that its client left."""
    sent: list[int] = []
    heard: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send(START)
        listening = asyncio.create_task(receive())
        while not listening.done():
            sent.append(len(sent))
            await send({"type": "http.response.body", "body": b"%d" % sent[-1], "more_body": True})
            await asyncio.sleep(0)
        heard.append((await listening)["type"])

    async with client(app) as http:
        async with http.stream("GET", "/") as answer:
            pieces = answer.aiter_raw()
            assert [await anext(pieces), await anext(pieces)] == [b"0", b"1"]
            for _ in range(20):
                await asyncio.sleep(0)
            assert len(sent) <= 2 + AHEAD + 1
        assert heard == ["http.disconnect"]


async def test_a_broken_answer() -> None:
    """An app that ends or raises within its answer breaks it off; one that raises before raises to the caller."""

    async def ends(scope: Any, receive: Any, send: Any) -> None:
        await send(START)
        await send({"type": "http.response.body", "body": b"a", "more_body": True})

    async def raises(scope: Any, receive: Any, send: Any) -> None:
        raise ValueError("before")

    async def silent(scope: Any, receive: Any, send: Any) -> None:
        """Say nothing."""

    async with client(ends) as http:
        with pytest.raises(httpx.RemoteProtocolError, match="broke"):
            await http.get("/")
    async with client(raises) as http:
        with pytest.raises(ValueError, match="before"):
            await http.get("/")
    async with client(silent) as http:
        with pytest.raises(RuntimeError, match="no answer"):
            await http.get("/")


async def test_a_caller_that_is_cancelled_ends_the_call() -> None:
    """Cancelling a request before its answer began cancels the app's part of it."""
    ended = asyncio.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    async with client(app) as http:
        asking = asyncio.create_task(http.get("/"))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        asking.cancel()
        await asyncio.wait({asking})
        await ended.wait()


def test_scope() -> None:
    """A request is described as a server describes it."""
    scope = scope_of(httpx.Request("GET", "http://localhost:3000/a%2Fb/c?d=e&f", headers={"X-A": "1"}))
    assert (scope["path"], scope["raw_path"], scope["query_string"]) == ("/a/b/c", b"/a%2Fb/c", b"d=e&f")
    assert (scope["method"], scope["server"]) == ("GET", ("localhost", 3000))
    assert (b"x-a", b"1") in scope["headers"]

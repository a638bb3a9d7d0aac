"""The async client does what the plain one does, on the running loop."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import numpy as np
import pytest
from PIL import Image

import ekiben
from ekiben.client.aio import AsyncHTTPClient
from ekiben.core.errors import InvalidInput, NotFound, Unavailable
from ekiben.tools.testing import async_client
from tests.client.lunchbox import Lunchbox
from tests.servers import free_port


@pytest.fixture
async def lunch() -> AsyncIterator[AsyncHTTPClient]:
    """A client of the lunchbox."""
    async with async_client(Lunchbox) as found:
        yield found


async def test_calls(lunch: AsyncHTTPClient) -> None:
    """Arrays, forms and clashing names are as in the plain client."""
    x = np.array([1.0, 2.0], dtype="float32")
    answer = await lunch.add(x)
    assert answer.dtype == np.float32
    np.testing.assert_array_equal(await lunch.add(x, n=2), x + 2)
    assert await lunch.api_close() == await lunch.call("close") == "closed"
    assert (await lunch.describe(Image.new("L", (3, 2)), "x"))["label"] == "x"


async def test_many_at_once(lunch: AsyncHTTPClient) -> None:
    """Calls run beside each other, each with its own answer."""
    answers = await asyncio.gather(*(lunch.echo(text=str(n)) for n in range(20)))
    assert answers == [str(n) for n in range(20)]


async def test_files(lunch: AsyncHTTPClient, tmp_path: Path) -> None:
    """A file goes in pieces and comes back as a path, which ends with the client."""
    (tmp_path / "a.txt").write_bytes(b"ab" * 300_000)
    answer = await lunch.twice(tmp_path / "a.txt")
    assert answer.read_bytes() == b"ab" * 600_000
    await lunch.close()
    assert not answer.exists()


async def test_errors(lunch: AsyncHTTPClient) -> None:
    """Errors are ours; an endpoint that is not there shows when it is called, or at once where it is known."""
    with pytest.raises(InvalidInput, match=r"x\[0\]"):
        await lunch.add(["a"])
    with pytest.raises(AttributeError, match="did you mean `add`"):
        _ = lunch.ad
    with pytest.raises(NotFound, match="did you mean `add`"):
        await lunch.call("ad")
    with pytest.raises(TypeError, match="needs the argument `x`"):
        await lunch.add()


async def test_discovery(lunch: AsyncHTTPClient) -> None:
    """Endpoints are listed and documented once they were asked for."""
    assert "add" not in dir(lunch)
    assert "add" in await lunch.discover()
    assert {"add", "api_close"} <= set(dir(lunch))
    assert lunch.add.__doc__ == "Add *n* to each number."
    assert (await lunch.request("GET", "/livez")).status_code == 200
    assert await lunch.is_ready()


async def test_a_probe_that_stands_elsewhere() -> None:
    """A service below a prefix, with a probe of its own, is found to be ready."""
    moved = ekiben.service(path_prefix="/below", endpoints={"readyz": "/well"})(
        type("Moved", (), {"word": ekiben.api(word)})
    )
    with ekiben.serve(moved, port=0) as server:
        async with server.async_client(server_ready_timeout=30) as client:
            assert await client.is_ready()
            assert await client.word() == "here"


def word(self: object) -> str:
    """Give a word."""
    return "here"


async def test_an_unknown_endpoint_before_discovery(lunch: AsyncHTTPClient) -> None:
    """A name that turns out to be none is said by the call."""
    with pytest.raises(NotFound, match="no endpoint `ad`"):
        await lunch.ad()


async def test_nobody_there() -> None:
    """A server that is not there is Unavailable, with its address."""
    url = f"http://127.0.0.1:{free_port()}"
    async with AsyncHTTPClient(url) as client:
        assert not await client.is_ready()
        with pytest.raises(Unavailable, match=url):
            await client.predict()
    with pytest.raises(Unavailable, match="not ready"):
        async with AsyncHTTPClient(url, server_ready_timeout=0):
            pass


async def test_waiting_for_a_server() -> None:
    """A wait outlasts refusals and 503s, ends with the first 200, and asks nothing more."""
    answers = [httpx.ConnectError("refused"), httpx.ReadTimeout("slow"), 503, 200]
    asked = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.path)
        found = answers[len(asked) - 1]
        if isinstance(found, Exception):
            raise found
        return httpx.Response(found)

    async with AsyncHTTPClient("http://there", transport=httpx.MockTransport(answer)) as client:
        await client.wait_until_server_ready(60)
    assert asked == ["/readyz"] * len(answers)


async def test_a_wait_ends() -> None:
    """Where the server is never ready the wait ends after its time, other work goes on meanwhile, and each question is
    given no more time than is left.
    """
    patience: list[float] = []

    def refuse(request: httpx.Request) -> httpx.Response:
        patience.append(request.extensions["timeout"]["connect"])
        return httpx.Response(503)

    async with AsyncHTTPClient("http://there", transport=httpx.MockTransport(refuse)) as client:
        waiting = asyncio.create_task(client.wait_until_server_ready(0.3))
        turns = 0
        while not waiting.done():
            turns += 1
            await asyncio.sleep(0.01)
        with pytest.raises(Unavailable, match=r"cannot reach http://there: it was not ready within 0\.3 seconds"):
            await waiting
    assert turns > 2
    assert len(patience) >= 2
    assert max(patience) <= 0.3

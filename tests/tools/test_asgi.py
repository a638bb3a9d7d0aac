"""The app of a service runs on any ASGI server."""

import threading
import time

import httpx
import uvicorn

import ekiben
from tests.http.within import started
from tests.servers import free_port
from tests.tools.test_testing import Kitchen


def test_plain_uvicorn() -> None:
    """Plain uvicorn runs the app, start-up and shut-down included."""
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(ekiben.to_asgi(Kitchen), port=port, log_config=None))
    thread = threading.Thread(target=server.run)
    thread.start()
    end = time.monotonic() + 60
    while not server.started:
        assert time.monotonic() < end
        time.sleep(0.02)
    answer = httpx.post(f"http://127.0.0.1:{port}/double", json={"x": [1, 2]})
    server.should_exit = True
    thread.join(30)
    assert answer.json() == [2, 4]
    assert not thread.is_alive()


async def test_several() -> None:
    """Several services are one app, for any server."""
    app = ekiben.to_asgi({"a": Kitchen, "b": Kitchen})
    async with started(app), httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://x") as client:
        assert (await client.post("/b/double", json={"x": [1]})).json() == [2]
        assert (await client.get("/readyz")).status_code == 200

"""The app under other servers, and other apps under ours."""

import sys
from pathlib import Path

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from tests.http.real import server
from tests.servers import free_port, starting

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]


def test_plain_uvicorn() -> None:
    """`uvicorn module:app` serves a service: ready once started, with every page, stopped in order."""
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", "tests.http.app_of_calls:app", "--port", str(port)]
    with starting(command, port, cwd=ROOT) as running:
        running.wait_until_ready()
        assert running.http.post("/add", json={"a": 1}).json() == 2
        found = [running.http.get(path).status_code for path in ("/docs", "/docs.json", "/metrics", "/schema.json")]
        assert found == [200] * 4
        assert running.http.post("/measure", files={"image": b"no picture"}).status_code == 400


def test_fastapi_beside_the_endpoints() -> None:
    """A mounted FastAPI app answers with its own validation, page and WebSockets; elsewhere a WebSocket is refused."""
    with server("tests.http.beside:Beside") as running:
        running.wait_until_ready()
        assert running.http.post("/double", json={"number": 2}).json() == 4
        assert running.http.post("/own/items", json={"name": "x"}).json() == {"name": "x", "root": "/own"}
        assert running.http.post("/own/items", json={}).status_code == 422
        assert "/own/openapi.json" in running.http.get("/own/docs").text
        assert running.http.get("/own/nowhere").json() == {"detail": "Not Found"}
        with connect(f"ws://127.0.0.1:{running.port}/own/chat") as socket:
            socket.send("hi")
            assert socket.recv(timeout=30) == "you said hi"
        with pytest.raises(InvalidStatus) as refused, connect(f"ws://127.0.0.1:{running.port}/double"):
            pass
        assert refused.value.response.status_code == 403

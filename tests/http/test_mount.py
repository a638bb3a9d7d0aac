"""The user's own ASGI apps stand beside the endpoints, each below its path, from start to stop."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from ekiben.core.errors import ConfigError
from ekiben.core.spec import MountSpec
from ekiben.http.app import App
from ekiben.http.mount import Life, Mounts
from tests.http.calls import Calls
from tests.http.within import bound, started


async def where(request: Request) -> JSONResponse:
    return JSONResponse(
        {"root": request.scope["root_path"], "path": request.url.path, "state": list(request.state._state)}
    )


async def chat(socket: WebSocket) -> None:
    await socket.accept()
    await socket.send_text(f"you said {await socket.receive_text()}")
    await socket.close()


def small(events: list[str], name: str = "app") -> Starlette:
    """Make an app that notes its start and stop."""

    @asynccontextmanager
    async def life(app: Starlette) -> AsyncIterator[dict[str, Any]]:
        events.append(f"{name} starts")
        yield {"made_at_start": True}
        events.append(f"{name} stops")

    return Starlette(routes=[Route("/where", where), WebSocketRoute("/chat", chat)], lifespan=life)


async def bare(scope: Any, receive: Any, send: Any) -> None:
    """Answer HTTP, and know nothing else."""
    assert scope["type"] == "http"
    await PlainTextResponse("bare " + scope["root_path"])(scope, receive, send)


@asynccontextmanager
async def mounted(*mounts: MountSpec) -> AsyncIterator[httpx.AsyncClient]:
    async with started(App(replace(bound(Calls), mounts=mounts))) as app:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as client:
            yield client


async def test_below_its_path() -> None:
    """An app sees its path as `root_path`, its lifespan's state, and starts and stops with the service."""
    events: list[str] = []
    async with mounted(MountSpec(small(events), "/own")) as client:
        assert events == ["app starts"]
        answer = await client.get("/own/where")
        assert answer.json() == {"root": "/own", "path": "/own/where", "state": ["made_at_start"]}
        assert (await client.get("/own/nowhere")).text == "Not Found"  # the app's own answer
        assert (await client.get("/owner")).headers["content-type"] == "application/problem+json"
        assert (await client.post("/add", json={"a": 1})).json() == 2
        assert 'endpoint="/own"' in (await client.get("/metrics")).text
    assert events == ["app starts", "app stops"]


async def test_the_longest_path_wins() -> None:
    """Of two mounts the longer path answers; endpoints and probes win over both; an app at / gives the first page."""
    events: list[str] = []
    async with mounted(MountSpec(bare, "/"), MountSpec(small(events), "/own/deep")) as client:
        assert (await client.get("/own/deep/where")).json()["root"] == "/own/deep"
        assert (await client.get("/own/other")).text == "bare "
        assert (await client.get("/")).text == "bare "
        assert (await client.get("/livez")).text == "\n"
        assert (await client.post("/add", json={"a": 1})).json() == 2


async def test_an_app_without_lifespan() -> None:
    """An app that knows no lifespan is served all the same."""
    async with mounted(MountSpec(bare, "/bare")) as client:
        assert (await client.get("/bare")).text == "bare /bare"


async def test_an_app_that_cannot_start() -> None:
    """An app that says that it cannot start stops the service's start, with its words."""

    async def failing(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "lifespan.startup.failed", "message": "no database"})

    with pytest.raises(ConfigError, match="no database"):
        await Mounts([MountSpec(failing, "/x")], "").start()


async def test_an_app_that_hangs_is_left() -> None:
    """An app that does not come to its end after its stop is cancelled."""

    async def hanging(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})
        await asyncio.Event().wait()

    life = Life(hanging, patience=0.05)
    await life.start()
    await life.stop()
    assert life.ended


async def test_an_app_that_cannot_stop_is_told(caplog: pytest.LogCaptureFixture) -> None:
    """What an app says of its failing stop is logged, and the apps before it stop all the same."""
    events: list[str] = []

    async def failing(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.failed", "message": "the file is locked"})

    mounts = Mounts([MountSpec(small(events), "/one"), MountSpec(failing, "/longer")], "")
    await mounts.start()
    await mounts.stop()
    assert "a mounted app could not stop cleanly: the file is locked" in caplog.text
    assert events == ["app starts", "app stops"]


@pytest.mark.parametrize("when", ["amid its life", "at its stop"])
async def test_an_app_that_dies_is_no_obstacle(when: str) -> None:
    """An app whose life ends by an error is not asked to stop, or not waited for; what it raised is kept."""

    async def dying(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "lifespan.startup.complete"})
        if when == "at its stop":
            await receive()
        raise ValueError("broken")

    life = Life(dying)
    await life.start()
    if when == "amid its life":
        while not life.ended:
            await asyncio.sleep(0)
    await asyncio.wait_for(life.stop(), 30)
    assert life.ended
    assert str(life.failure) == "broken"


async def test_an_app_that_was_not_started_stops() -> None:
    """Where the start of an earlier app failed, the later ones have nothing to stop."""
    life = Life(bare)
    await asyncio.wait_for(life.stop(), 30)
    assert life.ended


async def test_websocket() -> None:
    """A WebSocket reaches the app at its path; where there is none it is refused before it opens."""
    app = App(replace(bound(Calls), mounts=(MountSpec(small([]), "/own"),)))
    async with started(app):
        assert await talk(app, "/own/chat") == ["websocket.accept", "websocket.send", "websocket.close"]
        assert await talk(app, "/add") == ["websocket.close"]


async def talk(app: App, path: str) -> list[str]:
    """Open a WebSocket, say one word, list what comes back."""
    sent: list[str] = []
    messages = [{"type": "websocket.connect"}, {"type": "websocket.receive", "text": "hi"}]

    async def receive() -> Any:
        return messages.pop(0)

    async def send(message: Any) -> None:
        sent.append(message["type"])

    await app({"type": "websocket", "path": path, "headers": [], "query_string": b"", "root_path": ""}, receive, send)
    return sent

"""Ask an app within this process: no socket, its lifespan run as a server would."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import httpx

from ekiben.core.spec import BoundService, HttpSpec, Limits
from ekiben.http.app import App


def bound(service: Any, *, http: HttpSpec | None = None, limits: Limits | None = None, **changes: Any) -> BoundService:
    """Bind a service class, with parts of its spec changed."""
    found: BoundService = service.__ekiben_service__()
    spec = replace(found.spec, http=http or found.spec.http, limits=limits or found.spec.limits, **changes)
    return replace(found, spec=spec)


@asynccontextmanager
async def started(app: App) -> AsyncIterator[App]:
    """Run the app's lifespan around the block."""
    to_app: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    answers: asyncio.Queue[Any] = asyncio.Queue()
    life = asyncio.create_task(app({"type": "lifespan", "asgi": {"version": "3.0"}}, to_app.get, answers.put))
    await to_app.put({"type": "lifespan.startup"})
    assert (await answers.get())["type"] == "lifespan.startup.complete"
    try:
        yield app
    finally:
        await to_app.put({"type": "lifespan.shutdown"})
        assert (await answers.get())["type"] == "lifespan.shutdown.complete"
        await life


@asynccontextmanager
async def asking(service: Any, *, proxied: bool = False, **changes: Any) -> AsyncIterator[httpx.AsyncClient]:
    """Start the app of a service class; give a client of it, which comes from 127.0.0.1."""
    async with started(App(bound(service, **changes), proxied=proxied)) as app:
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost:3000") as client:
            yield client

"""Services for a stall, each with something that must stay its own."""

import threading
from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI
from prometheus_client import Counter

import ekiben
from ekiben.http.exchange import AsgiApp, Receive, Scope, Send
from ekiben.services.load import load

SEEN = Counter("tests_stall_seen", "What a user registers.")
TOKEN, OTHER = "first-token-0123456789", "other-token-0123456789"


@ekiben.service
class Plain:
    """Adds."""

    @ekiben.api
    def add(self, a: int, b: int = 1) -> int:
        """Add two numbers."""
        return a + b

    @ekiben.api
    def letters(self, text: str) -> Iterator[str]:
        """Give letter by letter."""
        yield from text


@ekiben.service(traffic={"max_concurrency": 1}, http={"max_body_bytes": 100, "max_headers": 10})
class Narrow:
    """Takes little."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.inside = threading.Event()

    @ekiben.api
    def wait(self, name: str = "") -> str:
        """Wait until the gate opens."""
        self.inside.set()
        self.gate.wait(60)
        return name

    @ekiben.api(batchable=True)
    def size(self, rows: list[int], /) -> list[int]:
        """Say how many came together."""
        return [len(rows)] * len(rows)


@ekiben.service(auth={"tokens": [{"name": "owner", "token": TOKEN}]})
class Guarded:
    """Asks for a token."""

    @ekiben.api
    def add(self, a: int) -> int:
        return a + 1


class Wall:
    """A middleware that lets nobody in."""

    def __init__(self, app: AsgiApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        await send({"type": "http.response.start", "status": 418, "headers": []})
        await send({"type": "http.response.body", "body": scope["path"].encode()})


@ekiben.asgi_middleware(Wall)
@ekiben.service
class Walled:
    """Lets nobody in."""

    @ekiben.api
    def add(self, a: int) -> int:
        return a


own = FastAPI()


@own.get("/where")
async def where() -> dict[str, str]:
    """Say that the mounted app was reached."""
    return {"at": "own"}


@ekiben.asgi_app(own, path="/own")
@ekiben.service
class Mounted:
    """Has an app of its own."""

    @ekiben.api
    def add(self, a: int) -> int:
        return a + 100


page = FastAPI(openapi_url=None)


@page.get("/")
async def start() -> str:
    """Stand where the docs page would be."""
    return "a page of mine"


@ekiben.asgi_app(page, path="/")
@ekiben.service
class Covered:
    """Is a page."""


class Several:
    """What `bound` of `tests.http.within` binds: a stall."""

    def __init__(self, targets: Any) -> None:
        self._targets = targets

    def __ekiben_service__(self) -> Any:
        return load(self._targets)

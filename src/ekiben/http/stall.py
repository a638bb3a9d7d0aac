"""Serve several services from one server, each below its place.

In: a stall (`services/stall`). Out: an ASGI app that finds the service by the first segment of a path, and itself
answers what is of all: probes, one scrape, one description, the docs page. It shows what the token that asks opens.
Each service has an app of its own, with its middleware, tokens, limits, counts and life.
"""

import asyncio
import difflib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson

from ekiben.core.errors import ConfigError, InvalidInput, NotFound
from ekiben.core.spec import BoundService, Hooks
from ekiben.engine.lent import Lent
from ekiben.engine.local import LocalDispatcher, Needs
from ekiben.http import answer, pages, probes
from ekiben.http.answer import Answer
from ekiben.http.apart import Remote
from ekiben.http.app import App
from ekiben.http.endpoint import Handler
from ekiben.http.exchange import Exchange, Receive, Scope, Send
from ekiben.http.metrics import Shown, Together
from ekiben.http.mount import Life
from ekiben.http.table import shown
from ekiben.schema import together

DESCRIBED = "/openapi.json"  # whoever may read that of a service may know of its endpoints

Ask = Callable[[LocalDispatcher | probes.Asked, Hooks], Awaitable[bool]]


class Stall(App):
    """The app of several services.

    As an `App` it is that of a service without endpoints. Arguments are those of `App`; *remote* must be None.
    """

    def __init__(
        self,
        bound: BoundService,
        *,
        on_failure: Callable[[BaseException], None] | None = None,
        on_ready: Callable[[], None] = lambda: None,
        proxied: bool = False,
        remote: Remote | None = None,
        tasks_folder: Path | None = None,
        needs: Needs | None = None,
    ) -> None:
        assert remote is None  # a stall is never apart
        self._apps = tuple(
            App(one, proxied=proxied, tasks_folder=tasks_folder, needs=lent(one, needs)) for one in bound.services
        )
        self._places = {each.bound.spec.http.place.removeprefix("/"): each for each in self._apps}
        self._lives = [Life(each) for each in self._apps]
        self._counted = [each for each in self._apps if each.bound.spec.http.metrics.enabled]
        self._counts = Together([each.metrics for each in self._counted or self._apps])
        self._described: dict[tuple[str, ...], bytes] = {}
        super().__init__(
            replace(bound, services=()), on_failure=on_failure, on_ready=on_ready, proxied=proxied, needs=needs
        )
        self._table.beside = {method for _, each in self._routes(self._apps) for method in each.methods}

    @property
    def apps(self) -> Sequence[App]:
        """The apps of the services."""
        return self._apps

    @property
    def counts(self) -> Shown:
        """What is scraped: the counts of all."""
        return self._counts

    @property
    def is_ready(self) -> bool:
        """Whether every service answers calls."""
        return super().is_ready and all(each.is_ready for each in self._apps)

    @property
    def inside(self) -> int:
        """Requests that are being answered, and tasks that run, of all."""
        return super().inside + sum(each.inside for each in self._apps)

    def begin_drain(self) -> None:
        """Take no new calls of any service."""
        super().begin_drain()
        for each in self._apps:
            each.begin_drain()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the service at the path answer, or answer what is of all."""
        app = None
        if scope["type"] != "lifespan":
            app = self._places.get(scope["path"][1:].partition("/")[0])
        await (super().__call__ if app is None else app)(scope, receive, send)

    def pages(self) -> dict[str, Handler]:
        """Make what is of all."""
        made: dict[str, pages.Page] = {
            **dict.fromkeys(("/docs.json", "/openapi.json"), self._describe),
            "/schema.json": self._no_schema,
            **dict.fromkeys(("/livez", "/healthz"), lambda exchange: self._ask(probes.is_alive, "not alive")),
            "/readyz": lambda exchange: self._ask(probes.is_ready, "not ready"),
        }
        if self._counted:
            made["/metrics"] = self._measure
        found = pages.plan(self.bound, self.dispatcher, self.documents, self.counts)
        return found | {path: pages.handler(page, self.bound.spec.http.gzip_min) for path, page in made.items()}

    async def _begin(self) -> None:
        await super()._begin()
        for life in self._lives:
            failure: Exception | None = None
            try:
                await life.start()
            except ConfigError as error:
                failure = error
            if failure is not None:
                await self._end()
                raise life.failure or failure  # as it is: its cause is what the user's code raised

    async def _end(self) -> None:
        for life in reversed(self._lives):
            await life.stop()
        await super()._end()

    async def _mounted(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Say that nothing is there, and what is near."""
        path = scope["path"]
        routes = self._routes(self._seen(scope, DESCRIBED, self._apps)[0])
        known = [prefix + each.route for prefix, each in routes]
        near = [prefix + path for prefix, each in routes if each.route == path]
        near = near or difflib.get_close_matches(path[:200], known, 3)
        hint = f"did you mean {' or '.join(near)}?" if near else f"the services are at {self._where()}"
        raise NotFound(f"there is nothing at {shown(path)}", hint=hint)

    def _routes(self, apps: Sequence[App]) -> list[tuple[str, Any]]:
        """List the endpoints of *apps*, each with what stands before its route."""
        specs = [each.bound.spec for each in apps]
        return [(spec.http.path_prefix, endpoint) for spec in specs for endpoint in spec.endpoints]

    def _where(self) -> str:
        return ", ".join(each.bound.spec.http.place for each in self._apps)

    def _opened(self, exchange: Exchange, page: str, apps: Sequence[App]) -> list[App]:
        """List those of *apps* whose own page a request opens; raises where it opens none."""
        found, refusal = self._seen(exchange.scope, page, apps)
        if refusal is not None and not found:
            raise refusal
        return found

    def _seen(self, scope: Scope, page: str, apps: Sequence[App]) -> tuple[list[App], InvalidInput | None]:
        """List those of *apps* whose own page a request opens, and say why not the others."""
        values = [value for name, value in scope["headers"] if name == b"authorization"]
        found: list[App] = []
        refusal: InvalidInput | None = None
        for each in apps:
            try:
                if each.rule is not None:
                    each.rule.check(each.bound.spec.http.path_prefix + page, values)
                found.append(each)
            except InvalidInput as error:
                refusal = error
        return found, refusal

    def _describe(self, exchange: Exchange) -> Answer:
        seen = {each.bound.spec.name: each for each in self._opened(exchange, DESCRIBED, self._apps)}
        key = tuple(seen)
        if key not in self._described:
            each = {name: one.documents.make() for name, one in seen.items()}
            self._described[key] = orjson.dumps(together.document(self.documents.make(), each))
        return answer.plain(200, self._described[key], pages.JSON)

    def _no_schema(self, exchange: Exchange) -> Answer:
        raise NotFound(
            "several services are served here, and each describes itself",
            hint=f"use the address of one: {self._where()}",
        )

    async def _measure(self, exchange: Exchange) -> Answer:
        seen = self._opened(exchange, "/metrics", self._counted)
        of = None if len(seen) == len(self._counted) else {each.bound.spec.name for each in seen}
        return await pages.measured(self._counts, exchange, of)

    async def _ask(self, ask: Ask, words: str) -> Answer:
        """Ask all; those that say no are named."""
        said = await asyncio.gather(*(ask(each.dispatcher, each.bound.hooks) for each in self._apps))
        no = [each.bound.spec.name for each, is_well in zip(self._apps, said, strict=True) if not is_well]
        text = f"{words}: {', '.join(no)}\n" if no else "\n"
        return answer.plain(503 if no else 200, text.encode(), pages.TEXT)


def app_of(bound: BoundService, **options: Any) -> App:
    """Make the app of a service, or of several; *options* are those of `App`."""
    return Stall(bound, **options) if bound.services else App(bound, **options)


def lent(bound: BoundService, needs: Needs | None) -> Lent | None:
    """Lend what runs to a service that calls it."""
    calls = any(each.service is not None for each in bound.spec.dependencies)
    return Lent(needs) if calls and needs is not None else None

"""Answer what stands beside the endpoints: probes, metrics, descriptions, pages.

In: a service, its engine and counts, once at start. Out: handlers by path, all for GET and HEAD.
"""

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Collection, Mapping
from functools import cache

import orjson

from ekiben.core.errors import ConfigError
from ekiben.core.spec import BoundService, ServiceSpec
from ekiben.engine.local import LocalDispatcher
from ekiben.http import answer, docs, probes
from ekiben.http.answer import Answer
from ekiben.http.endpoint import Handler
from ekiben.http.exchange import Exchange, Receive, Scope, Send
from ekiben.http.metrics import Shown
from ekiben.schema import openapi, routes
from ekiben.schema.codec import Codec

Page = Callable[[Exchange], Answer | Awaitable[Answer]]
Change = Callable[[bytes], Awaitable[bytes]]

TEXT = "text/plain; charset=utf-8"
JSON = "application/json"


class Documents:
    """What describes one service; each is made when it is first asked for.

    Args:
        bound: the service.
        codecs: by endpoint.
        guarded: calls need a token.
    """

    def __init__(self, bound: BoundService, codecs: Mapping[str, Codec], *, guarded: bool) -> None:
        spec, mounts = bound.spec, [mount.path for mount in bound.mounts]
        prefix = spec.http.path_prefix
        below = prefix.removeprefix(spec.http.place)  # a client's address is that of the place
        self.make = cache(lambda: openapi.document(spec, codecs, prefix=prefix, guarded=guarded))
        self.openapi = described(self.make)
        self.routes = described(lambda: routes.document(spec, codecs, prefix=below, mounts=mounts))


def opened(bound: BoundService) -> set[str]:
    """List the paths that nobody needs a token for: probes, metrics, the docs page.

    The page holds nothing of the service but its name, and asks for a token to show more.
    """
    http, prefix = bound.spec.http, bound.spec.http.path_prefix
    found = {*starts(bound.spec), f"{prefix}/docs", *(f"{prefix}/docs/{name}" for name in docs.names())}
    found |= {prefix + http.livez, f"{prefix}/healthz", prefix + http.readyz}
    if http.metrics.enabled and not (http.auth is not None and http.auth.metrics):
        found.add(f"{prefix}/metrics")
    taken = {prefix + each.route for each in bound.spec.endpoints}
    if any(mount.path.rstrip("/") == "" for mount in bound.mounts):
        taken |= starts(bound.spec)
    return found - taken


def starts(spec: ServiceSpec) -> set[str]:
    """List the paths that lead to the docs page."""
    place = spec.http.place
    return {place or "/", f"{place}/", f"{spec.http.path_prefix}/"}


def described_at(spec: ServiceSpec) -> set[str]:
    """List the paths that any token opens."""
    prefix = spec.http.path_prefix
    return {f"{spec.http.place}/schema.json", f"{prefix}/docs.json", f"{prefix}/openapi.json", f"{prefix}/metrics"}


def plan(
    bound: BoundService,
    dispatcher: LocalDispatcher | probes.Asked,
    documents: Documents,
    metrics: Shown,
    beside: Callable[[], bool] = lambda: True,
) -> dict[str, Handler]:
    """Make the handlers of one app, by path.

    *beside* says whether what runs beside the service is ready, too.
    """
    spec, prefix, place = bound.spec, bound.spec.http.path_prefix, bound.spec.http.place
    page = docs.page(spec.name, spec.version or spec.style.unbuilt)
    pages: dict[str, Page] = {
        f"{prefix}/": lambda exchange: static(page),  # what it refers to is found from here, too
        f"{prefix}/docs": lambda exchange: static(page),
        f"{prefix}/docs.json": documents.openapi,
        f"{prefix}/openapi.json": documents.openapi,
        f"{place}/schema.json": documents.routes,
    }
    if prefix != place:
        pages[f"{place}/"] = lambda exchange: redirect(f"{prefix.removeprefix(place).lstrip('/')}/docs")
    if place:
        pages[place] = lambda exchange: redirect(f"{prefix.lstrip('/')}/docs")
    for name in docs.names():
        pages[f"{prefix}/docs/{name}"] = asset(name)
    if spec.http.metrics.enabled:
        of = {spec.name} if place else None
        change = changer(bound, dispatcher)
        pages[f"{prefix}/metrics"] = lambda exchange: measured(metrics, exchange, of, change)
    alive = health(lambda: probes.is_alive(dispatcher, bound.hooks))
    ready = health(lambda: probes.is_ready(dispatcher, bound.hooks, beside))
    pages[f"{prefix}/healthz"] = ready if spec.style.healthz == "readyz" else alive
    pages |= {prefix + spec.http.livez: alive, prefix + spec.http.readyz: ready}
    return {path: handler(page, spec.http.gzip_min) for path, page in pages.items()}


def handler(page: Page, gzip_min: int | None) -> Handler:
    """Make a handler of a page."""

    async def handle(scope: Scope, receive: Receive, send: Send, exchange: Exchange) -> None:
        made = page(exchange)
        found = await made if inspect.isawaitable(made) else made
        accepts = exchange.headers.get(b"accept-encoding", b"")
        await answer.send(found, send, head=scope["method"] == "HEAD", accepts=accepts, gzip_min=gzip_min)

    return handle


def redirect(to: str) -> Answer:
    """Lead to another page; a relative address holds below any prefix."""
    return answer.plain(307, b"", TEXT, {"location": to})


def described(document: Callable[[], object]) -> Page:
    """Give a document that is made when it is first asked for."""
    made = cache(lambda: orjson.dumps(document()))
    return lambda exchange: answer.plain(200, made(), JSON)


def static(part: docs.Part) -> Answer:
    """Give one file of the docs page."""
    return answer.plain(200, part.content, part.media_type, part.headers)


def asset(name: str) -> Page:
    """Give one file of the docs page by its name."""
    return lambda exchange: static(docs.part(name))


def changer(bound: BoundService, dispatcher: LocalDispatcher | probes.Asked) -> Change | None:
    """Make what lets the service's own method change the text; None: it has none.

    Raises:
        ConfigError: the instance that has the method is in another process.
    """
    name = bound.hooks.metrics
    if name is None:
        return None
    if not isinstance(dispatcher, LocalDispatcher):
        raise ConfigError(
            f"`{name}` is a method of the instance, which `layout: apart` keeps out of the process that answers",
            hint='write `layout="replicas"`',
        )

    async def change(text: bytes) -> bytes:
        if dispatcher.instance is None:
            return text
        method, told = getattr(dispatcher.instance.target, name), text.decode()
        found = await method(told) if inspect.iscoroutinefunction(method) else await asyncio.to_thread(method, told)
        return str(found).encode()

    return change


async def measured(
    metrics: Shown, exchange: Exchange, of: Collection[str] | None = None, change: Change | None = None
) -> Answer:
    """Give the metrics, in the format that is asked for; *of* some services or all."""
    accept = exchange.headers.get(b"accept", b"").decode("latin-1")
    everywhere = metrics.everywhere
    text, media = metrics.render(accept, of) if everywhere is None else await everywhere(accept, of)
    return answer.plain(200, text if change is None else await change(text), media)


def health(ask: Callable[[], Awaitable[bool]]) -> Page:
    """Give a probe: 200 or 503, and a newline."""

    async def page(exchange: Exchange) -> Answer:
        return answer.plain(200 if await ask() else 503, b"\n", TEXT)

    return page

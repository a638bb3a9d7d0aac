"""Serve a bound service as an ASGI app: every route, on any server.

In: a `BoundService`. Out: an ASGI 3 application with lifespan. Routes are a dict that is made at start.
From outside in: request id, metrics and log; CORS; tokens; the user's middleware; routes, and mounted apps behind them.
Source: the ASGI specification 3.0.
"""

import asyncio
import importlib
import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from time import perf_counter
from typing import Any

from starlette.middleware.cors import CORSMiddleware

from ekiben.core.current import Current, inside
from ekiben.core.errors import InvalidInput, MethodNotAllowed, Unavailable
from ekiben.core.spec import BoundService, CorsSpec
from ekiben.engine.local import LocalDispatcher, Needs
from ekiben.engine.timing import CodecTimes, timed
from ekiben.http import answer, apart, auth, behind, endpoint, errors, fast, pages, relay, tracing
from ekiben.http.access import AccessLog
from ekiben.http.body import ClientLeft
from ekiben.http.cycle import Cycle
from ekiben.http.endpoint import Handler
from ekiben.http.exchange import KEY, LEFT, AsgiApp, Exchange, Receive, Scope, Send, opening
from ekiben.http.metrics import UNKNOWN, Inner, Metrics, Shown, Tally
from ekiben.http.mount import Mounts
from ekiben.http.origin import Guard
from ekiben.http.table import Table, shown
from ekiben.http.watch import Watch
from ekiben.schema.codec import Codec, plan

log = logging.getLogger("ekiben")

TASKS = "ekiben.http.tasks"  # imported for a service that has some; it brings a database along


class App:
    """The ASGI app of one service.

    Args:
        bound: the service.
        on_failure: None makes the instance before the server's start-up is complete, as any ASGI server expects.
            A function makes it behind an open port, which answers 503 until then, and is called if that fails.
        on_ready: is called once the instance made behind an open port takes calls.
        proxied: a reverse proxy stands before the server.
        remote: runs the service in other processes; None runs it in this one.
        tasks_folder: keeps the tasks, in place of what the service says.
        needs: what has to run before the service does: those that it calls.
    """

    def __init__(
        self,
        bound: BoundService,
        *,
        on_failure: Callable[[BaseException], None] | None = None,
        on_ready: Callable[[], None] = lambda: None,
        proxied: bool = False,
        remote: apart.Remote | None = None,
        tasks_folder: Path | None = None,
        needs: Needs | None = None,
    ) -> None:
        spec = bound.spec
        self._behind = behind.of(spec)
        bound = self.bound = bound if self._behind is None else self._behind.mounted(bound)
        self.rule = auth.plan(spec, pages.opened(bound), pages.described_at(spec))
        codecs = {e.name: plan(bound.signatures[e.name], spec.style) for e in spec.endpoints}
        is_timed = spec.http.metrics.enabled and remote is None
        times = {name: CodecTimes() for name in codecs} if is_timed else {}
        codecs |= {name: timed(codecs[name], each) for name, each in times.items()}
        self._noting = tracing.plan(spec, [spec.http.path_prefix + each.route for each in spec.endpoints])
        around = None if self._noting is None else self._noting.batch
        self.dispatcher: LocalDispatcher | apart.Remote = remote or LocalDispatcher(
            bound, codecs, around=around, needs=needs
        )
        tasks = importlib.import_module(TASKS) if any(each.task for each in spec.endpoints) else None
        self.tasks = None if tasks is None else tasks.make(bound, tasks_folder)
        self._inside = fast.Inside()
        self._on_failure, self._on_ready = on_failure, on_ready
        self._starting: asyncio.Task[None] | None = None
        self._fail = errors.plan(spec.style)
        self._id_header = spec.style.request_id_header.lower().encode()
        self._access = AccessLog(spec.http.access) if spec.http.access.enabled else None
        self._mounts = Mounts(bound.mounts, spec.http.path_prefix)
        counts = None if self.tasks is None else self.tasks.counts
        called = self.dispatcher.methods if isinstance(self.dispatcher, LocalDispatcher) else {}
        inner = Inner(self.dispatcher.batches, times, called, lambda: self.dispatcher.waiting, counts)
        self.metrics = Metrics(spec, inner)
        self._unknown = self.metrics.tally(UNKNOWN)
        self._tallies: dict[str, Tally] = {}
        self._table = Table(spec.limits)
        guard = Guard(spec.http.cors, proxied=proxied, middleware=bound.middleware)
        handlers = self._plan(codecs, guard) if remote is None else apart.plan(bound, codecs, guard, remote, self._fail)
        for each in spec.endpoints:
            path = spec.http.path_prefix + each.route
            self._table.add(path, each.methods, handlers[each.name])
            self._tallies[path] = self.metrics.tally(path)
        if tasks is not None:
            for path, methods, handler in tasks.plan(bound, codecs, self.tasks, guard):
                self._table.add(path, methods, handler)
                self._tallies[path] = self.metrics.tally(path)
        self.obstacle = fast.obstacle(bound, self._mounts)
        self.routes = {} if self.obstacle else self._plan_fast(codecs, proxied)
        self.documents = pages.Documents(bound, codecs, guarded=self.rule is not None)
        uncounted, starts = Tally(()), (spec.http.place, f"{spec.http.place}/")
        for path, page in self.pages().items():
            if path not in self._table and not (path in starts and self._mounts.find(path)):
                self._table.add(path, ["GET"], page)
                self._tallies[path] = uncounted
        chain = wrap(self._route, bound, spec.http.cors, self._guard)
        self._chain = chain if self._noting is None else self._noting.around(chain)

    @property
    def apps(self) -> "Sequence[App]":
        """The apps that answer calls: this one."""
        return (self,)

    @property
    def counts(self) -> Shown:
        """What is scraped."""
        return self.metrics

    @property
    def is_ready(self) -> bool:
        """Whether calls are answered."""
        return self.dispatcher.is_ready and self._is_beside_ready()

    def _is_beside_ready(self) -> bool:
        return self._behind is None or self._behind.is_ready

    def pages(self) -> dict[str, Handler]:
        """Make what stands beside the endpoints, by path."""
        beside = self._is_beside_ready
        return pages.plan(self.bound, self.dispatcher, self.documents, self.metrics, beside)

    @property
    def inside(self) -> int:
        """Requests that are being answered, and tasks that run."""
        return self._inside.count + (0 if self.tasks is None else self.tasks.running)

    def _plan(self, codecs: Mapping[str, Codec], guard: Guard) -> dict[str, Handler]:
        """Make the handlers of endpoints that run in this process."""
        assert isinstance(self.dispatcher, LocalDispatcher)
        spec, dispatcher = self.bound.spec, self.dispatcher
        submit = dispatcher.submit if self._noting is None else self._noting.submit(dispatcher.submit)
        service = endpoint.Service(
            submit, spec.limits, spec.http.gzip_min, guard, Watch(), dispatcher.state, self._fail
        )
        return {
            each.name: endpoint.plan(
                each, codecs[each.name], service, wants_context=self.bound.signatures[each.name].context is not None
            )
            for each in spec.endpoints
        }

    def _plan_fast(self, codecs: Mapping[str, Codec], proxied: bool) -> dict[bytes, fast.Route]:
        """Plan what the protocol answers itself."""
        spec, door, is_here = self.bound.spec, self.dispatcher.door, isinstance(self.dispatcher, LocalDispatcher)
        shared = fast.Shared(
            (lambda name: tracing.Telling(door(name))) if is_here and spec.dependencies else door,
            spec.limits,
            spec.http.gzip_min,
            self._id_header,
            self._inside,
            self._access,
            proxied,
            Cycle if is_here else relay.Relayed,
            None if self.rule is None else self.rule.lets_in,
        )
        return fast.plan(self.bound, codecs, self._tallies, shared, fast.Route if is_here else relay.Relay)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or run the app's life."""
        if scope["type"] != "http":
            await self._chain(scope, receive, opening(send) if scope["type"] == "websocket" else send)
            return
        scope[KEY] = exchange = Exchange(scope, send, self._id_header)
        path = scope["path"]
        tally = self._tallies.get(path) or self._tally(scope)
        tally.inside += 1
        self._inside.count += 1
        try:
            await self._chain(scope, receive, exchange.send)
        except ClientLeft:
            exchange.status = LEFT
        except asyncio.CancelledError:
            if not self.dispatcher.admission.draining:
                raise
            await self._refuse(Unavailable("the server stopped before the answer was there"), exchange, exchange.send)
        except Exception as error:  # the border, here for what middleware raises
            if exchange.status:  # an answer that broke off: the server closes the connection
                raise
            await self._refuse(error, exchange, exchange.send)
        finally:
            tally.inside -= 1
            self._inside.count -= 1
            now = perf_counter()
            seconds = now - exchange.started
            tally.note(exchange.status, seconds, now)
            if self._access is not None and not self._access.skips(path):
                self._access.note(exchange, seconds, now)

    def begin_drain(self) -> None:
        """Take no new calls; readiness says so at once, and calls that run go on."""
        self.dispatcher.admission.draining = True
        if self.tasks is not None:
            self.tasks.pause()

    async def _route(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer what came through all middleware."""
        kind = scope["type"]
        if kind == "lifespan":
            await self._live(receive, send)
            return
        if kind == "websocket":
            await self._socket(scope, receive, send)
            return
        exchange: Exchange = scope[KEY]
        try:
            handler = self._table.find(scope)
            if handler is not None:
                await handler(scope, receive, send, exchange)
            else:
                await self._mounted(scope, receive, send)
        except ClientLeft:
            raise
        except Exception as error:  # noqa: BLE001 - the border; `errors` logs what is our fault
            await self._refuse(error, exchange, send)

    async def _mounted(self, scope: Scope, receive: Receive, send: Send) -> None:
        place = self._mounts.find(scope["path"])
        if place is None:
            raise self._table.nothing(scope["path"])
        if not self.dispatcher.has_started:
            raise Unavailable("the service is starting", retry_after=1)
        app, inner = self._mounts.app(place, scope)
        with inside(self._current()):
            await app(inner, receive, send)

    def _current(self) -> Current | None:
        return self.dispatcher.current if isinstance(self.dispatcher, LocalDispatcher) else None

    async def _socket(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a WebSocket to the app at its path; refuse it where there is none."""
        place = self._mounts.find(scope["path"])
        if place is None or not self.dispatcher.has_started:
            await receive()
            await send({"type": "websocket.close", "code": 1008 if place is None else 1013})
            return
        app, inner = self._mounts.app(place, scope)
        with inside(self._current()):
            await app(inner, receive, send)

    def _guard(self, app: AsgiApp) -> AsgiApp:
        """Put the tokens before *app*, where there are any."""
        return app if self.rule is None else auth.guard(app, self.rule, self._refuse_stranger)

    async def _refuse_stranger(self, error: InvalidInput, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self._refuse(error, scope[KEY], send)
        else:
            await auth.refuse_socket(self._fail(error, ""), scope, receive, send)

    async def _refuse(self, error: Exception, exchange: Exchange, send: Send) -> None:
        """Answer with what went wrong; an answer that had begun is broken off."""
        if exchange.status:
            log.error("an answer broke off (request %s)", exchange.request_id)
            raise error
        scope = exchange.scope
        failure = self._fail(error, f"{exchange.request_id} of {scope['method']} {shown(scope['path'])}")
        headers = failure.headers
        if isinstance(error, MethodNotAllowed):
            headers["allow"] = self._table.allowed(exchange.scope)
        made = answer.plain(failure.status, failure.body, failure.media_type, headers)
        await answer.send(made, send, head=exchange.scope["method"] == "HEAD", gzip_min=None)

    def _tally(self, scope: Scope) -> Tally:
        """Give the counts of a request whose path is no route as it stands."""
        route = self._table.route_of(scope)
        if route is not None:
            return self._tallies[route]
        place = self._mounts.find(scope["path"])
        return self._unknown if place is None else self.metrics.tally(place)

    async def _live(self, receive: Receive, send: Send) -> None:
        """Answer the server's lifespan messages."""
        await receive()
        if self._on_failure is None:
            try:
                await self._begin()
            except Exception as error:
                await send({"type": "lifespan.startup.failed", "message": str(error)})
                raise
        else:
            self._starting = asyncio.create_task(self._begin_behind(self._on_failure))
        await send({"type": "lifespan.startup.complete"})
        await receive()
        if self._starting is not None and not self._starting.done():
            self._starting.cancel()
        await self._end()
        if self._access is not None:
            self._access.close()
        await send({"type": "lifespan.shutdown.complete"})

    async def _begin(self) -> None:
        await self._mounts.start()
        if self._on_failure is not None and self.dispatcher.needs is not None:
            self.dispatcher.needs.on_failure = self._on_failure
        await self._start()
        if self._behind is not None:
            await self._begin_command(self._behind)
        if self._noting is not None:
            self._noting.check()

    async def _begin_command(self, command: behind.Behind) -> None:
        """Start the command once the instance is there, which may say its words."""
        try:
            assert isinstance(self.dispatcher, LocalDispatcher)  # `engine/layout` has seen to it
            await command.start(self.dispatcher, self._on_failure)
        except BaseException:
            await self._end()
            raise

    async def _end(self) -> None:
        """End what `_begin` started."""
        if self._behind is not None:
            await self._behind.stop()
        if self.tasks is not None:
            await self.tasks.stop()
        await self.dispatcher.stop()
        await self._mounts.stop()

    async def _start(self) -> None:
        """Start what runs calls, and what runs tasks."""
        if self.tasks is None:
            await self.dispatcher.start()
            return
        try:
            await self.tasks.open()
            await self.dispatcher.start()
        except BaseException:
            await self.tasks.stop()
            raise
        await self.tasks.start()

    async def _begin_behind(self, on_failure: Callable[[BaseException], None]) -> None:
        try:
            await self._begin()
        except (Exception, SystemExit) as error:  # noqa: BLE001 - the user's code; reported to whoever started us
            on_failure(error)
        else:
            self._on_ready()


def wrap(
    app: AsgiApp, bound: BoundService, cors: CorsSpec | None, guard: Callable[[AsgiApp], AsgiApp] = lambda app: app
) -> AsgiApp:
    """Put the user's middleware (the first outermost), *guard* and CORS around *app*."""
    chain: Any = app
    for middleware, options in reversed(bound.middleware):
        chain = middleware(chain, **options)
    chain = guard(chain)
    if cors is not None:
        chain = CORSMiddleware(
            chain,
            allow_origins=cors.origins,
            allow_origin_regex=cors.origin_regex,
            allow_methods=cors.methods,
            allow_headers=cors.headers,
            expose_headers=cors.expose_headers,
            allow_credentials=cors.credentials,
            max_age=cors.max_age,
        )
    found: AsgiApp = chain
    return found

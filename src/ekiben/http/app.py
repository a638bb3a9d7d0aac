"""Serve a bound service as an ASGI app: every route, on any server.

In: a `BoundService`. Out: an ASGI 3 application with lifespan. Routes are a dict that is made at start.
Source: the ASGI specification 3.0.
"""

import asyncio
import difflib
import logging
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

import orjson

from ekiben.core.context import Context
from ekiben.core.errors import MethodNotAllowed, NotFound
from ekiben.core.spec import BoundService, EndpointSpec
from ekiben.engine.instance import probe
from ekiben.engine.local import LocalDispatcher
from ekiben.engine.messages import Call
from ekiben.http import body, errors
from ekiben.schema.codec import Codec, plan
from ekiben.schema.content import Encoded

log = logging.getLogger("ekiben")

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Answer = Callable[[Scope, Receive], Awaitable[tuple[int, Encoded, Mapping[str, str]]]]


class App:
    """The ASGI app of one service.

    Args:
        bound: the service.
        on_failure: None makes the instance before the server's start-up is complete, as any ASGI server expects.
            A function makes it behind an open port, which answers 503 until then, and is called if that fails.
    """

    def __init__(self, bound: BoundService, *, on_failure: Callable[[BaseException], None] | None = None) -> None:
        spec = bound.spec
        codecs = {e.name: plan(bound.signatures[e.name], spec.style) for e in spec.endpoints}
        self.bound = bound
        self.dispatcher = LocalDispatcher(bound, codecs)
        self._on_failure = on_failure
        self._starting: asyncio.Task[None] | None = None
        self._fail = errors.plan(spec.style.error_style)
        prefix = spec.http.path_prefix
        self._routes: dict[str, dict[str, Answer]] = {
            prefix + endpoint.route: dict.fromkeys(endpoint.methods, self._endpoint(endpoint, codecs[endpoint.name]))
            for endpoint in spec.endpoints
        }
        for path in {spec.http.livez, "/healthz"}:
            self._routes[prefix + path] = {"GET": self._alive}
        self._routes[prefix + spec.http.readyz] = {"GET": self._ready}
        self._routes["/schema.json"] = {"GET": self._schema}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or run the app's life."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "http":
            await self._answer(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            status, encoded, extra = await self._route(scope)(scope, receive)
        except body.ClientLeft:
            return
        except Exception as error:  # noqa: BLE001 - the border; `errors` logs what is our fault
            failure = self._fail(error)
            status, encoded, extra = failure.status, Encoded(failure.body, failure.media_type), failure.headers
        content = encoded.body if isinstance(encoded.body, bytes) else encoded.body.read_bytes()
        headers = [(b"content-type", encoded.media_type.encode()), (b"content-length", b"%d" % len(content))]
        headers += [(name.lower().encode(), value.encode("latin-1")) for name, value in extra.items()]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": content})

    def _route(self, scope: Scope) -> Answer:
        path, method = scope["path"], scope["method"]
        found = self._routes.get(path)
        if found is None:
            near = difflib.get_close_matches(path, self._routes, 1)
            raise NotFound(f"there is nothing at {path}", hint=f"did you mean {near[0]}?" if near else None)
        answer = found.get(method)
        if answer is None:
            raise MethodNotAllowed(f"{path} does not take {method}", hint="use " + ", ".join(found))
        return answer

    def _endpoint(self, endpoint: EndpointSpec, codec: Codec) -> Answer:
        name, limits = endpoint.name, self.bound.spec.limits
        state: dict[str, Any] = {}

        async def answer(scope: Scope, receive: Receive) -> tuple[int, Encoded, Mapping[str, str]]:
            content_type = next((v.decode("latin-1") for k, v in scope["headers"] if k == b"content-type"), "")
            content = await body.read(receive, limits.max_body)
            args, kwargs = body.decode(content, content_type, codec, limits)
            context = Context(state=state)
            try:
                value = await self.dispatcher.submit(Call(name, args, kwargs, context))
                return context.response.status_code, codec.encode(value), context.response.headers
            finally:
                context.close()

        return answer

    async def _alive(self, scope: Scope, receive: Receive) -> tuple[int, Encoded, Mapping[str, str]]:
        return await self._probe(self.bound.hooks.alive, ready=True)

    async def _ready(self, scope: Scope, receive: Receive) -> tuple[int, Encoded, Mapping[str, str]]:
        return await self._probe(self.bound.hooks.ready, ready=self.dispatcher.is_ready)

    async def _probe(self, name: str | None, *, ready: bool) -> tuple[int, Encoded, Mapping[str, str]]:
        instance = self.dispatcher.instance
        check = None if instance is None else probe(instance, name)
        result = check() if check is not None else True
        if hasattr(result, "__await__"):
            result = await result
        return (200 if ready and result else 503), Encoded(b"\n", "text/plain; charset=utf-8"), {}

    async def _schema(self, scope: Scope, receive: Receive) -> tuple[int, Encoded, Mapping[str, str]]:
        routes = [
            {
                "name": e.name,
                "route": self.bound.spec.http.path_prefix + e.route,
                "description": e.doc,
                "batchable": e.batch is not None,
                "root_input": self.bound.signatures[e.name].is_root,
                "input": e.input,
                "output": e.output,
            }
            for e in self.bound.spec.endpoints
        ]
        return 200, Encoded(orjson.dumps({"name": self.bound.spec.name, "type": "service", "routes": routes})), {}

    async def _live(self, receive: Receive, send: Send) -> None:
        """Answer the server's lifespan messages; the instance is made before start-up is complete."""
        await receive()
        if self._on_failure is None:
            try:
                await self.dispatcher.start()
            except Exception as error:
                await send({"type": "lifespan.startup.failed", "message": str(error)})
                raise
        else:
            self._starting = asyncio.create_task(self._start(self._on_failure))
        await send({"type": "lifespan.startup.complete"})
        await receive()
        if self._starting is not None and not self._starting.done():
            self._starting.cancel()
        await self.dispatcher.stop()
        await send({"type": "lifespan.shutdown.complete"})

    async def _start(self, on_failure: Callable[[BaseException], None]) -> None:
        try:
            await self.dispatcher.start()
        except Exception as error:  # noqa: BLE001 - the user's code; reported to whoever started us
            on_failure(error)

"""Note which request is answered, and make a span of it where that is asked for.

In: a service, once at start. Out: what stands around the app, the engine's `submit` and its batches; or None, and then
nothing stands there. Spans go to the OpenTelemetry provider that the user has set, wherever that sends
them; without one they go nowhere.
Source: W3C Trace Context; OpenTelemetry's semantic conventions for HTTP spans.
"""

import fnmatch
import logging
import random
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from typing import Any

from ekiben.core.optional import need
from ekiben.core.running import NOBODY, Running, answering, running
from ekiben.core.spec import ServiceSpec, TraceSpec
from ekiben.engine.batch import Run
from ekiben.engine.door import Door
from ekiben.engine.messages import Call
from ekiben.engine.values import joined
from ekiben.http.exchange import KEY, LEFT, TRACE, AsgiApp, Exchange, Message, Receive, Scope, Send

log = logging.getLogger("ekiben")

NAME = "ekiben"  # of the tracer
LINKS = 128  # of one batch's span, at most

Submit = Callable[[Call], Awaitable[Any]]


class Noting:
    """Notes the id of each request, for code that asks which one it answers."""

    def around(self, app: AsgiApp) -> AsgiApp:
        """Stand around an app."""

        async def noted(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http":
                await app(scope, receive, send)
                return
            with answering(Running(scope[KEY].request_id)):
                await app(scope, receive, send)

        return noted

    def joined(self, request_id: str, headers: Mapping[bytes, bytes]) -> AbstractContextManager[None]:
        """Run a block for a request that another process has noted."""
        return joined(request_id, {name.decode("latin-1"): value.decode("latin-1") for name, value in headers.items()})

    def submit(self, submit: Submit) -> Submit:
        """Stand around the engine's door: a call takes along whose it is."""

        async def noted(call: Call) -> Any:
            call.about = running()
            return await submit(call)

        return noted

    def batch(self, name: str, calls: Sequence[Call], run: Run) -> Run:
        """Stand around a batch, whose code answers several requests, or one."""
        about = calls[0].about if len(calls) == 1 else None
        with answering(about or NOBODY):
            return (yield from run)

    def check(self) -> None:
        """Say what is odd, once the service has started."""


class Tracing(Noting):
    """Makes a span of each request and of each batch.

    Args:
        spec: the service's name and version.
        trace: what is traced.
        routes: paths that may stand in a span's name; others are a client's own words.

    Raises:
        MissingLibrary: OpenTelemetry is not installed.
    """

    def __init__(self, spec: ServiceSpec, trace: TraceSpec, routes: Collection[str]) -> None:
        self._trace, self._context, self._propagate = (
            need(f"opentelemetry.{name}", "`tracing`", extra="tracing") for name in ("trace", "context", "propagate")
        )
        self._spec = trace
        self._header = spec.style.trace_id_header.lower().encode()
        self._routes = routes
        self._service = spec.name
        self._tracer = self._trace.get_tracer(NAME)

    def check(self) -> None:
        """Warn where no provider is set: nobody would see the spans."""
        if type(self._trace.get_tracer_provider()).__name__ == "ProxyTracerProvider":
            log.warning(
                "tracing is on, and no OpenTelemetry provider is set: its spans go nowhere; "
                "call opentelemetry.trace.set_tracer_provider(...), or run under opentelemetry-instrument"
            )

    def around(self, app: AsgiApp) -> AsgiApp:
        """Stand around an app."""
        plain = super().around(app)

        async def traced(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http" or self._is_excluded(scope["path"]):
                await plain(scope, receive, send)
                return
            exchange: Exchange = scope[KEY]
            span, context = self._begin(scope, exchange)
            place = span.get_span_context()
            trace_id = format(place.trace_id, "032x") if place.is_valid else ""
            scope[TRACE] = trace_id
            to = with_header(send, self._header, trace_id.encode()) if self._spec.header and trace_id else send
            enter = partial(self._attached, context)
            try:
                with answering(Running(exchange.request_id, trace_id, place, self._outgoing, enter)):
                    await app(scope, receive, to)
            except Exception as error:
                span.record_exception(error)
                raise
            finally:
                self._end(span, exchange.status or LEFT)

        return traced

    def joined(self, request_id: str, headers: Mapping[bytes, bytes]) -> AbstractContextManager[None]:
        """Run a block for a request whose span is in another process."""
        context = self._caller(headers)
        place = self._trace.get_current_span(context).get_span_context()
        if not place.is_valid:
            return super().joined(request_id, headers)
        enter = partial(self._attached, context)
        return answering(Running(request_id, format(place.trace_id, "032x"), place, self._outgoing, enter))

    def batch(self, name: str, calls: Sequence[Call], run: Run) -> Run:
        """Make a span of a batch, linked to those of its calls."""
        found: list[Any] = [call.about.span for call in calls if call.about is not None and call.about.span is not None]
        links = [self._trace.Link(span) for span in found[:LINKS]]
        if not any(span.trace_flags.sampled for span in found):
            return (yield from run)
        attributes = {"ekiben.service": self._service, "ekiben.endpoint": name, "ekiben.batch.calls": len(calls)}
        attributes["ekiben.batch.items"] = sum(call.items for call in calls)
        # A root of its own: it belongs to several requests, and is found from each by its link.
        root = self._context.Context()
        span = self._tracer.start_span(f"batch {name}", context=root, links=links, attributes=attributes)
        try:
            inner = self._trace.set_span_in_context(span, root)
            place = span.get_span_context()
            whose = Running("", format(place.trace_id, "032x"), place, self._outgoing, partial(self._attached, inner))
            with answering(whose):
                return (yield from run)
        finally:
            span.end()

    def _begin(self, scope: Scope, exchange: Exchange) -> tuple[Any, Any]:
        """Start the span of a request, below that of its caller where there is one."""
        parent = self._caller(exchange.headers)
        caller = self._trace.get_current_span(parent).get_span_context()
        rate = self._spec.sample_rate
        if not caller.is_valid and rate is not None and random.random() >= rate:  # noqa: S311 - a sample, no secret
            span = self._trace.NonRecordingSpan(self._unsampled())
            return span, self._trace.set_span_in_context(span, parent)
        route = scope["path"] if scope["path"] in self._routes else None
        attributes = {
            "http.request.method": scope["method"],
            "url.path": scope["path"],
            "url.scheme": scope.get("scheme", "http"),
            "ekiben.service": self._service,
            "ekiben.request_id": exchange.request_id,
            **({"http.route": route} if route else {}),
        }
        name = f"{scope['method']} {route}" if route else str(scope["method"])
        kind = self._trace.SpanKind.SERVER
        span = self._tracer.start_span(name, context=parent, kind=kind, attributes=attributes)
        return span, self._trace.set_span_in_context(span, parent)

    def _caller(self, headers: Mapping[bytes, bytes]) -> Any:
        """Read whose trace a request belongs to."""
        text = {name.decode("latin-1"): value.decode("latin-1") for name, value in headers.items()}
        return self._propagate.extract(text, context=self._context.Context())

    def _end(self, span: Any, status: int) -> None:
        """End the span of a request."""
        span.set_attribute("http.response.status_code", status)
        if status >= 500:
            span.set_status(self._trace.Status(self._trace.StatusCode.ERROR))
        span.end()

    def _unsampled(self) -> Any:
        """Make ids for a trace that is not kept; whatever is called then knows that."""
        trace_id, span_id = random.getrandbits(128) or 1, random.getrandbits(64) or 1
        return self._trace.SpanContext(trace_id, span_id, is_remote=False)

    def _is_excluded(self, path: str) -> bool:
        return any(fnmatch.fnmatchcase(path, pattern) for pattern in self._spec.excluded)

    def _outgoing(self) -> dict[str, str]:
        """Give the headers that let another service go on with the trace."""
        headers: dict[str, str] = {}
        self._propagate.inject(headers)
        return headers

    @contextmanager
    def _attached(self, context: Any) -> Iterator[None]:
        token = self._context.attach(context)
        try:
            yield
        finally:
            self._context.detach(token)


class Telling:
    """A door by which calls take along whose they are, past the app.

    Args:
        door: of an endpoint.
    """

    __slots__ = ("_door",)

    def __init__(self, door: Door) -> None:
        self._door = door

    def enter(self, call: Call) -> None:
        """Let a call in."""
        call.about = Running(getattr(call.answer, "request_id", ""))
        self._door.enter(call)

    def leave(self, call: Call) -> None:
        """Let it out."""
        self._door.leave(call)


def with_header(send: Send, name: bytes, trace_id: bytes) -> Send:
    """Tell the trace id in the head of an answer."""

    async def sent(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message.get("headers", ()), (name, trace_id)]
        await send(message)

    return sent


def plan(spec: ServiceSpec, routes: Collection[str]) -> Noting | None:
    """Settle at start what stands around requests; None: nothing does."""
    if spec.tracing is not None:
        return Tracing(spec, spec.tracing, routes)
    return Noting() if spec.monitoring is not None or spec.dependencies else None

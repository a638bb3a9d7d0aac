"""Requests become spans of the user's own OpenTelemetry provider; without the option nothing is there."""

import asyncio
import io
import json
import logging
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import httpx
import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import ekiben
from ekiben.core import log
from ekiben.core.errors import MissingLibrary
from ekiben.core.running import NOBODY, running
from ekiben.core.spec import HttpSpec, TraceSpec
from ekiben.http.app import App
from ekiben.http.tracing import plan
from tests.http.within import asking, bound, started

TRACE_ID, CALLER = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"  # the example of the W3C's document
SAMPLED = {"traceparent": f"00-{TRACE_ID}-{CALLER}-01"}
UNSAMPLED = {"traceparent": f"00-{TRACE_ID}-{CALLER}-00"}

EXPORTER = InMemorySpanExporter()


@pytest.fixture(scope="module", autouse=True)
def provider() -> Iterator[None]:
    """Set a provider once, as the user's program would."""
    made = TracerProvider()
    made.add_span_processor(SimpleSpanProcessor(EXPORTER))
    trace.set_tracer_provider(made)
    yield
    made.shutdown()


@pytest.fixture(autouse=True)
def no_spans() -> None:
    EXPORTER.clear()


@ekiben.service(tracing={})
class Traced:
    """What is asked."""

    def __init__(self) -> None:
        self.gate = threading.Event()

    @ekiben.api
    def add(self, a: int) -> int:
        with trace.get_tracer("user").start_as_current_span("inside"):
            return a + 1

    @ekiben.api
    async def add_async(self, a: int) -> int:
        with trace.get_tracer("user").start_as_current_span("inside"):
            return a + 1

    @ekiben.api
    def who(self) -> list[str]:
        return [running().request_id, running().trace_id, running().outgoing().get("traceparent", "")]

    @ekiben.api
    def fail(self) -> None:
        raise RuntimeError("inside")

    @ekiben.api(batchable=True, max_wait_ms=200)
    def double(self, x: list[int]) -> list[int]:
        with trace.get_tracer("user").start_as_current_span("inside"):
            return [2 * each for each in x]


def spans(name: str | None = None) -> list[ReadableSpan]:
    return [span for span in EXPORTER.get_finished_spans() if name in (None, span.name)]


def ids(span: ReadableSpan) -> tuple[str, str | None]:
    """Give the trace and the parent of a span."""
    assert span.context is not None
    return format(span.context.trace_id, "032x"), span.parent and format(span.parent.span_id, "016x")


async def test_a_span_of_each_request() -> None:
    """A request is a server span with method, route, status and request id; it starts a trace of its own."""
    async with asking(Traced) as client:
        await client.post("/add", json={"a": 1}, headers={"x-request-id": "r1"})
    (span,) = spans("POST /add")
    assert span.kind is trace.SpanKind.SERVER
    assert ids(span)[1] is None
    assert dict(span.attributes or {}) == {
        "http.request.method": "POST",
        "http.route": "/add",
        "url.path": "/add",
        "url.scheme": "http",
        "http.response.status_code": 200,
        "ekiben.service": "Traced",
        "ekiben.request_id": "r1",
    }
    assert span.status.is_unset


async def test_below_the_caller() -> None:
    """A request that bears a trace goes on with it."""
    async with asking(Traced) as client:
        await client.post("/add", json={"a": 1}, headers=SAMPLED)
    assert ids(spans("POST /add")[0]) == (TRACE_ID, CALLER)


@pytest.mark.parametrize("endpoint", ["add", "add_async"])
async def test_spans_of_the_users_are_inside(endpoint: str) -> None:
    """What the user's code spans stands below the request, in the model thread and on the loop."""
    async with asking(Traced) as client:
        await client.post(f"/{endpoint}", json={"a": 1}, headers=SAMPLED)
    (outer,), (inner,) = spans(f"POST /{endpoint}"), spans("inside")
    assert outer.context is not None
    assert ids(inner) == (TRACE_ID, format(outer.context.span_id, "016x"))


async def test_batches_are_linked() -> None:
    """A batch is a span of its own, linked to each of its requests; user's spans stand below it."""
    async with asking(Traced) as client:
        await asyncio.gather(*(client.post("/double", json={"x": [n]}) for n in range(3)))
    (batch,) = spans("batch double")
    asked = spans("POST /double")
    assert {link.context.span_id for link in batch.links} == {span.context.span_id for span in asked if span.context}
    assert dict(batch.attributes or {}) == {
        "ekiben.service": "Traced", "ekiben.endpoint": "double", "ekiben.batch.calls": 3, "ekiben.batch.items": 3,
    }  # fmt: skip
    assert batch.context is not None
    assert ids(spans("inside")[0])[1] == format(batch.context.span_id, "016x")


async def test_failures() -> None:
    """An answer from 500 on is an error of the span; a caller's mistake is none."""
    async with asking(Traced) as client:
        assert (await client.post("/fail", json={})).status_code == 500
        assert (await client.post("/add", json={"a": "x"})).status_code == 400
    assert spans("POST /fail")[0].status.status_code is trace.StatusCode.ERROR
    assert spans("POST /add")[0].status.is_unset


async def test_names_are_bounded() -> None:
    """A path that there is not stands in no span's name, and probes are not traced."""
    async with asking(Traced) as client:
        await client.get("/nowhere/17")
        await client.get("/livez")
        await client.get("/metrics")
    assert [span.name for span in spans()] == ["GET"]


async def test_excluded_urls() -> None:
    """What is excluded has no span, and code inside sees no trace."""
    async with asking(Traced, tracing=TraceSpec(excluded=("/who*",))) as client:
        request_id, trace_id, onward = (await client.post("/who", json={}, headers=SAMPLED)).json()
        await client.post("/add", json={"a": 1})
    assert (trace_id, onward) == ("", "")
    assert request_id
    assert spans("POST /who") == []
    assert len(spans("POST /add")) == 1


async def test_sample_rate() -> None:
    """Of requests without a caller that rate is kept; a caller's own decision holds, and what follows is told of it."""
    async with asking(Traced, tracing=TraceSpec(sample_rate=0.0)) as client:
        _, trace_id, onward = (await client.post("/who", json={})).json()
        await client.post("/add", json={"a": 1})
        assert spans() == [], "nothing of an unsampled trace is kept, the user's spans included"
        await client.post("/add", json={"a": 1}, headers=UNSAMPLED)
        assert spans() == []
        await client.post("/add", json={"a": 1}, headers=SAMPLED)
    assert onward.startswith(f"00-{trace_id}-")
    assert onward.endswith("-00")
    assert len(spans("POST /add")) == 1
    async with asking(Traced, tracing=TraceSpec(sample_rate=1.0)) as client:
        await client.post("/who", json={})
    assert len(spans("POST /who")) == 1


@pytest.mark.parametrize("header", ["", "00-zz-yy-01", "00-" + "0" * 32 + "-" + "0" * 16 + "-01", "\x00", "x" * 5000])
async def test_bad_traceparents(header: str) -> None:
    """A header that is no trace is passed over."""
    async with asking(Traced) as client:
        answer = await client.post("/add", json={"a": 1}, headers={"traceparent": header.encode()})
    assert answer.status_code == 200
    assert ids(spans("POST /add")[0])[1] is None


async def test_the_trace_id_is_told() -> None:
    """The id stands in the answer where that is asked for, in the access log, and for the user's code."""
    stream = io.StringIO()
    log.set_up("info", style="json", stream=stream)
    async with asking(Traced, tracing=TraceSpec(header=True)) as client:
        answer = await client.post("/who", json={}, headers={**SAMPLED, "x-request-id": "r7"})
    logging.getLogger("ekiben").handlers.clear()
    assert answer.headers["x-trace-id"] == TRACE_ID
    assert answer.json()[:2] == ["r7", TRACE_ID]
    line = json.loads(stream.getvalue().splitlines()[-1])
    assert line["trace_id"] == TRACE_ID
    assert line["message"].endswith(f"id=r7 trace={TRACE_ID}")
    async with asking(Traced) as client:
        assert "x-trace-id" not in (await client.post("/who", json={})).headers


async def test_dependencies_by_url() -> None:
    """A call to another server, made in a model thread, goes on with the trace there."""
    with ekiben.serve(Traced) as inner:

        @ekiben.service(tracing={})
        class Outer:
            other = ekiben.depends(url=inner.url)

            @ekiben.api
            def ask(self) -> list[str]:
                found: list[str] = self.other.who()
                return found

        async with asking(Outer) as client:
            _, trace_id, _ = (await client.post("/ask", json={}, headers=SAMPLED)).json()
    (outer,), (below,) = spans("POST /ask"), spans("POST /who")
    assert outer.context is not None
    assert trace_id == TRACE_ID
    assert ids(below) == (TRACE_ID, format(outer.context.span_id, "016x"))


async def test_nothing_is_there_without_it() -> None:
    """A service that asks for no tracing has none of it on a request's way, and may be answered by the fast lane."""
    plain = bound(Traced, tracing=None)
    assert plan(plain.spec, ()) is None
    assert App(plain).obstacle is None
    assert App(bound(Traced)).obstacle == "tracing must see every request"
    async with asking(Traced, tracing=None) as client:
        assert (await client.post("/who", json={}, headers=SAMPLED)).json() == ["", "", ""]
    assert spans() == []
    assert running() is NOBODY


async def test_what_middleware_raises_is_recorded() -> None:
    """An error outside of every handler is an event of the span, and is answered as ever."""

    class Broken:
        def __init__(self, app: Any) -> None:
            self.app = app

        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            if scope["type"] == "http":
                raise RuntimeError("broken")
            await self.app(scope, receive, send)

    made = bound(Traced)
    async with started(App(replace(made, middleware=((Broken, {}),)))) as app:
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
            assert (await client.post("/add", json={"a": 1})).status_code == 500
    (span,) = spans("POST /add")
    assert [event.name for event in span.events] == ["exception"]


WITHOUT_PROVIDER = """
import logging, ekiben, ekiben.testing
logging.basicConfig()

@ekiben.service(tracing={})
class S:
    @ekiben.api
    def f(self) -> int:
        return 1

with ekiben.testing.client(S) as client:
    assert client.f() == 1
"""


def test_no_provider() -> None:
    """Where no provider is set the service works, and the log says that its spans go nowhere."""
    done = subprocess.run([sys.executable, "-c", WITHOUT_PROVIDER], capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    assert "tracing is on, and no OpenTelemetry provider is set: its spans go nowhere" in done.stderr


def test_without_opentelemetry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the library is not installed the service does not start, and the command is told."""
    for name in [name for name in sys.modules if name.startswith("opentelemetry")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    with pytest.raises(MissingLibrary, match="`tracing` needs the library") as caught:
        App(bound(Traced))
    assert caught.value.hint == "pip install 'ekiben[tracing]'"


def test_spec() -> None:
    """The options arrive in the spec."""

    @ekiben.service(tracing={"sample_rate": 0.5, "excluded_urls": ["/x"]}, http={"response": {"trace_id": True}})
    class Set:
        @ekiben.api
        def f(self) -> int:
            return 1

    found = Set.__ekiben_service__().spec  # type: ignore[attr-defined] # the decorator adds it
    assert found.tracing == TraceSpec(0.5, ("/x",), header=True)
    assert found.http == HttpSpec()

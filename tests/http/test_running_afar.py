"""Whichever way a call goes, services in other processes know whose request they answer, and go on with its trace."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.http.test_tracing_apart import CALLER, HEADERS, TRACE_ID, lines, named, trace_of
from tests.servers import Running, serving

pytestmark = pytest.mark.slow

SERVICE = """\
import ekiben

@ekiben.service
class Innermost:
    @ekiben.api
    def who(self, ctx: ekiben.Context) -> str:
        return ctx.request_id

    @ekiben.api
    def fail(self) -> None:
        raise ValueError("a bug")

@ekiben.service
class Inner:
    deep = ekiben.depends(Innermost)

    @ekiben.api
    def who(self, ctx: ekiben.Context) -> list[str]:
        return [ctx.request_id, self.deep.who()]

    @ekiben.api
    def fail(self) -> None:
        self.deep.fail()

    @ekiben.api
    async def later(self, ctx: ekiben.Context) -> list[str]:
        return [ctx.request_id, await self.deep.to_async.who()]

@ekiben.service
class Outer:
    inner = ekiben.depends(Inner)

    @ekiben.api
    def plain(self) -> list[str]:
        return self.inner.who()

    @ekiben.api
    async def wait(self) -> list[str]:
        return await self.inner.later()

    @ekiben.api
    def context(self, ctx: ekiben.Context) -> list[str]:
        return self.inner.who()

    @ekiben.api(batchable=True)
    def batch(self, x: list[int]) -> list[list[str]]:
        return [self.inner.who() for _ in x]

    @ekiben.api(batchable=True)
    async def later(self, x: list[int]) -> list[list[str]]:
        return [await self.inner.to_async.who() for _ in x]

    @ekiben.api
    def fail(self) -> None:
        self.inner.fail()
"""

WAYS = {
    "the fast lane": (),
    "the app": ("--lane", "asgi"),
    "workers apart": ("--layout", "apart"),
    "one process": ("--layout", "inline"),
}


@pytest.fixture(scope="module", params=WAYS.values(), ids=WAYS.keys())
def running(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("services")
    (folder / "service.py").write_text(SERVICE)
    with serving("service:Outer", *request.param, cwd=folder) as found:
        found.wait_for_log("ready in")
        yield found


@pytest.mark.parametrize("name", ["plain", "wait", "context"])
def test_the_id_goes_along(running: Running, name: str) -> None:
    """The id of the request is that of all calls that are made for it, two services deep, for each request its own."""
    for number in range(3):
        found = running.http.post(f"/{name}", headers={"x-request-id": f"mine-{number}"})
        assert found.json() == [f"mine-{number}"] * 2
    made = running.http.post(f"/{name}")
    assert made.json() == [made.headers["x-request-id"]] * 2


@pytest.mark.parametrize("name", ["batch", "later"])
def test_a_batch_of_one_has_its_id(running: Running, name: str) -> None:
    """A lone call that batches is known by its id, never by that of an earlier one."""
    for number in range(3):
        found = running.http.post(f"/{name}", json={"x": [1]}, headers={"x-request-id": f"mine-{number}"})
        assert found.json() == [[f"mine-{number}"] * 2]


def test_a_bug_is_logged_with_the_id(tmp_path: Path) -> None:
    """The log of a service two processes away names the request that all began with."""
    (tmp_path / "service.py").write_text(SERVICE)
    with serving("service:Outer", cwd=tmp_path) as server:
        assert server.http.post("/fail", headers={"x-request-id": "mine"}).status_code == 500
        server.wait_for_log("Innermost.fail failed (request mine): a bug")


TRACED = """\
import json, os
import ekiben
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter, SpanExportResult


class Lines(SpanExporter):
    def export(self, spans):
        with open(f"spans.{os.getpid()}", "a") as file:
            for span in spans:
                file.write(json.dumps(json.loads(span.to_json())) + chr(10))
        return SpanExportResult.SUCCESS


provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(Lines()))
trace.set_tracer_provider(provider)
tracer = trace.get_tracer("user")


@ekiben.service(tracing={})
class Innermost:
    @ekiben.api
    def work(self) -> int:
        with tracer.start_as_current_span("innermost"):
            return 1

    @ekiben.api(batchable=True)
    def batch(self, x: list[int]) -> list[int]:
        with tracer.start_as_current_span("in a batch"):
            return x


@ekiben.service
class Untraced:
    deep = ekiben.depends(Innermost)

    @ekiben.api
    def work(self) -> int:
        return self.deep.work()


@ekiben.service(tracing={})
class Outer:
    between = ekiben.depends(Untraced)
    deep = ekiben.depends(Innermost)

    @ekiben.api
    def work(self) -> int:
        with tracer.start_as_current_span("outer"):
            return self.between.work()

    @ekiben.api
    def batch(self) -> list[int]:
        return self.deep.batch([1])
"""


@pytest.mark.parametrize("layout", [(), ("--layout", "apart")], ids=["one front", "workers apart"])
def test_a_trace_goes_on(tmp_path: Path, layout: tuple[str, ...]) -> None:
    """A span of a dependency stands below the caller's, also behind a service that does not trace itself."""
    (tmp_path / "service.py").write_text(TRACED)
    with serving("service:Outer", *layout, cwd=tmp_path) as server:
        server.wait_for_log("ready in")
        assert server.http.post("/work", headers=HEADERS).json() == 1
        assert server.http.post("/batch", headers=HEADERS).json() == [1]
        assert server.stop() == 0
    spans = [span for file in tmp_path.glob("spans.*") for span in lines(file)]
    (request,), (outer,), (inner,) = (named(spans, name) for name in ("POST /work", "outer", "innermost"))
    assert {trace_of(span) for span in (request, outer, inner)} == {TRACE_ID}
    assert request["parent_id"] == f"0x{CALLER}"
    assert outer["parent_id"] == request["context"]["span_id"]
    assert inner["parent_id"] == outer["context"]["span_id"]
    (batch,), (asked,) = named(spans, "batch batch"), named(spans, "POST /batch")
    assert [link["context"]["trace_id"] for link in batch["links"]] == [f"0x{TRACE_ID}"]
    assert trace_of(asked) == TRACE_ID

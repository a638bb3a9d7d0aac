"""Where workers stand apart from the front, their spans and records belong to the requests of the front."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from tests.servers import serving

SERVICE = """\
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


@ekiben.service(layout="apart", tracing={}, monitoring={"options": {"log_path": "kept"}})
class Apart:
    @ekiben.api
    def plain(self, x: int) -> int:
        with trace.get_tracer("user").start_as_current_span("inside"):
            with ekiben.monitor("m") as mon:
                mon.log(x, "x", "feature", "numerical")
        return x

    @ekiben.api(batchable=True, max_wait_ms=300)
    def batch(self, x: list[int]) -> list[int]:
        with trace.get_tracer("user").start_as_current_span("inside batch"):
            return x
"""
TRACE_ID, CALLER = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
HEADERS = {"traceparent": f"00-{TRACE_ID}-{CALLER}-01", "x-request-id": "r1"}


def test_apart(tmp_path: Path) -> None:
    """A worker's spans stand below the front's, its batches are linked to them, its records bear their ids."""
    (tmp_path / "service.py").write_text(SERVICE)
    with serving("service.py", cwd=tmp_path) as server:
        assert server.http.post("/plain", json={"x": 1}, headers=HEADERS).json() == 1
        with ThreadPoolExecutor(3) as pool:
            list(pool.map(lambda n: server.http.post("/batch", json={"x": [n]}, headers=HEADERS), range(3)))
        assert server.stop() == 0
    by_process = {file.name: lines(file) for file in tmp_path.glob("spans.*")}
    assert len(by_process) == 2, "the front and the worker span, each what it does"
    spans = [span for found in by_process.values() for span in found]

    (outer,) = named(spans, "POST /plain")
    (inner,) = named(spans, "inside")
    assert trace_of(outer) == trace_of(inner) == TRACE_ID
    assert inner["parent_id"] == outer["context"]["span_id"]

    asked = {span["context"]["span_id"] for span in named(spans, "POST /batch")}
    linked = [link["context"]["span_id"] for span in named(spans, "batch batch") for link in span["links"]]
    assert sorted(linked) == sorted(asked)
    batches = {span["context"]["span_id"] for span in named(spans, "batch batch")}
    assert {span["parent_id"] for span in named(spans, "inside batch")} == batches

    (data,) = (tmp_path / "kept/m/data").iterdir()
    (record,) = lines(data)
    assert (record["x"], record["request_id"], record["trace_id"]) == (1, "r1", TRACE_ID)


def lines(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text().splitlines()]


def named(spans: list[dict[str, Any]], name: str) -> list[dict[str, Any]]:
    return [span for span in spans if span["name"] == name]


def trace_of(span: dict[str, Any]) -> str:
    found: str = span["context"]["trace_id"]
    return found.removeprefix("0x")

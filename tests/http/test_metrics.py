"""Requests are counted by route and status, in the words of Prometheus, beside what the user counts."""

import re
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client import REGISTRY, Counter, Gauge
from prometheus_client.parser import text_string_to_metric_families

import ekiben
from ekiben.core.spec import HttpSpec, MetricsSpec, ServiceSpec, Style
from ekiben.engine.observe import BatchCounts, TaskCounts
from ekiben.http.app import App
from ekiben.http.metrics import Inner, Metrics
from ekiben.http.scrape import Scrape
from tests.http.calls import Calls
from tests.http.within import asking, bound, started


def samples(text: str) -> dict[tuple[str, ...], float]:
    """Read Prometheus text into {(name, label values…): value}."""
    return {
        (sample.name, *(sample.labels[key] for key in sorted(sample.labels))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


async def test_counted() -> None:
    """Each answer is counted once, by endpoint, status, service and version; a wrong path has one common label."""
    async with asking(Calls, version="v7") as client:
        for a in (1, 2, "x"):
            await client.post("/add", json={"a": a})
        for path in ("/nowhere", "/else%0awhere"):
            await client.get(path)
        found = samples((await client.get("/metrics")).text)
    name = "ekiben_request_total"
    assert found[(name, "/add", "200", "calls", "v7")] == 2
    assert found[(name, "/add", "400", "calls", "v7")] == 1
    assert found[(name, "(unknown)", "404", "calls", "v7")] == 2
    assert found[("ekiben_request_in_progress", "/add", "calls", "v7")] == 0
    assert found[("ekiben_request_duration_seconds_count", "/add", "200", "calls", "v7")] == 2
    assert found[("ekiben_request_duration_seconds_bucket", "/add", "200", "+Inf", "calls", "v7")] == 2
    assert found[("ekiben_last_request_timestamp_seconds", "/add", "calls", "v7")] > 1.7e9
    assert not [key for key in found if key[0] == name and key[1] in ("/metrics", "/livez", "/nowhere")]


def test_buckets() -> None:
    """A duration falls into the bucket whose upper bound it does not pass, and into all above."""
    metrics = Metrics(ServiceSpec("s", http=HttpSpec(metrics=MetricsSpec(buckets=(0.1, 1.0)))))
    tally = metrics.tally("/p")
    for seconds in (0.05, 0.1, 0.5, 3.0):
        tally.note(200, seconds, 0.1)
    text, media = metrics.render("")
    found = samples(text.decode())
    place = ("/p", "200")
    counts = [found[("ekiben_request_duration_seconds_bucket", *place, le, "s", "")] for le in ("0.1", "1", "+Inf")]
    assert counts == [2, 3, 4]
    assert found[("ekiben_request_duration_seconds_sum", *place, "s", "")] == pytest.approx(3.65)
    assert media.startswith("text/plain")


def test_batches() -> None:
    """The sizes of batches are a histogram by method; without an endpoint that batches there is none."""
    counts = BatchCounts()
    for items in (1, 2, 5000):
        counts.note(items, 0.1)
    found = samples(Metrics(ServiceSpec("s"), Inner({"predict": counts})).render("")[0].decode())
    name = "ekiben_adaptive_batch_size"
    sizes = [found[(f"{name}_bucket", le, "predict", "s", "")] for le in ("1", "2", "1024", "+Inf")]
    assert (sizes, found[(f"{name}_sum", "predict", "s", "")]) == ([1, 2, 2, 3], 5003)
    assert b"adaptive" not in Metrics(ServiceSpec("s")).render("")[0]


def test_batch_waits() -> None:
    """What calls waited for their batch is a histogram by method, in seconds."""
    counts = BatchCounts()
    counts.note_waits([0.0, 0.002, 60.0])
    found = samples(Metrics(ServiceSpec("s"), Inner({"predict": counts})).render("")[0].decode())
    name = "ekiben_batch_wait_seconds"
    waits = [found[(f"{name}_bucket", le, "predict", "s", "")] for le in ("0.0001", "0.0025", "10", "+Inf")]
    assert waits == [1, 2, 2, 3]
    assert found[(f"{name}_count", "predict", "s", "")] == 3
    assert found[(f"{name}_sum", "predict", "s", "")] == pytest.approx(60.002)


@pytest.mark.parametrize(
    ("spec", "prefix"),
    [
        (ServiceSpec("s", style=Style(metrics_prefix="bentoml_service")), "bentoml_service"),
        (ServiceSpec("s", http=HttpSpec(metrics=MetricsSpec(namespace="own"))), "own"),
    ],
)
def test_prefix(spec: ServiceSpec, prefix: str) -> None:
    """The names begin with the option's prefix, else the style's."""
    metrics = Metrics(spec)
    metrics.tally("/p").note(200, 0.1, 0.1)
    assert f"{prefix}_request_total{{".encode() in metrics.render("")[0]


async def test_users_metrics() -> None:
    """What the user counts with prometheus_client stands in /metrics too, in both formats."""
    mine = Counter("my_predictions", "Mine.", ["kind"])
    clash = Gauge("ekiben_request_in_progress", "A name of ours.")
    try:
        mine.labels("good").inc(3)
        async with asking(Calls) as client:
            plain = await client.get("/metrics")
            accept = {"accept": "application/openmetrics-text; version=1.0.0"}
            new = await client.get("/metrics", headers=accept)
    finally:
        REGISTRY.unregister(mine)
        REGISTRY.unregister(clash)
    assert samples(plain.text)[("my_predictions_total", "good")] == 3
    assert plain.text.count("# TYPE ekiben_request_in_progress ") == 1  # a name is told once
    assert new.headers["content-type"].startswith("application/openmetrics-text")
    assert new.text.endswith("# EOF\n")
    assert "my_predictions_total" in new.text


async def test_two_apps_do_not_clash() -> None:
    """Two apps of one process count apart, and leave the common registry alone."""
    before = len(list(REGISTRY.collect()))
    async with started(App(bound(Calls))) as one, started(App(bound(Calls))) as two:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(one), base_url="http://x") as client:
            await client.post("/add", json={"a": 1})
        async with httpx.AsyncClient(transport=httpx.ASGITransport(two), base_url="http://x") as client:
            found = samples((await client.get("/metrics")).text)
    assert ("ekiben_request_total", "/add", "200", "calls", "") not in found
    assert len(list(REGISTRY.collect())) == before


async def test_label_values_are_bounded() -> None:
    """However many paths are asked for, the number of series is that of the routes."""
    async with asking(Calls) as client:
        for number in range(30):
            await client.get(f"/path-{number}")
        found = samples((await client.get("/metrics")).text)
    assert len([key for key in found if key[0] == "ekiben_request_total"]) == 1


@ekiben.service
class Doubles:
    """A service that batches."""

    @ekiben.api(batchable=True)
    def double(self, x: list[int]) -> list[int]:
        return [2 * each for each in x]


async def test_behind_the_routes() -> None:
    """Reading, writing, batches and the queue are counted by method."""
    async with asking(Doubles) as client:
        for body in ([1, 2], [3], ["x"]):
            await client.post("/double", json={"x": body})
        found = samples((await client.get("/metrics")).text)
    place = ("double", "Doubles", "")
    assert found[("ekiben_decode_seconds_count", *place)] >= 1
    assert found[("ekiben_decode_seconds_sum", *place)] > 0
    assert found[("ekiben_encode_seconds_count", *place)] >= 1
    assert found[("ekiben_model_seconds_count", *place)] == 2
    assert found[("ekiben_model_seconds_sum", *place)] > 0
    assert found[("ekiben_queue_depth", "Doubles", "")] == 0


@pytest.mark.parametrize("options", [{}, {"threads": 2}, {"inline": True}], ids=str)
async def test_methods_are_timed(options: dict[str, Any]) -> None:
    """A method whose calls are no batches is timed by the call, on a thread, on several, and on the loop."""

    @ekiben.service(**options)
    class Timed:
        @ekiben.api
        def plain(self) -> int:
            return 1

        @ekiben.api
        async def on_loop(self) -> int:
            return 1

    async with asking(Timed) as client:
        for path in ("/plain", "/on_loop"):
            assert (await client.post(path, json={})).json() == 1
        found = samples((await client.get("/metrics")).text)
    for name in ("plain", "on_loop"):
        assert found[("ekiben_model_seconds_count", name, "Timed", "")] == 1
        assert found[("ekiben_model_seconds_sum", name, "Timed", "")] > 0


async def test_nothing_is_timed_where_nobody_looks() -> None:
    """Without `/metrics` the codecs are left as they are."""
    async with asking(Calls, http=HttpSpec(metrics=MetricsSpec(enabled=False))) as client:
        assert (await client.post("/add", json={"a": 1})).json() == 2
        assert (await client.get("/metrics")).status_code == 404


async def test_every_metric_is_documented() -> None:
    """Each name that `/metrics` shows stands in docs/metrics.md with its type, and no other does."""
    page = (Path(__file__).parents[2] / "docs/metrics.md").read_text()
    told = dict(re.findall(r"^\| `(ekiben_\w+)` \| (\w+) \|", page, re.MULTILINE))
    async with asking(Doubles) as client:
        await client.post("/double", json={"x": [1]})
        text = (await client.get("/metrics")).text
    text += Metrics(ServiceSpec("tasks"), Inner(tasks=TaskCounts())).render("")[0].decode()

    async def supervisor() -> dict[str, Any]:
        swaps = {"swaps": {"swapped": 0}, "models": {"iris": "1"}}
        return {"families": [], "restarts": 0, "workers": 1, **swaps}

    text += (await Scrape(Metrics(ServiceSpec("replicas")), supervisor).render(""))[0].decode()
    assert told == dict(re.findall(r"^# TYPE (ekiben_\w+) (\w+)$", text, re.MULTILINE))

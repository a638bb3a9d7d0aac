"""A scrape of any worker is a scrape of all: with made-up supervisors, and with real processes."""

import json
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.openmetrics.parser import text_string_to_metric_families as open_families
from prometheus_client.parser import text_string_to_metric_families

from ekiben.core.errors import Unavailable
from ekiben.core.spec import ServiceSpec
from ekiben.engine.control import Message
from ekiben.engine.figures import Totals
from ekiben.http import scrape
from ekiben.http.metrics import Metrics
from ekiben.http.scrape import Scrape
from tests.servers import READY_S, Running, leftovers, serving

OPEN = "application/openmetrics-text"

SERVICE = """\
import os
import ekiben
from prometheus_client import Counter, Gauge

SEEN = Counter("seen", "Numbers that were seen.")
LAST = Gauge("last_number", "The last number.")

@ekiben.service(name="counted", workers=2, layout="replicas")
class Counted:
    @ekiben.api
    def add(self, number: int) -> int:
        SEEN.inc()
        LAST.set(number)
        return os.getpid()
"""


def samples(text: str) -> dict[tuple[str, ...], float]:
    """Read Prometheus text into {(name, label values…): value}."""
    return {
        (sample.name, *(sample.labels[key] for key in sorted(sample.labels))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def worker(seconds: float, registry: CollectorRegistry, ask: Callable[[], Any]) -> Scrape:
    """A worker that answered one request."""
    metrics = Metrics(ServiceSpec("s"))
    metrics.tally("/p").note(200, seconds, 0.1)
    metrics.tally("/p").inside = 1
    return Scrape(metrics, ask, registry)


def registry_with(value: float) -> CollectorRegistry:
    registry = CollectorRegistry()
    Counter("mine", "Mine.", ["kind"], registry=registry).labels('a\n"b"').inc(value)
    Gauge("level", "Mine too.", registry=registry).set(value)
    Histogram("sizes", "Sizes.", buckets=(1, 2), registry=registry).observe(value)
    return registry


@pytest.mark.parametrize("accept", ["", OPEN])
async def test_all_workers_are_in_one_text(accept: str) -> None:
    """What two workers told is one valid text: sums, the user's gauges by worker, and the workers themselves."""
    totals = Totals()

    async def ask() -> Message:
        answer = {"families": totals.families(), "restarts": 3, "workers": 2}
        return json.loads(json.dumps(answer))  # type: ignore[no-any-return]

    two = [worker(0.05, registry_with(1), ask), worker(0.5, registry_with(4), ask)]
    for index, each in enumerate(two):
        totals.take(each, str(index), json.loads(json.dumps(each.tell())))
    text, media = await two[0].render(accept)
    assert media.startswith(accept or "text/plain")
    if accept:
        assert {family.name for family in open_families(text.decode())} > {"ekiben_request", "mine", "level", "sizes"}
        return
    found = samples(text.decode())
    assert found[("ekiben_request_total", "/p", "200", "s", "")] == 2
    assert found[("ekiben_request_duration_seconds_bucket", "/p", "200", "0.1", "s", "")] == 1
    assert found[("ekiben_request_duration_seconds_bucket", "/p", "200", "+Inf", "s", "")] == 2
    assert found[("ekiben_request_in_progress", "/p", "s", "")] == 2
    assert found[("ekiben_last_request_timestamp_seconds", "/p", "s", "")] > 1.7e9
    assert found[("mine_total", 'a\n"b"')] == 5
    assert (found[("level", "0")], found[("level", "1")]) == (1, 4)
    assert (found[("sizes_bucket", "1.0")], found[("sizes_bucket", "+Inf")], found[("sizes_sum",)]) == (1, 2, 5)
    assert found[("ekiben_worker_restarts_total", "s", "")] == 3
    assert found[("ekiben_workers", "s", "")] == 2


async def test_swaps_of_models() -> None:
    """Where models are watched, swaps and versions in use are shown; elsewhere there is no word of them."""
    told = {"families": [], "restarts": 0, "workers": 1}

    async def ask() -> Message:
        return told

    each = worker(0.05, CollectorRegistry(), ask)
    assert b"_model_" not in (await each.render(""))[0]
    told |= {"swaps": {"swapped": 2, "refused": 1}, "models": {"iris": "v3"}}
    found = samples((await each.render(""))[0].decode())
    assert found[("ekiben_model_swaps_total", "swapped", "s")] == 2
    assert found[("ekiben_model_swaps_total", "refused", "s")] == 1
    assert found[("ekiben_model_in_use", "iris", "s", "v3")] == 1
    assert {family.name for family in open_families((await each.render(OPEN))[0].decode())} > {"ekiben_model_swaps"}


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        pytest.param(Unavailable("no answer to `metrics` within 2 seconds"), "within 2 seconds", id="no answer"),
        pytest.param({"families": 5}, "figures must be", id="an answer that is none"),
        pytest.param({}, "figures must be", id="an empty answer"),
    ],
)
async def test_a_worker_alone_says_so(answer: Any, words: str) -> None:
    """Without the supervisor's answer a worker gives its own figures and says why; both texts stay valid."""

    async def ask() -> Message:
        if isinstance(answer, Exception):
            raise answer
        return answer  # type: ignore[no-any-return]

    each = worker(0.05, registry_with(1), ask)
    text, _ = await each.render("")
    first, _, _ = text.decode().partition("\n")
    assert first.startswith("# of this worker alone: ")
    assert words in first
    assert samples(text.decode())[("ekiben_request_total", "/p", "200", "s", "")] == 1
    opened, media = await each.render(OPEN)
    assert media.startswith(OPEN)
    assert "ekiben_workers" not in {family.name for family in open_families(opened.decode())}


def test_the_comment_is_one_line() -> None:
    """Words with line breaks cannot put a sample into the text."""
    assert scrape.note("a\nekiben_request_total 5\r\n") == b"# of this worker alone: a ekiben_request_total 5\n"


def test_too_many_samples_are_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker whose code made more series than the control socket should carry says so, and tells none."""
    monkeypatch.setattr(scrape, "MOST", 10)

    async def never() -> Message:
        raise AssertionError

    with pytest.raises(ValueError, match=r"at most 10 samples: \d\d"):
        worker(0.05, registry_with(1), never).tell()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "service.py").write_text(SERVICE)
    return tmp_path


def add(server: Running, number: int = 1) -> int:
    """Call over a connection of its own; give the worker's process id."""
    answer = httpx.post(f"{server.url}/add", json={"number": number}, timeout=READY_S, trust_env=False)
    assert answer.status_code == 200, answer.text
    return int(answer.json())


def scraped(server: Running) -> dict[tuple[str, ...], float]:
    """Scrape over a connection of its own, so that workers are asked in turn."""
    text = httpx.get(f"{server.url}/metrics", timeout=READY_S, trust_env=False).text
    assert "of this worker alone" not in text, text
    return samples(text)


def growing(found: dict[tuple[str, ...], float]) -> dict[tuple[str, ...], float]:
    """What must never fall."""
    ends = ("_total", "_count", "_sum", "_bucket")
    return {key: value for key, value in found.items() if key[0].endswith(ends)}


def assert_no_fall(before: dict[tuple[str, ...], float], after: dict[tuple[str, ...], float]) -> None:
    fallen = {key: (value, after.get(key)) for key, value in growing(before).items() if after.get(key, -1) < value}
    assert fallen == {}


def wait_for(server: Running, wanted: Callable[[dict[tuple[str, ...], float]], bool]) -> dict[tuple[str, ...], float]:
    end = time.monotonic() + READY_S
    while not wanted(found := scraped(server)):
        assert time.monotonic() < end, (found, server.log)
        time.sleep(0.05)
    return found


TOTAL = ("ekiben_request_total", "/add", "200", "counted", "")
RESTARTS = ("ekiben_worker_restarts_total", "counted", "")
WORKERS = ("ekiben_workers", "counted", "")


@pytest.mark.slow
def test_any_scrape_shows_all(project: Path) -> None:
    """Whichever replica is asked, it shows the calls of all, also the user's; a kill or a reload lets no sum fall."""
    with serving("service:Counted", cwd=project) as server:
        server.wait_for_log("ready in")
        pids = {add(server, number) for number in range(10)}
        assert len(pids) == 2
        for _ in range(4):
            found = scraped(server)
            assert found[TOTAL] == found[("ekiben_request_duration_seconds_count", *TOTAL[1:])] == 10
            assert (found[("seen_total",)], found[RESTARTS], found[WORKERS]) == (10, 0, 2)
            assert max(found[("last_number", "0")], found[("last_number", "1")]) == 9
            assert found[("ekiben_request_in_progress", "/add", "counted", "")] == 0
        os.kill(min(pids), signal.SIGKILL)
        after = wait_for(server, lambda found: found[RESTARTS] == 1 and found[WORKERS] == 2)
        assert_no_fall(found, after)
        assert (after[TOTAL], after[("seen_total",)]) == (10, 10)
        for _ in range(4):
            add(server)
        before = wait_for(server, lambda found: found[TOTAL] == 14)
        add(server)  # is counted though nobody looks before its worker leaves in order
        old = set(leftovers(server.pid)) - {server.pid}
        server.process.send_signal(signal.SIGHUP)
        server.wait_for_log("the new workers have taken over")
        end = time.monotonic() + READY_S
        while old & set(leftovers(server.pid)):
            assert_no_fall(before, before := scraped(server))
            assert time.monotonic() < end
        found = wait_for(server, lambda found: found[WORKERS] == 2)
        assert_no_fall(before, found)
        assert (found[TOTAL], found[("seen_total",)], found[RESTARTS]) == (15, 15, 1)


@pytest.mark.slow
def test_a_stopped_supervisor_and_a_stuck_worker(project: Path) -> None:
    """A stuck worker counts with what it said last; with a stopped supervisor a worker answers alone, and says so."""
    with serving("service:Counted", cwd=project) as server:
        server.wait_for_log("ready in")
        with httpx.Client(base_url=server.url, timeout=READY_S, trust_env=False) as kept:
            mine = kept.post("/add", json={"number": 1}).json()
            other = next(pid for _ in range(20) if (pid := add(server)) != mine)
            whole = samples(kept.get("/metrics").text)
            os.kill(other, signal.SIGSTOP)
            try:
                assert samples(kept.get("/metrics").text)[TOTAL] == whole[TOTAL]
            finally:
                os.kill(other, signal.SIGCONT)
            server.process.send_signal(signal.SIGSTOP)
            try:
                text = kept.get("/metrics").text
            finally:
                server.process.send_signal(signal.SIGCONT)
            assert text.startswith("# of this worker alone: no answer to `metrics` within 2 seconds\n")
            assert 0 < samples(text)[TOTAL] < whole[TOTAL]
            assert samples(kept.get("/metrics").text)[TOTAL] == whole[TOTAL]


BROKEN = """
from pathlib import Path
from prometheus_client import REGISTRY
from prometheus_client.core import GaugeMetricFamily

class Many:
    def collect(self):
        if Path("broken").exists():
            raise ValueError("no gauge today")
        many = GaugeMetricFamily("many", "Many.", labels=["n"])
        for index in range(120_000 if Path("many").exists() else 1):
            many.add_metric([str(index)], 1)
        return [many]

REGISTRY.register(Many())
"""


@pytest.mark.slow
def test_what_the_user_collects_may_fail(project: Path) -> None:
    """A collector that raises is an error, as in one process; one that gives too much leaves each worker alone."""
    (project / "service.py").write_text(SERVICE + BROKEN)
    with serving("service:Counted", cwd=project) as server:
        server.wait_for_log("ready in")
        assert {add(server) for _ in range(4)} == {pid for pid in leftovers(server.pid) if pid != server.pid}
        whole = scraped(server)
        (project / "broken").touch()
        assert httpx.get(f"{server.url}/metrics", trust_env=False, timeout=READY_S).status_code == 500
        assert "no gauge today" in server.log
        (project / "broken").rename(project / "many")
        text = httpx.get(f"{server.url}/metrics", trust_env=False, timeout=READY_S).text
        assert text.startswith("# of this worker alone: ")
        assert 'many{n="119999"} 1.0' in text
        (project / "many").unlink()
        assert_no_fall(whole, scraped(server))

"""The metrics of a front are those of its workers too, and of services it depends on; no sum ever falls."""

import os
import signal
from pathlib import Path

import pytest

from tests.http.test_scrape import assert_no_fall, scraped, wait_for
from tests.servers import serving

pytestmark = pytest.mark.slow

SERVICE = """
import os
import ekiben
from prometheus_client import Counter, Gauge

SEEN = Counter("seen", "Numbers that were seen.", ["where"])
LAST = Gauge("last_number", "The last number.")

@ekiben.service(name="inner")
class Inner:
    @ekiben.api
    def double(self, number: int) -> int:
        SEEN.labels("inner").inc()
        LAST.set(number)
        return 2 * number

@ekiben.service(name="outer", workers=2, layout="apart")
class Outer:
    inner = ekiben.depends(Inner)

    @ekiben.api
    def add(self, number: int) -> int:
        SEEN.labels("outer").inc()
        LAST.set(number)
        assert self.inner.double(number) == 2 * number
        return os.getpid()

    @ekiben.api(batchable=True)
    def many(self, numbers: list[int]) -> list[int]:
        return numbers

    @ekiben.api
    async def stop(self) -> None:
        os.kill(os.getpid(), 9)
"""

SEEN = ("seen_total", "outer")
INNER = ("seen_total", "inner")


def test_all_processes_are_in_one_text(tmp_path: Path) -> None:
    """Reading, writing, methods and the user's own counts of all workers are there, and stay when one is killed."""
    (tmp_path / "service.py").write_text(SERVICE)
    with serving("service:Outer", cwd=tmp_path) as server:
        server.wait_for_log("ready in")
        first = scraped(server)
        assert first[("ekiben_workers", "outer", "")] == 2
        assert first[("ekiben_workers", "inner", "")] == 1
        pids = {server.http.post("/add", json={"number": number}).json() for number in range(20)}
        assert server.http.post("/many", json={"numbers": [1, 2]}).json() == [1, 2]
        found = scraped(server)
        assert_no_fall(first, found)
        assert (found[SEEN], found[INNER]) == (20, 20)
        for name in ("decode", "encode", "model"):
            assert found[(f"ekiben_{name}_seconds_count", "add", "outer", "")] > 0, name
        assert found[("ekiben_model_seconds_count", "double", "inner", "")] > 0
        assert found[("ekiben_model_seconds_count", "many", "outer", "")] == 1
        assert found[("ekiben_request_total", "/add", "200", "outer", "")] == 20
        assert found[("last_number", "inner 0")] == 19
        assert found[("last_number", "front")] == 0
        assert ("process_resident_memory_bytes", "0") in found
        os.kill(min(pids), signal.SIGKILL)
        after = wait_for(server, lambda now: now[("ekiben_worker_restarts_total", "outer", "")] == 1)
        assert_no_fall(found, after)
        assert (after[SEEN], after[INNER]) == (20, 20)
        for number in range(10):
            server.http.post("/add", json={"number": number})
        assert scraped(server)[SEEN] == 30


def test_a_front_whose_service_runs_there(tmp_path: Path) -> None:
    """Where only the dependency has a process of its own, its counts are beside those of the front."""
    (tmp_path / "service.py").write_text(SERVICE.replace(', workers=2, layout="apart"', ""))
    with serving("service:Outer", cwd=tmp_path) as server:
        assert server.http.post("/add", json={"number": 3}).json() == server.pid
        found = scraped(server)
        assert (found[SEEN], found[INNER]) == (1, 1)
        assert found[("ekiben_model_seconds_count", "add", "outer", "")] == 1
        assert found[("last_number", "front")] == found[("last_number", "inner 0")] == 3


def test_what_the_user_collects_may_fail(tmp_path: Path) -> None:
    """A collector that raises in workers leaves the counts of the front, and the log says whose were not told."""
    broken = """
import os
from prometheus_client import REGISTRY

class Odd:
    def describe(self):
        return []

    def collect(self):
        if "EKIBEN_CALLS_OF" in os.environ:
            raise ValueError("no gauge today")
        return []

REGISTRY.register(Odd())
"""
    (tmp_path / "service.py").write_text(SERVICE + broken)
    with serving("service:Outer", cwd=tmp_path) as server:
        server.wait_for_log("ready in")
        server.http.post("/add", json={"number": 1})
        found = scraped(server)
        assert found[("ekiben_request_total", "/add", "200", "outer", "")] == 1
        assert found[("ekiben_workers", "outer", "")] == 2
        assert SEEN not in found

"""A replica leaves when it has to, and its calls go elsewhere."""

import time
from pathlib import Path

import httpx
import pytest

from tests.servers import leftovers, serving

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]


def test_a_stuck_replica_is_replaced(tmp_path: Path) -> None:
    """A sync call that never ends costs its replica; the other answers on, and another comes in its place."""
    env = {"SLOW_FOLDER": str(tmp_path), "EKIBEN_LAYOUT": "replicas", "EKIBEN_TRAFFIC__KILL_AFTER": "0.5"}
    with serving("tests.http.slow:Slow", "--timeout", "1", "--workers", "2", cwd=ROOT, env=env) as running:
        running.wait_for_log("ready in")
        before = {pid for pid in leftovers(running.pid) if pid != running.pid}
        assert len(before) == 2
        assert running.http.post("/sync", json={"name": "never"}).status_code == 504
        running.wait_for_log("is replaced: a call of `sync` went on 0.5 seconds beyond its time")
        for _ in range(6):  # none of these reaches the one that leaves
            answer = httpx.post(running.url + "/quick", headers={"x-request-timeout-ms": "30000"}, trust_env=False)
            assert answer.text == "quick"
        end = time.monotonic() + 60
        while not (len(after := set(leftovers(running.pid)) - {running.pid}) == 2 and len(before & after) == 1):
            assert time.monotonic() < end, (before, after)
            time.sleep(0.02)
        text = httpx.get(running.url + "/metrics", trust_env=False).text
        assert 'ekiben_worker_restarts_total{service_name="slow",service_version=""} 1.0' in text
        (tmp_path / "never").touch()

"""Workers whose supervisor was killed end by themselves."""

import subprocess
import sys
import time

import pytest

from tests.engine.test_supervisor import MEMBER, is_running

pytestmark = pytest.mark.slow  # each worker is a fresh interpreter

PARENT = """
import asyncio, sys
from ekiben.engine.process import Group
from ekiben.engine.supervisor import Supervisor

async def main():
    notes = {"how": {"1": "hang", "2": "deaf"}}
    supervisor = Supervisor([Group(name="worker", command=sys.argv[1:], count=3, notes=notes)])
    await supervisor.start()
    while sum(worker.state == "ready" for worker in supervisor.workers()) < 2:
        await asyncio.sleep(0.01)
    print(*(worker.pid for worker in supervisor.workers()), flush=True)
    await asyncio.sleep(3600)

asyncio.run(main())
"""


def test_no_orphan_stays() -> None:
    """Workers end when their supervisor was killed: idle, still loading, or deaf to SIGTERM."""
    words = [sys.executable, "-c", PARENT, sys.executable, str(MEMBER)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pids = list(map(int, parent.stdout.readline().split()))
        assert len(pids) == 3
        parent.kill()
    end = time.monotonic() + 60
    while any(map(is_running, pids)):
        assert time.monotonic() < end, "workers outlived their supervisor"
        time.sleep(0.02)

"""`ekiben serve --workers`: several real processes behind one address, and what happens when one of them goes."""

import asyncio
import os
import re
import signal
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.cli.load import children, in_log, loaded, more, until
from tests.servers import READY_S, Running, leftovers, serve_to_end, serving, starting

pytestmark = pytest.mark.slow

SERVICE = """\
import os
import threading
import time
import ekiben

VERSION = 1

@ekiben.service(traffic={"timeout": 30})
class Who:
    @ekiben.on_deployment
    @staticmethod
    def once() -> None:
        print("deployed by", os.getpid(), flush=True)

    @ekiben.api
    def pid(self) -> int:
        return os.getpid()

    @ekiben.api
    def version(self) -> int:
        return VERSION

    @ekiben.api
    def slow(self, seconds: float) -> int:
        time.sleep(seconds)
        return os.getpid()

    @ekiben.api
    def place(self) -> dict[str, str]:
        return {"threads": os.environ.get("OMP_NUM_THREADS", ""), "place": os.environ.get("EKIBEN_PLACE", ""),
                "handover": os.environ.get("EKIBEN_HANDOVER", ""), "gpus": os.environ.get("CUDA_VISIBLE_DEVICES", ""),
                "cpus": str(sorted(os.sched_getaffinity(0)))}
"""

IN_A_WORKER = "os.getpgrp() == os.getpid() != os.getsid(0)"  # a group of its own, in the session of the server


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "service.py").write_text(SERVICE)
    return tmp_path


def ask(server: Running, endpoint: str, **body: Any) -> Any:
    """Ask over a connection of its own."""
    return httpx.post(f"{server.url}/{endpoint}", json=body, timeout=READY_S, trust_env=False).json()


def version(server: Running) -> Any:
    """Ask for the version; while `--reload` changes the server a connection may break, or the answer be a 503."""
    try:
        return ask(server, "version")
    except httpx.TransportError:
        return None


def pids(server: Running, calls: int = 12) -> Counter[int]:
    return Counter(ask(server, "pid") for _ in range(calls))


def test_workers(project: Path) -> None:
    """Several processes share the calls evenly, say once that they are ready, and end without a trace."""
    with serving("service:Who", "--workers", "3", cwd=project) as server:
        log = server.wait_for_log("ready in")
        assert "with 3 workers; Ctrl-C stops" in log
        assert sorted(pids(server, 12).values()) == [4, 4, 4]
        assert sorted(pids(server)) == children(server)
        assert server.pid not in children(server)
        assert server.stop(signal.SIGINT) == 0
        assert leftovers(server.pid) == []
        assert server.log.count("ready in") == 1
        assert server.log.count("deployed by") == 1
        assert server.log.rstrip().endswith("stopped")
        assert "Traceback" not in server.log


@pytest.mark.parametrize("how", ["decorator", "variable", "file"])
def test_who_may_say_how_many(project: Path, how: str) -> None:
    """Workers are set by decorator, file and environment; `cpu_count` is one a CPU, and each has its share."""
    env = {"OMP_NUM_THREADS": "", "CUDA_VISIBLE_DEVICES": "4,7"}
    cores = sorted(os.sched_getaffinity(0))
    match how:
        case "decorator":
            changed = SERVICE.replace("30}", '30}, workers=2, resources={"gpu": 2}')
            (project / "service.py").write_text(changed)
        case "variable":
            env["EKIBEN_WORKERS"] = "cpu_count"
        case "file":
            (project / "ekiben.yaml").write_text("workers: 2\nlayout: replicas\n")
    with serving("service:Who", cwd=project, env=env) as server:
        server.wait_for_log("ready in")
        assert len(children(server)) == (len(cores) if how == "variable" else 2)
        places = [ask(server, "place") for _ in range(4)]
        assert {(place["place"], place["handover"]) for place in places} == {("", "")}
        if how == "decorator":
            assert sorted({place["gpus"] for place in places}) == ["4", "7"]
        if len(cores) == 2 and how != "variable":
            assert sorted({place["cpus"] for place in places}) == [f"[{cpu}]" for cpu in cores]


def test_a_taken_place_is_one_process(project: Path) -> None:
    """`--layout replicas` with one worker is a supervisor and a worker; `inline` is one process."""
    with serving("service:Who", "--layout", "replicas", cwd=project) as server:
        assert len(children(server)) == 1
    with serving("service:Who", "--layout", "inline", cwd=project) as server:
        assert children(server) == []


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--workers", "0"), '`workers` must be a whole number of processes from 1 to 1024, or "cpu_count": 0'),
        (("--workers", "many"), "`workers` must be a whole number of processes"),
        (("--workers", "2", "--layout", "inline"), "`workers` must be 1 with `layout: inline`"),
    ],
)
def test_refused(project: Path, options: tuple[str, ...], words: str) -> None:
    """A choice that cannot be is an error before anything runs."""
    found = serve_to_end("service:Who", *options, cwd=project)
    assert found.returncode == 1
    assert words in found.stderr
    assert "hint:" in found.stderr
    assert "Traceback" not in found.stderr


def test_a_service_that_cannot_start(project: Path) -> None:
    """What keeps workers from starting is said once, in the words of one process, and ends the whole."""
    broken = SERVICE.replace("    @ekiben.on", "    def __init__(self):\n        1 / 0\n\n    @ekiben.on")
    (project / "service.py").write_text(broken)
    found = serve_to_end("service:Who", "--workers", "2", cwd=project)
    assert found.returncode == 1
    assert found.stderr.count("error:") == 1
    assert "`Who` cannot start: ZeroDivisionError" in found.stderr
    assert "Traceback" not in found.stderr


def test_a_crash_loop_ends_with_words(project: Path) -> None:
    """A service whose processes die soon after each start ends as a whole, with a code that says so."""
    death = f"{IN_A_WORKER} and threading.Timer(1.5, os._exit, [9]).start()"
    dying = SERVICE.replace("VERSION = 1", f"VERSION = 1\n{death}")
    (project / "service.py").write_text(dying)
    found = serve_to_end("service:Who", "--workers", "2", cwd=project)
    assert found.returncode == 1
    assert re.search(r"error: worker \d died [5-9] times in a row, last time it ended with exit code 9", found.stderr)
    assert "Traceback" not in found.stderr


async def test_a_killed_worker_costs_only_its_calls(project: Path) -> None:
    """A worker that is killed under load costs the calls that it had begun; the others go on, and it comes back."""
    with serving("service:Who", "--workers", "2", cwd=project) as server:
        await in_log(server, "ready in")
        before = children(server)
        async with loaded(server, "pid", clients=8) as load:
            os.kill(before[0], signal.SIGKILL)
            await in_log(server, "was killed by SIGKILL and is started again")
            await more(load, 50)
            until("it was not started again", lambda: len(children(server)) == 2)
            await more(load, 50)
        assert len(load.bad) <= 8, load.bad
        assert not [words for words in load.bad if "ConnectError" in words]
        after = children(server)
        assert (before[0] in after, before[1] in after) == (False, True)
        until("the new one gets no calls", lambda: set(pids(server)) == set(after))


async def test_a_rolling_reload_loses_nothing(project: Path) -> None:
    """SIGHUP under load: the new code answers, all processes are new, and no call failed."""
    with serving("service:Who", "--workers", "2", cwd=project) as server:
        await in_log(server, "ready in")
        before = children(server)
        async with loaded(server, "version") as load:
            (project / "service.py").write_text(SERVICE.replace("VERSION = 1", "VERSION = 2"))
            server.process.send_signal(signal.SIGHUP)
            await in_log(server, "the new workers have taken over")
            await more(load, 50)
        assert load.bad == []
        assert ask(server, "version") == 2
        until("old workers are left", lambda: not set(before) & set(children(server)))
        assert len(children(server)) == 2


async def test_a_call_that_runs_outlives_a_reload(project: Path) -> None:
    """A call that an old worker had begun is answered by it, while the new ones answer others."""
    with serving("service:Who", "--workers", "1", "--layout", "replicas", cwd=project) as server:
        await in_log(server, "ready in")
        old = children(server)[0]
        slow = asyncio.create_task(asyncio.to_thread(ask, server, "slow", seconds=4.0))
        await asyncio.sleep(0.2)
        server.process.send_signal(signal.SIGHUP)
        await asyncio.to_thread(until, "no new worker", lambda: len(children(server)) == 2)
        assert await slow == old
        await in_log(server, "the new workers have taken over")
        assert ask(server, "pid") != old


def test_a_reload_that_fails_changes_nothing(project: Path) -> None:
    """If the new code cannot start, the old workers stay and the log says why; a later reload works."""
    with serving("service:Who", "--workers", "2", cwd=project) as server:
        server.wait_for_log("ready in")
        before = children(server)
        (project / "service.py").write_text("import nothing_of_that_name\n")
        server.process.send_signal(signal.SIGHUP)
        log = server.wait_for_log("the new workers cannot start, and the old ones stay: ")
        assert "nothing_of_that_name" in log
        until("new workers were left", lambda: children(server) == before)
        assert ask(server, "version") == 1
        (project / "service.py").write_text(SERVICE.replace("VERSION = 1", "VERSION = 3"))
        server.process.send_signal(signal.SIGHUP)
        server.wait_for_log("the new workers have taken over")
        assert ask(server, "version") == 3


def test_no_worker_outlives_its_supervisor(project: Path) -> None:
    """Where the supervisor is killed outright, its workers end by themselves."""
    with serving("service:Who", "--workers", "2", cwd=project) as server:
        server.wait_for_log("ready in")
        os.kill(server.pid, signal.SIGKILL)
        server.process.wait(30)
        until("workers are left", lambda: leftovers(server.pid) == [])


def test_a_stop_while_it_loads(project: Path) -> None:
    """Ctrl-C before all are ready is a clean end, not an error."""
    slow = SERVICE.replace("VERSION = 1", f"VERSION = 1\n{IN_A_WORKER} and time.sleep(60)")
    (project / "service.py").write_text(slow)
    with serving("service:Who", "--workers", "2", cwd=project, wait=False) as server:
        until("no worker was started", lambda: len(children(server)) == 2)
        assert server.stop(signal.SIGTERM) == 0
        assert leftovers(server.pid) == []


def test_reload_with_workers(project: Path) -> None:
    """`--reload` starts the supervisor again, with all its workers, at each change."""
    with serving("service:Who", "--workers", "2", "--reload", cwd=project) as server:
        server.wait_for_log("with 2 workers")
        (project / "service.py").write_text(SERVICE.replace("VERSION = 1", "VERSION = 2"))
        until("the change is not served", lambda: version(server) == 2)
        until("it is more or fewer", lambda: len(children(server)) == 3)
        assert server.stop(signal.SIGINT) == 0
        assert leftovers(server.pid) == []


def test_a_unix_socket(project: Path) -> None:
    """Workers serve a Unix domain socket; its path is gone afterwards."""
    path = project / "it.sock"
    words = [sys.executable, "-m", "ekiben", "serve", "service:Who", "--uds", str(path), "--workers", "2"]
    with starting(words, 0, cwd=project) as server:
        server.wait_for_log("ready in")
        with httpx.Client(transport=httpx.HTTPTransport(uds=str(path)), base_url="http://localhost") as client:
            assert client.post("/version", json={}).json() == 1
        assert server.stop(signal.SIGTERM) == 0
    assert not path.exists()

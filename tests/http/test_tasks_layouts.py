"""Tasks are the same in every layout, and on a thread of one's own program."""

import os
import signal
import sys
from pathlib import Path

import pytest

import ekiben
from tests.http.chores import Chores
from tests.http.tasking import chores, is_alive, wait_until_gone

pytestmark = pytest.mark.slow  # each starts servers, and ends them


@pytest.mark.parametrize("layout", ["apart", "replicas"])
def test_layouts(tmp_path: Path, layout: str) -> None:
    """With several workers a task is run once, and each process of the server knows it."""
    with chores(tmp_path, EKIBEN_WORKERS="2", EKIBEN_LAYOUT=layout) as tasks:
        held = tasks.submit("hold", name="layout")
        tasks.wait_for("begun-layout")
        for _ in range(6):  # connections of their own, so that every process is asked
            tasks.http.headers["connection"] = "close"
            assert tasks.status("hold", held)["status"] == "in_progress"
        found = [tasks.submit("add", a=number) for number in range(4)]
        tasks.let("layout")
        assert tasks.ended("hold", held)["status"] == "completed"
        for number, task in enumerate(found):
            assert tasks.ended("add", task)["status"] == "completed"
            assert tasks.get("add", task).json()["sum"] == number + 1
        assert tasks.notes().count("begun-layout") == 1
        assert tasks.notes().count("add") == 4
        assert tasks.http.post("/plain").status_code == 200
        assert tasks.http.post("/add", json={"a": 1}).json()["sum"] == 2
        assert tasks.server.stop(signal.SIGTERM) == 0


def replica_of(pid: int) -> int:
    """Give the parent of a task's process."""
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_replicas_share_tasks(tmp_path: Path) -> None:
    """Any replica cancels another's task and knows its key; one that is killed costs an attempt, and loses no task."""
    with chores(tmp_path, EKIBEN_WORKERS="2", EKIBEN_LAYOUT="replicas") as tasks:
        tasks.server.wait_for_log("ready in")
        tasks.http.headers["connection"] = "close"
        first = tasks.submit("hold", headers={"idempotency-key": "one"}, name="first")
        tasks.wait_for("begun-first")
        assert {tasks.submit("hold", headers={"idempotency-key": "one"}, name="first") for _ in range(4)} == {first}
        second = tasks.submit("hold", name="second")
        tasks.wait_for("begun-second")  # the first holds the one process of its replica, so this is the other's
        assert replica_of(tasks.pid("begun-first")) != replica_of(tasks.pid("begun-second"))
        for task in (first, second):  # the replica that is asked is another one each time, and owns one of the two
            assert tasks.cancel("hold", task).json()["status"] == "canceled"
            assert tasks.status("hold", task)["status"] == "canceled"
        third = tasks.submit("hold", name="third")
        tasks.wait_for("begun-third")
        runs_in = tasks.pid("begun-third")
        os.kill(replica_of(runs_in), signal.SIGKILL)
        tasks.wait_for("begun-third", 2)
        wait_until_gone(runs_in)
        tasks.let("third")
        ended = tasks.ended("hold", third)
        assert (ended["status"], ended["attempts"]) == ("completed", 2)
        assert tasks.notes().count("ended-third") == 1
        assert tasks.server.stop(signal.SIGTERM) == 0


def test_tasks_outlive_a_rolling_reload(tmp_path: Path) -> None:
    """What runs while all replicas are replaced ends, or is run again; what waits is run; all answers are there."""
    with chores(tmp_path, "--drain", "1", EKIBEN_WORKERS="2", EKIBEN_LAYOUT="replicas") as tasks:
        tasks.server.wait_for_log("ready in")
        tasks.http.headers["connection"] = "close"
        held = [tasks.submit("hold", name="a"), tasks.submit("hold", name="b")]
        tasks.wait_for("begun-a")
        tasks.wait_for("begun-b")
        waits = tasks.submit("add", a=1)
        tasks.server.process.send_signal(signal.SIGHUP)
        tasks.server.wait_for_log("the new workers have taken over")
        tasks.let("a")
        tasks.wait_for("begun-b", 2)
        tasks.let("b")
        assert [tasks.ended("hold", task)["status"] for task in held] == ["completed", "completed"]
        assert tasks.ended("hold", held[1])["attempts"] == 1  # being put back costs none
        assert tasks.ended("add", waits)["status"] == "completed"
        assert tasks.get("add", waits).json()["sum"] == 2
        assert tasks.notes().count("add") == 1
        assert tasks.server.stop(signal.SIGTERM) == 0


def test_on_a_thread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`ekiben.serve` runs tasks too, and leaves no process behind."""
    monkeypatch.setenv("CHORES", str(tmp_path))
    monkeypatch.setenv("EKIBEN_HOME", str(tmp_path / "home"))
    with ekiben.serve(Chores) as server, server.client() as client:
        found = client.add.submit(a=1).get(timeout=60)
        assert found["pid"] != os.getpid()
        assert found["sum"] == 2
    assert not is_alive(found["pid"])


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_nothing_is_left_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Serving and stopping leaves no descriptor, and no file of a task that was not kept."""
    monkeypatch.setenv("CHORES", str(tmp_path))
    monkeypatch.setenv("EKIBEN_HOME", str(tmp_path / "home"))
    counts = []
    for _ in range(3):
        with ekiben.serve(Chores) as server, server.client() as client:
            assert len(client.write(1_000_000)) == 1_000_000
        counts.append(len(os.listdir("/proc/self/fd")))
    assert counts[1] == counts[2]
    folder = tmp_path / "home" / "tasks" / "chores"
    assert list((folder / "files").iterdir()) == []
    assert list((folder / "owners").iterdir()) == []


def test_tokens(tmp_path: Path) -> None:
    """A server that asks for tokens asks for them at every route of a task, and keeps none."""
    folder = tmp_path / "home" / "tasks" / "chores"
    bearer = {"authorization": "Bearer a-long-enough-secret-token"}
    with chores(tmp_path, EKIBEN_AUTH_TOKEN="a-long-enough-secret-token") as tasks:
        for method, path in (
            ("POST", "/add"),
            ("POST", "/add/submit"),
            ("GET", "/add/status?task_id=x"),
            ("GET", "/add/get?task_id=x"),
            ("POST", "/add/retry?task_id=x"),
            ("PUT", "/add/cancel?task_id=x"),
        ):
            assert tasks.http.request(method, path, json={"a": 1}).status_code == 401
        tasks.http.headers.update(bearer)
        task = tasks.submit("add", a=1)
        assert tasks.ended("add", task)["status"] == "completed"
        assert tasks.get("add", task).json()["sum"] == 2
        assert b"secret" not in b"".join(path.read_bytes() for path in folder.glob("tasks.db*"))

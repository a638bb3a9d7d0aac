"""No task is lost: not by a kill of the server, of a task's process, of both; not by a stop, and not by a neighbour."""

import os
import signal
import socket
from pathlib import Path

import pytest

from tests.http.tasking import ROOT, Tasks, chores, is_alive, wait_until_gone
from tests.servers import serve_to_end
from tests.store.test_disks import mounted

pytestmark = pytest.mark.slow  # each starts servers, and ends them


def database(folder: Path) -> bytes:
    """Give what the database holds, as bytes."""
    return b"".join(path.read_bytes() for path in (folder / "home/tasks/chores").glob("tasks.db*"))


def kill(tasks: Tasks) -> None:
    """End a server as a crash does."""
    os.kill(tasks.server.pid, signal.SIGKILL)
    tasks.server.process.wait(30)


def test_a_killed_server(tmp_path: Path) -> None:
    """What ran is run again, what waited runs, what was answered is still there: kill -9 loses nothing."""
    with chores(tmp_path) as tasks:
        done = tasks.submit("add", a=1)
        tasks.ended("add", done)
        running = tasks.submit("hold", name="held")
        tasks.wait_for("begun-held")
        process = tasks.pid("begun-held")
        waiting = tasks.submit("add", a=2)
        large = tasks.http.post("/keep/submit", files={"file": ("x", b"x" * 1_000_000)}).json()["task_id"]
        kill(tasks)
        wait_until_gone(process)  # the process of a task does not outlive its server
    with chores(tmp_path) as tasks:
        assert tasks.get("add", done).json()["sum"] == 2
        tasks.wait_for("begun-held", times=2)  # at least once: the method sees it again
        told = tasks.status("hold", running)
        assert (told["status"], told["attempts"]) == ("in_progress", 2)
        tasks.let("held")
        assert tasks.ended("hold", running)["status"] == "completed"
        assert tasks.ended("add", waiting)["status"] == "completed"
        assert tasks.get("add", waiting).json()["sum"] == 3
        assert tasks.ended("keep", large)["status"] == "completed"
        assert tasks.get("keep", large).content == b"x" * 1_000_000
        assert tasks.notes().count("ended-held") == 1


def test_a_task_that_kills_its_server(tmp_path: Path) -> None:
    """Started `max_attempts` times with no end, it fails; the server does not crash for ever."""
    task = ""
    for times in (1, 2):
        with chores(tmp_path) as tasks:
            task = task or tasks.submit("hold", name="poison")
            tasks.wait_for("begun-poison", times)
            kill(tasks)
    with chores(tmp_path) as tasks:
        told = tasks.ended("hold", task)
        assert (told["status"], told["attempts"]) == ("failed", 2)
        assert told["error"] == "the server ended while the task ran; it was started 2 times"
        assert tasks.get("hold", task).status_code == 503


def test_a_killed_process(tmp_path: Path) -> None:
    """A process that is killed under a task costs one attempt; the task is run again in a new one."""
    with chores(tmp_path) as tasks:
        task = tasks.submit("hold", name="killed")
        tasks.wait_for("begun-killed")
        first = tasks.pid("begun-killed")
        os.kill(first, signal.SIGKILL)
        tasks.wait_for("begun-killed", times=2)
        assert tasks.pid("begun-killed") != first
        tasks.let("killed")
        told = tasks.ended("hold", task)
        assert (told["status"], told["attempts"]) == ("completed", 2)
        assert f"the process of task {task} was killed by SIGKILL; it is run again" in tasks.server.log


def test_a_stop_waits(tmp_path: Path) -> None:
    """A task that runs may end while the server drains."""
    with chores(tmp_path, "--drain", "60") as tasks:
        task = tasks.submit("hold", name="drained")
        tasks.wait_for("begun-drained")
        waiting = tasks.submit("add", a=1)
        os.kill(tasks.server.pid, signal.SIGTERM)
        while tasks.server.is_ready():
            assert tasks.server.process.poll() is None
        tasks.let("drained")
        tasks.wait_for("ended-drained")
        assert tasks.server.process.wait(60) == 0
        assert "add" not in tasks.notes()  # no new one was started
        assert "left" in tasks.notes()
    with chores(tmp_path) as tasks:
        told = tasks.status("hold", task)
        assert (told["status"], told["attempts"]) == ("completed", 1)
        assert tasks.ended("add", waiting)["status"] == "completed"


def test_a_stop_puts_back(tmp_path: Path) -> None:
    """What is not done when the drain ends waits for the next server, and the attempt does not count."""
    with chores(tmp_path, "--drain", "0.1") as tasks:
        task = tasks.submit("hold", name="back")
        tasks.wait_for("begun-back")
        assert tasks.server.stop(signal.SIGTERM) == 0
        assert "interrupted" in tasks.notes()
    with chores(tmp_path) as tasks:
        tasks.wait_for("begun-back", times=2)
        assert tasks.status("hold", task)["attempts"] == 1
        tasks.let("back")
        assert tasks.ended("hold", task)["status"] == "completed"


def test_a_caller_of_a_killed_server(tmp_path: Path) -> None:
    """A task whose caller waited for it is not run again: nobody has its id."""
    with chores(tmp_path) as tasks:
        tasks.submit("hold", name="other")
        tasks.wait_for("begun-other")
        with socket.create_connection(("127.0.0.1", tasks.server.port)) as caller:
            body = b'{"name": "waited"}'
            head = f"POST /hold HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n"
            caller.sendall(head.encode() + body)
            while b'"waited"' not in database(tmp_path):  # the caller is still there
                tasks.http.get("/livez")
            kill(tasks)
    with chores(tmp_path) as tasks:
        tasks.let("other")
        tasks.wait_for("ended-other")
        tasks.ended("add", tasks.submit("add", a=1))
        assert "begun-waited" not in tasks.notes()


def test_two_servers(tmp_path: Path) -> None:
    """Two servers share the tasks: each runs some, either answers for all, and a dead one's are taken over."""
    with chores(tmp_path) as one, chores(tmp_path) as two:
        first = one.submit("hold", name="first")
        one.wait_for("begun-first")
        second = one.submit("hold", name="second")
        one.wait_for("begun-second")  # in the other's process, as one's is taken
        assert one.pid("begun-first") != one.pid("begun-second")
        told = {server: server.status("hold", second)["status"] for server in (one, two)}
        assert set(told.values()) == {"in_progress"}
        one.let("second")
        assert one.ended("hold", second)["status"] == "completed"
        assert two.get("hold", second).text == one.get("hold", second).text
        third = two.submit("hold", name="third")
        two.wait_for("begun-third")
        assert one.cancel("hold", third).json()["status"] == "canceled"  # wherever it runs
        kill(one)
        one.wait_for("begun-first", times=2)
        two.let("first")
        told_first = two.ended("hold", first)
        assert (told_first["status"], told_first["attempts"]) == ("completed", 2)


def test_a_damaged_database(tmp_path: Path) -> None:
    """The server does not start, and names the file."""
    folder = tmp_path / "home" / "tasks" / "chores"
    folder.mkdir(parents=True)
    (folder / "tasks.db").write_bytes(b"no database" * 1000)
    env = {"CHORES": str(tmp_path), "EKIBEN_HOME": str(tmp_path / "home")}
    found = serve_to_end("tests.http.chores:Chores", cwd=ROOT, env=env)
    assert found.returncode != 0
    assert f"the database of tasks is damaged: {folder / 'tasks.db'}" in found.stderr
    assert f"move {folder} away" in found.stderr
    assert "Traceback" not in found.stderr


def test_the_folder_is_an_option(tmp_path: Path) -> None:
    """`EKIBEN_TASKS__FOLDER` keeps the tasks elsewhere."""
    with chores(tmp_path, EKIBEN_TASKS__FOLDER=str(tmp_path / "elsewhere")) as tasks:
        tasks.ended("add", tasks.submit("add", a=1))
    assert (tmp_path / "elsewhere" / "chores" / "tasks.db").is_file()
    assert not (tmp_path / "home" / "tasks").exists()


def test_several_at_once(tmp_path: Path) -> None:
    """`workers` processes run tasks side by side."""
    with chores(tmp_path, EKIBEN_TASKS__WORKERS="2") as tasks:
        found = [tasks.submit("hold", name=name) for name in ("left", "right")]
        tasks.wait_for("begun-left")
        tasks.wait_for("begun-right")
        pids = {tasks.pid("begun-left"), tasks.pid("begun-right")}
        assert len(pids) == 2
        for name in ("left", "right"):
            tasks.let(name)
        assert {tasks.ended("hold", task)["status"] for task in found} == {"completed"}
        assert tasks.server.stop(signal.SIGTERM) == 0
    assert not any(map(is_alive, pids))


def test_a_full_disk(tmp_path: Path) -> None:
    """What does not fit is refused in clear words; what was taken is run, also after the next start."""
    small = tmp_path / "small"
    small.mkdir()
    with mounted(small, ["-t", "tmpfs", "-o", "size=3m", "tmpfs"]):
        with chores(tmp_path, EKIBEN_TASKS__FOLDER=str(small)) as tasks:
            large = tasks.submit("write", size=5_000_000)
            told = tasks.ended("write", large)
            assert (told["status"], told["error"]) == (
                "failed", "the answer of the task cannot be kept: No space left on device",
            )  # fmt: skip
            assert list((small / "chores" / "files").iterdir()) == []
            held = tasks.submit("hold", name="full")
            tasks.wait_for("begun-full")
            kept = tasks.submit("add", a=1)
            files = {"file": ("x", b"x" * 1_000_000)}
            answers = [tasks.http.post("/keep/submit", files=files) for _ in range(3)]
            refused = answers[-1]
            assert (refused.status_code, refused.json()["detail"]) == (503, "the disk that keeps the tasks is full")
            assert int(refused.headers["retry-after"]) > 0
            taken = [each.json()["task_id"] for each in answers if each.status_code == 200]
            assert len(taken) in (1, 2)
            assert tasks.status("hold", held)["status"] == "in_progress"  # asking needs no space
            kill(tasks)
        with chores(tmp_path, EKIBEN_TASKS__FOLDER=str(small)) as tasks:
            tasks.let("full")
            assert tasks.ended("hold", held)["status"] == "completed"
            assert tasks.ended("add", kept)["status"] == "completed"
            assert {tasks.ended("keep", task)["status"] for task in taken} <= {"completed", "failed"}

"""What is kept of tasks is whole at any moment, and belongs to one living server at a time."""

import os
import sqlite3
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from ekiben.core.errors import CorruptItem, NotFound, StoreError, Unavailable, Unprocessable, WrongState
from ekiben.engine.tasks.folder import SPILL, STALE
from ekiben.engine.tasks.record import ID, Answer, Record, Request, State, new_id
from ekiben.engine.tasks.store import TaskStore
from tests.store.test_disks import mounted

ASKED = Request({"method": "POST", "query": "", "type": "application/json"}, b'{"a": 1}')
DONE = Answer(200, (("content-type", "application/json"),), b"2")
LARGE = b"x" * SPILL


@pytest.fixture
def store(tmp_path: Path):
    made = TaskStore(tmp_path / "tasks", max_waiting=3)
    yield made
    made.close()


def lost(record: Record) -> Answer:
    return Answer(503, (), b"lost", f"started {record.attempts} times")


def files(store: TaskStore) -> list[str]:
    return sorted(path.name.partition(".")[2] for path in store.folder.files.iterdir())


def claimed(store: TaskStore, endpoint: str = "add") -> Record:
    found = store.claim([endpoint])
    assert found is not None
    return found


def test_life(store: TaskStore) -> None:
    """A task waits, is claimed once, and keeps its answer."""
    record = store.add("add", ASKED, max_attempts=2)
    assert (record.state, record.attempts, record.max_attempts, record.started) == (State.PENDING, 0, 2, None)
    running = claimed(store)
    assert (running.id, running.state, running.attempts) == (record.id, State.IN_PROGRESS, 1)
    assert store.claim(["add"]) is None
    assert store.request(record.id) == ASKED
    with pytest.raises(WrongState, match="has no answer: it is in_progress"):
        store.answer(record.id)
    store.finish(running, State.COMPLETED, DONE)
    assert store.answer(record.id) == DONE
    ended = store.get(record.id)
    assert ended.is_finished
    assert ended.created <= (ended.started or 0) <= (ended.finished or 0) <= time.time()


def test_order(store: TaskStore) -> None:
    """The oldest is claimed first, of the endpoints that are asked for; what is put back keeps its place."""
    first, other, second = (store.add(name, ASKED) for name in ("add", "other", "add"))
    running = claimed(store)
    assert running.id == first.id
    store.put_back(running, refund=True)
    assert [claimed(store).id, claimed(store).id] == [first.id, second.id]
    assert claimed(store, "other").id == other.id


@pytest.mark.parametrize(("refund", "attempts"), [(True, 1), (False, 2)])
def test_put_back(store: TaskStore, refund: bool, attempts: int) -> None:
    """A stop of the server takes an attempt back, a crash does not."""
    store.add("add", ASKED, max_attempts=5)
    store.put_back(claimed(store), refund=refund)
    assert claimed(store).attempts == attempts


def test_queue_is_bounded(store: TaskStore) -> None:
    """More than `max_waiting` are refused, with nothing kept of them; one that runs does not wait."""
    for _ in range(3):
        store.add("add", ASKED)
    with pytest.raises(Unavailable, match="more than 3 tasks are waiting") as caught:
        store.add("add", Request({}, LARGE))
    assert caught.value.retry_after == 10
    assert (store.waiting(), files(store)) == (3, [])
    claimed(store)
    store.add("add", ASKED)


def test_cancel(store: TaskStore) -> None:
    """One that waits ends at once and never runs; one that runs is asked to; one that ended stays."""
    record = store.add("add", ASKED)
    assert store.cancel(record.id).state is State.CANCELED
    assert store.claim(["add"]) is None
    record = store.add("add", ASKED)
    running = claimed(store)
    asked = store.cancel(record.id)
    assert (asked.state, asked.canceling) == (State.IN_PROGRESS, True)
    store.put_back(running, refund=False)
    assert store.get(record.id).state is State.CANCELED  # and does not wait again
    record = store.add("add", ASKED)
    store.finish(claimed(store), State.COMPLETED, DONE)
    assert store.cancel(record.id).state is State.COMPLETED


def test_large_bodies_are_files(store: TaskStore) -> None:
    """A large body and a large answer lie beside the database, closed to others, and go with their task."""
    record = store.add("add", Request(ASKED.head, LARGE))
    assert store.request(record.id).body == LARGE
    store.finish(claimed(store), State.COMPLETED, Answer(200, (), LARGE))
    assert files(store) == ["answer", "request"]
    found = store.answer(record.id).body
    assert isinstance(found, Path)
    assert found.read_bytes() == LARGE
    assert {path.stat().st_mode & 0o777 for path in store.folder.path.rglob("*") if path.is_file()} == {0o600}
    assert {store.folder.path.stat().st_mode & 0o777, store.folder.files.stat().st_mode & 0o777} == {0o700}
    store.remove([record.id])
    assert files(store) == []
    with pytest.raises(NotFound):
        store.get(record.id)


def test_a_staged_answer_is_taken(store: TaskStore) -> None:
    """A file that another process wrote becomes the answer; finishing again, after a full disk, does no harm."""
    record = store.add("add", ASKED)
    running, staged = claimed(store), store.folder.staging()
    staged.write_bytes(b"large")
    for _ in range(2):
        store.finish(running, State.COMPLETED, Answer(200, (), staged))
    found = store.answer(record.id).body
    assert isinstance(found, Path)
    assert (found.read_bytes(), staged.exists()) == (b"large", False)


def test_retry(store: TaskStore) -> None:
    """A finished task is asked again as a new one, with the same request; one that runs is not."""
    record = store.add("add", Request(ASKED.head, LARGE), max_attempts=4)
    with pytest.raises(WrongState, match="only a finished task can be tried again: it is pending"):
        store.retry(record.id)
    store.cancel(record.id)
    again = store.retry(record.id)
    assert (again.id != record.id, again.state, again.max_attempts) == (True, State.PENDING, 4)
    store.remove([record.id])
    assert store.request(again.id).body == LARGE


def test_token(store: TaskStore) -> None:
    """The same key is the same task, also once it has ended; with another request it is refused."""
    record = store.add("add", ASKED, token="k")
    assert store.add("add", ASKED, token="k").id == record.id
    assert store.add("other", ASKED, token="k").id != record.id
    assert store.add("add", ASKED).id != record.id
    store.finish(claimed(store), State.COMPLETED, DONE)
    assert store.add("add", ASKED, token="k").state is State.COMPLETED
    with pytest.raises(Unprocessable, match="was sent with another request"):
        store.add("add", Request(ASKED.head, b"other"), token="k")


def test_expire(tmp_path: Path) -> None:
    """What was finished longer ago than the retention is forgotten with its files; the rest stays."""
    store = TaskStore(tmp_path, retention=0.0)
    old, new = store.add("add", Request({}, LARGE)), store.add("add", ASKED)
    store.cancel(old.id)
    store.expire()
    assert store.get(new.id).state is State.PENDING
    with pytest.raises(NotFound):
        store.get(old.id)
    assert files(store) == []
    store.close()


@pytest.mark.parametrize(
    "task",
    ["", "x" * 24 + "\n", "' OR 1=1 --", "../../../etc/passwd.....", "%" * 24, "é" * 24, "a" * 25, "\0" * 24],
)
def test_odd_ids_are_unknown(store: TaskStore, task: str) -> None:
    """What is no id of ours finds nothing, and names no file."""
    store.add("add", ASKED)
    for ask in (store.get, store.request, store.answer, store.cancel, store.retry):
        with pytest.raises(NotFound):
            ask(task)
    assert store.waiting() == 1


def test_ids_are_not_guessed() -> None:
    """Ids are 24 letters of base64, no two alike."""
    found = {new_id() for _ in range(1000)}
    assert len(found) == 1000
    assert all(ID.fullmatch(each) for each in found)


def test_another_endpoints_task_is_unknown(store: TaskStore) -> None:
    """An id is known at the route of its own endpoint only."""
    record = store.add("add", ASKED)
    assert store.get(record.id, "add").id == record.id
    with pytest.raises(NotFound):
        store.get(record.id, "other")


def test_two_servers_share(tmp_path: Path) -> None:
    """Of two servers one gets a task; what one writes the other sees; the living keep what is theirs."""
    one, two = TaskStore(tmp_path), TaskStore(tmp_path)
    two.has_changed()
    record = one.add("add", ASKED, max_attempts=2)
    assert [two.has_changed(), two.has_changed()] == [True, False]
    running = claimed(two)
    assert one.claim(["add"]) is None
    assert (one.recover(lost), one.get(record.id).state) == (0, State.IN_PROGRESS)
    one.finish(running, State.FAILED, DONE)  # it is not one's own
    assert one.get(record.id).state is State.IN_PROGRESS
    two.close()
    assert one.recover(lost) == 1
    assert claimed(one).attempts == 2
    one.close()


KILLED = """
import os, sys
from pathlib import Path
from ekiben.engine.tasks.record import Request
from ekiben.engine.tasks.store import TaskStore
store = TaskStore(Path(sys.argv[1]))
for name, most, waits in (("again", 2, False), ("once", 1, False), ("waited", 9, True), ("canceled", 9, False)):
    store.add(name, Request({}, b""), max_attempts=most, waits=waits)
    store.claim([name])
store.cancel(store._rows("SELECT id FROM tasks WHERE endpoint = 'canceled'")[0]["id"])
store.add("pending", Request({}, b""))
store.add("unwanted", Request({}, b""), waits=True)
os.kill(os.getpid(), 9)
"""


def test_tasks_of_a_killed_server(tmp_path: Path) -> None:
    """They wait again, or fail once started too often; what was canceled or waited for is not run."""
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(KILLED), str(tmp_path)], timeout=60, check=False)
    assert done.returncode == -9
    store = TaskStore(tmp_path)
    assert store.recover(lost) == 1
    rows = store._rows("SELECT endpoint, state, status, error FROM tasks")
    assert {row["endpoint"]: row["state"] for row in rows} == {
        "again": "pending",
        "once": "failed",
        "waited": "canceled",
        "canceled": "canceled",
        "pending": "pending",
        "unwanted": "canceled",
    }
    assert [(row["status"], row["error"]) for row in rows if row["state"] == "failed"] == [(503, "started 1 times")]
    assert len(list(store.folder.owners.iterdir())) == 1  # the dead one's is gone
    store.close()


def test_old_files_are_swept(tmp_path: Path) -> None:
    """A file that a crash left is removed an hour later; one that is new, or is needed, stays."""
    store = TaskStore(tmp_path)
    needed = store.add("add", Request({}, LARGE))
    for name in ("old.request", "new.request", ".oldstaged"):
        (store.folder.files / name).write_bytes(b"")
    for path in store.folder.files.iterdir():
        if "new" not in path.name:
            os.utime(path, (time.time() - STALE - 1,) * 2)
    store.close()
    store = TaskStore(tmp_path)
    assert sorted(path.name for path in store.folder.files.iterdir()) == sorted([f"{needed.id}.request", "new.request"])
    store.close()


class TestOddFiles:
    """A database that cannot be used is named, with one thing to do."""

    @pytest.mark.parametrize(
        ("content", "words"),
        [
            pytest.param(b"this is no database" * 100, "is damaged", id="something else"),
            pytest.param(b"SQLite format 3\0" + b"\xff" * 5000, "is damaged", id="a broken one"),
        ],
    )
    def test_damaged(self, tmp_path: Path, content: bytes, words: str) -> None:
        (tmp_path / "tasks.db").write_bytes(content)
        with pytest.raises(CorruptItem, match=words) as caught:
            TaskStore(tmp_path)
        assert str(tmp_path / "tasks.db") in str(caught.value)
        assert f"move {tmp_path} away" in (caught.value.hint or "")
        assert (tmp_path / "tasks.db").read_bytes() == content  # nothing was overwritten

    def test_damaged_in_the_middle(self, tmp_path: Path) -> None:
        """A page that was overwritten is found when the database is opened."""
        store = TaskStore(tmp_path)
        for _ in range(20):
            store.add("add", Request({}, b"y" * 5000))
        store.close()
        path = tmp_path / "tasks.db"
        content = bytearray(path.read_bytes())
        content[4096 * 3 : 4096 * 6] = b"\xab" * 4096 * 3
        path.write_bytes(content)
        with pytest.raises(CorruptItem, match="is damaged"):
            TaskStore(tmp_path)

    def test_newer(self, tmp_path: Path) -> None:
        """Tables of a newer version are left alone."""
        with sqlite3.connect(tmp_path / "tasks.db") as connection:
            connection.execute("PRAGMA user_version = 99")
        connection.close()
        with pytest.raises(StoreError, match="written by a newer version"):
            TaskStore(tmp_path)


@pytest.fixture
def small(tmp_path: Path):
    """Give a folder on a disk of 2 MB."""
    folder = tmp_path / "small"
    folder.mkdir()
    with mounted(folder, ["-t", "tmpfs", "-o", "size=2m", "tmpfs"]):
        yield folder


class TestFullDisk:
    """A full disk refuses tasks in clear words; nothing is lost, and nothing half kept."""

    def test_rows(self, small: Path) -> None:
        """Tasks are taken until the disk is full, and all that were taken are there."""
        store, taken = TaskStore(small / "tasks", max_waiting=10_000), []

        def fill() -> None:
            while True:
                taken.append(store.add("add", Request({}, b"z" * 20_000)).id)

        with pytest.raises(Unavailable, match="the disk that keeps the tasks is full") as caught:
            fill()
        assert caught.value.retry_after == 30
        assert len(taken) > 10
        assert store.waiting() == len(taken)
        assert {len(store.request(task).body) for task in taken} == {20_000}
        store.close()
        (small / "tasks" / "tasks.db").stat()
        again = TaskStore(small / "tasks")  # also after a restart on the full disk
        assert again.waiting() == len(taken)
        again.close()

    def test_files(self, small: Path) -> None:
        """A body that does not fit leaves neither a row nor a piece of a file."""
        store = TaskStore(small / "tasks")
        kept = store.add("add", Request({}, LARGE))
        with pytest.raises(Unavailable, match="the disk that keeps the tasks is full"):
            store.add("add", Request({}, b"z" * 3_000_000))
        assert (store.waiting(), files(store)) == (1, ["request"])
        assert store.request(kept.id).body == LARGE
        store.close()


def test_many_open_a_new_file_at_once(tmp_path: Path) -> None:
    """Processes that begin together all get the database: none is told that it is busy."""
    program = (
        "import sys, time; from pathlib import Path; from ekiben.engine.tasks.database import connect\n"
        "print(flush=True); sys.stdin.read(1); connect(Path(sys.argv[1])).close()"
    )
    for number in range(5):
        command = [sys.executable, "-c", program, str(tmp_path / f"{number}.db")]
        started = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) for _ in range(4)]
        for process in started:
            assert process.stdout is not None
            process.stdout.readline()
        for process in started:
            assert process.stdin is not None
            process.stdin.write(b"x")
            process.stdin.flush()
        for process in started:
            process.communicate(timeout=60)
        assert [process.returncode for process in started] == [0, 0, 0, 0]

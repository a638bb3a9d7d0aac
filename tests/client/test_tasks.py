"""Both clients submit tasks, follow them, end them and run them again, over a server and in a test."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ekiben
from ekiben.client.tasks import Waiting, read_id, read_status
from ekiben.exceptions import (
    DeadlineExceeded,
    InvalidInput,
    NotFound,
    ServerError,
    Unprocessable,
    WrongState,
)
from ekiben.testing import async_client, client
from tests.http.chores import Chores
from tests.http.tasking import Tasks, chores

UNKNOWN = "a" * 24


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tasks]:
    with chores(tmp_path_factory.mktemp("chores")) as tasks:
        yield tasks


@pytest.fixture
def chore(served: Tasks) -> Iterator[Any]:
    (served.folder / "notes").unlink(missing_ok=True)
    with ekiben.SyncHTTPClient(served.server.url) as found:
        yield found


def test_submit_and_get(served: Tasks, chore: Any) -> None:
    """A task's answer is what its method returned; another client finds it by its id."""
    task = chore.add.submit(1, b=2)
    assert task.get()["sum"] == 3
    assert str(task.status()) == task.get_status().value == "completed"
    assert repr(task) == f"<task {task.id} of add at {served.server.url}>"
    assert chore.add.task(task.id).get(timeout=10) == task.get()
    assert chore.add(1)["sum"] == 2  # the plain call


def test_values_of_every_kind(chore: Any, tmp_path: Path) -> None:
    """Arrays and files go in and come out of a task as of a call."""
    array = np.arange(4, dtype=np.float32)
    found = chore.scale.submit(array).get()
    assert (found.dtype, found.tolist()) == (np.float32, [0.0, 2.0, 4.0, 6.0])
    file = tmp_path / "a.txt"
    file.write_text("kept")
    kept = chore.keep.submit(file).get()
    assert isinstance(kept, Path)
    assert kept.read_text() == "kept"


def test_wrong_values(chore: Any) -> None:
    """What is wrong is told by `submit`."""
    with pytest.raises(TypeError, match="needs the argument `a`"):
        chore.add.submit()
    with pytest.raises(InvalidInput) as caught:
        chore.add.submit("x")
    assert [problem.path for problem in caught.value.problems] == ["a"]
    with pytest.raises(NotFound, match=r"`plain` at .* is no task"):
        chore.plain.submit()
    with pytest.raises(NotFound, match="is no task"):
        chore.plain.task(UNKNOWN)
    with pytest.raises(NotFound, match="there is no task with this id"):
        chore.add.task(UNKNOWN).get()


def test_failures(chore: Any) -> None:
    """A failed task raises what a call would."""
    task = chore.fail.submit("ours")
    with pytest.raises(Unprocessable, match="no face in the picture"):
        task.get()
    assert (task.status().value, task.status().error) == ("failed", "no face in the picture")
    with pytest.raises(ServerError):
        chore.fail.submit("bug").get()


def test_following(served: Tasks, chore: Any) -> None:
    """Progress is seen, `get` gives up in time without harm, and what is asked too early is refused."""
    task = chore.hold.submit("followed")
    served.wait_for("begun-followed")
    status = task.status()
    assert (status.value, status.progress, status.message, status.is_finished) == (
        "in_progress",
        0.25,
        "waiting",
        False,
    )
    assert task.progress == 0.25
    with pytest.raises(DeadlineExceeded, match=r"no answer within 0\.1 seconds: it is in_progress"):
        task.get(timeout=0.1)
    with pytest.raises(WrongState, match="only a finished task can be tried again"):
        task.retry()
    served.let("followed")
    assert task.get(timeout=30) == f"followed in {task.id}"
    with pytest.raises(WrongState, match="cannot be canceled: it is completed"):
        task.cancel()
    again = task.retry()
    assert again.id != task.id
    assert again.get(timeout=30) == f"followed in {again.id}"


def test_cancel(served: Tasks, chore: Any) -> None:
    """A canceled task has ended when `cancel` returns, and has no answer."""
    task = chore.hold.submit("canceled")
    served.wait_for("begun-canceled")
    assert task.cancel().value == "canceled"
    with pytest.raises(WrongState, match="it was canceled"):
        task.get()
    assert "ended-canceled" not in served.notes()


async def test_async(served: Tasks) -> None:
    """The `async` client does the same."""
    (served.folder / "notes").unlink(missing_ok=True)
    async with ekiben.AsyncHTTPClient(served.server.url) as chore:
        task = await chore.add.submit(1)
        assert (await task.get())["sum"] == 2
        assert (await task.get_status()).value == "completed"
        found = await chore.add.task(task.id)
        assert (await found.get(timeout=5))["sum"] == 2
        held = await chore.hold.submit("async")
        served.wait_for("begun-async")
        assert await held.progress() == 0.25
        with pytest.raises(DeadlineExceeded):
            await held.get(timeout=0.1)
        assert (await held.cancel()).value == "canceled"
        with pytest.raises(WrongState):
            await held.get()
        with pytest.raises(WrongState):
            await task.cancel()
        again = await task.retry()
        assert (await again.get())["sum"] == 2
        with pytest.raises(NotFound, match="is no task"):
            await chore.plain.submit()
    async with ekiben.AsyncHTTPClient(served.server.url) as chore:
        with pytest.raises(NotFound, match="has no endpoint `nothing`"):
            await chore.nothing.submit()


def test_in_a_test(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`ekiben.testing.client` runs tasks in a process too, and leaves nothing in the home."""
    monkeypatch.setenv("CHORES", str(tmp_path))
    monkeypatch.setenv("EKIBEN_HOME", str(tmp_path / "home"))
    with client(Chores) as found:
        answer = found.add.submit(a=1).get(timeout=30)
    assert (answer["sum"], answer["pid"] != os.getpid()) == (2, True)
    assert not (tmp_path / "home").exists()


async def test_in_an_async_test(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`ekiben.testing.async_client` does so too."""
    monkeypatch.setenv("CHORES", str(tmp_path))
    async with async_client(Chores) as found:
        task = await found.add.submit(a=1)
        assert (await task.get(timeout=30))["sum"] == 2


@pytest.mark.parametrize("found", [None, [], {}, {"task_id": 3, "status": 3}, "x"])
def test_odd_servers(found: Any) -> None:
    """What tells no task is no task."""
    with pytest.raises(ServerError, match="told no `task_id`"):
        read_id(found)
    with pytest.raises(ServerError, match="told no `status`"):
        read_status(found)


def test_waiting() -> None:
    """A question waits no longer than what is left, nor than half of what the client waits for an answer."""
    assert Waiting(30.0, None).next() == 15.0
    assert Waiting(3600.0, None).next() == 20.0
    assert Waiting(30.0, 0.0).next() == 0.0
    assert 0.0 < Waiting(30.0, 5.0).next() <= 5.0

"""A task ends when it is canceled, when its time is up, and with its process, and what it has started ends too."""

from collections.abc import Iterator

import pytest

from tests.http.tasking import Tasks, chores, wait_until_gone


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tasks]:
    with chores(tmp_path_factory.mktemp("chores")) as tasks:
        yield tasks


@pytest.fixture(autouse=True)
def forget(served: Tasks) -> None:
    """Let each test read its own notes."""
    (served.folder / "notes").unlink(missing_ok=True)


class TestCancel:
    """Cancelling really ends a task."""

    @pytest.mark.parametrize("method", ["PUT", "POST"])
    def test_running(self, served: Tasks, method: str) -> None:
        """The method gets KeyboardInterrupt, and the next task a new process."""
        task = served.submit("hold", name="never")
        served.wait_for("begun-never")
        pid = served.pid("begun-never")
        found = served.cancel("hold", task, method)
        assert (found.status_code, found.json()["status"]) == (200, "canceled")
        assert "ended-never" not in served.notes()
        served.wait_for("left")
        assert served.notes().index("interrupted") < served.notes().index("left")  # the hook ran
        wait_until_gone(pid)
        assert served.get("hold", task).status_code == 409
        assert served.cancel("hold", task).status_code == 200  # again
        assert served.get("add", served.ran("add", a=1)).json()["pid"] != pid

    def test_async(self, served: Tasks) -> None:
        """An async method is cancelled."""
        task = served.submit("doze")
        served.wait_for("begun-doze")
        assert served.cancel("doze", task).json()["status"] == "canceled"
        served.wait_for("cancelled")

    def test_stubborn(self, served: Tasks) -> None:
        """One that does not listen is killed after the grace."""
        task = served.submit("stubborn")
        served.wait_for("begun-stubborn")
        pid = served.pid("begun-stubborn")
        assert served.cancel("stubborn", task).json()["status"] == "canceled"
        wait_until_gone(pid)
        assert served.notes().count("deaf") == 1

    def test_children(self, served: Tasks) -> None:
        """What a task has started ends with it."""
        task = served.submit("parent")
        served.wait_for("started")
        child = [note for note in served.notes() if note.startswith("child-")]
        assert served.cancel("parent", task).json()["status"] == "canceled"
        wait_until_gone(int(child[0].removeprefix("child-")))

    def test_waiting(self, served: Tasks) -> None:
        """One that waits never starts."""
        held = served.submit("hold", name="ahead")
        served.wait_for("begun-ahead")
        waiting = served.submit("hold", name="behind")
        assert served.cancel("hold", waiting).json()["status"] == "canceled"
        served.let("ahead")
        assert served.ended("hold", held)["status"] == "completed"
        served.ran("add", a=1)
        assert "begun-behind" not in served.notes()


def test_timeout(served: Tasks) -> None:
    """A task that takes longer than its `timeout` is ended, and its answer says so."""
    task = served.submit("late")
    told = served.ended("late", task)
    assert (told["status"], "longer than 0.2 seconds" in told["error"]) == ("failed", True)
    assert served.get("late", task).status_code == 504


def test_a_process_that_dies(served: Tasks) -> None:
    """It is started again until `max_attempts`; then the answer says how it ended."""
    task = served.submit("die")
    told = served.ended("die", task)
    assert (told["status"], told["attempts"]) == ("failed", 2)
    assert served.notes().count("dying") == 2
    found = served.get("die", task)
    assert found.status_code == 503
    assert found.json()["detail"] == "the process of the task was killed by SIGKILL; it was started 2 times"
    assert served.get("add", served.ran("add", a=1)).json()["sum"] == 2


def test_a_process_that_forks(served: Tasks) -> None:
    """What it forked keeps nobody waiting, and ends with it."""
    told = served.ended("fork", served.submit("fork"))
    assert (told["status"], "killed by SIGKILL" in told["error"]) == ("failed", True)
    if "forked" in served.notes():  # it came that far
        wait_until_gone(served.pid("forked"))

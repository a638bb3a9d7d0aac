"""A script that serves has the workers that its service asks for, or is told why not."""

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

import ekiben
from ekiben.core.errors import ConfigError
from ekiben.services.load import load
from ekiben.tools.spread import named
from tests.http.streamed_batches import Both

pytestmark = pytest.mark.slow
STDLIB = Path(os.__file__).parent


@pytest.fixture(autouse=True)
def _path_of_the_project(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hand no folder on that has a module `http` of its own, as those of other tests may have."""
    hides = ("http/__init__.py", "http.py")
    kept = [each for each in sys.path if Path(each) == STDLIB or not any((Path(each) / one).exists() for one in hides)]
    monkeypatch.setattr(sys, "path", kept)


def children() -> set[int]:
    """Give the processes that this one has started and that live."""
    found = set()
    for task in Path("/proc/self/task").iterdir():
        with suppress(FileNotFoundError):  # a thread that has just ended
            found |= {int(pid) for pid in (task / "children").read_text().split()}
    return found


def test_workers_of_a_script(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two workers answer, one that is killed is replaced, and none is left when the server stops."""
    monkeypatch.setenv("EKIBEN_WORKERS", "2")
    before = children()
    with ekiben.serve(Both) as server, server.client() as client:
        workers = children() - before
        assert len(workers) == 2
        assert client.double(x=[1, 2]) == [2, 4]
        assert "".join(client.count(n=3)) == "012"
        os.kill(min(workers), signal.SIGKILL)
        end = time.monotonic() + 60
        while len(children() - before - {min(workers)}) < 2:
            assert time.monotonic() < end
            time.sleep(0.02)
        assert client.double(x=[3]) == [6]
    assert children() <= before


def test_one_worker_apart_of_a_text(monkeypatch: pytest.MonkeyPatch) -> None:
    """A target that is named by text is found by the worker, too."""
    monkeypatch.setenv("EKIBEN_LAYOUT", "apart")
    before = children()
    with ekiben.serve("tests.http.streamed_batches:Both") as server, server.client() as client:
        assert len(children() - before) == 1
        assert client.double(x=[1]) == [2]


def test_one_process_stays_one() -> None:
    """A service that asks for nothing runs in this very process."""
    before = children()
    with ekiben.serve(Both) as server, server.client() as client:
        assert children() == before
        assert client.double(x=[1]) == [2]


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        pytest.param({"LAYOUT": "replicas"}, "`layout` must be inline or apart", id="replicas"),
        pytest.param({"LAYOUT": "inline", "WORKERS": "2"}, "`workers` must be 1", id="several in one process"),
        pytest.param({"TRAFFIC__KILL_AFTER": "1"}, "`traffic.kill_after` needs workers", id="nobody to kill"),
    ],
)
def test_what_cannot_be_is_refused(monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], words: str) -> None:
    """What a script cannot do is refused with its reason, before anything listens."""
    for name, value in variables.items():
        monkeypatch.setenv(f"EKIBEN_{name}", value)
    with pytest.raises(ConfigError, match=words):
        ekiben.serve(Both)


def test_a_class_that_nobody_can_import(monkeypatch: pytest.MonkeyPatch) -> None:
    """A class within a function is refused, as a worker could not find it."""

    @ekiben.service
    class Hidden:
        @ekiben.api
        def add(self, a: int) -> int:
            return a + 1

    monkeypatch.setenv("EKIBEN_WORKERS", "2")
    with pytest.raises(ConfigError, match="cannot import `Hidden`"):
        ekiben.serve(Hidden)


def test_a_class_of_the_script_itself(tmp_path: Path) -> None:
    """The running script is not imported again by its own workers: it is told to move the class."""
    (tmp_path / "script.py").write_text(
        "import ekiben\n\n@ekiben.service(workers=2)\nclass Own:\n    @ekiben.api\n    def add(self, a: int) -> int:\n"
        "        return a + 1\n\nekiben.serve(Own)\n"
    )
    done = subprocess.run(
        [sys.executable, "script.py"], cwd=tmp_path, capture_output=True, text=True, timeout=60, env={**os.environ}
    )
    assert done.returncode == 1
    assert "cannot import `Own`: '__main__:Own'" in done.stderr


@pytest.mark.parametrize("target", ["iris:latest", Path("service.py")])
def test_names(target: Any) -> None:
    """Words and paths are given on as they are; a class by its module."""
    bound = load(Both)
    assert named(bound, target) == str(target)
    assert named(bound, Both) == "tests.http.streamed_batches:Both"


def test_a_worker_that_cannot_start_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What keeps workers from starting is raised, and nothing goes on."""
    (tmp_path / "weights_of_test_spread.py").write_text(
        "import ekiben\n\n@ekiben.service(workers=2)\nclass Weights:\n    def __init__(self):\n"
        "        raise RuntimeError('no weights')\n\n    @ekiben.api\n    def add(self, a: int) -> int:\n"
        "        return a + 1\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    before = children()
    with pytest.raises(Exception, match="no weights"):
        ekiben.serve("weights_of_test_spread:Weights")
    assert children() <= before

"""Ask a served `tests.http.chores` for its tasks, and read what they noted."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from tests.servers import Running, serving

ROOT = Path(__file__).parents[2]
PATIENCE = 40.0


class Tasks:
    """A server of chores, and its folder."""

    def __init__(self, server: Running, folder: Path) -> None:
        self.server, self.folder = server, folder
        self.http = server.http

    def submit(self, name: str, /, *, headers: dict[str, str] | None = None, **values: Any) -> str:
        found = self.http.post(f"/{name}/submit", json=values, headers=headers)
        assert found.status_code == 200, found.text
        return str(found.json()["task_id"])

    def status(self, name: str, task: str, wait: float = 0) -> dict[str, Any]:
        found = self.http.get(f"/{name}/status", params={"task_id": task, "wait": wait})
        assert found.status_code == 200, found.text
        told: dict[str, Any] = found.json()
        return told

    def ended(self, name: str, task: str) -> dict[str, Any]:
        """Wait until a task has ended; give its status."""
        end = time.monotonic() + PATIENCE
        while (told := self.status(name, task, wait=10))["status"] in ("pending", "in_progress"):
            assert time.monotonic() < end, told
        return told

    def ran(self, name: str, /, **values: Any) -> str:
        """Submit a task, and wait until it has ended."""
        task = self.submit(name, **values)
        self.ended(name, task)
        return task

    def get(self, name: str, task: str) -> httpx.Response:
        return self.http.get(f"/{name}/get", params={"task_id": task})

    def cancel(self, name: str, task: str, method: str = "PUT") -> httpx.Response:
        return self.http.request(method, f"/{name}/cancel", params={"task_id": task})

    def retry(self, name: str, task: str) -> httpx.Response:
        return self.http.post(f"/{name}/retry", params={"task_id": task})

    def notes(self) -> list[str]:
        """What happened, in order."""
        return [line.split()[0] for line in self._lines()]

    def pid(self, note: str) -> int:
        """The process that noted something last."""
        return [int(line.split()[1]) for line in self._lines() if line.startswith(f"{note} ")][-1]

    def wait_for(self, note: str, times: int = 1) -> None:
        end = time.monotonic() + PATIENCE
        while self.notes().count(note) < times:
            assert time.monotonic() < end, f"{note!r} did not come: {self.notes()}\n{self.server.log}"
            time.sleep(0.01)

    def let(self, name: str) -> None:
        """Let a held task go on."""
        (self.folder / name).touch()

    def _lines(self) -> list[str]:
        path = self.folder / "notes"
        return path.read_text().splitlines() if path.exists() else []


@contextmanager
def chores(folder: Path, *options: str, target: str = "tests.http.chores:Chores", **env: str) -> Iterator[Tasks]:
    """Serve the chores; their home and their notes are in *folder*."""
    variables = {"CHORES": str(folder), "EKIBEN_HOME": str(folder / "home"), **env}
    with serving(target, *options, cwd=ROOT, env=variables) as server:
        yield Tasks(server, folder)


def is_alive(pid: int) -> bool:
    """Say whether a process runs."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def wait_until_gone(pid: int) -> None:
    end = time.monotonic() + PATIENCE
    while is_alive(pid):
        assert time.monotonic() < end, f"process {pid} lives on"
        time.sleep(0.01)

"""The example of docs/tasks.md trains as the page says."""

import subprocess
import sys
from pathlib import Path

from tests.servers import serving

FOLDER = Path(__file__).parents[2] / "examples" / "services"


def test_training(tmp_path: Path) -> None:
    """A submitted task fits the line, and tells its progress."""
    with serving("training.py:Trainer", cwd=FOLDER, env={"EKIBEN_HOME": str(tmp_path)}) as server:
        asked = {"x": [1, 2, 3], "y": [3, 5, 7], "rounds": 2000}
        task = server.http.post("/fit/submit", json=asked).json()["task_id"]
        told = server.http.get("/fit/status", params={"task_id": task, "wait": 25}).json()
        assert (told["status"], told["progress"]) == ("completed", {"fraction": 1.0, "message": "round 2000"})
        found = server.http.get("/fit/get", params={"task_id": task}).json()
        assert (round(found["slope"], 2), round(found["offset"], 2)) == (2.0, 1.0)


def test_following(tmp_path: Path) -> None:
    """A client submits, waits, and finds the task again by its id."""
    with serving("training.py:Trainer", cwd=FOLDER, env={"EKIBEN_HOME": str(tmp_path)}) as server:
        command = [sys.executable, "-B", "train.py", server.url]
        done = subprocess.run(command, cwd=FOLDER, capture_output=True, text=True, timeout=100, check=False)
        assert (done.returncode, done.stdout) == (0, "completed 100% 2 1\n"), done.stderr

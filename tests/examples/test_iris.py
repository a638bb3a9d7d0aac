"""The example iris runs as its page says: train, serve the model, ask; serve the class, ask; test it."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.house.tree import ROOT
from tests.servers import serving

FOLDER = ROOT / "examples/iris"
FLOWER = [5.1, 3.5, 1.4, 0.2]


def run(*words: str | Path) -> str:
    """Run a part of the example; give what it prints on stdout."""
    command = [sys.executable, "-B", *words]
    done = subprocess.run(command, cwd=FOLDER, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.slow
def test_iris() -> None:
    """A trained model answers without code, as a class, and in its own test; the folder stays clean."""
    assert re.fullmatch(r"iris:[a-z2-7]{16}\n", run("train.py"))
    with serving("iris:latest", cwd=FOLDER) as server:
        assert run("request.py", server.url) == "[0]\n"
        assert server.http.post("/predict", json=[FLOWER, FLOWER]).json() == [0, 0]
        wrong = server.http.post("/predict", json=[[5.1, 3.5, 1.4, "wide"]])
        assert (wrong.status_code, wrong.json()["errors"][0]["path"]) == (400, "[0][3]")
    with serving("service.py:Iris", cwd=FOLDER) as server:
        assert server.http.post("/species", json={"flowers": [FLOWER]}).json() == ["setosa"]
    assert "1 passed" in run("-m", "pytest", "-p", "no:cacheprovider", "-c", "/dev/null", "test_service.py")
    status = ["git", "status", "--porcelain", "--untracked-files=all", "--", str(FOLDER)]
    left = subprocess.run(status, cwd=ROOT, capture_output=True, text=True, timeout=60, check=True).stdout
    assert [line for line in left.splitlines() if line.startswith("??")] == []

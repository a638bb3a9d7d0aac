"""The examples of old projects run on the drop-in as their pages say."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.house.tree import ROOT
from tests.servers import Running, free_port, starting

EXAMPLES = ROOT / "examples"
FLOWERS = [[5.1, 3.5, 1.4, 0.2], [6.7, 3.0, 5.2, 2.3]]
COMMAND_S = 180.0  # training, and importing TensorFlow, on a busy machine

pytestmark = [pytest.mark.slow, pytest.mark.timeout(500)]


class Folder:
    """A copy of an example, and a home; what runs there has the drop-in."""

    def __init__(self, name: str, place: Path, installed: Path) -> None:
        self.path = place / name
        shutil.copytree(EXAMPLES / name, self.path, ignore=shutil.ignore_patterns("__pycache__", "*.h5"))
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("EKIBEN_", "BENTOML_"))}
        self.env = {**kept, "BENTOML_HOME": str(place / "home"), "PYTHONPATH": str(installed)}

    def run(self, *words: str) -> str:
        """Run Python with *words*; give what it prints on stdout."""
        done = subprocess.run(
            [sys.executable, "-B", *words],
            cwd=self.path,
            env=self.env,
            capture_output=True,
            text=True,
            timeout=COMMAND_S,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def bentoml(self, *words: str) -> str:
        """Run a command of the drop-in; give what it prints on stdout."""
        return self.run("-m", "bentoml", *words)

    @contextmanager
    def served(self, words: Sequence[str]) -> Iterator[Running]:
        """Run `bentoml serve` for the length of the block."""
        port = free_port()
        command = [sys.executable, "-B", "-m", "bentoml", "serve", *words, "--port", str(port)]
        with starting(command, port, cwd=self.path, env=self.env) as server:
            server.wait_until_ready(timeout=COMMAND_S)
            yield server


@pytest.fixture
def copy(tmp_path: Path, installed: Path) -> Callable[[str], Folder]:
    """Give a copy of an example by its name."""
    return lambda name: Folder(name, tmp_path, installed)


def test_bento_deploy(copy: Callable[[str], Folder]) -> None:
    """A project of 0.13 is packed, run from the command line, and served by its tag."""
    folder = copy("bento_deploy")
    assert re.search(r"^IrisClassifier:\d{14}_[0-9A-F]{6}$", folder.run("bento_packer.py"), re.MULTILINE)
    run = ("run", "IrisClassifier:latest", "predict")
    assert re.findall(r"\d+", folder.bentoml(*run, "--input", str(FLOWERS[:1])))[:1] == ["0"]
    assert re.findall(r"\b[012]\b", folder.bentoml(*run, "--input-file", "iris_data.csv"))[:2] == ["0", "2"]
    with folder.served(["IrisClassifier:latest"]) as server:
        assert server.http.post("/predict", json=FLOWERS).json() == [0, 2]
        assert server.http.get("/metadata").json()


@pytest.mark.heavy
@pytest.mark.tensorflow
def test_iris_micro(copy: Callable[[str], Folder]) -> None:
    """A Keras model in HDF5 is put into the store, served by a runner, built, and served as a bento."""
    folder = copy("iris-micro")
    folder.run("train.py")
    assert re.search(r"^Bento model tag = flower_model:[a-z2-7]{16}$", folder.run("modeltobento.py"), re.MULTILINE)
    assert "flower_model" in folder.bentoml("models", "list")
    with folder.served(["service:svc", "--reload"]) as server:
        assert server.http.post("/classify", json=FLOWERS).json() == ["setosa", "virginica"]
    folder.bentoml("build")
    with folder.served(["flower_classifier:latest", "--production"]) as server:
        assert server.http.post("/classify", json=FLOWERS[:1]).json() == ["setosa"]


def test_iris_three_generations(copy: Callable[[str], Folder]) -> None:
    """One model, three services: each is served, gives the same answer, and is measured."""
    folder = copy("iris-three-generations")
    assert re.search(r"^iris_clf:[a-z2-7]{16}$", folder.run("save.py"), re.MULTILINE)
    assert re.search(r"^IrisClassifier:\d{14}_[0-9A-F]{6}$", folder.run("pack.py"), re.MULTILINE)
    rows = [line.split() for line in folder.run("ask.py", "--seconds", "0.5").splitlines()]
    assert [row[:3] for row in rows] == [[name, "[0,", "2]"] for name in ("0.13", "1.0", "1.4")]
    assert all(float(row[3]) > 0 and row[4] == "requests/s" for row in rows)

"""The example `planets` runs as its README says, with real DVC and real TensorFlow, also on another machine."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.house.tree import ROOT
from tests.servers import serving

EXAMPLE = ROOT / "examples" / "planets"
DVC = ROOT / ".venvs" / "dvc" / "bin"
LABELS = ["Earth", "Jupiter", "MakeMake", "Mars", "Mercury", "Moon", "Neptune", "Pluto", "Saturn", "Uranus", "Venus"]
pytestmark = [pytest.mark.heavy, pytest.mark.tensorflow, pytest.mark.timeout(900)]


class Machine:
    """A checkout of the project and a store of its own."""

    def __init__(self, folder: Path, home: Path) -> None:
        self.folder, self.home = folder, home

    @property
    def env(self) -> Mapping[str, str]:
        named = {f"GIT_{role}_{what}": "somebody" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
        # `python` is the one of the tests, `dvc` the one that `make test-heavy` installs beside it.
        path = os.pathsep.join([str(Path(sys.executable).parent), str(DVC), os.environ["PATH"]])
        return {**os.environ, **named, "EKIBEN_HOME": str(self.home), "PATH": path, "DVC_NO_ANALYTICS": "1"}

    def run(self, *command: str) -> str:
        """Run a command, give both its streams."""
        done = subprocess.run(
            command, cwd=self.folder, env=self.env, stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=600, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        return done.stdout + done.stderr


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Machine:
    """The project in a Git repository of its own, after its first `dvc repro`."""
    around = tmp_path_factory.mktemp("planets")
    shutil.copytree(EXAMPLE, around / "project", ignore=shutil.ignore_patterns("__pycache__", "data", "model"))
    machine = Machine(around / "project", around / "home")
    machine.run("git", "init", "-q", "-b", "main")
    machine.run("dvc", "init", "-q")
    machine.run("dvc", "remote", "add", "-q", "-d", "folder", str(around / "remote"))
    machine.run("git", "add", ".")
    machine.run("git", "commit", "-q", "-m", "Begin")
    machine.run("dvc", "repro")
    return machine


def test_held_out_pictures_are_told_right(here: Machine) -> None:
    """Four of five pictures that it has not learned from."""
    metrics = json.loads((here.folder / "evaluation" / "metrics.json").read_text())
    assert metrics["val_acc"] >= 0.8
    assert metrics["val_loss"] < 1


def test_pictures_are_as_many_as_they_should_be(here: Machine) -> None:
    """146 a class, 145 of the Moon, and 33 that nothing has seen, named by base64."""
    counted = {folder.name: len(list(folder.iterdir())) for folder in (here.folder / "data" / "raw").iterdir()}
    assert counted == {label: 145 if label == "Moon" else 146 for label in LABELS}
    unseen = {file.stem for file in (here.folder / "extra_data").iterdir()}
    assert len(unseen) == 33
    assert {"TW9vbl8xNDU", "TWFrZW1ha2VfMTQ2", "TmVwdHVuZV8xNDc"} <= unseen


def test_the_stored_model_holds_the_optimizer(here: Machine) -> None:
    """821,387 weights and two moments of each: 9.4 MiB."""
    (listed,) = json.loads(here.run(sys.executable, "-m", "ekiben", "models", "list", "-o", "json"))
    assert re.fullmatch(r"planets_model:[a-z2-7]{16}", listed["tag"])
    assert 9.3 < listed["size_bytes"] / 2**20 < 9.6


def test_a_second_run_has_nothing_to_do(here: Machine) -> None:
    """No stage runs again, and Git sees what the first run was to make: the lock file and the metrics."""
    assert here.run("dvc", "repro").count("didn't change, skipping") == 4
    assert here.run("git", "status", "--porcelain").split() == ["??", "dvc.lock", "??", "evaluation/"]


def test_another_machine_serves_it(here: Machine, tmp_path: Path) -> None:
    """Pushed, cloned, pulled, imported into an empty store and served: the answer, and no litter in the project."""
    here.run("dvc", "push", "-q")
    here.run("git", "add", ".")
    here.run("git", "commit", "-q", "--allow-empty", "-m", "Train")
    there = Machine(tmp_path / "clone", tmp_path / "home")
    here.run("git", "clone", "-q", str(here.folder), str(there.folder))
    there.run("dvc", "pull", "-q")
    there.run(sys.executable, "-m", "ekiben", "models", "import", "model/planets_model.bentomodel")
    with serving("serve:Planets", "--working-dir", "src", cwd=there.folder, env=there.env) as server:
        with (there.folder / "extra_data" / "TW9vbl8xNDU.jpg").open("rb") as picture:
            answer = server.http.post("/predict", files={"image": picture}).json()
    assert list(answer["probabilities"]) == LABELS
    assert sum(answer["probabilities"].values()) == pytest.approx(1)
    assert answer["prediction"] == max(answer["probabilities"], key=answer["probabilities"].get)
    assert there.run("git", "status", "--porcelain") == ""

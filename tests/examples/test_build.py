"""The example of docs/build.md is built, carried and served."""

import os
import subprocess
import sys
from pathlib import Path
from shutil import copytree

import pytest

import ekiben
from tests.house.tree import ROOT
from tests.servers import serving


def run(folder: Path, *words: str) -> str:
    nobody = {"UV_DEFAULT_INDEX": "http://127.0.0.1:9/simple", "UV_HTTP_RETRIES": "0"}  # what is installed is locked
    command, env = [sys.executable, "-B", *words], {**os.environ, **nobody}
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=110)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_page_shows_the_file() -> None:
    """The settings in the page are those beside the service."""
    assert (ROOT / "examples/iris/bentofile.yaml").read_text() in (ROOT / "docs/build.md").read_text()


@pytest.mark.slow
def test_iris(tmp_path: Path) -> None:
    """Trained, built, exported, imported in another home and served there, the classifier names a flower."""
    folder = copytree(ROOT / "examples/iris", tmp_path / "iris")
    run(folder, "train.py")
    said = run(folder, "pack.py").splitlines()
    assert said[0].startswith('Bento(tag="iris:v1") sha256:')
    assert said[1].startswith(f"{ekiben.models.get('iris').tag} sha256:")
    with serving("bento:iris", cwd=tmp_path, env={"EKIBEN_HOME": str(folder / "out/home")}) as server:
        assert server.http.post("/species", json={"flowers": [[5.1, 3.5, 1.4, 0.2]]}).json() == ["setosa"]

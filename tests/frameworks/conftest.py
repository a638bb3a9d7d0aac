"""What the tests of frameworks share: a fitted classifier, and processes that know nothing of this one."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy
import pytest
from sklearn.datasets import load_iris
from sklearn.svm import SVC

from ekiben.models import Model

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="session")
def rows():
    """Features and species of 150 flowers."""
    return load_iris(return_X_y=True)


@pytest.fixture(scope="session")
def classifier(rows) -> SVC:
    """A classifier of those flowers."""
    return SVC().fit(*rows)


@pytest.fixture
def python(tmp_path: Path) -> Run:
    """Run code in a fresh interpreter and a folder of its own; *env* is added to this process's."""

    def run(code: str, *words: str, check: bool = True, cwd: Path | None = None, **env: str):
        elsewhere = tmp_path / "elsewhere"
        elsewhere.mkdir(exist_ok=True)
        done = subprocess.run(
            [sys.executable, "-c", code, *words],
            cwd=cwd or elsewhere,
            env={**os.environ, **env},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=110,
        )
        assert not check or done.returncode == 0, done.stderr
        return done

    return run


@pytest.fixture
def travel(python: Run, tmp_path: Path) -> Callable[[Model, object], object]:
    """Export a model, import it in a home of its own in a process without this one's code; give what it predicts.

    The model is called with rows as the served endpoint is; arrays go and come as files.
    """

    def go(saved: Model, rows: object, method: str = "predict") -> object:
        numpy.save(tmp_path / "rows.npy", rows)  # type: ignore[arg-type]
        saved.export(tmp_path / "model.bentomodel")
        python(ELSEWHERE, str(tmp_path), method, EKIBEN_HOME=str(tmp_path / "other-home"))
        return numpy.load(tmp_path / "answer.npy")

    return go


ELSEWHERE = """
import sys, numpy, ekiben.models
from ekiben.services.load import load
folder, method = sys.argv[1:]
saved = ekiben.models.import_model(folder + "/model.bentomodel", skip_existing=True)
served = load("model:" + str(saved.tag)).create({})
numpy.save(folder + "/answer.npy", getattr(served, method)(numpy.load(folder + "/rows.npy")))
assert not [name for name in sys.modules if name.partition(".")[0] in ("tests", "conftest")]
"""

"""What the tests of frameworks share: a fitted classifier, and processes that know nothing of this one."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from sklearn.datasets import load_iris
from sklearn.svm import SVC

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

"""Give tests of bundles a home of their own, and a service that was saved there."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from bentoml.bundles.description import Bundle, open_bundle

from compat.bentoml.tests.bundles.projects import imported, packed


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A home of BentoML's that is empty; what loading adds to the path goes with it."""
    monkeypatch.setattr("sys.path", sys.path.copy())
    monkeypatch.setenv("BENTOML_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("EKIBEN_HOME", str(tmp_path / "home"))
    return tmp_path


@pytest.fixture
def project(folder: Path) -> Iterator[Any]:
    """The module of a small project, with the class `Adder`."""
    with imported(folder / "project") as module:
        yield module


@pytest.fixture
def bundle(project: Any) -> Bundle:
    """A saved bundle."""
    return open_bundle(Path(packed(project).save(labels={"team": "sums"})))

"""The tour of the store runs as it stands in the docs."""

import subprocess
import sys
from pathlib import Path

import ekiben.models
from tests.house.tree import ROOT
from tests.registry import fake_registry


def test_the_tour_runs(tmp_path: Path) -> None:
    """Every part of docs/store.md works in one go, and leaves what it says it leaves."""
    command = [sys.executable, str(ROOT / "examples/store/tour.py")]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr
    assert "hello\nworld\n" in done.stdout
    assert "HELLO" in done.stdout
    assert ekiben.models.list() == []
    with ekiben.models.use_home(tmp_path / "elsewhere"):
        assert [model.tag.name for model in ekiben.models.list()] == ["tokens"]
        ekiben.models.verify("tokens")
    assert (tmp_path / "model/tokens.bentomodel").is_file()


def test_the_sharing_runs(tmp_path: Path) -> None:
    """What docs/registry.md shows brings a model from one home to another."""
    with fake_registry() as registry:
        command = [sys.executable, str(ROOT / "examples/store/share.py"), f"{registry.host}/team"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"{registry.host}/team/models/tokens:")
    assert "hello\nworld\n" in done.stdout
    with ekiben.models.use_home(tmp_path / "elsewhere"):
        ekiben.models.verify("tokens")

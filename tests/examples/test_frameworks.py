"""The example of docs/frameworks.md runs as it stands."""

import subprocess
import sys

from tests.house.tree import ROOT


def test_save() -> None:
    """Models of each kind are saved, loaded and asked."""
    command = [sys.executable, "-B", str(ROOT / "examples/frameworks/save.py")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "setosa skops ['predict', 'predict_proba']",
        "ekiben.sklearn",
        "HELLO",
    ]
    assert done.stderr.count("ekiben saved model: Model(tag=") == 3

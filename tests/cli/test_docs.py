"""docs/cli.md says what the commands say."""

import importlib.util
import subprocess
import sys

import pytest

from ekiben.cli.main import COMMANDS
from tests.house.tree import ROOT

PAGE = ROOT / "docs/cli.md"


def test_the_page_is_fresh() -> None:
    """The page is what its script writes now; `make docs` writes it again."""
    spec = importlib.util.spec_from_file_location("write_cli", ROOT / "docs/write_cli.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.write() == PAGE.read_text()


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_there(name: str) -> None:
    """Each command has its section."""
    assert f"\n## ekiben {name}" in PAGE.read_text()


def test_the_script_writes_the_page(tmp_path) -> None:
    """The script writes the page beside itself, and nothing else."""
    script = tmp_path / "write_cli.py"
    script.write_text((ROOT / "docs/write_cli.py").read_text())
    subprocess.run([sys.executable, script], check=True, timeout=60)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cli.md", "write_cli.py"]
    assert (tmp_path / "cli.md").read_text() == PAGE.read_text()

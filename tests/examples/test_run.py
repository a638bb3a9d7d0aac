"""The page on `ekiben run` shows what happens: its commands run on the example, and answer what stands there."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

from tests.house.tree import ROOT

PAGE = ROOT / "docs/run.md"
FILES = ("train.py", "flowers.csv")


def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *words], cwd=folder, capture_output=True, text=True, timeout=100, check=False
    )


def test_the_page_is_true(tmp_path: Path) -> None:
    """The first command of the page writes the file, and fails the row, that the page shows."""
    for name in FILES:
        shutil.copy(ROOT / "examples/iris" / name, tmp_path)
    assert run(tmp_path, "train.py").returncode == 0
    shown = re.search(r"```console\n\$ ekiben (run .*)\n((?s:.*?))\$ cat species.csv\n((?s:.*?))```", PAGE.read_text())
    assert shown is not None
    words, said, table = shown.groups()
    done = run(tmp_path, "-m", "ekiben", *words.split())
    assert done.returncode == 1
    assert without_time(done.stderr) == without_time(said)
    assert (tmp_path / "species.csv").read_text() == table


def without_time(text: str) -> str:
    """Give text without how long it took."""
    return re.sub(r"in [0-9.]+ s$", "", text, flags=re.MULTILINE)

"""The decorators keep types: mypy accepts what is right and finds what is wrong."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent
FUTURE = "from __future__ import annotations\n\n"


def check(path: Path) -> set[tuple[int, str]]:
    """Run mypy strictly on one file; give line and code of each error."""
    command = [sys.executable, "-m", "mypy", "--strict", "--no-error-summary", "--hide-error-context", str(path)]
    root = FOLDER.parents[1]
    done = subprocess.run(command, capture_output=True, text=True, cwd=root, timeout=300, check=False)
    assert done.returncode in (0, 1), done.stderr
    found = re.findall(rf"{re.escape(path.name)}:(\d+): error: .*\[([\w-]+)\]$", done.stdout, re.MULTILINE)
    return {(int(line), code) for line, code in found}


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("future", [pytest.param("", id="as they are"), pytest.param(FUTURE, id="as strings")])
def test_right(future: str, tmp_path: Path) -> None:
    """What users write type-checks strictly, with annotations as they are and as strings."""
    path = tmp_path / "right.py"
    head, _, rest = (FOLDER / "right.py").read_text().partition("\n\n")
    path.write_text(f"{head}\n\n{future}{rest}")
    assert check(path) == set()


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_wrong() -> None:
    """Each mistake is found on its line, and nothing else is."""
    path = FOLDER / "wrong.py"
    lines = path.read_text().splitlines()
    told = {n: line.partition("# error: ")[2] for n, line in enumerate(lines, 1) if "# error: " in line}
    expected = {(n, code) for n, codes in told.items() for code in codes.split(", ")}
    assert check(path) == expected

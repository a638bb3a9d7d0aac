"""S003, the guide in Spanish: what it says of other tools, of Python, and of what has to be installed."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from acceptance.documents import Document
from acceptance.shell import UV_CACHE, Person

ROOT = Path(__file__).parents[1]
WHEELS = ROOT / "wheelhouse"
# Of the tests of the core those whose libraries are there for every Python.
CORE = ("tests/core", "tests/schema/wire", "tests/schema/test_codec.py", "tests/schema/test_hints.py")
NEEDED = ("joblib", "jupyterlab", "numpy", "bentoml", "tensorflow", "scikit-learn")  # of the guide, none pinned


def test_S003_02_numbers_against_flask_and_fastapi(s003: Document) -> None:
    """The report has figures of all three for a model, measured beside each other, and says what was lost."""
    assert "BentoML vs Flask vs FastAPI" in s003.text
    report = (ROOT / "docs" / "benchmarks.md").read_text()
    table = report.partition("## iris:")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| ([\w-]+) \| ([\d,]+) \(", table, re.MULTILINE)
    figures = {name: int(number.replace(",", "")) for name, number in rows}
    assert figures["ekiben"] > figures["fastapi"] > 0
    assert figures["ekiben"] > figures["flask"] > 0
    assert "What was missed, and why" in report


def interpreter(version: str) -> str:
    """Find a Python of a version that runs; skip where there is none."""
    places = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    found = [shutil.which(f"python{version}"), *map(str, places.glob(f"{version}.*/bin/python"))]
    for each in filter(None, found):
        asked = subprocess.run([each, "--version"], capture_output=True, text=True, timeout=60, check=False)
        if asked.returncode == 0 and asked.stdout.startswith(f"Python {version}."):
            return each
    pytest.skip(f"Python {version} is not installed")


@pytest.mark.timeout(1500)
@pytest.mark.parametrize("version", ["3.12", "3.13"])
def test_S003_05_versions_of_python(version: str, person: Person, tmp_path: Path) -> None:
    """README names the versions; the tests of the core pass on the newer ones, with the wheel as it is."""
    assert "3.11" in (ROOT / "README.md").read_text()
    venv = tmp_path / "venv"
    person.run(f"uv venv -q --python {interpreter(version)} {venv}")
    person.run(f"uv pip install -q -p {venv} -r {ROOT / 'requirements-dev.txt'}", timeout=600, **UV_CACHE)
    person.run(f"uv pip install -q -p {venv} --no-deps --find-links {WHEELS} --no-index ekiben")
    words = ["-q", "-m", "'not slow'", "-p", "no:cacheprovider", "--basetemp", str(tmp_path / "temp"), *CORE]
    said = person.at(ROOT).run(f"{venv}/bin/python -m pytest {' '.join(words)}", timeout=1400)
    assert re.search(r"^\d{3,} passed", said.stdout.splitlines()[-1]), said.stdout[-2000:]


def test_S003_06_the_requirements(person: Person, tmp_path: Path) -> None:
    """In an empty environment the guide's unpinned list resolves; a constraint of one line takes our bentoml for it."""
    (tmp_path / "requirements.txt").write_text("\n".join(NEEDED))
    (wheel,) = WHEELS.glob("bentoml-*.whl")
    (tmp_path / "ours.txt").write_text(f"bentoml=={wheel.name.split('-')[1]}\n")
    person.run(f"uv venv -q {tmp_path / 'venv'}")
    asked = f"uv pip install --dry-run -p venv --find-links {WHEELS} -r requirements.txt -c ours.txt"
    said = person.at(tmp_path).run(asked, **UV_CACHE).all
    taken = dict(re.findall(r"^ \+ ([\w-]+)==(\S+)", said, re.MULTILINE))
    assert taken["bentoml"].endswith("+ekiben")
    assert {"ekiben", "tensorflow", "jupyterlab"} <= taken.keys()

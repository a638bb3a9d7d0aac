"""The real BentoML, in a virtual environment of its own: a black box that writes and reads stores."""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

import pytest

REQUIREMENTS = ("bentoml==1.4.39", f"scikit-learn=={metadata.version('scikit-learn')}")
_VENVS = Path(__file__).parents[2] / ".venvs"


def python(*libraries: str) -> Path:
    """Give the Python that has BentoML; the environment is made once and kept in `.venvs/`.

    Args:
        libraries: distributions to be there too, in the versions that are here unless one says otherwise (`torch<2`).
    """
    pinned = (name if "<" in name else f"{name}=={metadata.version(name)}" for name in libraries)
    wanted = (*REQUIREMENTS, *pinned)
    name = "bentoml-" + hashlib.sha256(" ".join((*wanted, sys.version)).encode()).hexdigest()[:12]
    folder = _VENVS / name
    _VENVS.mkdir(exist_ok=True)
    with (_VENVS / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "is-ready").exists():
            shutil.rmtree(folder, ignore_errors=True)
            _make(folder, wanted)
            (folder / "is-ready").touch()
    return folder / "bin/python"


def run(program: str, home: Path, *arguments: str | Path, libraries: Sequence[str] = ()) -> str:
    """Run *program* with BentoML's home at *home* and some libraries, and give what it prints."""
    done = subprocess.run(
        [python(*libraries), "-W", "ignore", "-c", program, *map(str, arguments)],
        env={"PATH": os.environ["PATH"], "HOME": str(home), "BENTOML_HOME": str(home), "BENTOML_DO_NOT_TRACK": "True"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def _make(folder: Path, wanted: Sequence[str]) -> None:
    commands: list[list[str]] = [
        [sys.executable, "-m", "venv", str(folder)],
        [str(folder / "bin/python"), "-m", "pip", "install", "-q", *wanted],
    ]
    if uv := shutil.which("uv"):
        commands = [
            [uv, "venv", "-q", "-p", sys.executable, str(folder)],
            [uv, "pip", "install", "-q", "-p", str(folder / "bin/python"), *wanted],
        ]
    links = {"UV_FIND_LINKS": os.environ["PIP_FIND_LINKS"]} if os.environ.get("PIP_FIND_LINKS") else {}
    for command in commands:  # uv does not look where pip is told to find wheels
        done = subprocess.run(
            command, env={**links, **os.environ}, capture_output=True, text=True, timeout=600, check=False
        )
        if done.returncode != 0:
            pytest.skip(f"BentoML cannot be installed here: {done.stderr.strip()[-200:]}")
    if any(one.startswith("xgboost-cpu==") for one in wanted):
        _name_xgboost(folder)


def _name_xgboost(folder: Path) -> None:
    """Let the distribution xgboost-cpu be known as xgboost too, whose version BentoML asks for."""
    [site] = folder.glob("lib/python*/site-packages")
    [known] = site.glob("xgboost_cpu-*.dist-info")
    alias = site / known.name.replace("xgboost_cpu", "xgboost")
    alias.mkdir()
    text = (known / "METADATA").read_text()
    (alias / "METADATA").write_text(text.replace("Name: xgboost-cpu", "Name: xgboost", 1))

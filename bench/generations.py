"""Measure one model behind services of three generations, on Ekiben's drop-in and on the BentoML of each generation.

In: the files of `examples/iris-three-generations`. Out: requests a second, a line each, and a table in Markdown.
`--make` makes an environment for each release with uv; a release that does not install or does not answer is told
as such. The server is bound to one core, wrk to another; rounds are interleaved.
"""

import argparse
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Mapping
from contextlib import chdir
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import processes
from run import result_of

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
PROJECT = ROOT / "examples/iris-three-generations"
VENVS = ROOT / ".venvs"
ROW = b"[[5.1, 3.5, 1.4, 0.2]]"


@dataclass(frozen=True, slots=True)
class Generation:
    """One of the three services, and the release of BentoML that it was written for."""

    prepare: str  # the script that saves the model
    serve: tuple[str, ...]  # the words after `bentoml`
    python: str  # of the release
    packages: tuple[str, ...]  # the release, and what it needs that it does not ask for


COMMON = ("scikit-learn", "pandas")
GENERATIONS = {
    # 0.13.1 needs a Python up to 3.9, and older releases of what stands below it than its metadata say.
    "0.13": Generation(
        "pack.py",
        ("serve-gunicorn", "IrisClassifier:latest", "--workers", "1"),
        "3.8",
        ("bentoml==0.13.1", "protobuf<3.21", "flask<2.1", "werkzeug<2.1", "jinja2<3.1", "setuptools<60", *COMMON),
    ),
    # 1.1.11 imports pkg_resources, which newer setuptools do not have.
    "1.0": Generation(
        "save.py",
        ("serve", "service_1_0:svc", "--production", "--api-workers", "1"),
        "3.11",
        ("bentoml==1.1.11", "setuptools<81", *COMMON),
    ),
    "1.4": Generation("save.py", ("serve", "service_1_4:IrisClassifier"), "3.11", ("bentoml==1.4.*", *COMMON)),
}


def python_of(name: str) -> Path:
    """Give the interpreter of a release's environment."""
    return VENVS / f"bench-bentoml-{name}/bin/python"


def make(name: str, generation: Generation) -> str:
    """Make the environment of a release; give what stood in the way, or nothing."""
    folder = python_of(name).parents[1]
    steps = (
        ["venv", "--quiet", "--allow-existing", "--python", generation.python, str(folder)],
        ["pip", "install", "--quiet", "--python", str(python_of(name)), *generation.packages],
    )
    for step in steps:
        done = subprocess.run(
            [sys.executable, "-m", "uv", *step], capture_output=True, text=True, timeout=900, check=False
        )
        if done.returncode != 0:
            shutil.rmtree(folder, ignore_errors=True)
            return (done.stderr.strip().splitlines() or ["uv failed"])[-1]
    return ""


def installed(place: Path) -> Path:
    """Build the drop-in's wheel and unpack it."""
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(place)]
    subprocess.run(command, cwd=ROOT / "compat/bentoml", check=True, capture_output=True, timeout=120)
    [wheel] = place.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(place / "packages")
    return place / "packages"


def prepare(name: str, python: Path, place: Path, beside: Mapping[str, str]) -> tuple[Path, dict[str, str]]:
    """Copy the project and let it save its model; give the folder and the environment.

    Raises:
        ChildProcessError: the script failed.
    """
    folder = place / "project"
    shutil.copytree(PROJECT, folder, ignore=shutil.ignore_patterns("__pycache__"))
    env = {
        **os.environ,
        "BENTOML_HOME": str(place / "home"),
        "BENTOML_DO_NOT_TRACK": "True",
        "BENCH_LOG": str(place / "server.log"),
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "PATH": f"{python.parent}:{os.environ['PATH']}",
        **beside,
    }
    command = [str(python), GENERATIONS[name].prepare]
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=300, check=False)
    if done.returncode != 0:
        raise ChildProcessError((done.stderr.strip().splitlines() or ["it failed"])[-1])
    return folder, env


def measure(name: str, python: Path, beside: Mapping[str, str], options: argparse.Namespace) -> dict[str, Any]:
    """Serve one generation by one package, load it, stop it.

    Raises:
        ChildProcessError, TimeoutError, ValueError: it cannot be prepared, does not answer, or answers wrongly.
    """
    with socket.socket() as probe, tempfile.TemporaryDirectory(prefix="bench-") as text:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        probe.close()
        folder, env = prepare(name, python, Path(text), beside)
        command = [str(python), "-m", "bentoml", *GENERATIONS[name].serve, "--port", str(port)]
        with chdir(folder):
            server = processes.start(command, env, None if options.unpinned else 0)
        try:
            url = f"http://127.0.0.1:{port}/classify"
            ready, answer = processes.first_answer(server, url, ROW, "application/json", patience=90)
            if answer.strip() != b"[0]":
                raise ValueError(f"a wrong answer: {answer[:200]!r}")
            load(url, 1, options, Path(text))
            found = load(url, options.seconds, options, Path(text))
        finally:
            processes.stop(server)
    return found | {"rps": found["requests"] / found["seconds"], "ready_s": ready}


def load(url: str, seconds: float, options: argparse.Namespace, place: Path) -> dict[str, Any]:
    """Load a server with wrk."""
    (place / "row.json").write_bytes(ROW)
    pinned = [] if options.unpinned else ["taskset", "--cpu-list", "1"]
    words = [
        "wrk",
        "-t1",
        f"-c{options.concurrency}",
        f"-d{seconds:g}s",
        "--timeout",
        "10s",
        "-s",
        HERE / "load.lua",
        url,
    ]
    env = {**os.environ, "BODY": str(place / "row.json"), "MEDIA": "application/json"}
    command = [str(word) for word in (*pinned, *words)]
    done = subprocess.run(command, env=env, check=True, capture_output=True, text=True, timeout=120)
    return result_of(done.stdout)


def main() -> None:
    """Measure each generation on each package that is there, round by round; print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--make", action="store_true", help="make the environments of BentoML's releases first")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3.0, help="of load in each measurement")
    parser.add_argument("--concurrency", type=int, default=16)
    parser.add_argument("--unpinned", action="store_true", help="let the kernel place server and load")
    options = parser.parse_args()
    failures: dict[tuple[str, str], str] = {}
    if options.make:
        for name, generation in GENERATIONS.items():
            if why := make(name, generation):
                failures[name, "bentoml"] = f"does not install: {why}"
    rates: dict[tuple[str, str], list[float]] = {}
    with tempfile.TemporaryDirectory(prefix="bench-drop-in-") as text:
        ours = {"PYTHONPATH": str(installed(Path(text)))}
        for turn in range(options.rounds):
            for name in GENERATIONS:
                for package, python, beside in (
                    ("ekiben", Path(sys.executable), ours),
                    ("bentoml", python_of(name), {}),
                ):
                    if not python.exists():
                        failures.setdefault((name, package), "not installed: `--make`")
                    if (name, package) in failures:
                        continue
                    try:
                        found = measure(name, python, beside, options)
                    except (ChildProcessError, TimeoutError, ValueError) as error:
                        failures[name, package] = str(error)
                        continue
                    rates.setdefault((name, package), []).append(found["rps"])
                    print(f"{turn + 1}/{options.rounds} {name:5} {package:8} {found['rps']:9.0f} req/s", flush=True)
    print(table(rates, failures))


def table(rates: Mapping[tuple[str, str], list[float]], failures: Mapping[tuple[str, str], str]) -> str:
    """Give the medians with their spread, and why there are none, as Markdown."""
    lines = ["| service | Ekiben | BentoML of that time |", "|---|---|---|"]
    for name in GENERATIONS:
        cells = []
        for package in ("ekiben", "bentoml"):
            found = rates.get((name, package))
            cells.append(
                f"{statistics.median(found):,.0f} ({min(found):,.0f}-{max(found):,.0f})"
                if found
                else failures.get((name, package), "-")
            )
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()

"""Run the acceptance cases: `make acceptance`, or `python acceptance/run.py [arguments for pytest]`.

In: the wheels in `wheelhouse/`, and the documents where `EKIBEN_SEEDS` names them. Out: a line a row, totals, and an
exit status of 1 if any row failed. What the rows need goes into a virtual environment of its own,
`.venvs/acceptance`, made once and made again when the needs change.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from acceptance import documents  # noqa: E402 - the folder above is on the path only now

HOME = ROOT / ".venvs" / "acceptance"
PYTHON = HOME / "bin" / "python"
WHEELS = ROOT / "wheelhouse"
SUITE = (
    "pytest>=8.4",
    "pytest-timeout>=2.4",
    "playwright>=1.50",
    "openapi-spec-validator>=0.7",
    "scikit-learn",
    "skops",
    "pandas",
    "trustme",
    "uv",
)
# What the pins leave open and has moved away from them since.
HELD = ("pathspec<1",)  # DVC 3.60 imports a name that pathspec 1 no longer has
# What chapter 3.1 pins, or, where that cannot be had for this Python, what is nearest to it today.
NEAREST = "tensorflow-cpu>=2.21\nmatplotlib\npyyaml\ndvc[gs]\nbentoml==1.4.17\npillow\n"


def main() -> None:
    """Prepare what is missing, then become pytest."""
    if not list(WHEELS.glob("ekiben-*.whl")):
        sys.exit("error: wheelhouse/ has no wheel of ekiben\n\nhint: run `make wheelhouse`")
    pins = write_pins()
    wanted = fingerprint(pins)
    stamp = HOME / "stamp"
    if not stamp.is_file() or stamp.read_text() != wanted:
        shutil.rmtree(HOME, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", str(HOME)], check=True)
        install_needs(pins)
        stamp.write_text(wanted)
    install("--no-index", "--no-deps", "--reinstall", "ekiben", "bentoml")
    provide_chromium()
    become_pytest(sys.argv[1:])


def write_pins() -> Path:
    """Write the document's requirements beside the virtual environment, as they stand there."""
    place = HOME.with_name("acceptance-requirements.txt")
    place.parent.mkdir(parents=True, exist_ok=True)
    seeds = documents.folder()
    place.write_text(documents.read("S004", seeds).file("requirements.txt") if seeds else NEAREST)
    return place


def fingerprint(pins: Path) -> str:
    """Say by a hash what the virtual environment is made of, but for our own wheels."""
    text = "\n".join((sys.version, *HELD, *SUITE, pins.read_text(), (ROOT / "pyproject.toml").read_text()))
    return hashlib.sha256(text.encode()).hexdigest()


def install_needs(pins: Path) -> None:
    """Install what the document pins and what the suite needs; fall back to today's versions, and say so."""
    if install("-r", str(pins), *HELD, *SUITE, check=False):
        whose = "what the document pins" if documents.folder() else "today's versions, as the documents are not here"
        print(f"installed {whose}: {', '.join(pins.read_text().split())}; beside it {', '.join(HELD)}")
        return
    print("what the document pins cannot be had for this Python; instead of it:")
    for line in NEAREST.split():
        print(f"  {line}")
    pins.write_text(NEAREST)
    install("-r", str(pins), *SUITE)


def install(*what: str, check: bool = True) -> bool:
    """Install with uv where it is to be had, else with pip; our own wheels come from the wheelhouse."""
    uv = shutil.which("uv")
    command = [uv, "pip", "install", "--python", str(PYTHON)] if uv else [str(PYTHON), "-m", "pip", "install"]
    words = [*what] if uv else ["--force-reinstall" if word == "--reinstall" else word for word in what]
    done = subprocess.run([*command, "--quiet", "--find-links", str(WHEELS), *words], check=False)
    if check and done.returncode != 0:
        sys.exit(f"error: cannot install {' '.join(what)}")
    return done.returncode == 0


def provide_chromium() -> None:
    """Install Chromium where it is missing and can be had; without it the rows of the page say so."""
    if shutil.which("chromium") or not shutil.which("apt-get") or os.geteuid() != 0:
        return
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "check": False}
    subprocess.run(["apt-get", "update", "-q"], **quiet)
    subprocess.run(["apt-get", "install", "-q", "-y", "--no-install-recommends", "chromium"], **quiet)


def become_pytest(arguments: list[str]) -> None:
    """Replace this process by pytest, as root of a user namespace where it is not root already.

    Networks of their own (`network.py`) need that.
    """
    command = [str(PYTHON), "-m", "pytest", "-c", str(ROOT / "acceptance" / "pytest.ini"), *arguments]
    if not any(Path(word.partition("::")[0]).exists() for word in arguments):
        command.append(str(ROOT / "acceptance"))
    if os.geteuid() != 0 and shutil.which("unshare"):
        command = ["unshare", "--user", "--map-root-user", *command]
    env = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    sys.stdout.flush()
    os.execvpe(command[0], command, env)


if __name__ == "__main__":
    main()

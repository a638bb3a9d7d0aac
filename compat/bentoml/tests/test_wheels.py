"""The wheels of the wheelhouse take the place of the distributions whose names they bear."""

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.house.tree import ROOT

DROP_IN = ROOT / "compat" / "bentoml"


def build(folder: Path, to: Path, monkeypatch: pytest.MonkeyPatch, **env: str) -> Path:
    """Build the wheel of a folder."""
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(to)]
    subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=100)
    return max(to.glob("*.whl"), key=lambda wheel: wheel.stat().st_mtime_ns)


@pytest.fixture
def wheelhouse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Wheels of Ekiben and of the drop-in."""
    for folder in (ROOT, DROP_IN):
        build(folder, tmp_path / "wheels", monkeypatch)
    return tmp_path / "wheels"


@pytest.mark.slow
@pytest.mark.parametrize("release", ["1.4.17", "1.3.22"])
def test_the_release_is_a_setting(release: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The release that is stood in for is chosen at the build, and the wheel holds the modules and the command."""
    wheel = build(DROP_IN, tmp_path, monkeypatch, BENTOML_RELEASE=release)
    assert wheel.name == f"bentoml-{release}+ekiben-py3-none-any.whl"
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        metadata = archive.read(f"bentoml-{release}+ekiben.dist-info/METADATA").decode()
        commands = archive.read(f"bentoml-{release}+ekiben.dist-info/entry_points.txt").decode()
    assert {"bentoml/__init__.py", "bentoml/keras.py", "bentoml/exceptions.py"} <= set(names)
    assert "Classifier: Private :: Do Not Upload" in metadata
    assert "Requires-Dist: ekiben[build]>=0.1.0" in metadata, "`bentoml build` needs nothing more than bentoml"
    assert "bentoml = bentoml.command:main" in commands


@pytest.fixture
def original(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a wheel of the same name and release that is not ours, as a registry has one."""
    source = tmp_path / "original"
    (source / "bentoml").mkdir(parents=True)
    for name in ("__init__.py", "only_there.py"):
        (source / "bentoml" / name).touch()
    (source / "pyproject.toml").write_text(
        '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n'
        '[project]\nname = "bentoml"\nversion = "1.4.17"\n'
    )
    return build(source, tmp_path / "registry", monkeypatch).parent


@pytest.mark.slow
def test_pip_replaces_an_original(original: Path, wheelhouse: Path, tmp_path: Path) -> None:
    """What the docs say puts ours in place of an installed original, whole; a pin of its release is met by ours."""
    into = tmp_path / "environment"
    subprocess.run([sys.executable, "-m", "venv", str(into)], check=True, capture_output=True, timeout=100)

    def install(wanted: str, links: Path) -> str:
        command = [
            into / "bin/python",
            "-m",
            "pip",
            "install",
            "--no-deps",
            "--no-index",
            "--find-links",
            links,
            wanted,
        ]
        done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    install("bentoml==1.4.17", original)
    [package] = into.glob("lib/*/site-packages/bentoml")
    assert (package / "only_there.py").exists()
    install("bentoml==1.4.17+ekiben", wheelhouse)
    assert not (package / "only_there.py").exists()
    assert (package / "bundles").is_dir()
    assert "already satisfied" in install("bentoml==1.4.17", original)


@pytest.mark.heavy
@pytest.mark.parametrize(
    "wanted",
    [
        pytest.param(["bentoml==1.4.17"], id="alone"),
        pytest.param(["bentoml==1.4.17", "tensorflow==2.19.0", "pyyaml==6.0.2", "pillow==11.2.1"], id="TensorFlow"),
        pytest.param(["bentoml==1.4.17", "dvc[gs]==3.60.1", "pyyaml==6.0.2", "matplotlib==3.10.3"], id="DVC"),
    ],
)
def test_a_pin_takes_ours(wanted: list[str], wheelhouse: Path, tmp_path: Path) -> None:
    """The resolver takes our wheel for the pin, beside what people have pinned, though the registry has its own."""
    uv = shutil.which("uv", path=str(Path(sys.executable).parent)) or shutil.which("uv")
    assert uv is not None
    (tmp_path / "wanted.in").write_text("\n".join(wanted))
    command = [uv, "pip", "compile", "-q", "--python-version", "3.11", "--find-links", str(wheelhouse)]
    done = subprocess.run(
        [*command, str(tmp_path / "wanted.in")], capture_output=True, text=True, timeout=110, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "bentoml==1.4.17+ekiben" in done.stdout.split()

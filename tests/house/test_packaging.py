"""What the distribution declares is what it uses, and can be installed beside what people have."""

import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from fsspec.registry import known_implementations
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.house.tree import ROOT, python_files

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
BASE = [Requirement(line) for line in PROJECT["dependencies"]]
EXTRAS = {
    name: [Requirement(line) for line in lines]
    for name, lines in PROJECT["optional-dependencies"].items()
    if name != "dev"
}
# Where the module is not called like its distribution.
MODULES = {"mlflow-skinny": "mlflow", "opentelemetry-api": "opentelemetry",
    "pillow": "PIL", "prometheus-client": "prometheus_client", "python-multipart": "python_multipart",
    "pyyaml": "yaml", "scikit-learn": "sklearn", "swagger-ui-bundle-v2": "swagger_ui_bundle",
    "tensorflow-cpu": "tensorflow",
}  # fmt: skip


def module_of(requirement: Requirement) -> str:
    return MODULES.get(requirement.name.lower(), requirement.name.replace("-", "_"))


@pytest.mark.parametrize("extra", EXTRAS)
def test_every_extra_is_used(extra: str) -> None:
    """What an extra installs is named somewhere in the package, or is what fsspec asks for a kind of URL."""
    text = "\n".join(file.text for file in python_files("src"))
    opened = {entry["class"].partition(".")[0] for entry in known_implementations.values()}
    wanted = {module_of(requirement) for requirement in EXTRAS[extra]} - opened
    assert [name for name in wanted if not re.search(rf"\b{name}\b", text)] == []


def test_base_dependencies_are_few_and_argued() -> None:
    """There are at most 22 base dependencies, and docs/architecture.md says what each is for."""
    _, _, section = (ROOT / "docs/architecture.md").read_text().partition("\n## Dependencies\n")
    argued = re.findall(r"^\| `([\w.-]+)` \| \S", section.partition("\n## ")[0], re.MULTILINE)
    names = sorted(requirement.name for requirement in BASE)
    assert len(names) <= 22
    assert sorted(argued) == names


def test_lock_knows_every_dependency() -> None:
    """What pyproject.toml asks for is pinned in requirements-dev.txt, in a version that it allows."""
    locked = dict(re.findall(r"^([a-z0-9-]+)==([^ ;\\]+)", (ROOT / "requirements-dev.txt").read_text(), re.MULTILINE))
    tools = [Requirement(line) for line in PROJECT["optional-dependencies"]["dev"]]
    light = (one for tool in tools if tool.name == "ekiben" for extra in tool.extras for one in EXTRAS[extra])
    every = {canonicalize_name(one.name): one for one in (*BASE, *light, *tools) if one.name != "ekiben"}
    assert [str(one) for name, one in every.items() if not one.specifier.contains(locked.get(name, "0"))] == []


def test_no_upper_bound() -> None:
    """No dependency is held below a version, so that Ekiben goes beside anything."""
    every = [*BASE, *(requirement for extra in EXTRAS.values() for requirement in extra)]
    held = [str(one) for one in every if any(part.operator not in {">=", "!="} for part in one.specifier)]
    assert held == []


@pytest.mark.slow
def test_wheel_holds_the_package(tmp_path: Path) -> None:
    """The wheel holds every module, `py.typed` and the licence, and no test."""
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=100)
    [wheel] = tmp_path.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    modules = {str(file.path.relative_to("src")) for file in python_files("src")}
    assert modules - names == set()
    assert "ekiben/py.typed" in names
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert {name.partition("/")[0] for name in names if ".dist-info" not in name} == {"ekiben"}


@pytest.mark.heavy
@pytest.mark.parametrize(
    "neighbours",
    [
        pytest.param(["tensorflow-cpu"], id="the newest TensorFlow"),
        pytest.param(["tensorflow-cpu==2.18.*", "numpy<2.1"], id="a TensorFlow that holds NumPy back"),
        pytest.param(["dvc[s3]"], id="DVC"),
        pytest.param(["pydantic==2.9.*"], id="the oldest pydantic"),
        pytest.param(["numpy==1.26.*"], id="NumPy 1"),
    ],
)
def test_resolves_beside(neighbours: list[str], tmp_path: Path) -> None:
    """The resolver finds versions of everything that go together with what people have pinned."""
    uv = shutil.which("uv", path=str(Path(sys.executable).parent)) or shutil.which("uv")
    assert uv is not None
    wanted = tmp_path / "wanted.in"
    wanted.write_text("\n".join([*map(str, BASE), *neighbours]))
    command = [uv, "pip", "compile", "--quiet", "--python-version", "3.11", str(wanted)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=110, check=False)
    assert done.returncode == 0, done.stderr

"""What tests of images without an engine share: parts of an image whose packages are wheels made here."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ekiben.bundle.wheels import digest
from ekiben.images.plan import Packages, Parts, read_parts
from tests.bundle.index import make_wheel, reach_nothing
from tests.images.conftest import MakeBento
from tests.images.oci.bases import write_base

MakeParts = Callable[..., Parts]
ENTRY_POINTS = "[console_scripts]\nekiben = ekiben:main\n"


@pytest.fixture(autouse=True)
def _uv_by_itself(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Let uv reach no index."""
    reach_nothing(monkeypatch, tmp_path_factory.mktemp("uv-cache"))


@pytest.fixture
def make_packages(tmp_path: Path) -> Callable[..., Packages]:
    """Give a function that makes the packages of a bento: Ekiben, and one with a library of machine code."""

    def make(folder: str = "packages", *, tag: str = "cp311-cp311-manylinux_2_17_x86_64", **told: Any) -> Packages:
        wheels = tmp_path / folder / "wheels"
        own = {
            "ekiben.py": "def main():\n    print('served')\n",
            "ekiben-0.1.0.dist-info/entry_points.txt": ENTRY_POINTS,
        }
        made = [
            make_wheel(wheels, "ekiben", "0.1.0", files=own),
            make_wheel(wheels, "fast", "2.0", tag=tag, files={"fast.so": "machine code", **told.pop("files", {})}),
        ]
        lock = tmp_path / folder / "lock.txt"
        lines = (f"{wheel.name.split('-')[0]}=={wheel.name.split('-')[1]} --hash={digest(wheel)}" for wheel in made)
        lock.write_text("\n".join(["--no-index", *lines]) + "\n")
        settled = {"has_hashes": True, "version": "3.11", "platform": "linux/amd64", **told}
        return Packages(lock, wheels=tuple(made), names=frozenset({"ekiben", "fast"}), **settled)

    return make


@pytest.fixture
def make_parts(make_bento: MakeBento, make_packages: Callable[..., Packages]) -> MakeParts:
    """Give a function that makes the parts of an image; keywords change the bento."""

    def make(**changes: Any) -> Parts:
        return replace(read_parts(make_bento(**changes)), packages=make_packages())

    return make


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """Give a base image: an image layout with a stand-in for Python."""
    return write_base(tmp_path / "base")

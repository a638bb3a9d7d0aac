"""What tests of bentos share: projects, an index of tiny packages, uv without the settings of whoever runs them."""

from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent

import pytest

from tests.bundle.index import make_index, reach_nothing, serving
from tests.bundle.projects import HELPER, SERVICE, Write


@pytest.fixture(scope="session")
def wheels_of_index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the folder with the wheels of the index."""
    return make_index(tmp_path_factory.mktemp("index"))


@pytest.fixture(scope="session")
def index(wheels_of_index: Path) -> Iterator[str]:
    """Give the address of an index that everyone may read."""
    with serving(wheels_of_index) as url:
        yield url


@pytest.fixture(autouse=True)
def _uv_by_itself(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Let uv reach no index that a test did not name, and keep nothing between tests."""
    reach_nothing(monkeypatch, tmp_path_factory.mktemp("uv-cache"))


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Give the folder of a project."""
    folder = tmp_path / "project"
    folder.mkdir()
    return folder


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Give a function that writes a project: `write({"service.py": ...})`; without files, a small service."""

    def write(files: dict[str, str] | None = None, name: str = "project") -> Path:
        folder = tmp_path / name
        for path, text in ({"service.py": SERVICE, "helper.py": HELPER} if files is None else files).items():
            place = folder / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(dedent(text))
        return folder

    return write

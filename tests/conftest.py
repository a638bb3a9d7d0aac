"""What every test gets: a home of its own, one event loop, and no clock in property tests."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("house", deadline=None, print_blob=True)
settings.load_profile("house")


@pytest.fixture
def anyio_backend() -> str:
    """Run `async def` tests on asyncio."""
    return "asyncio"


@pytest.fixture(autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give each test an empty home, so that none reads or writes the user's."""
    folder = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("EKIBEN_HOME", str(folder))
    for name in ("BENTOML_HOME", "EKIBEN_PORT", "PORT"):
        monkeypatch.delenv(name, raising=False)
    return folder


@pytest.fixture(autouse=True)
def _logging_left_alone() -> Iterator[None]:
    """Put the root logger back as it was."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)

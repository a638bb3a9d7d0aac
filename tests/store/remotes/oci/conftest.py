"""A registry that misbehaves on request, a conversation with it that waits for nothing, and no login of the user's."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from ekiben.store.remotes.oci.places import parse_place
from ekiben.store.remotes.oci.registry import Registry, open_registry
from tests.registry import FakeRegistry, fake_registry

Talk = Callable[..., Registry]


@pytest.fixture(autouse=True)
def docker_config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give an empty folder for Docker's `config.json`."""
    folder = tmp_path / "docker"
    folder.mkdir()
    monkeypatch.setenv("DOCKER_CONFIG", str(folder))
    return folder


@pytest.fixture
def fake() -> Iterator[FakeRegistry]:
    """Run a registry that lets everyone in."""
    with fake_registry() as registry:
        yield registry


@pytest.fixture
def waits() -> list[float]:
    """Collect the seconds that were to be waited."""
    return []


@pytest.fixture
def talk(waits: list[float]) -> Iterator[Talk]:
    """Give a function that opens a conversation: `talk(fake, piece=1000)`."""
    with ExitStack() as stack:

        def talk(fake: FakeRegistry, **options: Any) -> Registry:
            settings = {"sleep": waits.append, "chance": lambda: 0.5, **options}
            return stack.enter_context(open_registry(parse_place(fake.host), **settings))

        yield talk

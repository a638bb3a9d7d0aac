"""What lands in the store is noticed, whichever folder comes or goes."""

import contextlib
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

import ekiben
from ekiben.tools.landing import Landing

LONG = 600.0  # seconds between looks, so that only an event can be the reason


def save(tag: str) -> None:
    with ekiben.models.create(tag) as model:
        (model.path / "weights").write_bytes(b"1")


class Seen:
    """Looks whenever it is told to, and at no other time."""

    def __init__(self, landing: Landing) -> None:
        self._landing = landing
        self._latest: dict[str, str | None] = {}
        self._news = threading.Condition()

    def look(self) -> None:
        with self._news:
            self._latest = self._landing.latest()
            self._news.notify_all()

    def comes(self, **wanted: str | None) -> bool:
        """Wait until these are what was seen."""
        with self._news:
            return self._news.wait_for(lambda: self._latest == wanted, 60.0)


@contextlib.contextmanager
def watching(home: Path, look: float) -> Iterator[Seen]:
    landing = Landing(home / "models", ["iris", "wine"], look)
    seen = Seen(landing)
    landing.start(seen.look)
    try:
        yield seen
    finally:
        landing.stop()
    assert "ekiben-landing" not in {thread.name for thread in threading.enumerate()}


def test_events(home: Path) -> None:
    """A save, another model's first save, a deletion: each is seen without a look now and then."""
    save("iris:v1")
    with watching(home, LONG) as seen:
        assert seen.comes(iris="v1", wine=None)
        save("iris:v2")
        assert seen.comes(iris="v2", wine=None)
        save("wine:v1")
        assert seen.comes(iris="v2", wine="v1")
        ekiben.models.delete("iris:v2")
        assert seen.comes(iris="v1", wine="v1")


def test_looks(home: Path) -> None:
    """A look finds what no event tells: a store that is not there yet, one that goes and comes back."""
    with watching(home, 0.2) as seen:
        assert seen.comes(iris=None, wine=None)
        save("iris:v1")
        assert seen.comes(iris="v1", wine=None)
        save("wine:v1")
        assert seen.comes(iris="v1", wine="v1")
        shutil.rmtree(home / "models")
        assert seen.comes(iris=None, wine=None)
        save("wine:v2")
        assert seen.comes(iris=None, wine="v2")


def test_a_store_that_cannot_be_read(home: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A folder that cannot be read is said to be so, and the other models are still seen."""
    save("wine:v1")
    (home / "models/iris").symlink_to("iris")
    assert Landing(home / "models", ["iris", "wine"]).latest() == {"iris": None, "wine": "v1"}
    assert "cannot see which versions of iris there are" in caplog.text

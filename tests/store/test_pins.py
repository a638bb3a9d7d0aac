"""Where a supervisor settled what `latest` is, the store gives that; the rest of the store stays as it is."""

from pathlib import Path

import pytest

from ekiben.core.errors import ConfigError, NotFound
from ekiben.core.tag import Tag
from ekiben.store.models import ModelStore, StoredModel
from ekiben.store.pins import VARIABLE, pin, pinned
from tests.store.conftest import Save

Store = ModelStore[StoredModel]


@pytest.fixture(autouse=True)
def unpinned(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put the environment back as it was."""
    monkeypatch.setenv(VARIABLE, "")


def test_latest_is_what_was_settled(store: Store, save: Save) -> None:
    """`name` and `name:latest` are the settled version; exact tags and other names are what they are."""
    for tag in ("iris:v1", "iris:v2", "wine:v1", "wine:v2"):
        save(tag)
    pin(store.root, {"iris": "v1"})
    assert [str(store.get(tag)) for tag in ("iris", "iris:latest", "iris:v2", "wine")] == [
        "iris:v1", "iris:v1", "iris:v2", "wine:v2",
    ]  # fmt: skip
    assert [str(model) for model in store.list("iris:latest")] == ["iris:v1"]
    assert store.latest("iris") == "v2"


def test_a_save_is_not_misled(store: Store, save: Save) -> None:
    """What is saved while `latest` is settled becomes the newest for everybody else."""
    save("iris:v1")
    pin(store.root, {"iris": "v1"})
    save("iris:v2")
    assert str(store.get("iris")) == "iris:v1"
    assert (store.root / "iris/latest").read_text() == "v2"


def test_what_was_settled_is_gone(store: Store, save: Save) -> None:
    """If the settled version was deleted nothing else is given for it."""
    save("iris:v1")
    pin(store.root, {"iris": "v0"})
    with pytest.raises(NotFound, match="'iris' has no version 'v0'"):
        store.get("iris:latest")


def test_another_home_is_left_alone(store: Store, save: Save, tmp_path: Path) -> None:
    """What is settled holds in one store."""
    save("iris:v1")
    pin(tmp_path / "elsewhere", {"iris": "v0"})
    assert str(store.get("iris")) == "iris:v1"


@pytest.mark.parametrize("text", ["rubbish", "[]", "1", '{"versions": {}}', '{"root": "/", "versions": 3}'])
def test_rubbish(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable that somebody else set is an error, not a guess."""
    monkeypatch.setenv(VARIABLE, text)
    with pytest.raises(ConfigError, match="`EKIBEN_PINS` is for a supervisor's own workers"):
        pinned(Path("/"), Tag("iris"))
    assert pinned(Path("/"), Tag("iris", "v1")) == Tag("iris", "v1")


def test_how_it_was_asked_for(store: Store, save: Save) -> None:
    """A model tells the tag that it was asked for by, beside its own."""
    assert save("iris:v1").wanted == Tag("iris", "v1")
    assert [str(store.get(tag).wanted) for tag in ("iris", "iris:latest", "iris:v1")] == [
        "iris",
        "iris:latest",
        "iris:v1",
    ]
    assert store.get("iris") == store.get("iris:v1")
    assert store.get("iris:latest").tag == Tag("iris", "v1")


def test_latest(store: Store, save: Save) -> None:
    """The newest version is told without being read, and None where there is none."""
    assert store.latest("iris") is None
    (save("iris:v1").path / "model.yaml").write_text("rubbish: [")
    assert store.latest("iris") == "v1"

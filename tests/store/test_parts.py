"""An artifact may hold other items, each in a folder: what a bento needs of its models."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ekiben.core.errors import CorruptArchive, EkibenError, UnsafeArchive
from ekiben.core.tag import Tag
from ekiben.store import artifacts
from ekiben.store.artifacts import Config
from ekiben.store.models import ModelStore, StoredModel
from ekiben.store.pulls import Unpacked, pull_item
from ekiben.store.pushes import push_item
from ekiben.store.remotes.oci.documents import MANIFEST
from ekiben.store.remotes.oci.places import parse_place
from tests.registry import FakeRegistry, fake_registry
from tests.store.conftest import Save

LARGE = bytes(range(256)) * 64
FOLDER = "models/words/v1"


@pytest.fixture(autouse=True)
def _no_login(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "docker"))
    monkeypatch.setattr(artifacts, "LARGE", len(LARGE))


@pytest.fixture
def fake() -> Iterator[FakeRegistry]:
    """Run a registry that lets everyone in."""
    with fake_registry() as registry:
        yield registry


@pytest.fixture
def pushed(save: Save, fake: FakeRegistry) -> StoredModel:
    """Push an item that holds another in a folder."""
    whole, part = save("whole:v1", {"a.txt": b"a"}), save("words:v1", {"weights.bin": LARGE, "b.txt": b"b"})
    push_item(whole, parse_place(fake.host), kind="model", parts={FOLDER: part})
    return whole


def pull(fake: FakeRegistry, store: ModelStore[StoredModel], has: Callable[[Config, str], bool] | None = None) -> Any:
    """Give the files that arrive, by path."""

    def keep(unpacked: Unpacked) -> Any:
        places = (place for place in unpacked.folder.rglob("*") if place.is_file())
        return {place.relative_to(unpacked.folder).as_posix(): place.read_bytes() for place in places}

    options: dict[str, Any] = {} if has is None else {"has": has}
    return pull_item(store, "whole:v1", parse_place(fake.host), keep, sleep=lambda _: None, **options)


@pytest.fixture
def here(tmp_path: Path) -> ModelStore[StoredModel]:
    """Give an empty store in another home."""
    return ModelStore(tmp_path / "elsewhere/models", StoredModel)


def test_a_part_lies_in_its_folder(pushed: StoredModel, fake: FakeRegistry, here: ModelStore[StoredModel]) -> None:
    """Small files and large ones of a part arrive below its folder, those of the item beside."""
    found = pull(fake, here)
    assert found["a.txt"] == b"a"
    assert found[f"{FOLDER}/b.txt"] == b"b"
    assert found[f"{FOLDER}/weights.bin"] == LARGE
    assert f"{FOLDER}/manifest.json" in found


def test_a_part_is_mounted_from_its_own_repository(save: Save, fake: FakeRegistry) -> None:
    """A part that was pushed by itself is not sent again within another item."""
    whole, part = save("whole:v1", {"a.txt": b"a"}), save("words:v1", {"weights.bin": LARGE})
    place = parse_place(fake.host)
    push_item(part, place, kind="model")
    fake.asked.clear()
    sent = push_item(whole, place, kind="model", parts={FOLDER: part}).sent
    assert sent < 2000
    assert fake.count("POST", "from=models/words") == 2
    assert [name for name, _ in fake.blobs].count(
        "models/whole"
    ) == 4  # config, own files, the part's files, its large one


def test_a_part_that_is_here_is_not_fetched(
    pushed: StoredModel, fake: FakeRegistry, here: ModelStore[StoredModel]
) -> None:
    """Whoever has a part already says so, and its layers stay where they are."""
    asked: list[tuple[str, str]] = []

    def has(config: Config, folder: str) -> bool:
        asked.append((folder, config.parts[folder]))
        return True

    found = pull(fake, here, has)
    assert [path for path in found if path.startswith("models/")] == []
    assert [folder for folder, _ in asked] == [FOLDER]
    assert asked[0][1].startswith("sha256:")


@pytest.mark.parametrize(
    ("folder", "kind"),
    [
        pytest.param("../../escaped", UnsafeArchive, id="that climbs"),
        pytest.param("/escaped", UnsafeArchive, id="that is absolute"),
        pytest.param("a\\b", UnsafeArchive, id="with a backslash"),
        pytest.param("a.txt", UnsafeArchive, id="that is a file already"),
        pytest.param("/".join("x" * 40), UnsafeArchive, id="that is too deep"),
    ],
)
def test_a_hostile_folder(
    pushed: StoredModel, fake: FakeRegistry, here: ModelStore[StoredModel], folder: str, kind: type[EkibenError]
) -> None:
    """The folder of a part obeys the rules of every other path."""
    document = json.loads(fake.manifests["models/whole", "v1"][1])
    config = json.loads(fake.blobs["models/whole", document["config"]["digest"]])
    config["parts"] = {folder: "sha256:" + "0" * 64}
    data = json.dumps(config).encode()
    document["config"] |= {"digest": fake.keep("models/whole", data), "size": len(data)}
    for layer in document["layers"]:
        if "annotations" in layer and layer["annotations"].get(artifacts.FOLDER) == FOLDER:
            layer["annotations"][artifacts.FOLDER] = folder
    fake.manifests["models/whole", "v1"] = (MANIFEST, json.dumps(document).encode())
    with pytest.raises(kind):
        pull(fake, here)
    assert list(here.root.parent.parent.rglob("*escaped*")) == []
    assert list(here.root.parent.rglob("*.txt")) == []


@pytest.mark.parametrize("parts", [7, ["a"], {"a": 1}, {"a": None}])
def test_parts_that_are_none(parts: Any) -> None:
    """A config whose parts cannot be read is refused."""
    config = Config("model", Tag("whole", "v1"), "sha256:" + "0" * 64, 1, "2026-01-01T00:00:00+00:00")
    with pytest.raises(CorruptArchive, match="config"):
        Config.from_bytes(json.dumps({**json.loads(config.to_bytes()), "parts": parts}).encode())

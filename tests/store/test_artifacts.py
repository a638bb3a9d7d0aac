"""How an item lies in a registry."""

import json
from typing import Any

import pytest

from ekiben.core.errors import CorruptArchive, InvalidInput
from ekiben.core.tag import Tag
from ekiben.store import artifacts
from ekiben.store.artifacts import Config, check_kind, config_of, kind_of, large_files, make_manifest, moment
from ekiben.store.digest import FileEntry, Manifest
from ekiben.store.remotes.oci.documents import Descriptor, Index
from ekiben.store.remotes.oci.places import parse_place
from tests.store.conftest import Save

CONFIG = Config("model", Tag("iris", "v1"), "sha256:" + "a" * 64, 3, "2026-01-01T00:00:00+00:00", "ekiben.sklearn")


def test_a_config_survives_the_way() -> None:
    """What a config says of kind, tag and content is read as the same."""
    found = Config.from_bytes(CONFIG.to_bytes())
    assert (found.kind, found.tag, found.digest, found.size) == (CONFIG.kind, CONFIG.tag, CONFIG.digest, 3)


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"name": "../../etc"}, id="a name that is a path"),
        pytest.param({"version": "latest"}, id="no exact version"),
        pytest.param({"version": None}, id="no version"),
        pytest.param({"size": "3"}, id="a size that is text"),
        pytest.param({"digest": 7}, id="a digest that is a number"),
        pytest.param({"kind": []}, id="a kind that is a list"),
    ],
)
def test_a_config_of_a_stranger(changes: dict[str, Any]) -> None:
    """A config that does not say what it must is refused."""
    plain = {**json.loads(CONFIG.to_bytes()), **changes}
    with pytest.raises(CorruptArchive, match="config"):
        Config.from_bytes(json.dumps(plain).encode())


@pytest.mark.parametrize("data", [b"", b"[]", b"7", b"[" * 100_000, b'{"name":"iris"}'])
def test_no_config(data: bytes) -> None:
    """What is no config is refused."""
    with pytest.raises(CorruptArchive, match="config"):
        Config.from_bytes(data)


def test_an_item_has_one_layout(save: Save) -> None:
    """The same item gives the same bytes: nothing of the moment or the machine stands in them."""
    model = save("iris:v1", labels={"team": "a"})
    manifest = Manifest({"weights.bin": FileEntry("0" * 64, 3)})
    one, two = (make_manifest(config_of(model, manifest, "model", "x"), []).to_bytes() for _ in range(2))
    assert one == two
    assert b"iris" in one


def test_notes_for_whoever_looks() -> None:
    """A registry's page shows name, version, framework, time and content."""
    notes = make_manifest(CONFIG, []).annotations
    assert notes["org.opencontainers.image.title"] == "iris"
    assert notes["org.opencontainers.image.version"] == "v1"
    assert notes["org.opencontainers.image.created"] == "2026-01-01T00:00:00+00:00"
    assert notes["dev.ekiben.framework"] == "ekiben.sklearn"
    assert notes[artifacts.DIGEST] == CONFIG.digest


def test_which_files_are_layers() -> None:
    """Large files travel by themselves; of very many, the largest do."""
    sizes = {f"f{number:03}": artifacts.LARGE + number for number in range(300)} | {"small": artifacts.LARGE - 1}
    found = large_files(Manifest({path: FileEntry("0" * 64, size) for path, size in sizes.items()}))
    assert len(found) == artifacts.MOST_LAYERS
    assert found == sorted(found)
    assert "small" not in found
    assert "f299" in found
    assert "f000" not in found


def test_an_executable_stays_one(save: Save) -> None:
    """The mark of a large file that can be run travels with it."""
    model = save("iris:v1", {"run": b"#!"})
    manifest = Manifest({"run": FileEntry("0" * 64, 2)})
    assert artifacts.EXECUTABLE not in artifacts.describe_file(model.path, "run", manifest).annotations
    (model.path / "run").chmod(0o755)
    assert artifacts.describe_file(model.path, "run", manifest).annotations[artifacts.EXECUTABLE] == "true"


def test_kinds() -> None:
    """A model is known by its type; an image, an index and a bento are not taken for one."""
    model = make_manifest(CONFIG, [])
    assert kind_of(model) == "model"
    assert check_kind(model, "model", "x") is model
    assert kind_of(Index([])) is None
    image = type(model)(Descriptor("application/vnd.oci.image.config.v1+json", CONFIG.digest, 1), [])
    assert kind_of(image) is None
    for other in (image, Index([])):
        with pytest.raises(InvalidInput, match="not ours"):
            check_kind(other, "model", "x")
    with pytest.raises(InvalidInput, match="must be a bento, and is a model"):
        check_kind(model, "bento", "x")


def test_an_old_registry_loses_the_type() -> None:
    """Where a registry dropped the artifact type, the config's says the same."""
    model = make_manifest(CONFIG, [])
    assert kind_of(type(model)(model.config, [], "")) == "model"


@pytest.mark.parametrize(
    ("registry", "expected"),
    [
        pytest.param("localhost:5000", "models/iris", id="a folder for each kind"),
        pytest.param("localhost:5000/team", "team/models/iris", id="below the place's own"),
        pytest.param("docker.io/me", "me/models-iris", id="which Docker Hub has not"),
    ],
)
def test_repositories(registry: str, expected: str) -> None:
    """Models stand apart from bentos and images of their name."""
    assert artifacts.repository_of(parse_place(registry), "model", "iris") == expected


def test_moments() -> None:
    """Times are compared with their zones, and one that cannot be read is before all."""
    assert moment("2026-01-01T01:00:00+01:00") == moment("2026-01-01T00:00:00Z") == moment("2026-01-01T00:00:00")
    assert moment("yesterday") < moment("0002-01-01")

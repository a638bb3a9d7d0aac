"""What is pushed is there whole, once, and under its tag only then."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ekiben.core.errors import AlreadyExists, CorruptItem, EkibenError, InvalidInput
from ekiben.store import artifacts
from ekiben.store.models import ModelStore, StoredModel
from ekiben.store.pushes import Pushed, push_item
from ekiben.store.remotes.oci.documents import MANIFEST, read_document
from ekiben.store.remotes.oci.places import parse_place
from tests.registry import FakeRegistry, fake_registry, hang_up, say
from tests.store.conftest import Save

LARGE = bytes(range(256)) * 64


@pytest.fixture(autouse=True)
def _no_login(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "docker"))
    monkeypatch.setattr(artifacts, "LARGE", len(LARGE))


@pytest.fixture
def fake() -> Iterator[FakeRegistry]:
    """Run a registry that lets everyone in."""
    with fake_registry() as registry:
        yield registry


def push(model: StoredModel, fake: FakeRegistry, **options: Any) -> Pushed:
    place = parse_place(f"{fake.host}/team")
    return push_item(model, place, kind="model", framework="f", sleep=lambda _: None, **options)


def manifest_of(fake: FakeRegistry, tag: str) -> Any:
    return json.loads(fake.manifests["team/models/iris", tag][1])


def test_a_model_is_pushed(save: Save, fake: FakeRegistry) -> None:
    """Config, archive of small files and each large file are there, and the manifest names them."""
    model = save("iris:v1", {"weights.bin": LARGE, "deep/vocabulary.txt": b"a"})
    pushed = push(model, fake)
    assert pushed.reference == f"{fake.host}/team/models/iris:v1"
    document = manifest_of(fake, "v1")
    assert document["artifactType"] == "application/vnd.ekiben.model.v1"
    assert document["annotations"]["dev.ekiben.digest"] == model.digest
    assert [layer["mediaType"] for layer in document["layers"]] == [artifacts.SMALL_FILES, artifacts.ONE_FILE]
    assert document["layers"][1]["annotations"] == {"org.opencontainers.image.title": "weights.bin"}
    named = [document["config"], *document["layers"]]
    assert all(len(fake.blobs["team/models/iris", one["digest"]]) == one["size"] for one in named)
    assert fake.blobs["team/models/iris", document["layers"][1]["digest"]] == LARGE
    assert pushed.sent == sum(one["size"] for one in named)


def test_the_same_model_has_the_same_digest(save: Save, fake: FakeRegistry) -> None:
    """Two registries hold the same bytes, so that the digest names the model wherever it lies."""
    model = save("iris:v1", {"weights.bin": LARGE, "a.txt": b"a"})
    with fake_registry() as other:
        assert push(model, fake).digest == push(model, other).digest
        assert fake.blobs == other.blobs


def test_a_second_push_sends_nothing(save: Save, fake: FakeRegistry) -> None:
    """What is there already is not sent again."""
    model = save("iris:v1")
    first = push(model, fake)
    fake.asked.clear()
    assert push(model, fake) == Pushed(first.reference, first.digest, 0)
    assert [one.method for one in fake.asked] == ["GET"]


def test_versions_share_what_they_have_in_common(save: Save, fake: FakeRegistry) -> None:
    """A large file that two versions share is sent once."""
    push(save("iris:v1", {"weights.bin": LARGE}), fake)
    second = push(save("iris:v2", {"weights.bin": LARGE, "more.txt": b"x"}), fake)
    assert 0 < second.sent < len(LARGE)


def test_another_content_under_the_tag(save: Save, fake: FakeRegistry, tmp_path: Path) -> None:
    """A tag that is taken stays as it is, unless it is to be replaced."""
    push(save("iris:v1", {"a": b"1"}), fake)
    before = manifest_of(fake, "v1")
    with ModelStore(tmp_path / "other/models", StoredModel).create("iris:v1") as model:
        (model.path / "a").write_bytes(b"2")
    with pytest.raises(AlreadyExists, match="a model with other content"):
        push(model, fake)
    assert manifest_of(fake, "v1") == before
    push(model, fake, force=True)
    assert manifest_of(fake, "v1")["annotations"]["dev.ekiben.digest"] == model.digest


def test_an_image_under_the_tag(save: Save, fake: FakeRegistry) -> None:
    """What is not ours is not replaced by accident."""
    image = (
        b'{"schemaVersion":2,"config":{"mediaType":"x/y","digest":"sha256:' + b"a" * 64 + b'","size":1},"layers":[]}'
    )
    fake.manifests["team/models/iris", "v1"] = (MANIFEST, image)
    with pytest.raises(AlreadyExists, match="not ours"):
        push(save("iris:v1"), fake)


def test_latest_follows_the_newest(save: Save, fake: FakeRegistry) -> None:
    """`latest` is the newest by time of creation, in whatever order they are pushed."""
    old, new = save("iris:v1"), save("iris:v2")
    push(new, fake)
    push(old, fake)
    assert manifest_of(fake, "latest") == manifest_of(fake, "v2")
    push(save("iris:v3"), fake)
    assert manifest_of(fake, "latest") == manifest_of(fake, "v3")


def test_a_latest_that_is_not_ours_stays(save: Save, fake: FakeRegistry, caplog: pytest.LogCaptureFixture) -> None:
    """The `latest` of an image is left to the image, and the log says so."""
    image = (
        b'{"schemaVersion":2,"config":{"mediaType":"x/y","digest":"sha256:' + b"a" * 64 + b'","size":1},"layers":[]}'
    )
    fake.manifests["team/models/iris", "latest"] = (MANIFEST, image)
    push(save("iris:v1"), fake)
    assert fake.manifests["team/models/iris", "latest"] == (MANIFEST, image)
    assert "left alone: pull this model by its version" in caplog.text


@pytest.mark.parametrize(
    ("method", "part"),
    [
        pytest.param("POST", "/blobs/", id="no blob can be begun"),
        pytest.param("PUT", "/blobs/", id="no blob can be ended"),
        pytest.param("PUT", "/manifests/", id="no manifest is taken"),
    ],
)
@pytest.mark.parametrize("act", [say(507), say(500), hang_up], ids=["full", "broken", "gone"])
def test_a_push_that_fails_is_loud(save: Save, fake: FakeRegistry, method: str, part: str, act: Any) -> None:
    """Where the registry's storage refuses, the push fails and the tag is not there; a later push goes on."""
    model = save("iris:v1", {"weights.bin": LARGE})
    fake.break_at(method, part, act, times=1000)
    with pytest.raises(EkibenError):
        push(model, fake)
    assert fake.manifests == {}
    fake.faults.clear()
    push(model, fake)
    assert manifest_of(fake, "v1")["annotations"]["dev.ekiben.digest"] == model.digest


def test_a_damaged_model_is_not_pushed(save: Save, fake: FakeRegistry) -> None:
    """A file that is not what was saved leaves nothing under the tag."""
    for name, data in (("small.txt", b"aa"), ("weights.bin", LARGE)):
        model = save(f"iris:{name[:5]}", {"small.txt": b"a", "weights.bin": LARGE[::-1]})
        (model.path / name).write_bytes(data)
        with pytest.raises(CorruptItem):
            push(model, fake)
    assert fake.manifests == {}


def test_a_name_that_no_registry_takes(save: Save, fake: FakeRegistry) -> None:
    """A name is refused before anything is sent."""
    with pytest.raises(InvalidInput, match="repository"):
        push(save("a..b:v1"), fake)
    assert fake.asked == []


def test_progress_comes_to_its_end(save: Save, fake: FakeRegistry) -> None:
    """Progress grows to the bytes of all blobs, what was there included."""
    seen: list[tuple[int, int]] = []
    push(save("iris:v1", {"weights.bin": LARGE}), fake, progress=lambda done, total: seen.append((done, total)))
    assert seen[-1][0] == seen[-1][1]
    assert len({total for _, total in seen}) == 1
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)


def test_a_model_of_bentoml_has_no_manifest(save: Save, fake: FakeRegistry) -> None:
    """A model that was saved without a manifest is measured, and pushed like any other."""
    model = save("iris:v1")
    digest = model.digest
    (model.path / "manifest.json").unlink()
    push(model, fake)
    assert manifest_of(fake, "v1")["annotations"]["dev.ekiben.digest"] == digest


def test_the_manifest_can_be_read_back(save: Save, fake: FakeRegistry) -> None:
    """What is pushed is a manifest by our own reading too."""
    pushed = push(save("iris:v1"), fake)
    document = read_document(fake.manifests["team/models/iris", pushed.digest][1])
    assert artifacts.kind_of(document) == "model"

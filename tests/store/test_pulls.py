"""What is pulled is what was pushed, or nothing: the store stays as it was, whatever a registry sends."""

import hashlib
import io
import json
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ekiben.core.errors import (
    AlreadyExists,
    CorruptArchive,
    EkibenError,
    InvalidInput,
    NotFound,
    StoreError,
    UnsafeArchive,
)
from ekiben.store import artifacts, pulls
from ekiben.store.models import ModelStore, StoredModel
from ekiben.store.pulls import pull_model
from ekiben.store.pushes import push_item
from ekiben.store.remotes.oci.documents import MANIFEST
from ekiben.store.remotes.oci.places import Place, parse_place
from tests.registry import FakeRegistry, cut_answer, fake_registry, never_end, say
from tests.store.conftest import Save

LARGE = bytes(range(256)) * 64
FILES = {"weights.bin": LARGE, "deep/vocabulary.txt": b"a", "run.sh": b"#!"}
Store = ModelStore[StoredModel]


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
def place(fake: FakeRegistry) -> Place:
    """Say where the registry is."""
    return parse_place(f"{fake.host}/team")


@pytest.fixture
def here(tmp_path: Path) -> Store:
    """Give an empty store in another home."""
    return ModelStore(tmp_path / "elsewhere/models", StoredModel)


@pytest.fixture
def pushed(save: Save, place: Place) -> StoredModel:
    """Push a model that has a bit of everything."""
    model = save("iris:v1", FILES, labels={"team": "a"})
    (model.path / "run.sh").chmod(0o755)
    (model.path / "empty").mkdir()
    push_item(model, place, kind="model")
    return model


def pull(store: Store, place: Place, tag: str = "iris:v1", **options: Any) -> StoredModel:
    return pull_model(store, tag, place, sleep=lambda _: None, chance=lambda: 0.0, **options)


def left_behind(store: Store) -> list[Path]:
    """List everything in the home that is more than the frame of an empty store."""
    frame = {"models", "tmp", ".lock"}
    home = store.root.parent
    return [path for path in home.rglob("*") if path.name not in frame] if home.exists() else []


def test_a_model_is_pulled(pushed: StoredModel, here: Store, place: Place) -> None:
    """Files, marks, empty folders, labels and time are those that were pushed."""
    model = pull(here, place)
    assert (model.tag, model.labels, model.creation_time) == (pushed.tag, pushed.labels, pushed.creation_time)
    assert model.digest == pushed.digest
    assert {path: (model.path / path).read_bytes() for path in FILES} == FILES
    assert (model.path / "run.sh").stat().st_mode & 0o100
    assert (model.path / "empty").is_dir()
    here.verify("iris:v1")
    assert here.get("iris").tag == pushed.tag


@pytest.mark.parametrize("tag", ["iris", "iris:latest"])
def test_the_newest_is_pulled(pushed: StoredModel, here: Store, place: Place, tag: str) -> None:
    """A bare name is what `latest` names there, under its own version."""
    assert pull(here, place, tag).tag == pushed.tag


def test_a_large_executable_stays_one(save: Save, here: Store, place: Place) -> None:
    """A large file that can be run can be run after it."""
    model = save("iris:v1", {"run": LARGE})
    (model.path / "run").chmod(0o755)
    push_item(model, place, kind="model")
    assert (pull(here, place).path / "run").stat().st_mode & 0o100


def test_a_second_pull_fetches_nothing(pushed: StoredModel, here: Store, place: Place, fake: FakeRegistry) -> None:
    """A model that is here already is given, and none of its layers is fetched."""
    first = pull(here, place)
    fake.asked.clear()
    assert pull(here, place) == first
    assert fake.count("GET", "/blobs/") == 1  # the config


def test_another_content_under_the_tag(pushed: StoredModel, here: Store, place: Place, fake: FakeRegistry) -> None:
    """A tag that is taken here stays as it is, and nothing is fetched for it."""
    with here.create("iris:v1") as mine:
        (mine.path / "a").write_bytes(b"mine")
    with pytest.raises(AlreadyExists, match="other content"):
        pull(here, place)
    assert (here.get("iris:v1").path / "a").read_bytes() == b"mine"
    assert fake.count("GET", "/blobs/") == 1


def test_what_is_not_there(here: Store, place: Place) -> None:
    """A tag that the registry has not is named, and nothing is made here."""
    with pytest.raises(NotFound, match="team/models/iris:v1"):
        pull(here, place)
    assert left_behind(here) == []


def test_a_cut_line_goes_on(pushed: StoredModel, here: Store, place: Place, fake: FakeRegistry) -> None:
    """A connection that is cut in a layer goes on."""
    digest = "sha256:" + hashlib.sha256(LARGE).hexdigest()
    fake.break_at("GET", digest, cut_answer(LARGE[:5000], len(LARGE)))
    assert pull(here, place).digest == pushed.digest
    assert fake.asked[-1].headers["range"] == "bytes=5000-"


def test_progress_comes_to_its_end(pushed: StoredModel, here: Store, place: Place) -> None:
    """Progress grows to the bytes of all layers."""
    seen: list[tuple[int, int]] = []
    pull(here, place, progress=lambda done, total: seen.append((done, total)))
    assert seen[-1][0] == seen[-1][1]
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)


Change = Callable[[dict[str, Any], FakeRegistry], None]


def rewrite(fake: FakeRegistry, change: Change) -> None:
    """Let the registry hold another manifest under the tag."""
    document = json.loads(fake.manifests["team/models/iris", "v1"][1])
    change(document, fake)
    fake.manifests["team/models/iris", "v1"] = (MANIFEST, json.dumps(document).encode())


def retitled(title: str) -> Change:
    def change(document: dict[str, Any], _: FakeRegistry) -> None:
        document["layers"][1]["annotations"]["org.opencontainers.image.title"] = title

    return change


def with_archive(*members: tuple[str, bytes, bytes]) -> Change:
    """Put another archive in the place of the small files: name, type, content or target."""

    def change(document: dict[str, Any], fake: FakeRegistry) -> None:
        made = io.BytesIO()
        with tarfile.open(fileobj=made, mode="w:gz") as tar:
            for name, kind, data in members:
                info = tarfile.TarInfo(name)
                info.type = kind
                if kind == tarfile.REGTYPE:
                    info.size = len(data)
                    tar.addfile(info, io.BytesIO(data))
                else:
                    info.linkname = data.decode()
                    tar.addfile(info)
        data = made.getvalue()
        document["layers"][0] |= {"digest": fake.keep("team/models/iris", data), "size": len(data)}

    return change


def with_config(**changes: Any) -> Change:
    def change(document: dict[str, Any], fake: FakeRegistry) -> None:
        plain = json.loads(fake.blobs["team/models/iris", document["config"]["digest"]]) | changes
        data = json.dumps(plain).encode()
        document["config"] |= {"digest": fake.keep("team/models/iris", data), "size": len(data)}

    return change


def twice(document: dict[str, Any], _: FakeRegistry) -> None:
    document["layers"].append(document["layers"][1])


def unknown(document: dict[str, Any], _: FakeRegistry) -> None:
    document["layers"][0]["mediaType"] = "application/vnd.oci.image.layer.v1.tar+gzip"


def untitled(document: dict[str, Any], _: FakeRegistry) -> None:
    document["layers"][1]["annotations"] = {}


def fewer(document: dict[str, Any], _: FakeRegistry) -> None:
    del document["layers"][1]


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        pytest.param(retitled("../../../escaped"), UnsafeArchive, id="a large file that climbs"),
        pytest.param(retitled("/etc/escaped"), UnsafeArchive, id="an absolute one"),
        pytest.param(retitled("a\\b"), UnsafeArchive, id="one with a backslash"),
        pytest.param(retitled("C:escaped"), UnsafeArchive, id="one on a drive"),
        pytest.param(retitled("a\nb"), UnsafeArchive, id="one with a line break"),
        pytest.param(retitled(""), UnsafeArchive, id="one without a name"),
        pytest.param(retitled("model.yaml"), UnsafeArchive, id="one that is there already"),
        pytest.param(retitled("MODEL.yaml"), UnsafeArchive, id="one that some disks take for another"),
        pytest.param(retitled("model.yaml/x"), UnsafeArchive, id="one below a file"),
        pytest.param(retitled("other.bin"), CorruptArchive, id="one of another name than was saved"),
        pytest.param(twice, UnsafeArchive, id="one twice"),
        pytest.param(fewer, CorruptArchive, id="one that is missing"),
        pytest.param(untitled, CorruptArchive, id="one that does not say where it belongs"),
        pytest.param(unknown, CorruptArchive, id="a layer of another kind"),
        pytest.param(with_archive(("../escaped", tarfile.REGTYPE, b"x")), UnsafeArchive, id="an archive that climbs"),
        pytest.param(with_archive(("l", tarfile.SYMTYPE, b"/etc")), UnsafeArchive, id="a link"),
        pytest.param(with_archive(("l", tarfile.LNKTYPE, b"/etc/passwd")), UnsafeArchive, id="a hard link"),
        pytest.param(with_archive(("d", tarfile.CHRTYPE, b"")), UnsafeArchive, id="a device"),
        pytest.param(with_archive(("a", tarfile.REGTYPE, b"x")), CorruptArchive, id="no model in it"),
        pytest.param(with_archive(), CorruptArchive, id="nothing in it"),
        pytest.param(with_config(name="other"), CorruptArchive, id="a model of another name"),
        pytest.param(with_config(version="v2"), CorruptArchive, id="of another version"),
        pytest.param(with_config(digest="sha256:" + "0" * 64), CorruptArchive, id="of other content than it says"),
        pytest.param(lambda document, _: document.update(config={}), CorruptArchive, id="no config"),
        pytest.param(
            lambda document, _: document.update(artifactType="x/y", config=document["layers"][0]),
            InvalidInput,
            id="another kind",
        ),
    ],
)
def test_a_hostile_manifest(
    pushed: StoredModel, here: Store, place: Place, fake: FakeRegistry, change: Change, kind: type[EkibenError]
) -> None:
    """Whatever a registry makes of an artifact, the store stays as it was and nothing is written elsewhere."""
    rewrite(fake, change)
    with pytest.raises(kind, match="team/models/iris:v1"):
        pull(here, place)
    assert left_behind(here) == []
    assert list(here.root.parent.parent.rglob("*escaped*")) == []


@pytest.mark.parametrize(
    "act",
    [
        pytest.param(say(200, data=LARGE[:-1] + b"x"), id="other bytes"),
        pytest.param(say(200, data=LARGE[:-1]), id="fewer"),
        pytest.param(never_end, id="no end"),
        pytest.param(say(404), id="nothing"),
        pytest.param(say(500), id="an error"),
    ],
)
@pytest.mark.parametrize("blob", ["config", "archive", "large"])
def test_a_blob_that_is_not_what_it_should_be(
    pushed: StoredModel, here: Store, place: Place, fake: FakeRegistry, act: Any, blob: str
) -> None:
    """A blob of another digest or size is refused, and nothing is stored."""
    document = json.loads(fake.manifests["team/models/iris", "v1"][1])
    named = {"config": document["config"], "archive": document["layers"][0], "large": document["layers"][1]}
    fake.break_at("GET", named[blob]["digest"], act, times=99)
    with pytest.raises(EkibenError):
        pull(here, place)
    assert left_behind(here) == []


def test_a_bomb(pushed: StoredModel, here: Store, place: Place, fake: FakeRegistry) -> None:
    """An archive that unpacks to more than is allowed is left in time."""
    rewrite(fake, with_archive(("zeros", tarfile.REGTYPE, bytes(20_000_000))))
    with pytest.raises(UnsafeArchive, match="unpacks to more"):
        pull(here, place, max_size=1_000_000)
    assert left_behind(here) == []


def test_more_than_was_allowed(pushed: StoredModel, here: Store, place: Place, fake: FakeRegistry) -> None:
    """A model larger than allowed is refused before any of it is fetched."""
    with pytest.raises(UnsafeArchive, match="at most 1000 are allowed"):
        pull(here, place, max_size=1000)
    assert fake.count("GET", "/blobs/") == 1


def test_more_than_the_disk_has_room_for(pushed: StoredModel, here: Store, place: Place, fake: FakeRegistry) -> None:
    """A model that the disk cannot hold is refused before any of it is fetched."""

    def grow(document: dict[str, Any], _: FakeRegistry) -> None:
        document["layers"][1]["size"] = 10**18

    rewrite(fake, grow)
    with pytest.raises(StoreError, match="has room for"):
        pull(here, place)
    assert fake.count("GET", "/blobs/") == 1


def test_the_room_that_is_left(pushed: StoredModel, here: Store, place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pull does not fill the disk to its last byte."""
    monkeypatch.setattr(pulls, "_SPARE", 10**18)
    with pytest.raises(StoreError, match="has room for"):
        pull(here, place)


def test_an_image_is_no_model(here: Store, place: Place, fake: FakeRegistry) -> None:
    """An image is not unpacked into the store."""
    image = {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": "sha256:" + "a" * 64, "size": 1}
    data = json.dumps({"schemaVersion": 2, "mediaType": MANIFEST, "config": image, "layers": []}).encode()
    fake.manifests["team/models/iris", "v1"] = (MANIFEST, data)
    with pytest.raises(InvalidInput, match="must be a model"):
        pull(here, place)
    assert left_behind(here) == []


def test_nothing_is_unpickled(here: Store, save: Save, place: Place, tmp_path: Path) -> None:
    """Custom objects of a stranger are files until someone asks for one."""
    marker = tmp_path / "ran"
    payload = f"cos\nsystem\n(S'touch {marker}'\ntR.".encode()
    model = save("iris:v1", {"custom_objects.pkl": payload}, needs_unpickling=True)
    push_item(model, place, kind="model")
    pull(here, place)
    assert not marker.exists()

"""A bento travels through a registry with its models, and what a registry makes of it leaves no trace."""

import hashlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ekiben.core.errors import AlreadyExists, CorruptArchive, EkibenError, InvalidInput, NotFound
from ekiben.store import artifacts
from ekiben.store.bentos import Bento, BentoStore
from ekiben.store.models import ModelStore, StoredModel
from ekiben.store.pulls import pull_model
from ekiben.store.remotes.oci.documents import MANIFEST
from ekiben.store.remotes.oci.places import Place, parse_place
from ekiben.store.shares import find_kind, pull_bento, push_bento, push_model
from tests.registry import FakeRegistry, fake_registry, say
from tests.store.conftest import Build, Save

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


@pytest.fixture
def place(fake: FakeRegistry) -> Place:
    """Say where the registry is."""
    return parse_place(f"{fake.host}/team")


@pytest.fixture
def bento(build: Build, save: Save) -> Bento:
    """Give a bento of two models."""
    models = save("words:v1", {"weights.bin": LARGE, "deep/a.txt": b"a"}), save("flowers:v1", {"b.txt": b"b"})
    return build("iris:v1", *models, files={"src/service.py": "x = 1\n", "README.md": "# Iris\n"})


@pytest.fixture
def here(tmp_path: Path) -> BentoStore:
    """Give an empty store in another home."""
    return BentoStore(tmp_path / "elsewhere/bentos")


def models_of(store: BentoStore) -> ModelStore[StoredModel]:
    return ModelStore(store.root.parent / "models", StoredModel)


def pull(store: BentoStore, place: Place, tag: str = "iris:v1", **options: Any) -> Bento:
    return pull_bento(store, tag, place, sleep=lambda _: None, **options)


def left(store: BentoStore) -> list[str]:
    """List what lies in a home but the frame of its stores."""
    home = store.root.parent
    found = {path.relative_to(home).as_posix() for path in home.rglob("*")}
    return sorted(found - {"bentos", "models", "tmp", "bentos/.lock", "models/.lock"})


def test_a_taken_tag_names_the_command_that_frees_it(bento: Bento, here: BentoStore, place: Place) -> None:
    """The hint is a command that there is: bentos have no group of their own."""
    push_bento(bento, place)
    with here.create() as draft:
        (draft.path / "other").write_bytes(b"mine")
        draft.finish(bento.info)
    with pytest.raises(AlreadyExists, match="other content") as refused:
        pull(here, place)
    assert refused.value.hint == "delete it first: `ekiben delete iris:v1`"


def test_there_and_back(bento: Bento, here: BentoStore, place: Place) -> None:
    """Bento and models arrive under their tags, with their bytes."""
    push_bento(bento, place)
    pulled = pull(here, place)
    assert (pulled.tag, pulled.digest) == (bento.tag, bento.digest)
    assert (pulled.source / "service.py").read_text() == "x = 1\n"
    assert [(model.tag, model.digest) for model in pulled.find_models()] == [
        (model.tag, model.digest) for model in bento.find_models()
    ]
    here.verify("iris:v1")


def test_its_models_can_be_pulled_alone(bento: Bento, here: BentoStore, place: Place) -> None:
    """Each model of a bento that was pushed is an artifact of its own, too."""
    push_bento(bento, place)
    assert pull_model(models_of(here), "words", place).digest == bento.find_models()[0].digest
    assert [find_kind(tag, place) for tag in ("iris", "iris:v1", "words", "flowers:v1")] == [
        "bento",
        "bento",
        "model",
        "model",
    ]


def test_no_byte_crosses_twice(bento: Bento, fake: FakeRegistry, place: Place) -> None:
    """What a model's repository has is mounted into the bento's, not sent."""
    push_bento(bento, place)
    digest = "sha256:" + hashlib.sha256(LARGE).hexdigest()
    assert {name for name, known in fake.blobs if known == digest} == {"team/models/words", "team/bentos/iris"}
    puts = [one for one in fake.asked if one.method == "PUT" and digest.partition(":")[2] in one.path]
    assert len(puts) == 1
    assert sum(len(data) for (name, _), data in fake.blobs.items() if name != "team/bentos/iris") < 2 * len(LARGE)


def test_a_second_push_sends_nothing(bento: Bento, place: Place) -> None:
    """What is there already is not sent again, and `sent` says so."""
    assert push_bento(bento, place).sent > len(LARGE)
    assert push_bento(bento, place).sent == 0


def test_models_that_are_here_are_not_fetched(bento: Bento, here: BentoStore, place: Place, fake: FakeRegistry) -> None:
    """A pull brings what is missing, and no more."""
    push_bento(bento, place)
    pull_model(models_of(here), "words", place)
    fake.asked.clear()
    pull(here, place)
    sizes = {digest: len(data) for (_, digest), data in fake.blobs.items()}
    fetched = [sizes[one.path.rpartition("/")[2]] for one in fake.asked if "/blobs/" in one.path]
    assert max(fetched) < len(LARGE)
    here.verify("iris:v1")


def test_a_second_pull_brings_back_a_lost_model(
    bento: Bento, here: BentoStore, place: Place, fake: FakeRegistry
) -> None:
    """A bento that is here without one of its models gets it again."""
    push_bento(bento, place)
    first = pull(here, place)
    fake.asked.clear()
    assert pull(here, place) == first
    assert fake.count("GET", "/blobs/") == 1  # the config
    models_of(here).delete("words:v1")
    assert pull(here, place) == first
    here.verify("iris:v1")


def test_the_newest_is_pulled(bento: Bento, build: Build, here: BentoStore, place: Place) -> None:
    """A bare name is the newest bento."""
    push_bento(build("iris:v2"), place)
    push_bento(bento, place)
    assert str(pull(here, place, "iris").tag) == "iris:v2"


def test_a_bento_without_models(build: Build, here: BentoStore, place: Place) -> None:
    """A bento of code alone travels, too."""
    push_bento(build("plain:v1"), place)
    assert pull(here, place, "plain:v1").info.models == ()


def test_what_skopeo_would_copy_is_whole(bento: Bento, here: BentoStore, place: Place, fake: FakeRegistry) -> None:
    """The bento's repository alone has all that is needed, so that a mirror of it serves."""
    push_bento(bento, place)
    for kind in (fake.blobs, fake.manifests):
        for key in [key for key in kind if key[0] != "team/bentos/iris"]:  # type: ignore[attr-defined]
            del kind[key]  # type: ignore[attr-defined]
    assert pull(here, place).digest == bento.digest
    here.verify("iris:v1")


def test_a_model_is_no_bento(bento: Bento, here: BentoStore, place: Place, fake: FakeRegistry) -> None:
    """A model that someone put where bentos are is not pulled as one."""
    push_bento(bento, place)
    fake.manifests["team/bentos/words", "v1"] = fake.manifests["team/models/words", "v1"]
    with pytest.raises(InvalidInput, match="must be a bento, and is a model"):
        pull(here, place, "words:v1")
    assert left(here) == []


def test_a_bento_and_its_model_of_one_name(build: Build, save: Save, here: BentoStore, place: Place) -> None:
    """A bento may have the name of its model, and even its version."""
    made = build("same:v1", save("same:v1"))
    push_bento(made, place)
    assert pull(here, place, "same").digest == made.digest
    assert find_kind("same", place) == "bento"
    assert pull_model(models_of(here), "same:v1", place).tag == made.tag
    here.verify("same:v1")


def test_a_model_that_is_missing(
    bento: Bento, store: ModelStore[StoredModel], place: Place, fake: FakeRegistry
) -> None:
    """A bento without its models is not pushed."""
    store.delete("words:v1")
    with pytest.raises(NotFound, match="words:v1"):
        push_bento(bento, place)
    assert fake.asked == []


def test_a_model_that_was_changed_there(bento: Bento, tmp_path: Path, place: Place, fake: FakeRegistry) -> None:
    """A model's tag that holds other content stops the push before the bento is there."""
    with ModelStore(tmp_path / "third/models", StoredModel).create("words:v1") as other:
        (other.path / "x").write_bytes(b"x")
    push_model(other, place)
    with pytest.raises(AlreadyExists, match="words:v1"):
        push_bento(bento, place)
    assert ("team/bentos/iris", "v1") not in fake.manifests


def test_a_model_that_is_another_here(bento: Bento, here: BentoStore, place: Place) -> None:
    """A model's tag that is taken here by other content stops the pull, and changes nothing."""
    push_bento(bento, place)
    with models_of(here).create("words:v1") as mine:
        (mine.path / "mine.txt").write_bytes(b"mine")
    before = left(here)
    with pytest.raises(AlreadyExists, match="words:v1"):
        pull(here, place)
    assert left(here) == before


def test_another_bento_under_the_tag(bento: Bento, here: BentoStore, place: Place) -> None:
    """A bento's tag that is taken here by other content stops the pull."""
    push_bento(bento, place)
    with here.create() as draft:
        (draft.path / "src").mkdir()
        mine = draft.finish(bento.info)
    with pytest.raises(AlreadyExists, match="iris:v1"):
        pull(here, place)
    assert here.get("iris:v1") == mine


Change = Callable[[dict[str, Any], dict[str, Any]], None]


def without_a_model(document: dict[str, Any], config: dict[str, Any]) -> None:
    document["layers"] = [one for one in document["layers"] if "words" not in json.dumps(one)]


def moved(folder: str) -> Change:
    def change(document: dict[str, Any], config: dict[str, Any]) -> None:
        for layer in document["layers"]:
            notes = layer.get("annotations", {})
            if notes.get(artifacts.FOLDER) == "models/flowers/v1":
                notes[artifacts.FOLDER] = folder
        config["parts"][folder] = config["parts"].pop("models/flowers/v1")

    return change


def lying_digest(document: dict[str, Any], config: dict[str, Any]) -> None:
    config["digest"] = "sha256:" + "0" * 64


def of_another_bento(document: dict[str, Any], config: dict[str, Any]) -> None:
    config["name"] = "other"


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        pytest.param(without_a_model, NotFound, id="a model that is missing"),
        pytest.param(moved("models/flowers/v2"), CorruptArchive, id="a model under another tag"),
        pytest.param(moved("models/other"), EkibenError, id="a model that lies nowhere"),
        pytest.param(moved("src"), EkibenError, id="a model among the code"),
        pytest.param(moved("../models/flowers/v1"), EkibenError, id="a model that climbs"),
        pytest.param(lying_digest, CorruptArchive, id="another content than it says"),
        pytest.param(of_another_bento, CorruptArchive, id="another bento"),
    ],
)
def test_a_hostile_bento(
    bento: Bento, here: BentoStore, place: Place, fake: FakeRegistry, change: Change, kind: type[EkibenError]
) -> None:
    """Whatever a registry makes of a bento, both stores stay as they were."""
    push_bento(bento, place)
    document = json.loads(fake.manifests["team/bentos/iris", "v1"][1])
    config = json.loads(fake.blobs["team/bentos/iris", document["config"]["digest"]])
    change(document, config)
    data = json.dumps(config).encode()
    document["config"] |= {"digest": fake.keep("team/bentos/iris", data), "size": len(data)}
    fake.manifests["team/bentos/iris", "v1"] = (MANIFEST, json.dumps(document).encode())
    with pytest.raises(kind):
        pull(here, place)
    assert left(here) == []


def test_a_push_that_breaks_off(bento: Bento, place: Place, fake: FakeRegistry) -> None:
    """A push that fails on the way leaves no bento under the tag, and the next one goes on."""
    fake.break_at("PUT", "/team/bentos/iris/manifests/", say(500), times=99)
    with pytest.raises(EkibenError, match="500"):
        push_bento(bento, place, sleep=lambda _: None)
    assert ("team/bentos/iris", "v1") not in fake.manifests
    fake.faults.clear()
    assert push_bento(bento, place).sent == 0
    assert ("team/bentos/iris", "v1") in fake.manifests


def test_progress_of_each(bento: Bento, place: Place) -> None:
    """Each model is told before its bytes, and the bento last."""
    told: list[str] = []
    push_bento(bento, place, on_item=lambda tag: told.append(str(tag)))
    assert told == ["words:v1", "flowers:v1", "iris:v1"]
    counts: list[tuple[int, int]] = []
    push_bento(bento, place, force=True, on_item=lambda tag: lambda done, total: counts.append((done, total)))
    assert all(done <= total for done, total in counts)


def test_nothing_there(here: BentoStore, place: Place) -> None:
    """A tag that the registry has not is told, and nothing is made here."""
    for ask in (lambda: pull(here, place), lambda: find_kind("iris:v1", place)):
        with pytest.raises(NotFound, match="iris:v1"):
            ask()
    assert left(here) == []

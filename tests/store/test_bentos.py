"""Bentos are kept like models, and say when what they need is not what it was."""

import datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from ekiben.core.errors import AlreadyExists, CorruptItem, InvalidInput, NotFound, StoreError
from ekiben.core.tag import Tag
from ekiben.store.bento_info import BentoInfo, CarriedModel, installed_version
from ekiben.store.bentos import BentoStore, open_bento
from ekiben.store.models import ModelStore, StoredModel
from tests.store.conftest import Build, Save


def test_it_is_kept(bentos: BentoStore, build: Build) -> None:
    """A bento is found by its tag, as the newest of its name, and by its labels; its files are verified."""
    bento = build("iris:v1", labels={"team": "a"})
    assert bentos.get("iris:v1") == bentos.get("iris") == bento
    assert bentos.list(labels={"team": "a"}) == [bento]
    assert bentos.list(labels={"team": "b"}) == []
    assert set(bentos.verify("iris").files) == {"bento.yaml", "src/service.py"}
    assert (str(bento), repr(bento)) == ("iris:v1", 'Bento(tag="iris:v1")')
    assert bento.path_of("src/service.py").read_text() == "x = 1\n"
    assert bento.size == sum(path.stat().st_size for path in bento.path.rglob("*") if path.is_file())
    with pytest.raises(InvalidInput):
        bento.path_of("../v2/bento.yaml")


def test_info_goes_there_and_back(build: Build, save: Save) -> None:
    """What is known of a bento is read as it was written."""
    info = BentoInfo(
        tag=Tag("iris", "v1"),
        creation_time=datetime.datetime.now(datetime.UTC),
        service="service:Iris",
        entry_service="Iris",
        description="# ñ\n",
        labels={"a": "b"},
        models=(
            CarriedModel(Tag("m", "v1"), "sha256:0", "ekiben.sklearn", "now", "scorer"),
            CarriedModel(Tag("n", "v1")),
        ),
        services=({"name": "Iris", "spec": {"endpoints": []}},),
        envs=({"name": "A", "value": "b", "stage": "all"},),
        import_roots=(".", "src"),
        environment={"python_version": "3.12"},
        docker={"env": {"A": "b"}},
        ekiben_version=installed_version(),
    )
    assert BentoInfo.from_plain(yaml.safe_load(yaml.safe_dump(info.to_plain()))) == info
    assert "version" not in info.to_content()


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        pytest.param({"name": None}, "`name` must be text", id="no name"),
        pytest.param({"name": "../x"}, "the name of a tag", id="a name that is a path"),
        pytest.param({"version": "latest"}, "`version` must be exact", id="latest"),
        pytest.param({"service": 3}, "`service` must be text", id="a service that is no text"),
        pytest.param({"models": {"a": 1}}, "`models` must be a list", id="models that are no list"),
        pytest.param({"models": ["iris"]}, "exact versions", id="a model without a version"),
        pytest.param({"models": ["../x:v1"]}, "the name of a tag", id="a model that is a path"),
        pytest.param({"models": [{"tag": "a:v1", "digest": 3}]}, "must be text", id="a digest that is no text"),
        pytest.param({"models": [3]}, "`models` must be a mapping", id="a model that is a number"),
        pytest.param({"services": [3]}, "`services` must be a mapping", id="a service that is a number"),
        pytest.param({"import_roots": ["../.."]}, "below `src`", id="an import root above"),
        pytest.param({"import_roots": ["/"]}, "below `src`", id="an absolute import root"),
        pytest.param({"import_roots": "x"}, "must be a list", id="import roots that are no list"),
        pytest.param({"creation_time": "soon"}, "`creation_time`", id="no time"),
        pytest.param({"environment": [1]}, "`environment` must be a mapping", id="an environment that is a list"),
    ],
)
def test_a_description_that_cannot_be_used(
    changed: dict[str, Any], words: str, bentos: BentoStore, build: Build
) -> None:
    """A `bento.yaml` that anyone may have written is refused with the key that is wrong; lists leave it out."""
    bento = build()
    plain = yaml.safe_load((bento.path / "bento.yaml").read_text()) | changed
    (bento.path / "bento.yaml").write_text(yaml.safe_dump(plain))
    with pytest.raises(CorruptItem, match=words):
        bentos.get("iris:v1")
    assert bentos.list() == []


def test_the_digest_is_the_content(build: Build) -> None:
    """Versions and times are no content; files, labels and models are."""
    first = build("iris:v1")
    later = build("iris:v2", creation_time=first.creation_time + datetime.timedelta(days=1))
    assert later.digest == first.digest
    assert build("iris:v3", files={"src/service.py": "x = 2\n"}).digest != first.digest
    assert build("iris:v4", labels={"a": "b"}).digest != first.digest


def test_what_was_changed_is_found(bentos: BentoStore, build: Build, save: Save) -> None:
    """A changed, a missing and a new file are each named, and so is a changed file of a model."""
    model = save("m:v1")
    bento = build("iris:v1", model, files={"src/a": "1", "src/b": "2"})
    bentos.verify("iris:v1")
    (bento.path / "src/a").write_text("x")
    (bento.path / "src/b").unlink()
    (bento.path / "src/c").write_text("")
    with pytest.raises(CorruptItem) as caught:
        bentos.verify("iris:v1")
    assert [problem.path for problem in caught.value.problems] == ["src/a", "src/b", "src/c"]
    other = build("iris:v2", model)
    model.path_of("weights.bin").write_bytes(b"???")
    with pytest.raises(CorruptItem, match="m:v1"):
        bentos.verify(other.tag)


def test_models_are_held_against_the_build(bentos: BentoStore, build: Build, save: Save, tmp_path: Path) -> None:
    """A model that is gone, or another under its tag, is said before anything is served."""
    models: ModelStore[StoredModel] = ModelStore(tmp_path / "home/models", StoredModel)
    bento = build("iris:v1", save("m:v1"))
    assert [model.tag for model in bento.find_models()] == [Tag("m", "v1")]
    models.delete("m:v1")
    with pytest.raises(NotFound, match="the bento iris:v1 needs the model m:v1"):
        bento.find_models()
    save("m:v1", {"weights.bin": b"other"})
    with pytest.raises(CorruptItem, match="other content than the bento iris:v1 was built with"):
        bento.find_models()
    with pytest.raises(CorruptItem, match="other content"):
        bentos.verify("iris:v1")


def test_tags_are_claimed(bentos: BentoStore, build: Build) -> None:
    """A version that is there, and `latest`, cannot be built; without one it is fresh."""
    build("iris:v1")
    assert bentos.claim("iris", None).is_exact
    assert str(bentos.claim("iris", "v2")) == "iris:v2"
    with pytest.raises(AlreadyExists, match="exists already") as caught:
        bentos.claim("iris", "v1")
    assert "`ekiben delete iris:v1`" in (caught.value.hint or "")
    with pytest.raises(InvalidInput, match="latest"):
        bentos.claim("iris", "latest")


def test_what_was_begun_is_removed(bentos: BentoStore, tmp_path: Path) -> None:
    """A build that fails leaves nothing."""
    draft = bentos.create()
    (draft.__enter__().path / "x").write_text("")
    error = ZeroDivisionError()
    assert not draft.__exit__(ZeroDivisionError, error, error.__traceback__)
    assert list((tmp_path / "home/tmp").iterdir()) == []
    assert bentos.list() == []


def test_old_ones(bentos: BentoStore, build: Build) -> None:
    """Old are all but the newest of each name, by the time of their build."""
    start = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    for day, tag in enumerate(["a:v3", "a:v1", "b:v1", "a:v2", "b:v2"]):
        build(tag, creation_time=start + datetime.timedelta(days=day))
    assert [str(bento.tag) for bento in bentos.find_old(1)] == ["b:v1", "a:v1", "a:v3"]
    assert [str(bento.tag) for bento in bentos.find_old(2)] == ["a:v3"]
    assert [str(bento.tag) for bento in bentos.find_old(1, "b")] == ["b:v1"]
    assert bentos.find_old(3) == []
    with pytest.raises(InvalidInput, match="`keep`"):
        bentos.find_old(0)
    with pytest.raises(NotFound):
        bentos.find_old(1, "c")


def test_a_bento_in_a_folder(build: Build, save: Save, tmp_path: Path) -> None:
    """A bento that lies anywhere has its models inside, or in the home that it lies in."""
    model = save("m:v1")
    bento = build("iris:v1", model)
    assert open_bento(bento.path) == bento
    inside: ModelStore[StoredModel] = ModelStore(bento.path / "models", StoredModel)
    with inside.create("m:v1") as made:
        (made.path / "weights.bin").write_bytes(b"\1\2\3")
    assert open_bento(bento.path).model_store().root == bento.path / "models"
    with pytest.raises(StoreError, match=r"no bento\.yaml"):
        open_bento(tmp_path)


def test_the_empty_store_says_what_to_do(bentos: BentoStore) -> None:
    """What is not there is said with how one comes here."""
    with pytest.raises(NotFound, match="there is no bento 'iris'") as caught:
        bentos.get("iris")
    assert caught.value.hint == "build one, or bring one in: `ekiben import FILE`"


def test_a_model_of_the_same_tag(bentos: BentoStore, save: Save) -> None:
    """Who asks for a bento by the tag of a model is led to the commands for models."""
    tag = save("iris").tag
    for wanted in ("iris", "iris:latest", str(tag)):
        with pytest.raises(NotFound, match="there is no bento 'iris") as caught:
            bentos.get(wanted)
        assert caught.value.hint == f"there is a model {wanted!r}; commands for models are `ekiben models …`"


def test_a_link_that_was_put_in(bentos: BentoStore, build: Build) -> None:
    """A link in a stored bento is not followed: it is damage."""
    bento = build()
    (bento.path / "src/link").symlink_to("/etc/passwd")
    with pytest.raises(StoreError, match="a model or bento must consist of files and folders"):
        bentos.verify("iris:v1")

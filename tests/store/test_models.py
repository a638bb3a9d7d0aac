"""A model is saved whole under a tag, and never changes afterwards."""

import datetime
import json
import os
import stat
import textwrap
from pathlib import Path

import pytest

from ekiben.core.errors import AlreadyExists, InvalidInput, StoreError
from ekiben.core.tag import Tag
from ekiben.store.digest import measure
from ekiben.store.models import ModelStore, StoredModel
from tests.store.conftest import Save

Store = ModelStore[StoredModel]


def everything(folder: Path) -> set[str]:
    """List all that lies below *folder* but the lock."""
    return {str(path.relative_to(folder)) for path in folder.rglob("*")} - {"models/.lock"}


def test_a_save_shows_only_when_it_is_done(store: Store) -> None:
    """While it is written the model is nowhere in the store; then it is there under its tag."""
    with store.create("iris") as model:
        (model.path / "weights.bin").write_bytes(b"x" * 10)
        assert store.list() == []
        assert not model.path.is_relative_to(store.root)
    assert model.path == store.root / "iris" / str(model.tag.version)
    assert store.get(model.tag) == model
    assert (model.path / "weights.bin").read_bytes() == b"x" * 10
    assert (store.root / "iris/latest").read_text() == model.tag.version


def test_a_model_tells_what_it_is(store: Store, save: Save) -> None:
    """Tag, folder, size, time and labels are those of the save."""
    before = datetime.datetime.now(datetime.UTC)
    model = save("iris:v1", {"a": b"123", "sub/b": b"4"}, labels={"team": "nlp"}, module="ekiben.x")
    assert (str(model), repr(model), f"{model.tag}") == ("iris:v1", 'Model(tag="iris:v1")', "iris:v1")
    assert model.labels == {"team": "nlp"}
    assert model.info.module == "ekiben.x"
    assert before <= model.creation_time <= datetime.datetime.now(datetime.UTC)
    assert model.size == sum(place.stat().st_size for place in model.path.rglob("*") if place.is_file())
    assert model.path_of("sub/b").read_bytes() == b"4"
    assert model == store.get("iris")
    assert len({model, store.get("iris")}) == 1


def test_path_of_stays_inside(save: Save) -> None:
    """A path from a user never leads out of the model."""
    with pytest.raises(InvalidInput, match="must stay below"):
        save().path_of("../../secrets")


def test_the_manifest_names_every_file(save: Save) -> None:
    """manifest.json holds size and SHA-256 of each file, model.yaml included."""
    model = save("iris", {"a": b"123", "sub/b": b""})
    files = json.loads((model.path / "manifest.json").read_bytes())["files"]
    assert set(files) == {"a", "sub/b", "model.yaml"}
    assert files["a"] == {"size": 3, "sha256": "a665a45920422f9d417e4867efdc4fb8a04a1f3fff1fa07e998e86f7f7a27ae3"}
    assert model.digest == measure(model.path).digest


def test_versions_follow_each_other(save: Save) -> None:
    """A name without a version gets a fresh one each time, in order."""
    versions = [save("iris").tag for _ in range(5)]
    assert versions == sorted(set(versions))


@pytest.mark.parametrize("tag", ["iris:latest", Tag("iris", "latest")])
def test_latest_is_no_version_of_ones_own(store: Store, tag: str | Tag) -> None:
    """`latest` is a pointer and is never saved under."""
    with pytest.raises(InvalidInput, match="`latest` cannot be given as a version"):
        with store.create(tag):
            pass
    assert not store.root.exists()


def test_a_tag_is_given_once(store: Store, save: Save) -> None:
    """A second save under the same tag fails before the work, and leaves the first alone."""
    save("iris:v1", {"a": b"first"})
    is_entered = False
    with pytest.raises(AlreadyExists, match="the model 'iris:v1' exists already in"):
        with store.create("iris:v1"):
            is_entered = True
    assert not is_entered
    assert store.get("iris:v1").path_of("a").read_bytes() == b"first"


def test_of_two_saves_at_once_one_wins(store: Store) -> None:
    """Where both began before either ended, the second to end fails and leaves nothing."""

    def save_late() -> None:
        with store.create("iris:v1") as late:
            (late.path / "a").write_bytes(b"late")
            with store.create("iris:v1") as early:
                (early.path / "a").write_bytes(b"early")

    with pytest.raises(AlreadyExists):
        save_late()
    assert store.get("iris:v1").path_of("a").read_bytes() == b"early"
    store.verify("iris:v1")
    assert list((store.root.parent / "tmp").iterdir()) == []


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit, GeneratorExit])
def test_a_failed_save_leaves_nothing(store: Store, error: type[BaseException]) -> None:
    """Whatever ends the block, the store is as it was, and the error is the user's own."""

    def save_and_fail() -> None:
        with store.create("iris") as model:
            (model.path / "sub").mkdir()
            (model.path / "sub/half").write_bytes(b"x")
            raise error

    with pytest.raises(error):
        save_and_fail()
    assert everything(store.root.parent) == {"models", "tmp"}


@pytest.mark.parametrize("name", ["model.yaml", "manifest.json"])
def test_names_of_the_store_are_refused(store: Store, name: str) -> None:
    """A file that the store would write over is refused, not lost."""
    with pytest.raises(InvalidInput, match=f"cannot be named '{name}'"):
        with store.create("iris") as model:
            (model.path / name).write_text("mine")
    assert store.list() == []


def test_a_link_is_refused(store: Store, tmp_path: Path) -> None:
    """A model must be complete without anything outside it; the error names the link."""
    with pytest.raises(StoreError, match=r"neither: .*big") as caught:
        with store.create("iris") as model:
            (model.path / "big").symlink_to(tmp_path)
    assert caught.value.hint == "copy what a link points to"
    assert store.list() == []


def test_describe_works_until_it_is_stored(store: Store) -> None:
    """What is found out during the save is kept; a stored model does not change."""
    with store.create("iris", labels={"a": "b"}) as model:
        model.describe(format="skops", needs_unpickling=False, metadata={"acc": 0.5})
    info = store.get("iris").info
    assert (info.format, info.needs_unpickling, info.metadata, info.labels) == (
        "skops",
        False,
        {"acc": 0.5},
        {"a": "b"},
    )
    for stored in (model, store.get("iris")):
        with pytest.raises(StoreError, match="a stored model does not change"):
            stored.describe(format="joblib")
    with pytest.raises(AttributeError):
        model.path = Path()  # type: ignore[misc]


def test_custom_objects_are_kept_and_marked(store: Store) -> None:
    """They come back by name, and the model is marked as one that needs unpickling, whatever its format says."""
    with store.create("iris", custom_objects={"double": lambda x: x * 2}) as model:
        model.describe(format="skops", needs_unpickling=False)
    assert model.custom_objects["double"](4) == 8
    found = store.get("iris")
    assert found.custom_objects["double"](4) == 8
    assert found.custom_objects is found.custom_objects
    assert found.info.needs_unpickling is True
    assert (found.path / "custom_objects.pkl").is_file()


def test_objects_that_cannot_be_kept_fail_before_the_work(store: Store) -> None:
    """The user does not wait for a long save to learn that an object cannot be pickled."""
    is_entered = False
    with pytest.raises(InvalidInput, match="cannot be pickled"):
        with store.create("iris", custom_objects={"x": (i for i in ())}):
            is_entered = True
    assert not is_entered
    assert everything(store.root.parent) == {"models", "tmp"}


def test_wrong_words_fail_before_the_work(store: Store) -> None:
    """A wrong label is known before the folder is made."""
    with pytest.raises(InvalidInput, match="`labels`"):
        with store.create("iris", labels={"a": 1}):  # type: ignore[dict-item]
            pass
    assert not store.root.exists()


def test_modes_follow_the_umask(store: Store) -> None:
    """A colleague who may read the home may read the model."""
    mask = os.umask(0o022)
    try:
        with store.create("iris") as model:
            (model.path / "a").touch()
    finally:
        os.umask(mask)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (*model.path.iterdir(), model.path)}
    assert modes == {"a": 0o644, "model.yaml": 0o644, "manifest.json": 0o644, str(model.tag.version): 0o755}


def test_a_model_by_bentoml_is_read_as_it_is(store: Store) -> None:
    """A folder without manifest and without our keys is a model; its size is told even with a link in it."""
    folder = store.root / "iris/abc"
    folder.mkdir(parents=True)
    (folder / "model.yaml").write_text(
        textwrap.dedent("""
            name: iris
            version: abc
            module: bentoml.sklearn
            creation_time: '2022-07-01T12:00:00+00:00'
        """)
    )
    (folder / "saved_model.pkl").write_bytes(b"123")
    (folder / "link").symlink_to("saved_model.pkl")
    model = store.get("iris")
    assert (str(model.tag), model.info.module, model.info.needs_unpickling) == ("iris:abc", "bentoml.sklearn", None)
    assert model.size > 3
    assert store.list() == [model]
    assert dict(model.custom_objects) == {}


def test_the_handle_is_the_callers(tmp_path: Path) -> None:
    """A store gives out the class that it was given."""

    class Handle(StoredModel):
        __slots__ = ()

    store = ModelStore(tmp_path / "models", Handle)
    with store.create("iris") as model:
        pass
    assert type(model) is type(store.get("iris")) is type(store.list()[0]) is Handle

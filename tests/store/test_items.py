"""Items are found by tag, the newest by name, and nothing goes that nobody named."""

import datetime
import logging
import shutil
from pathlib import Path

import pytest

from ekiben.core.errors import CorruptItem, InvalidInput, NotFound, StoreError
from ekiben.core.tag import Tag
from ekiben.store.document import read_document, write_document
from ekiben.store.models import ModelStore, StoredModel
from tests.store.conftest import Save

Store = ModelStore[StoredModel]


def age(model: StoredModel, days: int) -> None:
    """Make *model* older: its time of creation, not that of its files."""
    path = model.path / "model.yaml"
    plain = read_document(path)
    moved = datetime.datetime.fromisoformat(plain["creation_time"]) - datetime.timedelta(days=days)
    path.write_bytes(write_document(plain | {"creation_time": moved.isoformat()}))


def tags(models: list[StoredModel]) -> list[str]:
    """Give the tags as text."""
    return [str(model.tag) for model in models]


def test_get_finds_exact_and_newest(store: Store, save: Save) -> None:
    """An exact tag is that version; a bare name and `latest` are the newest."""
    first, second = save("iris:v1"), save("iris:v2")
    assert store.get("iris:v1") == first
    assert store.get("iris") == store.get("iris:latest") == store.get(Tag("iris")) == second


def test_get_never_guesses(store: Store, save: Save) -> None:
    """The beginning of a version is not that version."""
    save("iris:v1234")
    with pytest.raises(NotFound):
        store.get("iris:v12")


@pytest.mark.parametrize(
    ("wanted", "words", "hint"),
    [
        pytest.param("irs", "there is no model 'irs'", "did you mean iris?", id="a name that is nearly right"),
        pytest.param("irs:v1", "there is no model 'irs:v1'", "did you mean iris?", id="whatever its version"),
        pytest.param(
            "iris:v3",
            "the model 'iris' has no version 'v3'",
            "did you mean iris:v2 or iris:v1?",
            id="a version that is nearly right, newest first",
        ),
        pytest.param(
            "iris:nope",
            "the model 'iris' has no version 'nope'",
            "newest first, there is iris:v2, iris:v1",
            id="a version that is far off",
        ),
        pytest.param("zzzzzz", "there is no model 'zzzzzz'", "there is iris, wine", id="a name that is far off"),
    ],
)
def test_not_found_says_what_is_near(store: Store, save: Save, wanted: str, words: str, hint: str) -> None:
    """The error says whether the name or the version is unknown, and where; the hint names what is there."""
    for tag in ("iris:v1", "iris:v2", "wine:v1"):
        save(tag)
    with pytest.raises(NotFound) as caught:
        store.get(wanted)
    assert str(caught.value) == f"{words} in {store.root}"
    assert caught.value.hint == hint


def test_lacking(store: Store, save: Save) -> None:
    """A version that is not here is told where its name is; of what is here, and of other names, there is no word."""
    for number in range(7):
        save(f"iris:{number}{number}")
    told = store.lacking("iris:nope")
    assert told is not None
    assert told.hint == "newest first, there is iris:66, iris:55, iris:44, iris:33, iris:22 and 2 more"
    assert [store.lacking(tag) for tag in ("iris", "iris:latest", "iris:11", "wine:nope")] == [None] * 4


def test_not_found_in_an_empty_store(store: Store) -> None:
    """Where there is nothing, the hint says how a model comes here, and no folder is made."""
    with pytest.raises(NotFound) as caught:
        store.get("iris")
    assert caught.value.hint == "save one, or bring one in: `ekiben models import FILE`"
    assert not store.root.exists()


def test_not_found_names_the_other_home(store: Store, save: Save, tmp_path: Path) -> None:
    """A tag that is in the other home is said to be there."""
    model = save("iris:v1")
    here = ModelStore(tmp_path / "here/models", StoredModel, others=[tmp_path / "here/models", store.root])
    for wanted in ("iris", "iris:v1", "iris:latest"):
        with pytest.raises(NotFound) as caught:
            here.get(wanted)
        assert caught.value.hint == f"it is in {store.root.parent}: set EKIBEN_HOME={store.root.parent} to work there"
    with pytest.raises(NotFound) as caught:
        here.get("iris:v2")
    assert caught.value.hint == "save one, or bring one in: `ekiben models import FILE`"
    assert model.path.exists()


def test_list_is_newest_first(store: Store, save: Save) -> None:
    """All names together, by the time of creation."""
    models = [save(tag) for tag in ("b:1", "a:1", "b:2")]
    assert tags(store.list()) == ["b:2", "a:1", "b:1"]
    assert tags(store.list("b")) == ["b:2", "b:1"]
    assert tags(store.list("b:1")) == ["b:1"]
    age(models[2], 1)
    assert tags(store.list()) == ["a:1", "b:1", "b:2"]


def test_list_of_nothing(store: Store, save: Save) -> None:
    """An empty store lists nothing; a name that is not there is an error."""
    assert store.list() == []
    save("iris:v1")
    for wanted in ("irs", "iris:v2", "irs:latest"):
        words = "the model 'iris' has no version 'v2'" if wanted == "iris:v2" else f"no model '{wanted}'"
        with pytest.raises(NotFound, match=words):
            store.list(wanted)


def test_list_by_labels(store: Store, save: Save) -> None:
    """Only what carries every label asked for, with its value."""
    save("a:1", labels={"team": "nlp", "stage": "prod"})
    save("b:1", labels={"team": "nlp"})
    save("c:1")
    assert tags(store.list(labels={"team": "nlp"})) == ["b:1", "a:1"]
    assert tags(store.list(labels={"team": "nlp", "stage": "prod"})) == ["a:1"]
    assert store.list("c", labels={"team": "nlp"}) == []


def test_list_leaves_out_what_cannot_be_read(store: Store, save: Save, caplog: pytest.LogCaptureFixture) -> None:
    """One damaged model does not hide the others, and is named in the log."""
    save("iris:v1")
    (save("iris:v2").path / "model.yaml").write_text("{")
    with caplog.at_level(logging.WARNING, "ekiben"):
        assert tags(store.list()) == ["iris:v1"]
    assert "the model 'iris:v2' cannot be read: model.yaml is not a YAML document" in caplog.text


def test_foreign_things_in_the_store_are_no_models(store: Store, save: Save) -> None:
    """Files, hidden folders and folders that bear no tag's name are passed over."""
    save("iris:v1")
    (store.root / "README.md").touch()
    (store.root / ".hidden/v1").mkdir(parents=True)
    (store.root / "Not A Tag/v1").mkdir(parents=True)
    (store.root / "iris/.DS_Store").touch()
    (store.root / "iris/.cache").mkdir()
    (store.root / "empty").mkdir()
    assert tags(store.list()) == ["iris:v1"]


@pytest.mark.parametrize("wanted", ["../other", "iris/../../x", "/etc", "iris:..", "iris:/etc"])
def test_a_tag_is_never_a_path(store: Store, wanted: str) -> None:
    """Nothing outside the store is reached by any tag, for reading or deleting."""
    for ask in (store.get, store.list, store.delete):
        with pytest.raises(InvalidInput):
            ask(wanted)


def test_a_damaged_model_is_named(store: Store, save: Save) -> None:
    """The error says which model, which file, and what is wrong there."""
    model = save("iris:v1")
    (model.path / "model.yaml").write_text("name: iris\nversion: v1\n")
    with pytest.raises(CorruptItem, match=r"'iris:v1' cannot be read: model\.yaml .* `creation_time`"):
        store.get("iris")
    (model.path / "model.yaml").unlink()
    with pytest.raises(CorruptItem, match=r"'iris:v1' cannot be read: there is no model\.yaml"):
        store.get("iris:v1")


def test_a_folder_under_another_name_is_refused(store: Store, save: Save) -> None:
    """A version folder that was copied by hand does not pass for another version."""
    model = save("iris:v1")
    shutil.copytree(model.path, model.path.parent / "v2")
    with pytest.raises(CorruptItem, match=r"'iris:v2' cannot be read: its model\.yaml says iris:v1"):
        store.get("iris:v2")


class TestLatest:
    """`latest` is the newest by time of creation."""

    @pytest.mark.parametrize("text", [None, "", "v9", "../v1", "\xff"])
    def test_a_missing_or_dangling_pointer_is_no_harm(self, store: Store, save: Save, text: str | None) -> None:
        """Without a pointer that leads somewhere, the times decide; reading changes nothing on the disk."""
        save("iris:v2")
        save("iris:v1")
        pointer = store.root / "iris/latest"
        pointer.unlink()
        if text is not None:
            pointer.write_bytes(text.encode("latin-1"))
        assert str(store.get("iris").tag) == "iris:v1"
        assert pointer.exists() == (text is not None)

    def test_an_older_one_does_not_become_latest(self, store: Store, save: Save, tmp_path: Path) -> None:
        """What is put in later but was created earlier does not move the pointer."""
        other = ModelStore(tmp_path / "other/models", StoredModel)
        with other.create("iris:old") as old:
            pass
        age(old, 1)
        save("iris:new")
        shutil.copytree(old.path, tmp_path / "home/tmp/x")
        store.put(tmp_path / "home/tmp/x", old.tag, store.open_item(old.path).creation_time)
        assert str(store.get("iris").tag) == "iris:new"
        assert (store.root / "iris/latest").read_text() == "new"

    def test_deleting_the_newest_elects_the_next(self, store: Store, save: Save) -> None:
        """After the newest is gone, the newest of the rest is latest, by time and not by name."""
        for version in ("v3", "v1", "v2"):
            save(f"iris:{version}")
        store.delete("iris:latest")
        assert (store.root / "iris/latest").read_text() == "v1"
        store.delete("iris:v3")
        assert (store.root / "iris/latest").read_text() == "v1"


class TestDelete:
    """What is named is deleted, and nothing else."""

    def test_one_version(self, store: Store, save: Save) -> None:
        """The version goes, the others stay, and the tag can be given again."""
        for version in ("v1", "v2"):
            save(f"iris:{version}")
        assert store.delete("iris:v2") == [Tag("iris", "v2")]
        assert tags(store.list()) == ["iris:v1"]
        save("iris:v2")
        assert len(store.list()) == 2

    def test_a_bare_name_deletes_nothing(self, store: Store, save: Save) -> None:
        """Not even where there is only one version."""
        save("iris:v1")
        with pytest.raises(InvalidInput, match="`tag` must name the version to delete: 'iris' has 1") as caught:
            store.delete("iris")
        assert "all=True" in (caught.value.hint or "")
        assert len(store.list()) == 1

    def test_all_is_all_of_one_name(self, store: Store, save: Save) -> None:
        """With *all* the name is gone, folder and pointer too; other names stay."""
        for tag in ("iris:v1", "iris:v2", "iris2:v1"):
            save(tag)
        assert store.delete("iris", all=True) == [Tag("iris", "v1"), Tag("iris", "v2")]
        assert tags(store.list()) == ["iris2:v1"]
        assert not (store.root / "iris").exists()

    def test_all_of_one_version_is_refused(self, store: Store, save: Save) -> None:
        """*all* and a version contradict each other."""
        save("iris:v1")
        with pytest.raises(InvalidInput, match="`all` deletes every version"):
            store.delete("iris:v1", all=True)
        assert len(store.list()) == 1

    def test_what_is_not_there(self, store: Store, save: Save) -> None:
        """Deleting nothing is an error, and makes no folder."""
        for all_ in (False, True):
            with pytest.raises(NotFound):
                store.delete("iris", all=all_)
        assert not store.root.exists()
        save("iris:v1")
        with pytest.raises(NotFound):
            store.delete("iris:v2")

    def test_a_damaged_model_can_be_deleted(self, store: Store, save: Save) -> None:
        """What cannot be read can still be thrown away."""
        (save("iris:v1").path / "model.yaml").write_text("{")
        assert store.delete("iris:v1") == [Tag("iris", "v1")]
        assert store.list() == []

    def test_a_link_in_the_model_is_not_followed(self, store: Store, save: Save, tmp_path: Path) -> None:
        """What a link in an older store points to is not deleted with it."""
        (tmp_path / "mine").mkdir()
        (tmp_path / "mine/file").touch()
        (save("iris:v1").path / "link").symlink_to(tmp_path / "mine")
        store.delete("iris:v1")
        assert (tmp_path / "mine/file").exists()


class TestVerify:
    """Every byte is held against what was saved."""

    def test_a_good_model(self, store: Store, save: Save) -> None:
        """A model that nobody touched passes, and says what it holds."""
        model = save("iris:v1", {"a": b"123"})
        manifest = store.verify("iris")
        assert manifest.files["a"].size == 3
        assert manifest.digest == model.digest

    def test_each_damage_is_named(self, store: Store, save: Save) -> None:
        """A flipped bit, a missing file and an extra one are each named."""
        model = save("iris:v1", {"a": b"1", "b": b"2"})
        (model.path / "a").write_bytes(b"3")
        (model.path / "b").unlink()
        (model.path / "c").touch()
        with pytest.raises(CorruptItem) as caught:
            store.verify("iris:v1")
        assert [problem.path for problem in caught.value.problems] == ["a", "b", "c"]
        assert "'iris:v1' is damaged: a: has other bytes" in str(caught.value)

    def test_without_a_manifest(self, store: Store, save: Save, caplog: pytest.LogCaptureFixture) -> None:
        """A model of BentoML's cannot be held against anything, which is said and is no error."""
        (save("iris:v1").path / "manifest.json").unlink()
        with caplog.at_level(logging.WARNING, "ekiben"):
            assert "weights.bin" in store.verify("iris").files
        assert "iris:v1 has no manifest.json" in caplog.text


@pytest.mark.parametrize("inner", ["models", "there/models"])
def test_a_home_that_is_a_file(tmp_path: Path, inner: str) -> None:
    """A file where the home should be is no empty store; a stray file within a store is passed over."""
    (tmp_path / "file").touch()
    store = ModelStore(tmp_path / "file" / inner, StoredModel)
    for ask in (store.list, lambda: store.get("iris")):
        with pytest.raises(
            StoreError, match=f"the home must be a folder, and this is a file: {tmp_path}/file"
        ) as caught:
            ask()
        assert "--home" in (caught.value.hint or "")
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "iris").touch()
    with pytest.raises(NotFound):
        ModelStore(tmp_path / "models", StoredModel).get("iris")
    assert ModelStore(tmp_path / "models", StoredModel).list() == []

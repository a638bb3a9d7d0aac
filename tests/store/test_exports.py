"""An export stands where it was asked for, whole, and replaces only what it may."""

import hashlib
import os
import threading
from pathlib import Path

import pytest

from ekiben.core.errors import CorruptItem, InvalidInput, StoreError
from ekiben.store.exports import export_item
from ekiben.store.imports import import_item
from ekiben.store.models import ModelStore, StoredModel
from tests.store.conftest import Save

Store = ModelStore[StoredModel]


@pytest.fixture
def model(save: Save) -> StoredModel:
    """Give a model with the tag iris:v1."""
    return save("iris:v1", {"a.bin": b"a" * 1000, "sub/b.bin": os.urandom(1000)})


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in an empty folder."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path / "here"


@pytest.mark.parametrize(
    ("destination", "asked", "written"),
    [
        pytest.param("x.bentomodel", None, "x.bentomodel", id="a file"),
        pytest.param(
            "model/deep/x.bentomodel", None, "model/deep/x.bentomodel", id="folders that are missing are made"
        ),
        pytest.param("x", None, "x.bentomodel", id="our ending is put behind a bare name"),
        pytest.param("x-1.2", None, "x-1.2.bentomodel", id="a version is no ending"),
        pytest.param("x.tgz", None, "x.tgz", id="a short ending stays"),
        pytest.param("new/", None, "new/iris-v1.bentomodel", id="a slash means a folder"),
        pytest.param(".", None, "iris-v1.bentomodel", id="a folder that is there receives a file"),
        pytest.param("new/", "zip", "new/iris-v1.zip", id="a folder and a format"),
        pytest.param("new/", "gz", "new/iris-v1.tar.gz", id="a folder and a format with two endings"),
        pytest.param("x", "tar", "x", id="with a format asked for, the name is taken as it is"),
        pytest.param("x", "folder", "x", id="a folder that is missing becomes the model"),
        pytest.param("x/y/", "folder", "x/y", id="a folder with a slash, too"),
        pytest.param(".", "folder", "iris-v1", id="a folder that is there receives a folder"),
    ],
)
def test_where_it_goes(model: StoredModel, here: Path, destination: str, asked: str | None, written: str) -> None:
    """The path that is given back is the path that was written, and it can be imported from there."""
    given = export_item(model, destination, output_format=asked)
    assert Path(given).resolve() == (here / written).resolve()
    assert (here / written).exists()
    store = ModelStore(here / "home/models", StoredModel)
    assert import_item(store, given).digest == model.digest


def test_paths_of_every_type(model: StoredModel, here: Path) -> None:
    """Text, a `Path`, a `file://` URL and `~` all name files of this machine."""
    assert export_item(model, here / "a.tar") == str(here / "a.tar")
    assert export_item(model, f"file://{here}/b.tar") == str(here / "b.tar")
    assert (here / "b.tar").read_bytes() == (here / "a.tar").read_bytes()


def test_home_in_a_path(model: StoredModel, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`~` is the user's folder, not a folder of that name."""
    monkeypatch.setenv("HOME", str(here / "user"))
    export_item(model, "~/out/a.tar")
    assert (here / "user/out/a.tar").is_file()


@pytest.mark.parametrize(("destination", "words"), [("", "`path` must be"), ("x.rar", "'x.rar'"), ("x.7z", "'x.7z'")])
def test_what_is_no_destination(model: StoredModel, here: Path, destination: str, words: str) -> None:
    """A wrong path is refused, and nothing is made."""
    with pytest.raises(InvalidInput) as caught:
        export_item(model, destination)
    assert words in str(caught.value)
    assert list(here.iterdir()) == []


def test_again_is_the_same(model: StoredModel, here: Path) -> None:
    """The same model gives the same file, from another store as well (S004-34)."""
    first = Path(export_item(model, "a.bentomodel")).read_bytes()
    assert Path(export_item(model, "a.bentomodel")).read_bytes() == first
    other = import_item(ModelStore(here / "home/models", StoredModel), "a.bentomodel")
    assert Path(export_item(other, "b.bentomodel")).read_bytes() == first


def test_a_model_without_a_manifest(model: StoredModel, here: Path) -> None:
    """A model of BentoML's gets its manifest in the archive; the store stays as it is."""
    first = Path(export_item(model, "a.bentomodel")).read_bytes()
    (model.path / "manifest.json").unlink()
    assert Path(export_item(model, "b.bentomodel")).read_bytes() == first
    assert not (model.path / "manifest.json").exists()


@pytest.mark.parametrize("form", ["bentomodel", "zip", "folder"])
def test_an_older_export_is_replaced(save: Save, here: Path, form: str) -> None:
    """Nothing of the older one stays, nothing lies beside it (S004-18)."""
    for tag in ("iris:v1", "iris:v2"):
        model = save(tag, {f"{tag[-1]}.bin": b"x"})
        path = export_item(model, here / "out", output_format=form)
    assert import_item(ModelStore(here.parent / "o/models", StoredModel), path).digest == model.digest
    assert [entry.name for entry in here.iterdir()] == ["out"]


def test_a_link_is_replaced_and_not_followed(model: StoredModel, here: Path) -> None:
    """DVC keeps links to its cache; what they point to stays as it is."""
    (here / "cache").write_bytes(b"an older model")
    (here / "a.tar").symlink_to(here / "cache")
    export_item(model, "a.tar")
    assert (here / "cache").read_bytes() == b"an older model"
    assert not (here / "a.tar").is_symlink()


@pytest.mark.parametrize("stranger", ["notes.txt", "sub/notes.txt"])
def test_a_folder_with_other_things_is_kept(model: StoredModel, here: Path, stranger: str) -> None:
    """A folder that holds more than an export is not replaced, even where an export is among it."""
    export_item(model, "out", output_format="folder")
    (here / "out" / stranger).write_text("mine")
    assert export_item(model, "out", output_format="folder") == "out/iris-v1"
    assert (here / "out" / stranger).read_text() == "mine"


def test_a_failed_export_changes_nothing(model: StoredModel, here: Path) -> None:
    """If the model turns out to be damaged, the older file is still there, and nothing beside it."""
    before = Path(export_item(model, "a.bentomodel")).read_bytes()
    model.path_of("a.bin").write_bytes(b"b" * 1000)
    for asked in (None, "zip", "folder"):
        with pytest.raises(CorruptItem, match=r"a\.bin"):
            export_item(model, "a.bentomodel", output_format=asked)
    assert (here / "a.bentomodel").read_bytes() == before
    assert [entry.name for entry in here.iterdir()] == ["a.bentomodel"]


def test_a_folder_that_is_a_file(model: StoredModel, here: Path) -> None:
    """A file where a folder should be is an error in words, without advice about the home."""
    (here / "x").touch()
    with pytest.raises(StoreError, match="cannot make the folder x") as caught:
        export_item(model, "x/a.tar")
    assert caught.value.hint is None


def test_a_reader_never_meets_half(model: StoredModel, here: Path) -> None:
    """Whoever reads the file while it is replaced reads the old one or the new one."""
    path = here / "a.tar"
    export_item(model, path)
    whole = hashlib.sha256(path.read_bytes()).hexdigest()
    seen: set[str] = set()
    is_done = threading.Event()

    def look() -> None:
        while not is_done.is_set():
            seen.add(hashlib.sha256(path.read_bytes()).hexdigest())

    reader = threading.Thread(target=look)
    reader.start()
    for _ in range(20):
        export_item(model, path)
    is_done.set()
    reader.join(timeout=30)
    assert seen == {whole}


def test_model_export_is_the_same(model: StoredModel, here: Path) -> None:
    """`model.export(...)` is the same verb on the handle."""
    seen: list[tuple[int, int]] = []
    path = model.export("a.zip", progress=lambda done, total: seen.append((done, total)))
    assert Path(path).read_bytes() == Path(export_item(model, "b.zip")).read_bytes()
    assert seen[-1][0] == seen[-1][1] > 2000

"""A store that BentoML 1.x made is read as it is, and each imports what the other exported."""

import datetime
import json
import tarfile
from pathlib import Path

import pytest

import ekiben.models
from ekiben.core.errors import AlreadyExists, NotFound
from tests.store import bentoml

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

SAVE = """
import datetime, sys
import bentoml, numpy as np
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

X, y = load_iris(return_X_y=True)
model = LogisticRegression(max_iter=1000).fit(X, y)
def double(x):
    return x * 2
for turn in range(2):
    saved = bentoml.sklearn.save_model(
        "Iris_Clf", model, signatures={"predict": {"batchable": True, "batch_dim": 0}}, labels={"owner": "me"},
        metadata={"acc": np.float32(0.5), "arr": np.array([1, 2]), "day": datetime.date(2020, 1, 2)},
        custom_objects={"double": double})
with bentoml.models.create("plain") as plain:
    open(plain.path_of("file.txt"), "w").write("x")
bentoml.models.export_model(saved.tag, sys.argv[1])
print(saved.tag, plain.tag, *model.predict(X[:5]))
"""


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, list[str]]:
    """Give a home that BentoML wrote, an archive that it exported, and what it printed: two tags and five classes."""
    folder = tmp_path_factory.mktemp("bentoml")
    printed = bentoml.run(SAVE, folder / "home", folder / "iris.bentomodel")
    return folder / "home", folder / "iris.bentomodel", printed.split()


def test_their_store_is_read(theirs: tuple[Path, Path, list[str]]) -> None:
    """Everything that BentoML wrote down is known, under the tag that it gave."""
    home, _, (tag, plain, *_) = theirs
    with ekiben.models.use_home(home):
        assert str(ekiben.models.get("iris_clf").tag) == tag
        models = ekiben.models.list()
        assert [str(model.tag) for model in models[:2]] == [plain, tag]
        assert len(models) == 3
        model = ekiben.models.get(tag)
    assert model.info.module == "bentoml.sklearn"
    assert model.info.labels == {"owner": "me"}
    assert model.info.metadata == {"acc": 0.5, "arr": [1, 2], "day": datetime.date(2020, 1, 2)}
    assert model.info.signatures["predict"].batchable is True
    assert model.info.context["framework_name"] == "sklearn"
    assert model.info.context["bentoml_version"] == "1.4.39"
    assert model.custom_objects["double"](4) == 8
    assert model.size > 500
    age = datetime.datetime.now(datetime.UTC) - model.creation_time
    assert datetime.timedelta() < age < datetime.timedelta(hours=1)


def test_their_model_is_loaded(theirs: tuple[Path, Path, list[str]]) -> None:
    """A scikit-learn model saved by BentoML predicts what it predicted there."""
    from sklearn.datasets import load_iris

    home, _, (tag, _, *classes) = theirs
    with ekiben.models.use_home(home):
        model = ekiben.models.get(tag).load_model()
    assert [str(value) for value in model.predict(load_iris().data[:5])] == classes


def test_a_lost_pointer_is_no_harm(theirs: tuple[Path, Path, list[str]]) -> None:
    """With `latest` missing, or pointing to what is gone, the newest by time is found."""
    home, _, (tag, *_) = theirs
    pointer = home / "models/iris_clf/latest"
    text = pointer.read_text()
    assert f"iris_clf:{text}" == tag
    with ekiben.models.use_home(home):
        for wrong in ("gone", None):
            pointer.unlink() if wrong is None else pointer.write_text(wrong)
            assert str(ekiben.models.get("iris_clf:latest").tag) == tag
    pointer.write_text(text)


def test_reading_writes_nothing(theirs: tuple[Path, Path, list[str]], tmp_path: Path) -> None:
    """After get, list, verify and export, their home is what it was."""
    home, _, (tag, *_) = theirs
    before = {path: path.stat().st_mtime_ns for path in home.rglob("*")}
    with ekiben.models.use_home(home):
        ekiben.models.list()
        ekiben.models.verify(tag)
        ekiben.models.export_model(tag, tmp_path / "a.bentomodel")
    assert {path: path.stat().st_mtime_ns for path in home.rglob("*")} == before


def test_a_tag_in_their_home_is_pointed_to(
    theirs: tuple[Path, Path, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who looks in our home for what is in theirs is told where it is."""
    home, _, (tag, *_) = theirs
    monkeypatch.setenv("BENTOML_HOME", str(home))
    with pytest.raises(NotFound) as caught:
        ekiben.models.get(tag)
    assert caught.value.hint == f"it is in {home}: set EKIBEN_HOME={home} to work there"


def test_their_archive_is_imported(theirs: tuple[Path, Path, list[str]]) -> None:
    """The tag inside is kept; a manifest is made; a second import is an AlreadyExists."""
    _, archive, (tag, *_) = theirs
    model = ekiben.models.import_model(archive)
    assert str(model.tag) == tag
    assert "saved_model.pkl" in ekiben.models.verify(tag).files
    assert model.custom_objects["double"](4) == 8
    with pytest.raises(AlreadyExists, match="with the same content"):
        ekiben.models.import_model(archive)
    assert ekiben.models.import_model(archive, skip_existing=True) == model


def test_what_both_exported_is_the_same_model(theirs: tuple[Path, Path, list[str]], tmp_path: Path) -> None:
    """Their archive and ours of one model hold the same files; ours has a manifest more."""
    home, archive, (tag, *_) = theirs
    with ekiben.models.use_home(home):
        ours = ekiben.models.export_model(tag, tmp_path / "ours.bentomodel")
    contents = []
    for path in (archive, ours):
        with tarfile.open(path) as tar:
            files = [member for member in tar.getmembers() if member.isfile()]
            contents.append({file.name.removeprefix("./"): tar.extractfile(file).read() for file in files})  # type: ignore[union-attr]
    contents[1].pop("manifest.json")
    assert contents[0] == contents[1]


IMPORT = """
import json, sys
import bentoml
model = bentoml.models.import_model(sys.argv[1])
found = bentoml.models.get("tokens:latest")
print(json.dumps({
    "tag": str(model.tag), "found": str(found.tag), "labels": dict(found.info.labels),
    "metadata": dict(found.info.metadata), "objects": found.custom_objects["triple"](2),
    "signatures": {name: [s.batchable, list(s.batch_dim)] for name, s in found.info.signatures.items()},
    "file": open(found.path_of("sub/file.txt")).read(), "created": found.info.creation_time.isoformat(),
    "all": [str(model.tag) for model in bentoml.models.list()],
}))
"""


@pytest.mark.parametrize("ending", [".bentomodel", ".tar", ".tar.gz", ".tar.xz", ".tar.bz2", ".zip"])
def test_they_import_ours(tmp_path: Path, ending: str) -> None:
    """BentoML reads our archive of every kind that it knows, with all that we wrote down."""
    with ekiben.models.create(
        "tokens",
        module="ekiben.x",
        labels={"team": "nlp"},
        metadata={"acc": 0.5},
        signatures={"predict": {"batchable": True, "batch_dim": [0, 1]}},
        custom_objects={"triple": lambda x: x * 3},
        format="text",
        sample={"input": {"type": "string"}},
    ) as model:
        (model.path / "sub").mkdir()
        (model.path / "sub/file.txt").write_text("inside")
    path = ekiben.models.export_model(model.tag, tmp_path / f"x{ending}")
    found = json.loads(bentoml.run(IMPORT, tmp_path / "home", path).splitlines()[-1])
    assert found == {
        "tag": str(model.tag),
        "found": str(model.tag),
        "labels": {"team": "nlp"},
        "metadata": {"acc": 0.5},
        "objects": 6,
        "signatures": {"predict": [True, [0, 1]]},
        "file": "inside",
        "created": model.creation_time.isoformat(),
        "all": [str(model.tag)],
    }
    with ekiben.models.use_home(tmp_path / "home"):
        assert ekiben.models.get("tokens").info == model.info


LIST = """
import bentoml
print(*sorted(model.tag for model in bentoml.models.list()), bentoml.models.get("tokens").tag)
"""


def test_they_read_our_store(home: Path) -> None:
    """BentoML lists and finds what lies in our home, while a save of ours is under way as well."""
    with ekiben.models.create("tokens") as first:
        pass
    with ekiben.models.create("tokens") as second:
        (second.path / "half").write_text("x")
        assert bentoml.run(LIST, home).split() == [str(first.tag), str(first.tag)]
    assert bentoml.run(LIST, home).split() == [str(first.tag), str(second.tag), str(second.tag)]
    ekiben.models.delete(second.tag)
    assert bentoml.run(LIST, home).split() == [str(first.tag), str(first.tag)]
    ekiben.models.delete("tokens", all=True)
    assert bentoml.run("import bentoml; print(bentoml.models.list())", home) == "[]"


def test_both_write_into_one_home(home: Path) -> None:
    """A home that both use has one `latest`, whoever saved last."""
    program = "import bentoml\nwith bentoml.models.create('tokens') as m: pass\nprint(m.tag)"
    with ekiben.models.create("tokens"):
        pass
    theirs = bentoml.run(program, home)
    assert str(ekiben.models.get("tokens").tag) == theirs
    with ekiben.models.create("tokens") as ours:
        pass
    assert bentoml.run(LIST, home).split()[-1] == str(ours.tag)
    assert len(ekiben.models.list("tokens")) == 3

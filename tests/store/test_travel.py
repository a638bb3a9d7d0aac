"""A bento travels with its models, and a hostile archive leaves no trace in either store."""

import io
import json
import lzma
import os
import pickle
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from ekiben.core.errors import (
    AlreadyExists,
    CorruptArchive,
    CorruptItem,
    InvalidInput,
    NotFound,
    StoreError,
    UnsafeArchive,
)
from ekiben.core.tag import Tag
from ekiben.store.bentos import Bento, BentoStore
from ekiben.store.digest import measure
from ekiben.store.models import ModelStore, StoredModel
from ekiben.store.travel import export_bento, import_bento
from tests.store.conftest import Build, Save

FORMATS = ["bento", "tar", "gz", "xz", "bz2", "zst", "zip", "folder"]


@pytest.fixture
def other(tmp_path: Path) -> BentoStore:
    """Give a store in another, empty home."""
    return BentoStore(tmp_path / "other/bentos")


@pytest.fixture
def packed(build: Build, save: Save) -> Bento:
    """Give a bento of two models."""
    models = save("m:v1", {"a/w.bin": os.urandom(10_000)}), save("n:v1")
    return build("iris:v1", *models, files={"src/service.py": "x = 1\n", "src/sub/y.py": "", "README.md": "# Iris\n"})


def models_of(store: BentoStore) -> ModelStore[StoredModel]:
    return ModelStore(store.root.parent / "models", StoredModel)


def left(store: BentoStore) -> set[str]:
    """List what lies in a home but empty folders of stores and locks."""
    home = store.root.parent
    found = {path.relative_to(home).as_posix() for path in home.rglob("*")}
    return found - {"bentos", "models", "tmp", "bentos/.lock", "models/.lock"}


@pytest.mark.parametrize("form", FORMATS)
def test_there_and_back(form: str, packed: Bento, bentos: BentoStore, other: BentoStore, tmp_path: Path) -> None:
    """In every format a bento arrives with its models, each as it was, and what is exported again is the same."""
    place = export_bento(packed, tmp_path / "out", output_format=form)
    found = import_bento(other, place)
    assert (found.tag, found.info, found.digest) == (packed.tag, packed.info, packed.digest)
    assert [model.digest for model in found.find_models()] == [each.digest for each in packed.info.models]
    assert not (found.path / "models").exists()
    other.verify("iris:v1")
    again = export_bento(found, tmp_path / "again", output_format=form)
    assert measure(Path(again)) == measure(Path(place)) if form == "folder" else same_bytes(place, again)


def same_bytes(one: str, two: str) -> bool:
    return Path(one).read_bytes() == Path(two).read_bytes()


def test_names_of_files(packed: Bento, tmp_path: Path) -> None:
    """The ending says the format; without one it is `.bento`; that of models is refused."""
    assert export_bento(packed, tmp_path) == str(tmp_path / "iris-v1.bento")
    assert export_bento(packed, tmp_path / "x") == str(tmp_path / "x.bento")
    assert export_bento(packed, tmp_path / "x.tar.gz") == str(tmp_path / "x.tar.gz")
    with pytest.raises(InvalidInput, match="a bento is exported as one of"):
        export_bento(packed, tmp_path / "x.bentomodel")


def test_a_folder_is_replaced(packed: Bento, tmp_path: Path) -> None:
    """An earlier export with its models may be replaced; a folder with anything else in it may not."""
    export_bento(packed, tmp_path / "out", output_format="folder")
    assert export_bento(packed, tmp_path / "out", output_format="folder") == str(tmp_path / "out")
    (tmp_path / "out/mine.txt").write_text("")
    assert export_bento(packed, tmp_path / "out", output_format="folder") == str(tmp_path / "out/iris-v1")


def test_an_archive_begins_with_what_it_is(packed: Bento, tmp_path: Path) -> None:
    """Its description and manifest come first, models last; nothing of this machine is in it."""
    with tarfile.open(export_bento(packed, tmp_path / "x.tar")) as tar:
        names = tar.getnames()
        assert names[:2] == ["bento.yaml", "manifest.json"]
        assert names[-3:] == ["models/n/v1/model.yaml", "models/n/v1/manifest.json", "models/n/v1/weights.bin"]
        assert {(member.uid, member.uname) for member in tar.getmembers()} == {(0, "")}


def test_without_models(packed: Bento, other: BentoStore, tmp_path: Path) -> None:
    """Without its models a bento goes only where they are."""
    place = export_bento(packed, tmp_path / "small", with_models=False)
    with pytest.raises(NotFound, match="needs the model m:v1"):
        import_bento(other, place)
    assert left(other) == set()
    for model in packed.find_models():
        shutil.copytree(model.path, models_of(other).root / model.tag.name / str(model.tag.version))
    assert import_bento(other, place).tag == packed.tag


def test_a_changed_model_is_not_exported(packed: Bento, tmp_path: Path) -> None:
    """What was changed in the store since is not packed, and nothing is written."""
    packed.find_models()[0].path_of("a/w.bin").write_bytes(b"changed")
    with pytest.raises(CorruptItem, match=r"damaged|files"):
        export_bento(packed, tmp_path / "x.tar")
    assert not (tmp_path / "x.tar").exists()


def test_existing(packed: Bento, bentos: BentoStore, other: BentoStore, build: Build, tmp_path: Path) -> None:
    """A tag that is there is never written over; models that are there and the same are no hindrance."""
    place = export_bento(packed, tmp_path / "x.tar")
    with pytest.raises(AlreadyExists, match="with the same content"):
        import_bento(bentos, place)
    assert import_bento(bentos, place, skip_existing=True) == packed
    models_of(bentos).delete("n:v1")
    import_bento(bentos, place, skip_existing=True).find_models()
    bentos.delete("iris:v1")
    assert import_bento(bentos, place).tag == Tag("iris", "v1")
    bentos.delete("iris:v1")
    build("iris:v1", files={"src/other.py": ""})
    with pytest.raises(AlreadyExists, match="with other content") as caught:
        import_bento(bentos, place)
    assert caught.value.hint == "delete it first: `ekiben delete iris:v1`"


def test_a_model_in_the_way(packed: Bento, other: BentoStore, tmp_path: Path) -> None:
    """Another model under the tag of one of its own stops the import, and what came before it is taken back."""
    place = export_bento(packed, tmp_path / "x.tar")
    with models_of(other).create("n:v1") as model:
        (model.path / "weights.bin").write_bytes(b"other")
    before = left(other)
    with pytest.raises(AlreadyExists, match="the model 'n:v1' exists already"):
        import_bento(other, place)
    assert left(other) == before


class TestHostile:
    """What a stranger packed is checked whole before anything of it is kept, and none of it is run."""

    @pytest.fixture
    def unpacked(self, packed: Bento, tmp_path: Path) -> Path:
        """Give the folder of an export, to be changed."""
        return Path(export_bento(packed, tmp_path / "folder", output_format="folder"))

    def refuse(self, folder: Path, other: BentoStore, error: type[StoreError], words: str) -> None:
        archive = folder.with_suffix(".tar")
        with tarfile.open(archive, "w") as tar:
            tar.add(folder, ".")
        for source in (folder, archive):
            with pytest.raises(error, match=words):
                import_bento(other, source)
            assert left(other) == set()

    @pytest.mark.parametrize("path", ["src/service.py", "models/m/v1/a/w.bin", "models/n/v1/model.yaml"])
    def test_a_manifest_that_lies(self, path: str, unpacked: Path, other: BentoStore) -> None:
        """A file that is not what its manifest says stops everything, in the bento and in its models."""
        (unpacked / path).write_text((unpacked / path).read_text(errors="replace") + "\n# changed\n")
        self.refuse(unpacked, other, CorruptArchive, "not those of its manifest")

    def test_another_model(self, unpacked: Path, other: BentoStore) -> None:
        """A model with a manifest of its own, and not the digest that the bento names, is refused."""
        place = unpacked / "models/n/v1"
        (place / "weights.bin").write_bytes(pickle.dumps(print))
        (place / "manifest.json").write_bytes(measure(place).to_bytes())
        self.refuse(unpacked, other, CorruptArchive, "n:v1 has other content than the bento iris:v1 was built with")

    def test_a_model_too_many(self, unpacked: Path, other: BentoStore) -> None:
        """A model that the bento does not name does not come in with it."""
        shutil.copytree(unpacked / "models/n/v1", unpacked / "models/z/v1")
        for name in ("model.yaml", "manifest.json"):
            place = unpacked / "models/z/v1" / name
            place.write_text(place.read_text().replace("name: n", "name: z"))
        (unpacked / "models/z/v1/manifest.json").write_bytes(measure(unpacked / "models/z/v1").to_bytes())
        self.refuse(unpacked, other, CorruptArchive, "brings the model z:v1, which it does not name")

    def test_a_model_under_another_tag(self, unpacked: Path, other: BentoStore) -> None:
        """A model that calls itself otherwise than its folder is refused."""
        (unpacked / "models/n/v1").rename(unpacked / "models/n/v2")
        self.refuse(unpacked, other, CorruptArchive, "models/n/v2 calls itself n:v1")

    @pytest.mark.parametrize("path", ["models/x.txt", "models/n/x.txt", "models/n/W1/x", "models/n/.lock/x"])
    def test_what_is_no_model(self, path: str, unpacked: Path, other: BentoStore) -> None:
        """Nothing but models lies among the models."""
        (unpacked / path).parent.mkdir(exist_ok=True)
        (unpacked / path).write_text("")
        self.refuse(unpacked, other, CorruptArchive, "must hold models only")

    def test_missing_models(self, unpacked: Path, other: BentoStore) -> None:
        """A bento whose models are neither in it nor in the store is not kept; nor are those that came."""
        shutil.rmtree(unpacked / "models/n")
        self.refuse(unpacked, other, NotFound, "needs the model n:v1")  # type: ignore[arg-type]

    def test_no_bento(self, unpacked: Path, other: BentoStore, tmp_path: Path) -> None:
        """A model is no bento, and a folder with neither is nothing."""
        with pytest.raises(CorruptArchive, match=r"no bento\.yaml, so it is not an exported bento"):
            import_bento(other, unpacked / "models/n/v1")
        with pytest.raises(NotFound):
            import_bento(other, tmp_path / "nowhere.bento")

    @pytest.mark.parametrize(
        "changed",
        [{"name": "../../x"}, {"version": "../x"}, {"models": [{"tag": "../x:v1"}]}, {"import_roots": ["../.."]}],
    )
    def test_paths_in_the_description(self, changed: dict[str, object], unpacked: Path, other: BentoStore) -> None:
        """No word of `bento.yaml` is a path out of the store."""
        plain = yaml.safe_load((unpacked / "bento.yaml").read_text()) | changed
        (unpacked / "bento.yaml").write_text(yaml.safe_dump(plain))
        self.refuse(unpacked, other, CorruptArchive, r"bento\.yaml cannot be used")

    @pytest.mark.parametrize(
        "text", ["!!python/object/apply:os.system [touch hacked]", "a: &a [*a]", "- x", "name: [", ""]
    )
    def test_descriptions_that_are_not_plain(self, text: str, unpacked: Path, other: BentoStore) -> None:
        """`bento.yaml` is read as plain data of bounded size."""
        (unpacked / "bento.yaml").write_text(text)
        self.refuse(unpacked, other, CorruptArchive, r"bento\.yaml")
        assert not Path("hacked").exists()

    @pytest.mark.parametrize(
        ("make", "error"),
        [
            pytest.param(lambda info: setattr(info, "name", "../evil"), UnsafeArchive, id="the folder above"),
            pytest.param(lambda info: setattr(info, "name", "/evil"), UnsafeArchive, id="an absolute path"),
            pytest.param(lambda info: setattr(info, "name", "models/../../evil"), UnsafeArchive, id="up from models"),
            pytest.param(lambda info: setattr(info, "name", "bento.yaml"), UnsafeArchive, id="a file twice"),
            pytest.param(lambda info: (setattr(info, "type", tarfile.SYMTYPE), setattr(info, "linkname", "/etc/x")),
                         UnsafeArchive, id="a link"),
            pytest.param(lambda info: (setattr(info, "type", tarfile.LNKTYPE), setattr(info, "linkname", "bento.yaml")),
                         UnsafeArchive, id="a hard link"),
            pytest.param(lambda info: setattr(info, "type", tarfile.FIFOTYPE), UnsafeArchive, id="a pipe"),
        ],
    )  # fmt: skip
    def test_members(
        self, make: Callable[[tarfile.TarInfo], None], error: type[StoreError], unpacked: Path, other: BentoStore
    ) -> None:
        """Links, pipes and paths that lead elsewhere are refused as in archives of models."""
        archive = unpacked.with_suffix(".tar")
        with tarfile.open(archive, "w") as tar:
            tar.add(unpacked, ".")
            info = tarfile.TarInfo("src/evil")
            make(info)
            tar.addfile(info)
        with pytest.raises(error):
            import_bento(other, archive)
        assert left(other) == set()
        assert not (unpacked.parent / "evil").exists()

    def test_a_bomb(self, other: BentoStore, tmp_path: Path) -> None:
        """What unpacks to too much is refused while it unpacks."""
        data = io.BytesIO()
        with tarfile.open(fileobj=data, mode="w") as tar:
            info = tarfile.TarInfo("src/zeros")
            info.size = 50_000_000
            tar.addfile(info, io.BytesIO(bytes(info.size)))
        (tmp_path / "bomb.bento").write_bytes(lzma.compress(data.getvalue(), preset=0))
        with pytest.raises(UnsafeArchive):
            import_bento(other, tmp_path / "bomb.bento", max_size=1_000_000)
        assert left(other) == set()

    def test_cut_short(self, packed: Bento, other: BentoStore, tmp_path: Path) -> None:
        """Half an archive is damage, wherever it was cut."""
        whole = Path(export_bento(packed, tmp_path / "x.bento")).read_bytes()
        for size in (1, 100, len(whole) // 2, len(whole) - 1):
            (tmp_path / "cut.bento").write_bytes(whole[:size])
            with pytest.raises(CorruptArchive):
                import_bento(other, tmp_path / "cut.bento")
        assert left(other) == set()


def test_one_of_bentoml(unpacked_like_bentoml: Path, other: BentoStore) -> None:
    """An archive without digests and manifests, with a `latest` beside each model, comes in and is verified later."""
    bento = import_bento(other, unpacked_like_bentoml)
    assert [str(model.tag) for model in bento.find_models()] == ["m:v1", "n:v1"]
    assert "src/service.py" in other.verify("iris:v1").files


@pytest.fixture
def unpacked_like_bentoml(packed: Bento, tmp_path: Path) -> Path:
    """Give an export without what BentoML does not write."""
    folder = Path(export_bento(packed, tmp_path / "theirs", output_format="folder"))
    plain = yaml.safe_load((folder / "bento.yaml").read_text())
    plain["models"] = [{"tag": each["tag"], "module": "bentoml.sklearn"} for each in plain["models"]]
    for key in ("import_roots", "environment", "docker", "ekiben_version"):
        del plain[key]
    (folder / "bento.yaml").write_text(yaml.safe_dump(plain))
    for manifest in [*folder.rglob("manifest.json")]:
        assert json.loads(manifest.read_text())["files"]
        manifest.unlink()
    for name in ("m", "n"):
        (folder / "models" / name / "latest").write_text("v1")
    return folder

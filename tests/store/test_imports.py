"""What comes in is checked whole before it shows, and what is hostile leaves no trace."""

import io
import lzma
import os
import pickle
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from ekiben.core.errors import AlreadyExists, CorruptArchive, NotFound, StoreError, UnsafeArchive
from ekiben.store.exports import export_item
from ekiben.store.imports import import_item
from ekiben.store.models import ModelStore, StoredModel
from tests.store.conftest import Save

Store = ModelStore[StoredModel]

MODEL_YAML = b"name: evil\nversion: v1\ncreation_time: '2026-01-01T00:00:00+00:00'\n"


@pytest.fixture
def other(tmp_path: Path) -> Store:
    """Give a second store, in another home."""
    return ModelStore(tmp_path / "other/models", StoredModel)


def everything(folder: Path) -> set[str]:
    """List all that lies below *folder* but locks and empty folders of the store itself."""
    found = {str(path.relative_to(folder)) for path in folder.rglob("*")}
    return found - {"models", "tmp", "models/.lock"}


FORMATS = ["bentomodel", "tar", "gz", "xz", "bz2", "zst", "zip", "folder"]


class TestRoundTrip:
    """What went out comes in as it was."""

    @pytest.mark.parametrize("form", FORMATS)
    def test_every_format(self, store: Store, other: Store, tmp_path: Path, form: str) -> None:
        """Tag, files, description, objects and digest are those of before; the file's name does not matter."""
        with store.create("iris:v1", labels={"a": "b"}, custom_objects={"f": len}) as model:
            (model.path / "sub/empty").mkdir(parents=True)
            (model.path / "sub/w.bin").write_bytes(os.urandom(100_000))
        out = tmp_path / "no-ending-at-all"
        export_item(model, out, output_format=form)
        found = import_item(other, out)
        assert (found.tag, found.info, found.digest) == (model.tag, model.info, model.digest)
        assert found.path == other.root / "iris/v1"
        assert found.path_of("sub/w.bin").read_bytes() == model.path_of("sub/w.bin").read_bytes()
        assert (found.path / "sub/empty").is_dir()
        assert found.custom_objects["f"]("abc") == 3
        other.verify("iris:v1")
        assert everything(other.root.parent) == everything(store.root.parent)

    def test_an_archive_without_a_manifest(self, store: Store, save: Save, other: Store, tmp_path: Path) -> None:
        """An archive of BentoML's has none; the store makes one, so that later damage is found."""
        model = save("iris:v1")
        (model.path / "manifest.json").unlink()
        with tarfile.open(tmp_path / "a.tar", "w") as tar:
            tar.add(model.path, ".")
        found = import_item(other, tmp_path / "a.tar")
        assert "weights.bin" in other.verify("iris").files
        found.path_of("weights.bin").write_bytes(b"???")
        with pytest.raises(StoreError, match="damaged"):
            other.verify("iris")

    @pytest.mark.parametrize("prefix", ["iris", "a/b/c"])
    def test_an_archive_with_folders_around_the_model(
        self, save: Save, other: Store, tmp_path: Path, prefix: str
    ) -> None:
        """Who packs the folder instead of its content gets the model as well."""
        model = save("iris:v1")
        with tarfile.open(tmp_path / "a.tar", "w") as tar:
            tar.add(model.path, prefix)
        assert import_item(other, tmp_path / "a.tar").digest == model.digest

    def test_latest_is_by_creation(self, store: Store, save: Save, other: Store, tmp_path: Path) -> None:
        """An older model that comes in later does not become latest; a newer one does (S004-27)."""
        old, new = save("iris:v2"), save("iris:v1")
        for model in (old, new):
            export_item(model, tmp_path / f"{model.tag.version}.tar")
        import_item(other, tmp_path / "v1.tar")
        import_item(other, tmp_path / "v2.tar")
        assert other.get("iris").tag == new.tag
        assert [model.tag for model in other.list()] == [new.tag, old.tag]

    def test_progress_ends_with_all_bytes(self, save: Save, other: Store, tmp_path: Path) -> None:
        """Progress grows to the size of the model."""
        export_item(save(), tmp_path / "a.tar")
        seen: list[tuple[int, int]] = []
        import_item(other, tmp_path / "a.tar", progress=lambda done, total: seen.append((done, total)))
        assert seen == sorted(seen)
        assert seen[-1][0] == seen[-1][1] > 0


class TestExisting:
    """A tag that is there is never written over."""

    def test_the_same_content(self, store: Store, save: Save, tmp_path: Path) -> None:
        """It is an error of its own class, and none where that is asked for."""
        model = save("iris:v1")
        export_item(model, tmp_path / "a.tar")
        with pytest.raises(AlreadyExists, match=r"'iris:v1' exists already in .*, with the same content") as caught:
            import_item(store, tmp_path / "a.tar")
        assert "skip_existing" in (caught.value.hint or "")
        assert import_item(store, tmp_path / "a.tar", skip_existing=True) == model

    def test_other_content(self, store: Store, save: Save, other: Store, tmp_path: Path) -> None:
        """The same tag over other files is an error even where the same is skipped, and says what to do."""
        export_item(save("iris:v1", {"a": b"1"}), tmp_path / "a.tar")
        with other.create("iris:v1") as model:
            (model.path / "a").write_bytes(b"2")
        for skip in (False, True):
            with pytest.raises(AlreadyExists, match="with other content") as caught:
                import_item(other, tmp_path / "a.tar", skip_existing=skip)
            assert caught.value.hint == "delete it first: `ekiben models delete iris:v1`"
        assert other.get("iris:v1").path_of("a").read_bytes() == b"2"

    def test_the_same_content_without_a_manifest(self, store: Store, save: Save, tmp_path: Path) -> None:
        """A model that BentoML put there is the same if its files are."""
        model = save("iris:v1")
        export_item(model, tmp_path / "a.tar")
        (model.path / "manifest.json").unlink()
        assert import_item(store, tmp_path / "a.tar", skip_existing=True) == model


def test_nothing_there(store: Store, tmp_path: Path) -> None:
    """A path without a file is a NotFound that names it."""
    with pytest.raises(NotFound, match=r"no file or folder '.*gone\.bentomodel'"):
        import_item(store, tmp_path / "gone.bentomodel")


class TestDamage:
    """A damaged archive is a CorruptArchive, never a model and never an AlreadyExists."""

    @pytest.mark.parametrize("form", ["bentomodel", "tar", "gz", "bz2", "zst", "zip"])
    def test_cut_short(self, save: Save, other: Store, tmp_path: Path, form: str) -> None:
        """Wherever it is cut, nothing comes in."""
        path = tmp_path / "a"
        export_item(save("iris", {"a": os.urandom(5000), "b": os.urandom(5000)}), path, output_format=form)
        whole = path.read_bytes()
        for part in (0.0, 0.1, 0.3, 0.5):
            path.write_bytes(whole[: int(len(whole) * part)])
            with pytest.raises(CorruptArchive, match=f"'{path}' cannot be imported: "):
                import_item(other, path)
        assert everything(other.root.parent) == set()

    def test_a_changed_file(self, save: Save, other: Store, tmp_path: Path) -> None:
        """A tar has no check sum for content; the manifest has, and names the file."""
        export_item(save("iris", {"a": b"right" * 100}), tmp_path / "a.tar")
        (tmp_path / "a.tar").write_bytes((tmp_path / "a.tar").read_bytes().replace(b"right" * 100, b"wrong" * 100))
        with pytest.raises(CorruptArchive, match="a: has other bytes than when it was saved"):
            import_item(other, tmp_path / "a.tar")
        assert everything(other.root.parent) == set()

    @pytest.mark.parametrize(
        ("files", "words"),
        [
            pytest.param({}, "holds no model.yaml", id="nothing at all"),
            pytest.param({"a": b"x", "b": b"y"}, "holds no model.yaml", id="files without a description"),
            pytest.param({"bento.yaml": b"x"}, "holds no model.yaml", id="something that is no model"),
            pytest.param({"model.yaml": b"{"}, "not a YAML document", id="a description that is none"),
            pytest.param({"model.yaml": b"a: 1"}, "`name` must be text", id="a description without a tag"),
            pytest.param({"model.yaml": MODEL_YAML, "manifest.json": b"{"}, "not a manifest", id="a damaged manifest"),
            pytest.param(
                {"model.yaml": MODEL_YAML, "manifest.json": b'{"files": {}}'},
                "model.yaml: is not in the manifest",
                id="a manifest that knows nothing",
            ),
        ],
    )
    def test_no_model_inside(self, store: Store, tmp_path: Path, files: dict[str, bytes], words: str) -> None:
        """A good archive of something else is refused in words."""
        with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
            for name, data in files.items():
                archive.writestr(name, data)
        with pytest.raises(CorruptArchive) as caught:
            import_item(store, tmp_path / "a.zip")
        assert words in str(caught.value)
        assert everything(store.root.parent) == set()


Make = Callable[[tarfile.TarFile], None]


def entry(name: str, kind: bytes = tarfile.REGTYPE, link: str = "", data: bytes = b"", **more: object) -> Make:
    """Say how to add one entry to a tar."""

    def add(tar: tarfile.TarFile) -> None:
        info = tarfile.TarInfo(name)
        info.type, info.linkname, info.size = kind, link, len(data)
        for key, value in more.items():
            setattr(info, key, value)
        tar.addfile(info, io.BytesIO(data))

    return add


ATTACKS: dict[str, list[Make]] = {
    "a path to the folder above": [entry("../../../evil", data=b"x")],
    "an absolute path": [entry("/tmp/ekiben-evil", data=b"x")],
    "a path that goes up later": [entry("a/../../../evil", data=b"x")],
    "a path with backslashes": [entry("..\\..\\evil", data=b"x")],
    "a drive": [entry("C:evil", data=b"x")],
    "a symbolic link": [entry("link", tarfile.SYMTYPE, "/etc/passwd")],
    "a link to a folder, then a file through it": [
        entry("sub", tarfile.SYMTYPE, "../.."),
        entry("sub/evil", data=b"x"),
    ],
    "a link, then a file over it": [entry("a", tarfile.SYMTYPE, "/tmp/ekiben-evil"), entry("a", data=b"x")],
    "a link inside the model": [entry("link", tarfile.SYMTYPE, "model.yaml")],
    "a hard link": [entry("link", tarfile.LNKTYPE, "/etc/passwd")],
    "a hard link inside the model": [entry("link", tarfile.LNKTYPE, "model.yaml")],
    "a named pipe": [entry("pipe", tarfile.FIFOTYPE)],
    "a device": [entry("disk", tarfile.BLKTYPE, devmajor=8, devminor=0)],
    "a terminal": [entry("tty", tarfile.CHRTYPE, devmajor=5, devminor=0)],
    "a sparse file": [entry("sparse", tarfile.GNUTYPE_SPARSE, data=b"")],
    "model.yaml twice": [entry("model.yaml", data=MODEL_YAML.replace(b"evil", b"good"))],
    "model.yaml in capitals as well": [entry("MODEL.YAML", data=b"x")],
    "a file that is a folder as well": [entry("model.yaml/x", data=b"x")],
    "a name with a line break": [entry("a\nb", data=b"x")],
    "a name of bytes that are no text": [entry("a\udcff", data=b"x")],
    "a thousand folders in each other": [entry("/".join("d" * 1000), data=b"x")],
}


def make_tar(path: Path, adds: list[Make]) -> Path:
    """Write a compressed tar with a good model.yaml and the entries given."""
    with tarfile.open(path, "w:xz", preset=0, errors="surrogateescape") as tar:
        entry("model.yaml", data=MODEL_YAML)(tar)
        for add in adds:
            add(tar)
    return path


class TestAttacks:
    """A hostile archive writes nothing, anywhere, and is refused as what it is (S004-25)."""

    @pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS)
    def test_tar(self, store: Store, tmp_path: Path, attack: list[Make]) -> None:
        """The table of attacks by tar."""
        evil = make_tar(tmp_path / "evil.bentomodel", attack)
        before = {str(path) for path in tmp_path.rglob("*")}
        with pytest.raises(UnsafeArchive):
            import_item(store, evil)
        assert everything(store.root.parent) == set()
        assert {path for path in map(str, tmp_path.rglob("*")) if "/home" not in path} == before
        assert not Path("/tmp/ekiben-evil").exists()
        assert not (tmp_path / "evil").exists()

    @pytest.mark.parametrize(
        ("name", "mode"),
        [
            pytest.param("../../evil", 0o100644, id="a path to the folder above"),
            pytest.param("/tmp/ekiben-evil", 0o100644, id="an absolute path"),
            pytest.param("..\\evil", 0o100644, id="backslashes"),
            pytest.param("link", 0o120777, id="a symbolic link"),
            pytest.param("pipe", 0o010644, id="a named pipe"),
            pytest.param("disk", 0o060644, id="a device"),
            pytest.param("model.yaml", 0o100644, id="model.yaml twice"),
            pytest.param("Model.Yaml", 0o100644, id="model.yaml in other capitals"),
        ],
    )
    @pytest.mark.filterwarnings("ignore:Duplicate name:UserWarning")
    def test_zip(self, store: Store, tmp_path: Path, name: str, mode: int) -> None:
        """The table of attacks by zip."""
        with zipfile.ZipFile(tmp_path / "evil.zip", "w") as archive:
            archive.writestr("model.yaml", MODEL_YAML)
            info = zipfile.ZipInfo(name)
            info.external_attr, info.create_system = mode << 16, 3
            archive.writestr(info, "/etc/passwd")
        with pytest.raises(UnsafeArchive):
            import_item(store, tmp_path / "evil.zip")
        assert everything(store.root.parent) == set()

    def test_folder(self, store: Store, tmp_path: Path) -> None:
        """A folder with a link in it is refused; what the link points to is not copied."""
        (tmp_path / "evil").mkdir()
        (tmp_path / "evil/model.yaml").write_bytes(MODEL_YAML)
        (tmp_path / "evil/link").symlink_to("/etc/passwd")
        with pytest.raises(UnsafeArchive, match="link"):
            import_item(store, tmp_path / "evil")
        assert everything(store.root.parent) == set()

    def test_a_hostile_tag(self, store: Store, tmp_path: Path) -> None:
        """The tag inside is held to the grammar before it names a folder."""
        for text in (b"name: ../../evil", b"name: /etc", b"name: evil\nversion: ../../x"):
            data = text + b"\n" + b"\n".join(MODEL_YAML.splitlines()[text.count(b"\n") + 1 :])
            with zipfile.ZipFile(tmp_path / "evil.zip", "w") as archive:
                archive.writestr("model.yaml", data)
            with pytest.raises(CorruptArchive, match=r"model\.yaml cannot be used"):
                import_item(store, tmp_path / "evil.zip")
        assert everything(store.root.parent) == set()

    def test_nothing_is_unpickled(self, store: Store, tmp_path: Path) -> None:
        """A pickle that would leave a mark comes in without leaving one, is listed, verified, exported."""
        data = pickle.dumps(Evil(tmp_path / "mark"))
        make_tar(tmp_path / "a", [entry("custom_objects.pkl", data=data), entry("saved_model.pkl", data=data)])
        model = import_item(store, tmp_path / "a")
        store.verify(model.tag)
        export_item(model, tmp_path / "b.tar")
        assert repr(store.list()) == '[Model(tag="evil:v1")]'
        assert not (tmp_path / "mark").exists()
        with pytest.raises(StoreError):
            model.custom_objects["x"]
        assert (tmp_path / "mark").exists(), "the pickle must be able to leave a mark, or this test says nothing"


class Evil:
    """Leaves a mark where it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self.mark,)


class TestBombs:
    """What unpacks to too much is stopped while it unpacks."""

    def test_too_large(self, store: Store, tmp_path: Path) -> None:
        """The bytes that come out are counted; a bomb of 10 GB stops at the limit, not at the end of the disk."""

        class Zeros(io.RawIOBase):
            def read(self, size: int = -1) -> bytes:
                return bytes(size)

        info = tarfile.TarInfo("zeros")
        info.size = 64 * 1024 * 1024
        with tarfile.open(tmp_path / "bomb", "w:gz", compresslevel=1) as tar:
            entry("model.yaml", data=MODEL_YAML)(tar)
            tar.addfile(info, Zeros())
        with pytest.raises(UnsafeArchive, match="unpacks to more than 10000000 bytes"):
            import_item(store, tmp_path / "bomb", max_size=10_000_000)
        assert everything(store.root.parent) == set()
        assert import_item(store, tmp_path / "bomb", max_size=100_000_000).size > 64 * 1024 * 1024

    def test_default_limits(self, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Unasked, an archive may unpack to 1 GiB, and a larger one to 200 times its size: here in small."""
        monkeypatch.setattr("ekiben.store.imports.ALWAYS_ALLOWED", 1024 * 1024)
        bomb = make_tar(tmp_path / "bomb", [entry("zeros", data=bytes(4 * 1024 * 1024))])
        assert bomb.stat().st_size * 200 < 4 * 1024 * 1024
        with pytest.raises(UnsafeArchive, match="unpacks to more than"):
            import_item(store, bomb)
        fine = make_tar(tmp_path / "fine", [entry("noise", data=os.urandom(4 * 1024 * 1024))])
        import_item(store, fine)

    def test_too_many_members(self, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """A hundred thousand empty files are a limit, too: here in small."""
        monkeypatch.setattr("ekiben.store.imports.MAX_MEMBERS", 100)
        bomb = make_tar(tmp_path / "bomb", [entry(f"f{number}") for number in range(200)])
        with pytest.raises(UnsafeArchive, match="more than 100 members"):
            import_item(store, bomb)
        assert everything(store.root.parent) == set()

    @pytest.mark.parametrize("kind", [tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME])
    def test_a_header_of_gigabytes(self, store: Store, tmp_path: Path, kind: bytes) -> None:
        """A header that claims 8 GB is refused before memory is taken for it."""
        info = tarfile.TarInfo("x")
        info.type, info.size = kind, 8 * 1024**3 - 1
        data = info.tobuf(tarfile.USTAR_FORMAT) + bytes(100_000)
        (tmp_path / "bomb").write_bytes(lzma.compress(data, preset=0))
        with pytest.raises(UnsafeArchive, match="a header of the archive claims"):
            import_item(store, tmp_path / "bomb")

    def test_a_huge_description(self, store: Store, tmp_path: Path) -> None:
        """A model.yaml of 64 MB is not parsed."""
        with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("model.yaml", b"a: [" + b"1, " * (64 * 1024 * 1024 // 3) + b"]")
        with pytest.raises(CorruptArchive, match="at most 4194304 bytes"):
            import_item(store, tmp_path / "bomb.zip")

    def test_a_huge_manifest(self, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """A manifest larger than any model's is not parsed: here in small."""
        monkeypatch.setattr("ekiben.store.digest.MAX_SIZE", 1000)
        bomb = make_tar(tmp_path / "bomb", [entry("manifest.json", data=b"[" * 2000)])
        with pytest.raises(CorruptArchive, match=r"manifest\.json must be at most 1000 bytes"):
            import_item(store, bomb)

"""The same item gives the same bytes, and a damaged one gives none."""

import io
import lzma
import os
import tarfile
import zipfile
from pathlib import Path

import pytest

from ekiben.core.errors import CorruptItem, InvalidInput
from ekiben.store.archive import ENDINGS, Packing, find_format, write_archive, write_folder
from ekiben.store.digest import measure

CREATED = 1_700_000_000.75


@pytest.mark.parametrize(
    ("name", "asked", "form"),
    [
        pytest.param("iris.bentomodel", None, "bentomodel", id="our own ending"),
        pytest.param("iris.tar", None, "tar", id="tar"),
        pytest.param("iris.tar.gz", None, "gz", id="tar and gzip"),
        pytest.param("iris.tgz", None, "gz", id="the same in short"),
        pytest.param("iris.tar.xz", None, "xz", id="tar and xz"),
        pytest.param("iris.tar.bz2", None, "bz2", id="tar and bzip2"),
        pytest.param("iris.tar.zst", None, "zst", id="tar and zstd"),
        pytest.param("IRIS.ZIP", None, "zip", id="capitals"),
        pytest.param("iris", None, "bentomodel", id="no ending means our own"),
        pytest.param("iris-v1.2", None, "bentomodel", id="a version is no ending"),
        pytest.param("iris.zip", "tar", "tar", id="what is asked for wins"),
        pytest.param("iris", "tar.gz", "gz", id="an ending can be asked for"),
        pytest.param("iris", "tgz", "gz", id="a short ending can be asked for"),
        pytest.param("iris", "folder", "folder", id="a folder is asked for"),
    ],
)
def test_find_format(name: str, asked: str | None, form: str) -> None:
    """The ending says the format, and what is asked for wins over it."""
    assert find_format(name, asked) == form


@pytest.mark.parametrize(
    ("name", "asked", "words"),
    [
        pytest.param("iris.rar", None, "'iris.rar'", id="an archive that we do not write"),
        pytest.param("iris.gz", None, "'iris.gz'", id="a compressed file that is no archive"),
        pytest.param("iris.bento", None, "'iris.bento'", id="the ending of bentos"),
        pytest.param("iris", "rar", "`output_format` must be one of bentomodel, tar, gz", id="asked for what is none"),
        pytest.param("iris", "", "`output_format` must be one of", id="asked for nothing"),
    ],
)
def test_find_format_refuses(name: str, asked: str | None, words: str) -> None:
    """What we do not write is refused, and what we do write is named."""
    with pytest.raises(InvalidInput) as caught:
        find_format(name, asked)
    assert words in str(caught.value)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give an item with a script, an empty folder, a deep file and a name beyond ASCII."""
    folder = tmp_path / "item"
    (folder / "sub/deep").mkdir(parents=True)
    (folder / "empty").mkdir()
    (folder / "model.yaml").write_text("name: iris\n")
    (folder / "a.bin").write_bytes(os.urandom(300_000))
    (folder / "sub/deep/ü.txt").write_text("x")
    (folder / "run.sh").write_text("#!/bin/sh\n")
    (folder / "run.sh").chmod(0o755)
    return folder


def pack(folder: Path, form: str, **options: object) -> bytes:
    """Give the bytes of an archive."""
    file = io.BytesIO()
    write_archive(Packing(folder, measure(folder), CREATED, **options), file, form)  # type: ignore[arg-type]
    return file.getvalue()


@pytest.mark.parametrize("form", [form for form in ENDINGS if form != "folder"])
def test_bytes_are_the_same(folder: Path, tmp_path: Path, form: str) -> None:
    """Times, owners and the order on the disk leave no trace; content does."""
    other = tmp_path / "elsewhere" / "copy"
    for path in sorted(folder.rglob("*"), reverse=True):
        place = other / path.relative_to(folder)
        place.parent.mkdir(parents=True, exist_ok=True)
        if path.is_dir():
            place.mkdir(exist_ok=True)
        else:
            place.write_bytes(path.read_bytes())
            place.chmod(path.stat().st_mode & 0o700)
            os.utime(place, (1, 1))
    if os.geteuid() == 0:
        os.chown(other / "a.bin", 12345, 12345)
    assert pack(folder, form) == pack(other, form)
    (other / "sub/deep/ü.txt").write_text("y")
    assert pack(folder, form) != pack(other, form)


def test_a_tar_says_what_it_is_first(folder: Path) -> None:
    """After empty folders come model.yaml and manifest.json, then the files in order; nothing is said of the owner."""
    with tarfile.open(fileobj=io.BytesIO(pack(folder, "bentomodel"))) as tar:
        members = tar.getmembers()
    assert [member.name for member in members] == [
        "empty",
        "model.yaml",
        "manifest.json",
        "a.bin",
        "run.sh",
        "sub/deep/ü.txt",
    ]
    assert {(member.mtime, member.uid, member.gid, member.uname) for member in members} == {(1_700_000_000, 0, 0, "")}
    assert {member.name: member.mode for member in members if member.mode != 0o644} == {"run.sh": 0o755, "empty": 0o755}


def test_a_bentomodel_is_tar_in_xz(folder: Path) -> None:
    """That is what BentoML imports."""
    assert pack(folder, "bentomodel") == pack(folder, "xz")
    assert lzma.decompress(pack(folder, "xz"), format=lzma.FORMAT_XZ) == pack(folder, "tar")


def test_a_zip_is_one_for_others(folder: Path) -> None:
    """Python's own zip reads it, with modes, and its check sums agree."""
    with zipfile.ZipFile(io.BytesIO(pack(folder, "zip"))) as archive:
        assert archive.testzip() is None
        assert archive.namelist()[:2] == ["empty/", "model.yaml"]
        assert archive.getinfo("run.sh").external_attr >> 16 == 0o100755
        assert archive.getinfo("a.bin").date_time == (2023, 11, 14, 22, 13, 20)


def test_a_time_before_zip_was_there(folder: Path) -> None:
    """An item whose time is lost and stands at 1970 can be zipped."""
    file = io.BytesIO()
    write_archive(Packing(folder, measure(folder), 0.0), file, "zip")
    assert zipfile.ZipFile(file).infolist()[0].date_time == (1980, 1, 1, 0, 0, 0)


def test_a_folder_is_a_copy(folder: Path, tmp_path: Path) -> None:
    """Files, scripts and empty folders are copied, and the manifest is written where it was missing."""
    (tmp_path / "out").mkdir()
    write_folder(Packing(folder, measure(folder), CREATED), tmp_path / "out")
    assert measure(tmp_path / "out") == measure(folder)
    assert (tmp_path / "out/manifest.json").read_bytes() == measure(folder).to_bytes()
    assert (tmp_path / "out/empty").is_dir()
    assert os.access(tmp_path / "out/run.sh", os.X_OK)


@pytest.mark.parametrize("form", ["tar", "bentomodel", "zip", "folder"])
@pytest.mark.parametrize("damage", ["changed", "longer", "missing", "extra"])
def test_a_damaged_item_is_not_packed(folder: Path, tmp_path: Path, form: str, damage: str) -> None:
    """What is not what was saved never leaves the store as if it were."""
    manifest = measure(folder)
    match damage:
        case "changed":
            (folder / "a.bin").write_bytes(b"\0" * 300_000)
        case "longer":
            (folder / "a.bin").write_bytes(b"\0" * 300_001)
        case "missing":
            (folder / "a.bin").unlink()
        case _:
            (folder / "b.bin").touch()
    (tmp_path / "out").mkdir()
    packing = Packing(folder, manifest, CREATED)
    with pytest.raises(CorruptItem, match=r"[ab]\.bin"):
        write_folder(packing, tmp_path / "out") if form == "folder" else write_archive(packing, io.BytesIO(), form)


def test_progress_ends_with_all_bytes(folder: Path) -> None:
    """Progress grows to the size of all files."""
    seen: list[tuple[int, int]] = []
    pack(folder, "tar", progress=lambda done, total: seen.append((done, total)))
    assert seen == sorted(seen)
    assert seen[-1] == (measure(folder).size,) * 2

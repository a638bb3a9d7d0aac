"""A layout or archive of a stranger is read as plain files below one place, or not at all."""

import os
import tarfile
from pathlib import Path

import pytest

from ekiben.core.errors import CorruptArchive, EkibenError, NotFound, UnsafeArchive
from ekiben.images.oci.layout import Layout
from ekiben.images.oci.sources import Folder, open_files
from ekiben.store.remotes.oci.documents import Descriptor
from tests.images.oci.bases import MadeBase, digest, write_archive, write_base, write_files


def test_archive_is_read_where_it_lies(tmp_path: Path) -> None:
    """The files of an archive are those of the layout, with `./` before their names or without; nothing is unpacked."""
    made = MadeBase().files()
    write_archive({f"./{path}": data for path, data in made.items()}, tmp_path / "base.tar")
    with open_files(tmp_path / "base.tar") as files:
        for path, data in made.items():
            with files.open(path) as file:
                assert file.read() == data
                assert file.seek(0, 2) == len(data)
                assert file.seek(-1, 2) == len(data) - 1
                assert file.read() == data[-1:]
        assert not files.has("other")
    assert os.listdir(tmp_path) == ["base.tar"]


def test_read_and_copy(tmp_path: Path) -> None:
    """Blobs of both kinds are held against their digests and sizes."""
    made = MadeBase()
    write_files(made.files(), tmp_path / "layout")
    write_archive(made.files(), tmp_path / "base.tar")
    layer = made.blobs[1]
    wanted = Descriptor("x", digest(layer), len(layer))
    for place in ("layout", "base.tar"):
        with open_files(tmp_path / place) as files:
            layout = Layout(tmp_path / f"copy of {place}")
            files.copy(wanted, layout)
            with layout.open(wanted.digest) as file:
                assert file.read() == layer == files.read(wanted, 10_000)
            with pytest.raises(CorruptArchive, match="at most 10 bytes"):
                files.read(wanted, 10)
            with pytest.raises(CorruptArchive, match="other bytes"):
                files.read(Descriptor("x", digest(layer), len(layer) - 1), 10_000)
            with pytest.raises(CorruptArchive, match="missing"):
                files.read(Descriptor("x", digest(b"other"), 5), 10_000)


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("../index.json", id="climbs"),
        pytest.param("/etc/index.json", id="absolute"),
        pytest.param("blobs/../../x", id="climbs amid"),
        pytest.param("blobs\\x", id="a backslash"),
        pytest.param("a\tb", id="a control character"),
    ],
)
def test_names_in_an_archive(tmp_path: Path, name: str) -> None:
    """An archive with a name that leads out of it is refused as a whole."""
    write_archive({**MadeBase().files(), name: b"x"}, tmp_path / "base.tar")
    with pytest.raises(UnsafeArchive, match="leads out of it"), open_files(tmp_path / "base.tar"):
        pass


def test_links_in_an_archive(tmp_path: Path) -> None:
    """A link in an archive is no file."""
    files = {path: data for path, data in MadeBase().files().items() if path != "index.json"}
    write_archive({**files, "index.json": "/etc/passwd", "manifest.json": "../x"}, tmp_path / "base.tar")
    with pytest.raises(CorruptArchive, match="no image"), open_files(tmp_path / "base.tar"):
        pass


def test_links_in_a_folder(tmp_path: Path) -> None:
    """A layout's file is read through no link, and a pipe, which would hang, is not opened."""
    folder = write_base(tmp_path / "layout")
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / digest(b"s")[7:]).write_bytes(b"s")
    (folder / "blobs/md").symlink_to(secret)
    (folder / "inside").symlink_to(folder / "index.json")
    os.mkfifo(folder / "pipe")
    found = Folder(folder)
    for path in (f"blobs/md/{digest(b's')[7:]}", "inside", "pipe", "blobs", "../secret"):
        with pytest.raises(UnsafeArchive):
            found.open(path)
    with pytest.raises(NotFound):
        found.open("oci-layout/x")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        pytest.param(b"", "neither|not a tar", id="nothing"),
        pytest.param(b"\x1f\x8b\x08" + b"x" * 2000, "not a tar", id="gzip"),
        pytest.param(b"not an archive" * 100, "not a tar", id="text"),
    ],
)
def test_no_archive(tmp_path: Path, data: bytes, message: str) -> None:
    """Another file is refused in words."""
    (tmp_path / "base.tar").write_bytes(data)
    with pytest.raises(CorruptArchive, match=message), open_files(tmp_path / "base.tar"):
        pass


def test_no_layout(tmp_path: Path) -> None:
    """A folder without an index is none, and what is not there is not found."""
    with pytest.raises(CorruptArchive, match="no image layout"), open_files(tmp_path):
        pass
    with pytest.raises(NotFound, match="there is no base image"), open_files(tmp_path / "x"):
        pass


def test_cut_anywhere(tmp_path: Path) -> None:
    """An archive that is cut anywhere is refused, or its blobs are as they should be."""
    whole = write_archive(MadeBase().files(), tmp_path / "base.tar").read_bytes()
    made = MadeBase()
    wanted = Descriptor("x", digest(made.blobs[1]), len(made.blobs[1]))
    for end in range(1, len(whole), 509):
        (tmp_path / "cut.tar").write_bytes(whole[:end])
        try:
            with open_files(tmp_path / "cut.tar") as files:
                assert files.read(wanted, 100_000) == made.blobs[1]
        except EkibenError:
            continue


def test_huge_header(tmp_path: Path) -> None:
    """A header that claims gigabytes is refused before they are read into memory."""
    info = tarfile.TarInfo("x")
    info.type, info.size = tarfile.XHDTYPE, 8 * 1024**3
    with (tmp_path / "base.tar").open("wb") as file:
        file.write(info.tobuf(tarfile.GNU_FORMAT))
        file.truncate(9 * 1024**3)
    with pytest.raises(UnsafeArchive, match="claims to be"), open_files(tmp_path / "base.tar"):
        pass

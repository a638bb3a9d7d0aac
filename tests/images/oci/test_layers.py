"""A layer holds what it was given, the same bytes each time, and nothing that deletes or leads out."""

import gzip
import hashlib
import io
import os
import tarfile
from pathlib import Path

import pytest

from ekiben.core.errors import StoreError, UnsafeArchive
from ekiben.images.oci.layers import Entry, list_folder, write_layer
from ekiben.images.oci.layout import Layout


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    """Give an empty layout."""
    return Layout(tmp_path / "layout")


def members(layout: Layout, digest: str) -> list[tarfile.TarInfo]:
    with tarfile.open(fileobj=io.BytesIO(blob(layout, digest)), mode="r:gz") as tar:
        return tar.getmembers()


def blob(layout: Layout, digest: str) -> bytes:
    with layout.open(digest) as file:
        return file.read()


def test_what_is_in_it(layout: Layout, tmp_path: Path) -> None:
    """Files, folders and links have their place, mode and owner, and no time; folders come before what is in them."""
    (tmp_path / "file").write_bytes(b"abc")
    entries = [
        Entry("home/me", mode=0o755, owner=7),
        Entry("b/link", link="../a"),
        Entry("a", b"text", mode=0o755),
        Entry("b/file", tmp_path / "file"),
        Entry("b", mode=0o755),
    ]
    layer = write_layer(entries, layout, "us")
    found = members(layout, layer.descriptor.digest)
    assert [(each.name, each.type, each.mode, each.uid, each.gid) for each in found] == [
        ("a", tarfile.REGTYPE, 0o755, 0, 0),
        ("b", tarfile.DIRTYPE, 0o755, 0, 0),
        ("b/file", tarfile.REGTYPE, 0o644, 0, 0),
        ("b/link", tarfile.SYMTYPE, 0o777, 0, 0),
        ("home/me", tarfile.DIRTYPE, 0o755, 7, 7),
    ]
    assert {(each.mtime, each.uname, each.gname) for each in found} == {(0, "", "")}


def test_digests(layout: Layout) -> None:
    """The descriptor is of the packed bytes, the diff id of those inside; nothing else is left behind."""
    layer = write_layer([Entry("a", b"x" * 100_000)], layout, "us")
    packed = blob(layout, layer.descriptor.digest)
    assert layer.descriptor.digest == "sha256:" + hashlib.sha256(packed).hexdigest()
    assert layer.descriptor.size == len(packed)
    assert layer.diff_id == "sha256:" + hashlib.sha256(gzip.decompress(packed)).hexdigest()
    assert [path.name for path in layout.folder.iterdir()] == ["blobs"]


def test_same_bytes(tmp_path: Path) -> None:
    """Neither the order of entries, nor times, nor umask, nor the place of a folder change a layer."""
    digests = []
    for name in ("one", "two"):
        folder = tmp_path / name
        (folder / "sub").mkdir(parents=True)
        for inner in ("b", "a") if name == "one" else ("a", "b"):
            (folder / "sub" / inner).write_text(inner)
            os.utime(folder / "sub" / inner, (len(digests), 5))
        (folder / "sub").chmod(0o755 if name == "one" else 0o700)
        (folder / "sub/a").chmod(0o644 if name == "one" else 0o600)
        entries = list(list_folder(folder, "opt/x"))
        layout = Layout(tmp_path / f"layout-{name}")
        digests.append(write_layer(entries if name == "one" else entries[::-1], layout, "us").descriptor)
    assert digests[0] == digests[1]


def test_list_folder(tmp_path: Path) -> None:
    """Each folder is listed once, a program stays one, and what is left out is."""
    (tmp_path / "models/a").mkdir(parents=True)
    (tmp_path / "models/a/weights").write_text("1")
    (tmp_path / "src/deep").mkdir(parents=True)
    (tmp_path / "src/deep/run").write_text("1")
    (tmp_path / "src/deep/run").chmod(0o700)
    (tmp_path / "src/deep/read").write_text("1")
    found = {each.path: (each.source is None, each.mode) for each in list_folder(tmp_path, "opt", without=["models"])}
    assert found == {
        "opt": (True, 0o755),
        "opt/src": (True, 0o755),
        "opt/src/deep": (True, 0o755),
        "opt/src/deep/read": (False, 0o644),
        "opt/src/deep/run": (False, 0o755),
    }


def test_no_links_of_the_disk(tmp_path: Path) -> None:
    """A link in a folder, which could lead anywhere, is refused."""
    (tmp_path / "secret").symlink_to("/etc/passwd")
    with pytest.raises(StoreError, match="neither"):
        list(list_folder(tmp_path, "opt"))


@pytest.mark.parametrize(
    "path",
    [
        pytest.param("../etc/passwd", id="out of the image"),
        pytest.param("/etc/passwd", id="absolute"),
        pytest.param("a/../../b", id="out amid a path"),
        pytest.param("a/./b", id="a dot"),
        pytest.param("a//b", id="an empty part"),
        pytest.param("", id="nothing"),
        pytest.param("a\\b", id="a backslash"),
        pytest.param("a\nb", id="a new line"),
        pytest.param("src/.wh.service.py", id="deletes a file of a lower layer"),
        pytest.param("src/.wh..wh..opq", id="hides a folder of a lower layer"),
        pytest.param(".wh.src/service.py", id="deletes a folder"),
    ],
)
def test_attacks(layout: Layout, path: str) -> None:
    """No path of a bento leads out of the image or deletes from it, and nothing half made is left."""
    with pytest.raises(UnsafeArchive):
        write_layer([Entry("a", b""), Entry(path, b"x")], layout, "us")
    assert not list((layout.folder / "blobs/sha256").iterdir())
    assert [each.name for each in layout.folder.iterdir()] == ["blobs"]


def test_twice(layout: Layout) -> None:
    """A path that is there twice would be another file for each reader."""
    with pytest.raises(UnsafeArchive, match="twice"):
        write_layer([Entry("a", b"1"), Entry("a", b"2")], layout, "us")


def test_long_names(layout: Layout) -> None:
    """Long names and letters of any language come through."""
    path = "/".join(["ä" * 60] * 5)
    layer = write_layer([Entry(path, b"1")], layout, "us")
    assert [each.name for each in members(layout, layer.descriptor.digest)] == [path]

"""A layout holds blobs under their digests, and only what was sent in full."""

import io
import json
import tarfile
from pathlib import Path

import pytest

from ekiben.core.errors import CorruptArchive, StoreError
from ekiben.images.oci.layout import Layout, write_tar
from ekiben.store.remotes.oci.documents import Descriptor
from tests.images.oci.bases import digest


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    """Give an empty layout."""
    return Layout(tmp_path / "layout")


def test_put(layout: Layout) -> None:
    """A blob lies under its digest and is described by it."""
    found = layout.put(b"abc", "text/plain")
    assert found == Descriptor("text/plain", digest(b"abc"), 3)
    assert (layout.folder / "blobs/sha256" / digest(b"abc")[7:]).read_bytes() == b"abc"
    with layout.blob(found).open() as file:
        assert file.read() == b"abc"


@pytest.mark.parametrize(
    ("sent", "size", "of"),
    [
        pytest.param(b"abd", 3, b"abc", id="other bytes"),
        pytest.param(b"ab", 3, b"abc", id="fewer bytes"),
        pytest.param(b"abcd", 3, b"abc", id="more bytes"),
        pytest.param(b"abcd", 3, b"abcd", id="another size than it says"),
    ],
)
def test_take_refuses(layout: Layout, sent: bytes, size: int, of: bytes) -> None:
    """What is not its digest or its size is refused, and not kept."""
    with pytest.raises(CorruptArchive, match="other bytes"):
        layout.take(io.BytesIO(sent), Descriptor("x", digest(of), size))
    assert not list((layout.folder / "blobs/sha256").iterdir())


def test_take_stops(layout: Layout) -> None:
    """A source without an end is read no further than one byte too many."""
    source = io.BytesIO(b"x" * 10_000_000)
    with pytest.raises(CorruptArchive):
        layout.take(source, Descriptor("x", digest(b"x"), 1))
    assert source.tell() == 2


def test_no_digest_is_a_path(layout: Layout) -> None:
    """A digest that is none names no file."""
    for text in ("sha256:../../etc/passwd", "md5:00", "sha256:" + "A" * 64, "../x"):
        with pytest.raises(CorruptArchive):
            layout.place(text)


def test_finish(layout: Layout) -> None:
    """The index names the manifest by each name; without names once."""
    manifest = layout.put(b"{}", "application/vnd.oci.image.manifest.v1+json")
    layout.finish(manifest, ["iris:v1", "iris:latest"])
    index = json.loads((layout.folder / "index.json").read_bytes())
    names = [each["annotations"]["org.opencontainers.image.ref.name"] for each in index["manifests"]]
    assert names == ["iris:v1", "iris:latest"]
    assert {each["digest"] for each in index["manifests"]} == {manifest.digest}
    assert json.loads((layout.folder / "oci-layout").read_bytes()) == {"imageLayoutVersion": "1.0.0"}
    layout.finish(manifest, [])
    assert len(json.loads((layout.folder / "index.json").read_bytes())["manifests"]) == 1


def test_write_tar(layout: Layout, tmp_path: Path) -> None:
    """The tar has the files of the layout, without times and owners, the same bytes each time."""
    layout.finish(layout.put(b"{}", "x"), ["iris:v1"])
    write_tar(layout.folder, tmp_path / "one.tar")
    write_tar(layout.folder, tmp_path / "two.tar")
    assert (tmp_path / "one.tar").read_bytes() == (tmp_path / "two.tar").read_bytes()
    with tarfile.open(tmp_path / "one.tar") as tar:
        names = [each.name for each in tar]
        assert {(each.mtime, each.uid, each.uname) for each in tar} == {(0, 0, "")}
    assert names == ["oci-layout", "index.json", "blobs/sha256", f"blobs/sha256/{digest(b'{}')[7:]}"]


def test_write_tar_nowhere(layout: Layout, tmp_path: Path) -> None:
    """A place that is not there is an error in words."""
    layout.finish(layout.put(b"{}", "x"), [])
    with pytest.raises(StoreError, match="cannot write"):
        write_tar(layout.folder, tmp_path / "missing/image.tar")

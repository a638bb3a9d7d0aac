"""A manifest names every byte of an item."""

import hashlib
import json
import os
import socket
from pathlib import Path

import pytest

from ekiben.core.errors import CorruptItem, Problem, StoreError
from ekiben.store.digest import MANIFEST, Manifest, compare, measure, read_manifest


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give a folder with a file at the top and one below."""
    (tmp_path / "item/sub/empty").mkdir(parents=True)
    (tmp_path / "item/a.bin").write_bytes(b"abc")
    (tmp_path / "item/sub/b.bin").write_bytes(b"")
    return tmp_path / "item"


def test_measure_says_size_and_digest(folder: Path) -> None:
    """Each file stands there with its size and its SHA-256, by its path with forward slashes."""
    manifest = measure(folder)
    assert set(manifest.files) == {"a.bin", "sub/b.bin"}
    assert manifest.files["a.bin"].sha256 == hashlib.sha256(b"abc").hexdigest()
    assert (manifest.files["a.bin"].size, manifest.size) == (3, 3)


def test_manifest_survives_its_file(folder: Path) -> None:
    """What is written is read again, and the manifest does not count itself."""
    manifest = measure(folder)
    (folder / MANIFEST).write_bytes(manifest.to_bytes())
    assert read_manifest(folder) == manifest == measure(folder)
    assert json.loads(manifest.to_bytes())["files"]["a.bin"]["size"] == 3


def test_digest_is_that_of_the_content(folder: Path, tmp_path: Path) -> None:
    """Equal files give an equal digest, wherever and whenever; one changed bit or name gives another."""
    other = tmp_path / "other"
    (other / "sub").mkdir(parents=True)
    (other / "sub/b.bin").write_bytes(b"")
    (other / "a.bin").write_bytes(b"abc")
    os.utime(other / "a.bin", (0, 0))
    digest = measure(folder).digest
    assert digest == measure(other).digest == "sha256:" + hashlib.sha256(measure(folder).to_bytes()).hexdigest()
    (other / "a.bin").write_bytes(b"abx")
    assert measure(other).digest != digest
    (other / "a.bin").write_bytes(b"abc")
    (other / "a.bin").rename(other / "c.bin")
    assert measure(other).digest != digest


def test_compare_names_every_difference(folder: Path) -> None:
    """A missing, a changed, a longer and an extra file are each named; no difference is nothing."""
    before = measure(folder)
    assert compare(before, measure(folder)) == ()
    (folder / "a.bin").write_bytes(b"abx")
    (folder / "sub/b.bin").write_bytes(b"12")
    (folder / "c.bin").touch()
    assert compare(before, measure(folder)) == (
        Problem("a.bin", "has other bytes than when it was saved"),
        Problem("c.bin", "is not in the manifest"),
        Problem("sub/b.bin", "has 2 bytes instead of 0"),
    )
    (folder / "a.bin").unlink()
    assert compare(before, measure(folder))[0] == Problem("a.bin", "is missing")


def test_no_manifest_is_none(folder: Path) -> None:
    """An item that BentoML saved has no manifest, and that is no error."""
    assert read_manifest(folder) is None


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{",
        b"[]",
        b"{}",
        b'{"files": []}',
        b'{"files": {"a": {}}}',
        b'{"files": {"a": 1}}',
        b"[" * 200_000,
        b"\xff",
    ],
)
def test_a_damaged_manifest_is_an_error(folder: Path, text: bytes) -> None:
    """Whatever stands in manifest.json, it is a manifest or a CorruptItem."""
    (folder / MANIFEST).write_bytes(text)
    with pytest.raises(CorruptItem, match=r"manifest\.json is not a manifest"):
        read_manifest(folder)


def test_measure_refuses_what_is_no_file(folder: Path, tmp_path: Path) -> None:
    """A link, a pipe and a socket are each refused by name; what a link points to is not read."""
    (folder / "link").symlink_to("/etc/hostname")
    with pytest.raises(StoreError, match=r"files and folders, and this is neither: .*link"):
        measure(folder)
    (folder / "link").unlink()
    os.mkfifo(folder / "pipe")
    with pytest.raises(StoreError, match="pipe"):
        measure(folder)
    (folder / "pipe").unlink()
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(folder / "socket"))
        with pytest.raises(StoreError, match="socket"):
            measure(folder)


@pytest.mark.parametrize("name", [b"a\nb", b"a\\b", b"a\xffb"])
def test_measure_refuses_names_that_others_cannot_write(folder: Path, name: bytes) -> None:
    """A name that no other system could unpack is refused when it is saved, not when it is imported."""
    Path(os.fsdecode(os.fsencode(folder) + b"/" + name)).touch()
    with pytest.raises(StoreError, match="without backslashes and control characters"):
        measure(folder)


def test_progress_counts_to_the_end(folder: Path) -> None:
    """Progress grows, and ends with all bytes."""
    seen: list[tuple[int, int]] = []
    (folder / "d.bin").write_bytes(b"x" * 5)
    measure(folder, lambda done, total: seen.append((done, total)))
    assert seen == sorted(seen)
    assert seen[-1] == (8, 8)
    assert Manifest({}).size == 0

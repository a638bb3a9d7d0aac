"""Plain files and folders below one folder, each once, or nothing."""

import errno
import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ekiben.core.errors import StoreError, UnsafeArchive
from ekiben.store.members import Member
from ekiben.store.unpack import check_path, unpack


def chunks(data: bytes) -> Iterator[bytes]:
    """Give *data* in two pieces."""
    yield data[:2]
    yield data[2:]


def file(path: str, data: bytes = b"data", *, is_executable: bool = False) -> Member:
    """Make a member that is a file."""
    return Member(path, "file", partial(chunks, data), is_executable)


def folder(path: str) -> Member:
    """Make a member that is a folder."""
    return Member(path, "folder", partial(chunks, b""))


def listing(top: Path) -> dict[str, bytes | None]:
    """Give the files below *top* with their content, the folders with None."""
    return {
        path.relative_to(top).as_posix(): None if path.is_dir() else path.read_bytes()
        for path in sorted(top.rglob("*"))
    }


def test_files_and_folders_are_written(tmp_path: Path) -> None:
    """Paths are taken as they are; folders above a file are made; `./` means nothing."""
    unpack([folder("./"), folder("a/"), file("./a/b.txt"), file("c/d/e", b""), folder("c"), folder("c/d")], tmp_path)
    assert listing(tmp_path) == {"a": None, "a/b.txt": b"data", "c": None, "c/d": None, "c/d/e": b""}


def test_a_script_stays_one(tmp_path: Path) -> None:
    """The right to run a file is kept; nothing else of its mode is."""
    unpack([file("run", is_executable=True), file("data")], tmp_path)
    assert os.access(tmp_path / "run", os.X_OK)
    assert not (tmp_path / "data").stat().st_mode & 0o111


@pytest.mark.parametrize(
    "path",
    [
        pytest.param("/etc/passwd", id="an absolute path"),
        pytest.param("../x", id="the folder above"),
        pytest.param("a/../../x", id="the folder above, later"),
        pytest.param("a/..", id="up and down again"),
        pytest.param("C:\\x", id="a drive"),
        pytest.param("c:x", id="a drive without a slash"),
        pytest.param("\\\\host\\share", id="a share"),
        pytest.param("a\\..\\..\\x", id="backslashes"),
        pytest.param("a\0b", id="a zero byte"),
        pytest.param("a\nb", id="a line break"),
        pytest.param("a\x1b[2Jb", id="a code that clears the terminal"),
        pytest.param("a\udcffb", id="bytes that are no text"),
        pytest.param("x" * 256, id="a name of 256 letters"),
        pytest.param("ü" * 128, id="a name of 256 bytes"),
        pytest.param("/".join("a" * 33), id="33 folders in each other"),
        pytest.param("/".join(["x" * 200] * 6), id="a path of 1205 bytes"),
    ],
)
@pytest.mark.parametrize("make", [file, folder])
def test_a_path_that_may_lead_elsewhere_is_refused(tmp_path: Path, make: type[Member], path: str) -> None:
    """Such a path is refused whatever it is the path of, and nothing is written."""
    with pytest.raises(UnsafeArchive, match="holds a path that"):
        unpack([make(path)], tmp_path)  # type: ignore[call-arg]
    assert listing(tmp_path) == {}


@pytest.mark.parametrize(
    "kind", ["symbolic link", "hard link", "device", "named pipe", "sparse file", "encrypted file"]
)
def test_only_files_and_folders(tmp_path: Path, kind: str) -> None:
    """Everything else is refused under its name."""
    with pytest.raises(UnsafeArchive, match=f"this holds a {kind}: 'x'"):
        unpack([Member("x", kind, partial(chunks, b""))], tmp_path)
    assert listing(tmp_path) == {}


@pytest.mark.parametrize(
    "members",
    [
        pytest.param([file("a"), file("a")], id="a file twice"),
        pytest.param([file("a"), file("./a")], id="a file twice, written in two ways"),
        pytest.param([file("a"), file("a/")], id="a file twice, once with a slash"),
        pytest.param([file("a//b"), file("a/b")], id="a file twice, once with two slashes"),
        pytest.param([file("a"), file("A")], id="two files that differ in a capital"),
        pytest.param([file("straße"), file("STRASSE")], id="two files that are one in capitals"),
        pytest.param([file("\u00e9"), file("e\u0301")], id="two files that differ in how an accent is written"),
        pytest.param([file("a/x"), file("A/y")], id="two folders that differ in a capital"),
        pytest.param([file("a"), folder("a")], id="a file, then a folder"),
        pytest.param([folder("a"), file("a")], id="a folder, then a file"),
        pytest.param([file("a"), file("a/b")], id="a file, then something below it"),
        pytest.param([file("a/b"), file("a")], id="something below it, then the file"),
        pytest.param([folder("a"), folder("A")], id="folders that differ in a capital"),
    ],
)
def test_no_path_twice(tmp_path: Path, members: list[Member]) -> None:
    """What would be written over on some system is refused on all."""
    with pytest.raises(UnsafeArchive, match="holds one path twice"):
        unpack(members, tmp_path)


def test_a_folder_may_come_twice(tmp_path: Path) -> None:
    """Archives do name a folder again, which changes nothing."""
    unpack([folder("a"), folder("a/"), file("a/b"), folder("a")], tmp_path)
    assert listing(tmp_path) == {"a": None, "a/b": b"data"}


@pytest.mark.parametrize("path", ["", ".", "./", "/."])
def test_a_file_has_a_name(tmp_path: Path, path: str) -> None:
    """The top folder is not a file."""
    with pytest.raises(UnsafeArchive):
        unpack([file(path)], tmp_path)


def test_nothing_is_written_through_what_is_there(tmp_path: Path) -> None:
    """A link that stands in the way is not followed, should there ever be one."""
    (tmp_path / "secret").write_text("mine")
    (tmp_path / "in").mkdir()
    (tmp_path / "in/a").symlink_to(tmp_path / "secret")
    with pytest.raises(StoreError, match=os.strerror(errno.EEXIST)):
        unpack([file("a")], tmp_path / "in")
    assert (tmp_path / "secret").read_text() == "mine"


@given(st.text(alphabet="ab./\\:\0~ \n", max_size=20))
def test_check_path_never_leaves(path: str) -> None:
    """Whatever a path is, its parts name things below the folder, or it is refused."""
    try:
        parts = check_path(path)
    except UnsafeArchive:
        return
    for part in parts:
        assert part not in ("", ".", "..")
        assert not set(part) & set("/\\\0\n")
    assert os.path.normpath(os.path.join("/top", *parts)).startswith("/top")

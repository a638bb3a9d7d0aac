"""What a base holds is learned from its layers as an engine would lay them over each other; nothing is unpacked."""

import gzip
import random
import tarfile
from pathlib import Path
from typing import Any

import pytest

from ekiben.core.errors import ConfigError, CorruptArchive, EkibenError, UnsafeArchive
from ekiben.images.oci import tree as rooms
from ekiben.images.oci.base import take_base
from ekiben.images.oci.layout import Layout
from ekiben.images.oci.tree import Tree, read_tree
from ekiben.store.remotes.oci.documents import Platform
from tests.images.oci.bases import PASSWD, PYTHON, Content, make_tar, write_base

PATH = ["/usr/local/bin", "/usr/bin", "/bin"]


def tree_of(folder: Path, *layers: dict[str, Content], max_size: int = 10**9, **changes: Any) -> Tree:
    """Read the tree of a base that is made for it."""
    place = write_base(folder / "base", layers=layers or (PYTHON,), **changes)
    layout = Layout(folder / "taken")
    return read_tree(take_base(str(place), Platform("linux", "amd64"), layout), layout, max_size=max_size)


def test_python(tmp_path: Path) -> None:
    """The Python of a version is found on PATH, and the users are known."""
    tree = tree_of(tmp_path)
    assert tree.find_python(PATH, "3.11") == "/usr/local/bin/python3.11"
    assert tree.entries["etc/passwd"].text == PASSWD
    assert tree.resolve("bin/sh") == "usr/bin/sh"
    assert not tree.is_musl


def test_order_of_path(tmp_path: Path) -> None:
    """The first folder of PATH counts, and its links are followed to the program itself."""
    layer: dict[str, Content] = {
        "usr/bin/python3.11": b"x",
        "opt/bin/python3.11": "../lib/python/bin/python3.11",
        "opt/lib/python": "/opt/py",
        "opt/py/bin/python3.11": b"x",
    }
    tree = tree_of(tmp_path, layer)
    assert tree.find_python(["/missing", "/opt/bin", "/usr/bin"], "3.11") == "/opt/py/bin/python3.11"
    assert tree.find_python(["/usr/bin", "/opt/bin"], "3.11") == "/usr/bin/python3.11"


def test_other_python(tmp_path: Path) -> None:
    """A base without the Python of the packages is refused, and the error says what it has."""
    with pytest.raises(ConfigError, match=r"must have Python 3\.12.*it has python3\.11"):
        tree_of(tmp_path).find_python(PATH, "3.12")
    with pytest.raises(ConfigError, match="no Python"):
        Tree().find_python(PATH, "3.12")
    with pytest.raises(ConfigError):  # PATH of the base may hold anything
        tree_of(tmp_path / "x").find_python(["", ".", "usr/local/bin"], "3.11")


def test_musl(tmp_path: Path) -> None:
    """A base with musl is known by its loader."""
    assert tree_of(tmp_path, {"lib/ld-musl-x86_64.so.1": b"x"}).is_musl


@pytest.mark.parametrize(
    ("upper", "left"),
    [
        pytest.param({"a/.wh.x": b""}, {"a/y", "b"}, id="a file is deleted"),
        pytest.param({".wh.a": b""}, {"b"}, id="a folder is deleted"),
        pytest.param({"a/.wh..wh..opq": b""}, {"b"}, id="a folder is emptied"),
        pytest.param({".wh..wh..opq": b""}, set(), id="all is emptied"),
        pytest.param({"a/.wh..wh..opq": b"", "a/z": b"1"}, {"a/z", "b"}, id="what the layer itself brings stays"),
        pytest.param({"a/z": b"1", ".wh.a": b""}, {"a/z", "b"}, id="in whatever order"),
        pytest.param({"b": None}, {"a/x", "a/y"}, id="a folder where a program was"),
        pytest.param({"b": "a/x"}, {"a/x", "a/y", "b"}, id="a link where a program was"),
        pytest.param({".wh.missing": b""}, {"a/x", "a/y", "b"}, id="nothing is deleted"),
    ],
)
def test_layers(tmp_path: Path, upper: dict[str, Content], left: set[str]) -> None:
    """A layer changes those below it."""
    assert set(tree_of(tmp_path, {"a/x": b"1", "a/y": b"1", "b": b"1"}, upper).entries) == left


def test_links_stay_inside() -> None:
    """No link leads out of the image, and a circle ends."""
    tree = Tree()
    for path, link in {"up": "../../../etc", "top": "/", "a": "b", "b": "a", "self": "self/self"}.items():
        tree.keep(path, rooms.Found(link=link))
    assert tree.resolve("up/passwd") == "etc/passwd"
    assert tree.resolve("top/top/x/../y") == "y"
    assert tree.resolve("../../x") == "x"
    for path in ("a", "self"):
        with pytest.raises(CorruptArchive, match="circle"):
            tree.resolve(path)


@pytest.mark.parametrize("name", ["../x", "a/../../x", "/../x", "x" * 5000])
def test_paths(tmp_path: Path, name: str) -> None:
    """A path of a layer that leads out of the image, or is longer than any, is refused."""
    with pytest.raises(UnsafeArchive, match="leads out"):
        tree_of(tmp_path, {name: b"x"})


def test_bomb(tmp_path: Path) -> None:
    """A layer that unpacks to more than is allowed is read no further."""
    with pytest.raises(UnsafeArchive, match="more than 1000000 bytes"):
        tree_of(tmp_path, {"zeros": bytes(3_000_000)}, max_size=1_000_000)


def test_many_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Names do not fill the memory."""
    monkeypatch.setattr(rooms, "MAX_NAMES", 1000)
    with pytest.raises(UnsafeArchive, match="1000 letters"):
        tree_of(tmp_path, {f"{number:0100}": b"x" for number in range(20)})


def test_many_members(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Entries do not go on for ever."""
    monkeypatch.setattr(rooms, "MOST_ENTRIES", 10)
    with pytest.raises(UnsafeArchive, match="more than 10 members"):
        tree_of(tmp_path, {str(number): b"" for number in range(20)})


def test_other_content(tmp_path: Path) -> None:
    """A layer that unpacks to something else than the config says is refused."""
    other = gzip.compress(make_tar({"other": b"x"}))
    with pytest.raises(CorruptArchive, match="unpacks to other bytes"):
        tree_of(tmp_path, packed=[other])


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"not a tar" * 100, id="no tar"),
        pytest.param(gzip.compress(b"not a tar" * 100), id="gzip of no tar"),
        pytest.param(gzip.compress(make_tar(PYTHON))[:-9], id="cut short"),
    ],
)
def test_damaged(tmp_path: Path, data: bytes) -> None:
    """A layer that is no tar is refused."""
    with pytest.raises(CorruptArchive):
        tree_of(tmp_path, packed=[data])


def test_any_damage(tmp_path: Path) -> None:
    """Whatever bytes of a layer are changed, the error is one in words."""
    chance = random.Random(1)
    whole = make_tar(PYTHON)
    for number in range(100):
        data = bytearray(whole)
        for _ in range(3):
            data[chance.randrange(len(data))] = chance.randrange(256)
        if bytes(data) == whole:
            continue
        with pytest.raises(EkibenError):
            tree_of(tmp_path / str(number), packed=[gzip.compress(bytes(data))])


def test_huge_header(tmp_path: Path) -> None:
    """A header of a layer that claims gigabytes is refused before they are read into memory."""
    info = tarfile.TarInfo("x")
    info.type, info.size = tarfile.XHDTYPE, 8 * 1024**3
    with pytest.raises(UnsafeArchive, match="claims to be"):
        tree_of(tmp_path, packed=[info.tobuf(tarfile.GNU_FORMAT) + bytes(5_000_000)])

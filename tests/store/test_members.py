"""Whatever packed an archive, its members are listed alike."""

import io
import shutil
import subprocess
import tarfile
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ekiben.core.errors import CorruptArchive, StoreError, UnsafeArchive
from ekiben.store.members import open_members
from ekiben.store.streams import Budget

FILES = {"model.yaml": b"name: x\n", "sub/big.bin": bytes(range(256)) * 10_000, "sub/empty": b"", "ü ü.txt": b"x"}


def read(path: Path, size: int = 1 << 30, members: int = 1000) -> dict[str, bytes]:
    """Read the files in an archive."""
    with open_members(path, Budget(size, members)) as found:
        return {member.path.removeprefix("./"): b"".join(member.chunks()) for member in found if member.kind == "file"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give a folder with the files."""
    for path, data in FILES.items():
        (tmp_path / "top" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "top" / path).write_bytes(data)
    return tmp_path / "top"


@pytest.mark.parametrize("form", ["ustar", "gnu", "pax", "v7"])
@pytest.mark.parametrize("flag", ["", "-z", "-j", "-J"])
def test_tars_of_the_system(folder: Path, tmp_path: Path, form: str, flag: str) -> None:
    """What the system's tar packs is read, in each of its formats and compressions."""
    if shutil.which("tar") is None:
        pytest.skip("there is no tar command here")
    command = ["tar", f"--format={form}", *([flag] if flag else []), "-cf", tmp_path / "a.x", "-C", folder, "."]
    subprocess.run(command, check=True, timeout=60)
    assert read(tmp_path / "a.x") == FILES


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_zips(folder: Path, tmp_path: Path, method: int) -> None:
    """Every method of zip that Python has is read."""
    with zipfile.ZipFile(tmp_path / "a.x", "w", method) as archive:
        for path in folder.rglob("*"):
            archive.write(path, path.relative_to(folder))
    assert read(tmp_path / "a.x") == FILES


def test_folders(folder: Path) -> None:
    """A folder is listed like an archive; a link in it is no file."""
    assert read(folder) == FILES
    (folder / "link").symlink_to("model.yaml")
    with open_members(folder, Budget(1 << 30, 100)) as found:
        assert {member.path: member.kind for member in found}["link"] == "link or special file"


def test_the_name_says_nothing(folder: Path, tmp_path: Path) -> None:
    """A zip that is called `.bentomodel` is read as the zip that it is."""
    with zipfile.ZipFile(tmp_path / "a.bentomodel", "w") as archive:
        archive.writestr("model.yaml", "x")
    assert read(tmp_path / "a.bentomodel") == {"model.yaml": b"x"}


@pytest.mark.parametrize(
    "data", [b"", b"x", b"PK\3\4", b"PK\5\6", b"\x1f\x8b", b"\xfd7zXZ\x00", b"BZh9", b"x" * 10_000]
)
def test_what_is_no_archive(tmp_path: Path, data: bytes) -> None:
    """Anything else is a CorruptArchive, an empty file included."""
    (tmp_path / "a").write_bytes(data)
    with pytest.raises(CorruptArchive, match=r"archive|damaged"):
        read(tmp_path / "a")


def test_a_missing_file(tmp_path: Path) -> None:
    """A file that cannot be opened is said to be that."""
    with pytest.raises(StoreError, match=r"cannot read .*gone"):
        read(tmp_path / "gone")


@pytest.fixture
def tar(folder: Path, tmp_path: Path) -> Path:
    """Give a plain tar of the files."""
    with tarfile.open(tmp_path / "a.tar", "w") as tar:
        for path in sorted(folder.rglob("*")):
            tar.add(path, path.relative_to(folder), recursive=False)
    return tmp_path / "a.tar"


def test_a_tar_cut_anywhere_is_damage(tar: Path) -> None:
    """Cut at the edge of a member or inside one, the end is missed: a part never passes for the whole."""
    whole = tar.read_bytes()
    with tarfile.open(tar) as archive:
        edges = [member.offset for member in archive.getmembers()]
        end = archive.offset
    for length in (*edges, *(edge + 700 for edge in edges), end, end + 511):
        tar.write_bytes(whole[:length])
        with pytest.raises(CorruptArchive):
            read(tar)
    tar.write_bytes(whole[: end + 512])
    assert read(tar) == FILES


def test_a_damaged_header_is_not_the_end(tar: Path) -> None:
    """A header whose check sum is wrong does not hide the members behind it."""
    whole = bytearray(tar.read_bytes())
    with tarfile.open(tar) as archive:
        offset = archive.getmembers()[2].offset
    whole[offset + 150] ^= 1
    tar.write_bytes(whole)
    with pytest.raises(CorruptArchive):
        read(tar)


def test_something_behind_the_end_is_damage(tar: Path) -> None:
    """A second archive behind the end, which other programs read, is not passed over in silence."""
    tar.write_bytes(tar.read_bytes() + b"\0" * 512 + b"x" * 512)
    with pytest.raises(CorruptArchive, match="something follows its end"):
        read(tar)


@pytest.mark.parametrize("kind", ["tar", "zip", "folder"])
def test_the_budget_holds_for_each_kind(folder: Path, tmp_path: Path, kind: str) -> None:
    """Bytes and members are counted as they come out, whatever they come out of."""
    path = folder
    if kind != "folder":
        path = Path(shutil.make_archive(str(tmp_path / "a"), kind, folder))
    assert read(path, 4_000_000, 6) == FILES
    with pytest.raises(UnsafeArchive, match="unpacks to more than"):
        read(path, 2_000_000, 6)
    with pytest.raises(UnsafeArchive, match="more than 3 members"):
        read(path, 4_000_000, 3)


def test_a_zip_that_lies_about_sizes(tmp_path: Path) -> None:
    """The bytes that come out count, not those that the directory claims."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a", bytes(1_000_000))
    whole = data.getvalue().replace((1_000_000).to_bytes(4, "little"), (10).to_bytes(4, "little"))
    (tmp_path / "a.zip").write_bytes(whole)
    with pytest.raises((CorruptArchive, UnsafeArchive)):
        read(tmp_path / "a.zip", 1000)


@pytest.mark.parametrize("offset", range(0, 120, 3))
def test_a_damaged_zip_is_an_error_of_ours(tmp_path: Path, offset: int) -> None:
    """Whichever byte of a small zip is changed, it is read as it was or refused."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a", b"abc" * 10)
    whole = bytearray(data.getvalue())
    whole[offset % len(whole)] ^= 0xFF
    (tmp_path / "a.zip").write_bytes(whole)
    try:
        assert b"".join(read(tmp_path / "a.zip").values()) in (b"abc" * 10, b"")
    except (CorruptArchive, UnsafeArchive):
        return


def small(kind: str) -> bytes:
    """Pack two files in a few hundred bytes."""
    data = io.BytesIO()
    if kind == "zip":
        with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("é/a", b"abc" * 50)
            archive.writestr("b", b"")
    else:
        with tarfile.open(fileobj=data, mode=f"w:{kind}", format=tarfile.PAX_FORMAT) as tar:
            for name, content in (("é/" + "a" * 120, b"abc" * 50), ("b", b"")):
                info = tarfile.TarInfo(name)
                info.size, info.mtime = len(content), 1.5
                tar.addfile(info, io.BytesIO(content))
    return data.getvalue()


SMALL = {kind: small(kind) for kind in ("", "gz", "xz", "bz2", "zip")}


@given(
    st.sampled_from(sorted(SMALL)),
    st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=4),
    st.floats(0, 1),
)
def test_whatever_is_damaged_the_error_is_ours(
    tmp_path_factory: pytest.TempPathFactory, kind: str, changes: list[tuple[float, int]], length: float
) -> None:
    """With any bytes changed and any part cut off, it is read, or refused in our words; nothing else is raised."""
    data = bytearray(SMALL[kind])
    for place, value in changes:
        data[int(place * len(data))] = value
    path = tmp_path_factory.mktemp("damaged") / "a"
    path.write_bytes(data[: max(1, round(length * 2 * len(data)))])
    try:
        assert sum(map(len, read(path, 100_000, 10).values())) <= 100_000
    except (CorruptArchive, UnsafeArchive):
        return

"""The home is where the user says, paths stay below their folder, and files are whole."""

import asyncio
import os
import stat
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ekiben.core.errors import InvalidInput, StoreError
from ekiben.core.paths import (
    disk_errors,
    home,
    is_plain,
    join_below,
    known_homes,
    make_folder,
    make_home,
    sync_tree,
    use_home,
    write_whole,
)


def test_home_follows_the_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the caller names wins over `use_home`, that over EKIBEN_HOME, that over `~/.ekiben`."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("EKIBEN_HOME")
    assert home() == tmp_path / ".ekiben"
    monkeypatch.setenv("EKIBEN_HOME", "~/store")
    assert home() == tmp_path / "store"
    with use_home(tmp_path / "chosen") as chosen:
        assert home() == chosen == tmp_path / "chosen"
        assert home("/given") == Path("/given")
    assert home() == tmp_path / "store"


def test_home_is_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A relative home is that of the working directory at the time of the call."""
    monkeypatch.chdir(tmp_path)
    assert home("here") == tmp_path / "here"
    with use_home("there"):
        monkeypatch.chdir("/")
        assert home() == tmp_path / "there"


def test_an_empty_variable_is_none(tmp_path: Path) -> None:
    """`EKIBEN_HOME=` means the default, not the working directory."""
    assert home(env={"EKIBEN_HOME": ""}).name == ".ekiben"


def test_use_home_is_undone_by_an_error(tmp_path: Path) -> None:
    """An exception in the block puts the earlier home back."""
    before = home()
    with pytest.raises(ZeroDivisionError), use_home(tmp_path):
        raise ZeroDivisionError
    assert home() == before


async def test_use_home_stays_in_its_task(tmp_path: Path) -> None:
    """Two tasks that choose two homes do not see each other's."""

    async def look(name: str) -> tuple[Path, Path]:
        with use_home(tmp_path / name):
            first = home()
            await asyncio.sleep(0)
            return first, home()

    found = await asyncio.gather(look("a"), look("b"))
    assert found == [(tmp_path / "a",) * 2, (tmp_path / "b",) * 2]


def test_threads_see_the_variable_and_not_the_block(tmp_path: Path) -> None:
    """A thread started in the block works in the home of the process, as the docs say."""
    before, seen = home(), []
    with use_home(tmp_path):
        thread = threading.Thread(target=lambda: seen.append(home()))
        thread.start()
        thread.join(timeout=10)
    assert seen == [before]


def test_known_homes_are_ours_and_bentomls(tmp_path: Path) -> None:
    """Both homes are known, each once, wherever the variables put them."""
    homes = known_homes({"EKIBEN_HOME": "/one", "BENTOML_HOME": "/two"})
    assert {Path("/one"), Path("/two"), Path("~/.ekiben").expanduser()} == set(homes)
    assert known_homes({}) == (Path("~/.ekiben").expanduser(), Path("~/bentoml").expanduser())


def test_the_default_home_is_private(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`~/.ekiben` is for its owner alone; a home that was chosen follows the umask; nothing is tightened later."""
    monkeypatch.setenv("HOME", str(tmp_path / "user"))
    mask = os.umask(0o022)
    try:
        assert stat.S_IMODE(make_home(tmp_path / "user/.ekiben").stat().st_mode) == 0o700
        shared = make_home(tmp_path / "srv/shared")
        assert stat.S_IMODE(shared.stat().st_mode) == 0o755
        shared.chmod(0o775)
        assert stat.S_IMODE(make_home(shared).stat().st_mode) == 0o775
    finally:
        os.umask(mask)


def test_a_file_where_the_folder_should_be_is_an_error(tmp_path: Path) -> None:
    """The error names the folder, and the file is left alone."""
    (tmp_path / "home").write_text("mine")
    with pytest.raises(StoreError, match=r"cannot make the folder .*home"):
        make_folder(tmp_path / "home")
    assert (tmp_path / "home").read_text() == "mine"


@pytest.mark.parametrize(
    "path",
    [
        "/etc/passwd",
        "..",
        "../x",
        "a/../../x",
        "a/..",
        "C:/x",
        "c:x",
        "\\\\host\\x",
        "a\\..\\x",
        "a\0b",
        "a\nb",
        "\x7f",
    ],
)
def test_join_below_refuses(tmp_path: Path, path: str) -> None:
    """A path that could lead out of the folder, on any system, is refused and named."""
    with pytest.raises(InvalidInput, match="must stay below its folder"):
        join_below(tmp_path, path)


def test_join_below_refuses_a_link_that_leads_out(tmp_path: Path) -> None:
    """A link inside the folder does not open a way out of it; one that stays inside does no harm."""
    (tmp_path / "in").mkdir()
    (tmp_path / "in/out").symlink_to(tmp_path)
    (tmp_path / "in/self").symlink_to(tmp_path / "in")
    with pytest.raises(InvalidInput, match="a link leads it out"):
        join_below(tmp_path / "in", "out/secret")
    assert join_below(tmp_path / "in", "self/file") == tmp_path / "in/self/file"


@pytest.mark.parametrize(("path", "below"), [("a/b.txt", "a/b.txt"), ("./a", "a"), ("", ""), (".", ""), ("...", "...")])
def test_join_below_joins(tmp_path: Path, path: str, below: str) -> None:
    """A plain path is joined as it is."""
    assert join_below(tmp_path, path) == tmp_path / below


@given(st.text(alphabet="ab./\\:\0~-", max_size=12))
def test_join_below_never_leaves(path: str) -> None:
    """Whatever text comes, the result lies below the folder or there is none."""
    folder = Path("/nowhere/at/all")
    try:
        joined = join_below(folder, path)
    except InvalidInput:
        assert not is_plain(path)
        return
    assert os.path.normpath(joined).startswith(str(folder))


def test_write_whole_replaces(tmp_path: Path) -> None:
    """The new text stands where the old one was, with the modes of a new file, and nothing beside it."""
    path = tmp_path / "latest"
    for text in (b"one", b"two"):
        write_whole(path, text)
        assert path.read_bytes() == text
    assert [entry.name for entry in tmp_path.iterdir()] == ["latest"]
    plain = tmp_path / "plain"
    plain.touch()
    assert plain.stat().st_mode == path.stat().st_mode


def test_write_whole_keeps_the_old_file_when_it_fails(tmp_path: Path) -> None:
    """A write into a missing folder is a StoreError that says why."""
    with pytest.raises(StoreError, match=r"cannot write .*: No such file or directory"):
        write_whole(tmp_path / "missing/latest", b"x")


def test_write_whole_is_never_seen_half(tmp_path: Path) -> None:
    """A reader meets the old bytes or the new ones, whenever it looks."""
    path = tmp_path / "file"
    texts = [bytes([letter]) * 200_000 for letter in b"ab"]
    write_whole(path, texts[0])
    seen: set[bytes] = set()
    is_done = threading.Event()

    def look() -> None:
        while not is_done.is_set():
            seen.add(path.read_bytes())

    reader = threading.Thread(target=look)
    reader.start()
    for turn in range(40):
        write_whole(path, texts[turn % 2])
    is_done.set()
    reader.join(timeout=30)
    assert seen <= set(texts)


def test_disk_errors_say_what_to_do() -> None:
    """A read-only and a full disk each come with a hint; another error comes without."""
    for number, hint in ((30, "that you may write"), (28, "free some space"), (5, None)):
        with pytest.raises(StoreError, match="cannot save: ") as caught, disk_errors("cannot save"):
            raise OSError(number, os.strerror(number))
        assert hint in caught.value.hint if hint else caught.value.hint is None


def test_disk_errors_leave_others_alone_where_asked() -> None:
    """With `only_full`, what a user's code raises for reasons of its own passes as it is."""
    with pytest.raises(FileNotFoundError), disk_errors("cannot save", only_full=True):
        raise FileNotFoundError(2, "No such file")
    with pytest.raises(StoreError), disk_errors("cannot save", only_full=True):
        raise OSError(28, "No space left on device")


def test_sync_tree_takes_any_tree(tmp_path: Path) -> None:
    """Files without read permission for others, empty folders and nested ones are all synced without complaint."""
    (tmp_path / "a/b").mkdir(parents=True)
    (tmp_path / "a/file").write_bytes(b"x")
    (tmp_path / "a/file").chmod(0o400)
    sync_tree(tmp_path)
    assert (tmp_path / "a/file").read_bytes() == b"x"

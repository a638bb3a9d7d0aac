"""What is built out of sight is removed when its owner is gone, and not before."""

import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

import pytest

from ekiben.store.staging import stage, store_lock, sweep

HOLD = """
import sys
from pathlib import Path
from ekiben.store.staging import stage
with stage(Path(sys.argv[1])) as folder:
    (folder / "half").write_text("x")
    print(folder, flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Give the place of a store that does not exist yet."""
    return tmp_path / "home/models"


def start(root: Path) -> tuple[subprocess.Popen[str], Path]:
    """Start a process that stages a folder and waits."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(root)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    return process, Path(process.stdout.readline().strip())


def test_a_stage_is_empty_and_outside_of_the_root(root: Path) -> None:
    """The folder is new, on the disk of the root, not in it, and gone afterwards."""
    with stage(root) as folder:
        assert list(folder.iterdir()) == []
        assert not folder.is_relative_to(root)
        (folder / "x").touch()
        folder.rename(root / "x")
    assert not folder.exists()
    assert [entry.name for entry in root.parent.joinpath("tmp").iterdir()] == []
    assert (root / "x/x").exists()


def test_an_error_removes_the_stage(root: Path) -> None:
    """An exception in the block leaves nothing."""
    folders = []
    with suppress(KeyboardInterrupt), stage(root) as folder:
        folders.append(folder)
        (folder / "sub").mkdir()
        raise KeyboardInterrupt
    assert not folders[0].parent.exists()


def test_the_next_one_removes_what_a_killed_process_left(root: Path) -> None:
    """The folder of a living process is left alone; that of a killed one is removed by the next that comes."""
    process, folder = start(root)
    try:
        with stage(root):
            assert (folder / "half").exists()
        os.kill(process.pid, signal.SIGKILL)
        process.communicate(timeout=30)
        assert (folder / "half").exists()
        with stage(root):
            assert not folder.parent.exists()
    finally:
        process.kill()
        process.communicate(timeout=30)


def test_what_others_keep_in_the_folder_is_left_alone(root: Path) -> None:
    """BentoML keeps files of its own in `tmp/`; only folders of ours are swept."""
    (root.parent / "tmp/theirs").mkdir(parents=True)
    (root.parent / "tmp/file").touch()
    root.mkdir()
    with store_lock(root):
        sweep(root)
    assert sorted(entry.name for entry in (root.parent / "tmp").iterdir()) == ["file", "theirs"]


def test_the_lock_lets_one_in(root: Path) -> None:
    """Of eight threads that each read, wait a moment and write, no two are inside at once."""
    counter = root.parent / "counter"
    with store_lock(root):
        counter.write_text("0")

    def count() -> None:
        for _ in range(20):
            with store_lock(root):
                value = int(counter.read_text())
                counter.write_text(str(value + 1))

    threads = [threading.Thread(target=count) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert counter.read_text() == "160"


def test_a_lock_ends_with_its_process(root: Path) -> None:
    """A process killed while it holds the lock holds it no longer."""
    program = (
        "import sys, os, signal\nfrom pathlib import Path\nfrom ekiben.store.staging import store_lock\n"
        "with store_lock(Path(sys.argv[1])): os.kill(os.getpid(), signal.SIGKILL)"
    )
    assert subprocess.run([sys.executable, "-c", program, root], timeout=60, check=False).returncode == -signal.SIGKILL
    with store_lock(root):
        assert root.is_dir()


def test_stores_of_one_home_do_not_sweep_each_other(tmp_path: Path) -> None:
    """Stores have locks of their own and one place for what is made; none takes a new folder from another."""
    wrong: list[BaseException] = []

    def work(root: Path) -> None:
        try:
            for _ in range(150):
                with stage(root) as folder:
                    (folder / "x").write_text("x")
        except Exception as error:  # noqa: BLE001 - told by the test
            wrong.append(error)

    workers = [threading.Thread(target=work, args=(tmp_path / name,)) for name in "abcdef"]
    for each in workers:
        each.start()
    for each in workers:
        each.join(100)
    assert wrong == []
    assert [path.name for path in (tmp_path / "tmp").iterdir()] == []

"""A disk that is full, read-only, closed or another's is said to be that, and half of a model never shows."""

import os
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ekiben.core.errors import NotFound, StoreError
from ekiben.store.exports import export_item
from ekiben.store.imports import import_item
from ekiben.store.models import ModelStore, StoredModel
from tests.store.conftest import Save

Store = ModelStore[StoredModel]


def attempt(do: Callable[[], object]) -> StoreError | None:
    """Do it, and give the error of the store that came of it, if any."""
    try:
        do()
    except StoreError as error:
        return error
    return None


@contextmanager
def mounted(folder: Path, *commands: list[str]) -> Iterator[Path]:
    """Mount something on *folder* by these arguments of `mount`, or skip where this user may not."""
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("mounting needs Linux and root")
    done = 0
    try:
        for arguments in commands:
            command = ["mount", *arguments, str(folder)]
            result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
            if result.returncode != 0:
                pytest.skip(f"mounting is not possible here: {result.stderr.strip()}")
            done += 1
        yield folder
    finally:
        if done:
            subprocess.run(["umount", "--lazy", str(folder)], check=True, timeout=30)


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """Give a home on a disk of 400 kB."""
    folder = tmp_path / "small"
    folder.mkdir()
    with mounted(folder, ["-t", "tmpfs", "-o", "size=400k", "tmpfs"]):
        yield folder


class TestFullDisk:
    """A full disk is said to be full, and nothing half made is left."""

    def test_a_save(self, small: Path) -> None:
        """The user's own write fails: the error is ours, with a hint, and the older model is untouched."""
        store = ModelStore(small / "models", StoredModel)
        with store.create("iris:v1") as model:
            (model.path / "w").write_bytes(b"x" * 50_000)

        def save_too_much() -> None:
            with store.create("iris:v2") as model:
                (model.path / "w").write_bytes(b"x" * 500_000)

        with pytest.raises(StoreError, match="cannot save iris:v2: No space left on device") as caught:
            save_too_much()
        assert "free some space" in (caught.value.hint or "")
        assert [str(model.tag) for model in store.list()] == ["iris:v1"]
        store.verify("iris")
        with store.create("iris:v3") as model:
            (model.path / "w").write_bytes(b"x" * 50_000)

    def test_the_last_bytes(self, small: Path) -> None:
        """Where the disk fills while the store writes its own files, it is the same, whichever file it is."""
        store = ModelStore(small / "models", StoredModel)
        failures = 0
        for filler in range(300_000, 400_000, 4096):
            (small / "filler").write_bytes(b"")

            def save(size: int = filler) -> None:
                with store.create("iris") as model:
                    (model.path / "w").write_bytes(b"x" * 20_000)
                    (small / "filler").write_bytes(b"x" * size)

            error = attempt(save)
            failures += error is not None
            assert error is None or "No space left on device" in str(error)
            assert len(store.list()) == (error is None)
            (small / "filler").unlink()
            for model in store.list():
                store.verify(model.tag)
            if store.list():
                store.delete("iris", all=True)
        assert failures > 2

    def test_an_import(self, small: Path, save: Save, tmp_path: Path) -> None:
        """An archive that does not fit is not imported by half."""
        export_item(save("iris", {"w": os.urandom(500_000)}), tmp_path / "a.tar")
        store = ModelStore(small / "models", StoredModel)
        with pytest.raises(StoreError, match="No space left on device"):
            import_item(store, tmp_path / "a.tar")
        assert store.list() == []
        assert list((small / "tmp").iterdir()) == []

    def test_an_export(self, small: Path, save: Save) -> None:
        """The older file is still there, and nothing beside it."""
        model = save("iris:v1", {"w": os.urandom(100_000)})
        export_item(model, small / "a.tar")
        before = (small / "a.tar").read_bytes()
        with pytest.raises(StoreError, match=r"cannot write .*: No space left on device") as caught:
            export_item(save("iris:v2", {"w": os.urandom(350_000)}), small / "a.tar")
        assert caught.value.hint == "free some space, or choose a folder on another disk"
        assert (small / "a.tar").read_bytes() == before
        assert [entry.name for entry in small.iterdir()] == ["a.tar"]


class TestReadOnly:
    """A read-only store can be read, and says that it cannot be written."""

    @pytest.fixture
    def locked(self, store: Store, save: Save) -> Iterator[Path]:
        """Give the home with one model, mounted read-only."""
        save("iris:v1")
        home = store.root.parent
        with mounted(home, ["--bind", str(home)], ["-o", "remount,ro,bind"]):
            yield home

    def test_reading(self, store: Store, locked: Path, tmp_path: Path) -> None:
        """Everything that reads works: get, list, verify, export, a dangling `latest` included."""
        assert store.get("iris") == store.list()[0]
        store.verify("iris:latest")
        assert export_item(store.get("iris"), tmp_path / "a.tar")
        with pytest.raises(NotFound):
            store.get("wine")

    def test_writing(self, store: Store, locked: Path, tmp_path: Path) -> None:
        """Everything that writes fails with a StoreError that says what to do."""
        export_item(store.get("iris"), tmp_path / "a.tar")

        def save() -> None:
            with store.create("iris"):
                pytest.fail("the block must not be entered")

        attempts = {
            "save": save,
            "delete": lambda: store.delete("iris:v1"),
            "import": lambda: import_item(store, tmp_path / "a.tar"),
        }
        for attempt in attempts.values():
            with pytest.raises(StoreError, match="Read-only file system") as caught:
                attempt()
            assert caught.value.hint == "set EKIBEN_HOME to a folder that you may write"

    def test_exporting(self, store: Store, locked: Path) -> None:
        """An export to a read-only place says that it is that place, and not the home."""
        with pytest.raises(StoreError, match="Read-only file system") as caught:
            export_item(store.get("iris"), locked / "a.tar")
        assert caught.value.hint == "choose a folder that you may write"


class TestOtherUser:
    """A user without rights gets an error with a hint, not a traceback of the system's."""

    PROGRAM = textwrap.dedent("""
        import os, sys
        from pathlib import Path
        from ekiben.core.errors import EkibenError
        from ekiben.store.exports import export_item
        from ekiben.store.imports import import_item
        from ekiben.store.models import ModelStore, StoredModel

        def save(store):
            with store.create("iris"):
                pass

        home = Path(sys.argv[1])
        mine, theirs = ModelStore(home / "mine/models", StoredModel), ModelStore(home / "theirs/models", StoredModel)
        save(mine)  # imports what is imported late, from folders that the other user may not read
        model = mine.get("iris")
        export_item(model, home / "mine/a.tar")
        (home / "theirs").mkdir(mode=int(sys.argv[2], 8))
        os.setuid(65534)
        attempts = {
            "save": lambda: save(theirs),
            "get": lambda: theirs.get("iris"),
            "list": lambda: theirs.list("iris"),
            "delete": lambda: theirs.delete("iris:v1"),
            "import": lambda: import_item(theirs, home / "mine/a.tar"),
            "export": lambda: export_item(model, home / "theirs/b.tar"),
            "fetch": lambda: import_item(mine, home / "theirs/b.tar"),
            "elsewhere": lambda: ModelStore(home / "x", StoredModel, others=[theirs.root]).get("iris"),
        }
        for name, attempt in attempts.items():
            try:
                attempt()
            except EkibenError as error:
                print(name, type(error).__name__, error, "|", error.hint, sep=": ")
    """)

    @pytest.fixture
    def shared(self) -> Iterator[Path]:
        """Give a folder that every user may enter, which no folder of pytest's is."""
        with tempfile.TemporaryDirectory() as folder:
            Path(folder).chmod(0o755)
            yield Path(folder)

    @pytest.mark.parametrize("mode", ["755", "700"])
    def test_a_home_that_others_own(self, shared: Path, mode: str) -> None:
        """Whether it can be looked into or not, each verb says what is wrong in one line."""
        if sys.platform == "win32" or os.geteuid() != 0:
            pytest.skip("becoming another user needs root")
        command = [sys.executable, "-c", self.PROGRAM, str(shared), mode]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr
        lines = dict(line.split(": ", 1) for line in done.stdout.splitlines())
        assert len(lines) == 8
        for verb in ("save", "import"):
            assert lines[verb].startswith("StoreError: cannot make the folder")
            assert lines[verb].endswith("Permission denied: |: set EKIBEN_HOME to a folder that you may write")
        assert lines["export"].endswith("Permission denied: |: choose a folder that you may write")
        for verb in ("get", "list", "delete"):
            assert lines[verb].startswith("NotFound" if mode == "755" else "StoreError: cannot read the store")


def test_a_store_that_is_a_disk_of_its_own(tmp_path: Path) -> None:
    """Where `models/` is a mount, a save is built inside it, since nothing can be renamed across disks."""
    root = tmp_path / "home/models"
    root.mkdir(parents=True)
    with mounted(root, ["-t", "tmpfs", "-o", "size=400k", "tmpfs"]):
        store = ModelStore(root, StoredModel)
        with store.create("iris:v1") as model:
            assert model.path.is_relative_to(root)
            assert store.list() == []
        assert store.list() == [model]
        assert export_item(model, tmp_path / "a.tar")
        assert store.delete("iris:v1")
        assert import_item(store, tmp_path / "a.tar") == store.get("iris")
        assert list((root / ".tmp").iterdir()) == []

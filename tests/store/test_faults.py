"""Whatever is killed, full or read-only: the store stays readable, and half of a model never shows."""

import os
import shutil
import signal
import subprocess
import sys
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

# For each line "N" forks a child that does one thing to the store and kills itself at the N-th event of the file
# system; N = 0 lives, and counts them. Answers with the child's exit status and the count.
DRIVER = """
import os, signal, sys
from pathlib import Path
from ekiben.store.exports import export_item
from ekiben.store.imports import import_item
from ekiben.store.models import ModelStore, StoredModel

root, what = Path(sys.argv[1]), sys.argv[2]
store = ModelStore(root, StoredModel)
EVENTS = {"open", "os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.chmod", "fcntl.flock", "os.scandir"}

def save():
    with store.create("iris:v3") as model:
        (model.path / "sub").mkdir()
        (model.path / "sub/weights.bin").write_bytes(b"3" * 1000)

def delete():
    store.delete("iris:v2")

def delete_all():
    store.delete("iris", all=True)

def export():
    export_item(store.get("iris:v2"), root.parent / "out.bentomodel")

def bring():
    import_item(store, root.parent / "in.bentomodel")

def child(last, answer):
    count = 0
    def watch(event, arguments):
        nonlocal count
        if event in EVENTS:
            count += 1
            if count == last:
                os.kill(os.getpid(), signal.SIGKILL)
    sys.addaudithook(watch)
    globals()[what]()
    os.write(answer, str(count).encode())
    os._exit(0)

for line in sys.stdin:
    ours, theirs = os.pipe()
    pid = os.fork()
    if pid == 0:
        child(int(line), theirs)
    os.close(theirs)
    counted = os.read(ours, 100).decode() or "0"
    os.close(ours)
    print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), counted, flush=True)
"""


@contextmanager
def driver(root: Path, what: str) -> Iterator[Callable[[int], tuple[int, int]]]:
    """Give a function that does *what*, killed at the event given, and says the exit status and the count."""
    process = subprocess.Popen(
        [sys.executable, "-c", DRIVER, str(root), what], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )

    def run(last: int) -> tuple[int, int]:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(f"{last}\n")
        process.stdin.flush()
        status, count = process.stdout.readline().split()
        return int(status), int(count)

    try:
        yield run
    finally:
        process.communicate(timeout=60)


def check(store: Store, allowed: set[frozenset[str]]) -> str:
    """Every model that shows is whole, there are exactly those of one allowed state, and `latest` is the newest."""
    models = store.list()
    for model in models:
        store.verify(model.tag)
    found = frozenset(str(model.tag.version) for model in models)
    assert found in allowed
    if models:
        assert store.get("iris") == models[0]
    else:
        with pytest.raises(NotFound):
            store.get("iris")
    return ",".join(sorted(found))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("what", "states"),
    [
        pytest.param("save", ["v1 v2", "v1 v2 v3"], id="a save"),
        pytest.param("delete", ["v1 v2", "v1"], id="a deletion"),
        pytest.param("delete_all", ["v1 v2", "v1", "v2", ""], id="a deletion of all"),
        pytest.param("export", ["v1 v2"], id="an export"),
        pytest.param("bring", ["v1 v2", "v1 v2 v3"], id="an import"),
    ],
)
@pytest.mark.timeout(300)
def test_killed_at_any_point(store: Store, save: Save, tmp_path: Path, what: str, states: list[str]) -> None:
    """SIGKILL at each step of the way: what shows is whole, `latest` is right, and the next one tidies up."""
    home = store.root.parent
    other = ModelStore(tmp_path / "other/models", StoredModel)
    save("iris:v1")
    save("iris:v2")
    with other.create("iris:v3") as model:
        (model.path / "weights.bin").write_bytes(b"3" * 1000)
    export_item(model, home / "in.bentomodel")
    export_item(store.get("iris:v1"), home / "out.bentomodel")
    older = (home / "out.bentomodel").read_bytes()
    shutil.copytree(home, tmp_path / "before", symlinks=True)
    allowed = {frozenset(state.split()) for state in states}
    seen = set()
    with driver(store.root, what) as run:
        run(0)  # imports what is imported late
        shutil.rmtree(home)
        shutil.copytree(tmp_path / "before", home, symlinks=True)
        status, steps = run(0)
        assert status == 0
        assert steps > 10
        newer = (home / "out.bentomodel").read_bytes()
        for last in range(1, steps + 1):
            shutil.rmtree(home)
            shutil.copytree(tmp_path / "before", home, symlinks=True)
            assert run(last)[0] == -signal.SIGKILL
            seen.add(check(store, allowed))
            assert (home / "out.bentomodel").read_bytes() in (older, newer)
            save("wine:v1")
            assert list((home / "tmp").iterdir()) == [], "the next save removes what the killed one left"
            store.delete("wine:v1")
    assert len(seen) > 1 or len(states) == 1, "some kill must come before the change, and some after it"


@pytest.mark.slow
def test_eight_processes_save_twenty_times(store: Store) -> None:
    """160 saves under one name give 160 versions, each whole, and `latest` is the newest (S004-46)."""
    program = textwrap.dedent("""
        import sys
        from pathlib import Path
        from ekiben.store.models import ModelStore, StoredModel
        store = ModelStore(Path(sys.argv[1]), StoredModel)
        for turn in range(20):
            with store.create("iris") as model:
                (model.path / "w").write_text(f"{sys.argv[2]} {turn}")
            assert store.get("iris").creation_time >= model.creation_time
    """)
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", program, str(store.root), str(number)], stderr=subprocess.PIPE, text=True
        )
        for number in range(8)
    ]
    errors = [process.communicate(timeout=100)[1] for process in processes]
    assert errors == [""] * 8
    models = store.list("iris")
    assert len({model.path_of("w").read_text() for model in models}) == 160
    assert store.get("iris") == models[0]
    assert (store.root / "iris/latest").read_text() == models[0].tag.version
    assert list((store.root.parent / "tmp").iterdir()) == []
    for model in models[::40]:
        store.verify(model.tag)


@pytest.mark.slow
def test_savers_and_deleters_do_not_disturb_readers(store: Store, save: Save) -> None:
    """While two processes save and delete, a reader always finds a whole newest model."""
    save("iris:first")
    program = textwrap.dedent("""
        import sys
        from pathlib import Path
        from ekiben.store.models import ModelStore, StoredModel
        store = ModelStore(Path(sys.argv[1]), StoredModel)
        for turn in range(40):
            with store.create("iris") as model:
                (model.path / "w").write_text("x")
            store.delete(model.tag)
    """)
    processes = [subprocess.Popen([sys.executable, "-c", program, str(store.root)]) for _ in range(2)]
    looks = 0
    while any(process.poll() is None for process in processes):
        assert "first" in [model.tag.version for model in store.list("iris")]
        looks += 1
    assert [process.wait(timeout=60) for process in processes] == [0, 0]
    assert looks > 1
    assert [str(model.tag) for model in store.list()] == ["iris:first"]
    assert store.get("iris").tag.version == "first"


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


def test_a_home_that_others_own(store: Store, tmp_path: Path) -> None:
    """A user without rights gets the error with the hint, not a traceback of the system's."""
    if sys.platform == "win32" or os.geteuid() != 0:
        pytest.skip("becoming another user needs root")
    store.root.parent.mkdir(mode=0o755)
    for folder in (store.root.parent, *store.root.parents):  # let the other user come this far
        if folder.is_relative_to("/tmp") and folder != Path("/tmp"):
            folder.chmod(0o755)
    program = textwrap.dedent("""
        import os, sys
        from pathlib import Path
        from ekiben.core.errors import StoreError
        from ekiben.store.models import ModelStore, StoredModel
        with ModelStore(Path(sys.argv[2]), StoredModel).create("iris"):
            pass  # imports what is imported late, from folders that the other user may not read
        os.setuid(65534)
        try:
            with ModelStore(Path(sys.argv[1]), StoredModel).create("iris"):
                pass
        except StoreError as error:
            print(error, "|", error.hint)
    """)
    done = subprocess.run(
        [sys.executable, "-c", program, str(store.root), str(tmp_path / "first/models")],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout.startswith("cannot make the folder"), done.stderr
    assert "Permission denied | set EKIBEN_HOME to a folder that you may write" in done.stdout


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

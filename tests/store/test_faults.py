"""Whoever is killed or comes at the same time: the store stays readable, and half of a model never shows."""

import shutil
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ekiben.core.errors import NotFound
from ekiben.store.exports import export_item
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

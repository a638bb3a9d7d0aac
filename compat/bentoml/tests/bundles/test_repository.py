"""Bundles are found by their tags, newest first, and deleted one by one."""

import datetime
import multiprocessing
import shutil
from pathlib import Path

import pytest
from bentoml.bundles.description import BundleInfo
from bentoml.bundles.repository import Repository
from bentoml.bundles.tags import BundleTag

from ekiben.exceptions import AlreadyExists, CorruptItem, NotFound

WHEN = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)


def put(store: Repository, name: str, version: str, days: int = 0) -> None:
    """Put a bundle of one file into the repository."""
    with store.draft() as folder:
        made = WHEN + datetime.timedelta(days=days)
        info = BundleInfo(name, version, made, "m", "m.py")
        info.write(folder)
        store.put(folder, info.tag)


def put_many(root: Path, count: int) -> None:
    """Be one of several processes that save at once."""
    for number in range(count):
        put(Repository(root), "Race", f"{multiprocessing.current_process().pid}_{number}")


@pytest.fixture
def store(tmp_path: Path) -> Repository:
    """A repository with three bundles."""
    found = Repository(tmp_path / "home" / "repository")
    put(found, "Iris", "old", days=1)
    put(found, "Iris", "new", days=2)
    put(found, "Wine", "1", days=3)
    return found


def test_finding(store: Repository) -> None:
    """An exact version is that; `latest` and a bare name are the one that was saved last."""
    assert str(store.get("Iris:old").tag) == "Iris:old"
    assert str(store.get("Iris:latest").tag) == str(store.get("Iris").tag) == "Iris:new"
    assert [str(each.tag) for each in store.list()] == ["Wine:1", "Iris:new", "Iris:old"]
    assert [str(each.tag) for each in store.list("Iris")] == ["Iris:new", "Iris:old"]
    assert store.find("Iris:none") is None


def test_what_is_not_there(store: Repository) -> None:
    """The error names the place and what is near; a prefix of a version is none."""
    with pytest.raises(NotFound, match=r"`Iris` has no version `ol` in .*repository") as caught:
        store.get("Iris:ol")
    assert "Iris:new, Iris:old" in str(caught.value.hint)
    assert [store.lacking(BundleTag.parse(tag)) for tag in ("Iris", "Iris:old", "Nobody:1")] == [None] * 3
    (store.root / "Broken" / "1").mkdir(parents=True)
    with pytest.raises(NotFound, match="`Broken` has no version `2`"):
        store.get("Broken:2")
    with pytest.raises(NotFound) as caught:
        store.get("Iriss:latest")
    assert "did you mean `Iris`?" in str(caught.value.hint)
    with pytest.raises(NotFound):
        Repository(store.root / "nowhere").get("Iris")
    assert Repository(store.root / "nowhere").list() == []


def test_deleting(store: Repository) -> None:
    """One version goes; the name goes with its last."""
    assert store.delete("Iris:latest") == BundleTag("Iris", "new")
    assert str(store.get("Iris").tag) == "Iris:old"
    store.delete("Iris:old")
    assert store.names() == ["Wine"]
    assert not (store.root / "Iris").exists()
    with pytest.raises(NotFound):
        store.delete("Iris:old")


def test_what_cannot_be_read_is_left_out(store: Repository, caplog: pytest.LogCaptureFixture) -> None:
    """A damaged bundle does not hide the others, and is told."""
    (store.root / "Iris" / "new" / "bentoml.yml").write_text("[")
    (store.root / "Iris" / ".hidden").mkdir()
    assert [str(each.tag) for each in store.list("Iris")] == ["Iris:old"]
    assert "cannot be read" in caplog.text


def test_nothing_is_written_over(store: Repository) -> None:
    """A version is taken once."""
    with pytest.raises(AlreadyExists, match="`Wine:1` exists already"):
        put(store, "Wine", "1")
    with pytest.raises(AlreadyExists):
        store.check_free(BundleTag("Wine", "1"))


def test_several_processes_save_at_once(tmp_path: Path) -> None:
    """No bundle is lost where processes save side by side."""
    root = tmp_path / "home" / "repository"
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=put_many, args=(root, 5)) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert [worker.exitcode for worker in workers] == [0, 0]
    assert len(Repository(root).list("Race")) == 10


def test_a_copy_under_another_tag_is_not_taken_for_it(store: Repository) -> None:
    """A folder that was copied by hand says another tag: it is told, and the other one is not deleted in its place."""
    shutil.copytree(store.root / "Iris" / "old", store.root / "Iris" / "copied")
    for verb in (store.get, store.delete):
        with pytest.raises(CorruptItem, match="copied says that it is `Iris:old`"):
            verb("Iris:copied")
    assert [str(each.tag) for each in store.list()] == ["Wine:1", "Iris:new", "Iris:old"]

"""Take an item from an archive, a folder or a URL into a store, under its tag.

In: what anyone may have made. Out: an item in the store, checked against its manifest; or an error, and the store as it
was. Nothing is unpickled on the way.
"""

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from ekiben.core.errors import AlreadyExists, ArchiveError, CorruptArchive, CorruptItem, NotFound
from ekiben.core.front import front, worded
from ekiben.core.paths import disk_errors, sync_tree, write_whole
from ekiben.store.digest import MANIFEST, Manifest, Progress, compare, measure, read_manifest
from ekiben.store.items import Item, ItemStore
from ekiben.store.members import open_members
from ekiben.store.remotes import objects
from ekiben.store.staging import stage
from ekiben.store.streams import Budget
from ekiben.store.unpack import unpack

MAX_MEMBERS = 100_000
ALWAYS_ALLOWED = 1024**3  # bytes that any archive may unpack to
MAX_RATIO = 200  # times its own size, for a larger one

T = TypeVar("T", bound=Item)


def import_item(
    store: ItemStore[T],
    source: str | os.PathLike[str],
    *,
    skip_existing: bool = False,
    max_size: int | None = None,
    storage_options: Mapping[str, Any] | None = None,
    progress: Progress | None = None,
) -> T:
    """Put the item in archive, folder or URL *source* into *store*, under its tag.

    Args:
        store: where to.
        source: a path or URL; the kind of archive is told from its content.
        skip_existing: give the item that is there under the same tag, if its content is the same.
        max_size: bytes that it may unpack to; None allows 1 GiB, and 200 times its own size.
        storage_options: of the URL's file system, for fsspec.
        progress: called with the bytes checked so far and in all.

    Returns:
        The item in the store; with *skip_existing* the one that was there, if it is the same.

    Raises:
        NotFound: there is nothing at *source*.
        AlreadyExists: the tag is taken.
        CorruptArchive: it is damaged, cut short, or no archive of such an item.
        UnsafeArchive: it would write outside its folder, holds more than files, or unpacks to too much.
        StoreError: the store cannot be written. Whatever is raised, the store is as it was.
    """
    with stage(store.root) as folder:
        with named(os.fspath(source)):
            unpack_into(folder, os.fspath(source), max_size, storage_options or {})
            draft = examine(store, folder, progress)
        return admit(store, draft, skip_existing=skip_existing)


def unpack_into(folder: Path, source: str, max_size: int | None, storage_options: Mapping[str, Any]) -> None:
    """Unpack *source* into the empty *folder*; raises as `import_item`."""
    with _fetch(source, folder.parent / "fetched", max_size, storage_options) as path:
        budget = Budget(_allow(_weigh(path), max_size), MAX_MEMBERS)
        with open_members(path, budget) as members:
            unpack(members, folder)


@dataclass(frozen=True, slots=True)
class Draft(Generic[T]):
    """An item that was unpacked and checked, and is not yet in the store."""

    item: T
    folder: Path
    manifest: Manifest


def examine(store: ItemStore[T], folder: Path, progress: Progress | None = None) -> Draft[T]:
    """Find the item in *folder*, a place of `stage(store.root)`, and check it.

    Raises:
        CorruptArchive: there is none.
        CorruptItem: its files are not those of its manifest.
    """
    inner = find_inside(folder, store)
    return Draft(store.open_item(inner), inner, check_content(inner, progress))


def admit(store: ItemStore[T], draft: Draft[T], *, skip_existing: bool) -> T:
    """Put a checked item into the store.

    Raises:
        AlreadyExists: the tag is taken, and not, or not with *skip_existing*, by the same content.
        StoreError: the store cannot be written.
    """
    sync_tree(draft.folder)
    try:
        return store.open_item(store.put(draft.folder, draft.item.tag, draft.item.creation_time))
    except AlreadyExists:
        return settle_existing(store, draft.item, draft.manifest, skip_existing=skip_existing)


@contextmanager
def named(source: str) -> Iterator[None]:
    """Begin what is said of an archive with its name.

    What is wrong with the item inside is damage of the archive.
    """
    try:
        yield
    except (ArchiveError, CorruptItem) as error:
        kind = CorruptArchive if isinstance(error, CorruptItem) else type(error)
        raise kind(f"{objects.hide_secrets(source)!r} cannot be imported: {error}", hint=error.hint) from error


@contextmanager
def _fetch(source: str, place: Path, max_size: int | None, options: Mapping[str, Any]) -> Iterator[Path]:
    """Give a local path of *source*; what is fetched is removed again."""
    local = objects.local_path(source)
    if local is not None:
        with disk_errors(f"cannot read {local}", is_home=False):
            is_there = local.exists()
        if not is_there:
            raise NotFound(f"there is no file or folder {str(local)!r}")
        yield local
        return
    try:
        objects.download(source, place, options, max_size=max_size)
        yield place
    finally:
        if place.is_dir():
            shutil.rmtree(place, ignore_errors=True)
        else:
            place.unlink(missing_ok=True)


def _weigh(path: Path) -> int:
    """Give the bytes of a file, or of all files below a folder."""
    with disk_errors(f"cannot read {path}"):
        return sum(part.lstat().st_size for part in path.rglob("*")) if path.is_dir() else path.stat().st_size


def _allow(size: int, asked: int | None) -> int:
    return asked if asked is not None else max(ALWAYS_ALLOWED, MAX_RATIO * size)


def find_inside(folder: Path, store: ItemStore[T]) -> Path:
    """Find the item in what was unpacked: at the top, or in folders of nothing else."""
    place = folder
    while not (place / store.description).is_file():
        inner = list(place.iterdir())
        if len(inner) != 1 or not inner[0].is_dir():
            raise CorruptArchive(f"the archive holds no {store.description}, so it is not an exported {store.kind}")
        place = inner[0]
    return place


def check_content(folder: Path, progress: Progress | None) -> Manifest:
    """Hold the files against the manifest that came with them, or write one.

    Raises:
        CorruptItem: they differ.
    """
    expected, found = read_manifest(folder), measure(folder, progress)
    if expected is None:
        write_whole(folder / MANIFEST, found.to_bytes())
    elif problems := compare(expected, found):
        raise CorruptItem("its files are not those of its manifest", problems=problems)
    return found


def settle_existing(store: ItemStore[T], item: T, manifest: Manifest, *, skip_existing: bool) -> T:
    """Give the item that is there under the same tag; raises AlreadyExists."""
    existing = store.get(item.tag)
    digest = (read_manifest(existing.path) or measure(existing.path)).digest
    if digest != manifest.digest:
        raise AlreadyExists(
            f"the {store.kind} {str(item.tag)!r} exists already in {store.root}, with other content",
            hint=f"delete it first: `{front().program} {store.commands}delete {item.tag}`",
        )
    if not skip_existing:
        raise AlreadyExists(
            f"the {store.kind} {str(item.tag)!r} exists already in {store.root}, with the same content",
            hint=worded("say `skip_existing=True`", "add `--skip-existing`") + " where that is no error",
        )
    return existing

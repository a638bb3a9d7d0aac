"""Pull an item from a registry into a store, as carefully as an import.

In: what a stranger's registry sends. Out: an item in the store, each byte held against the digests of the registry's
manifest and of the item's own; or an error, and the store as it was. Nothing is unpickled on the way.
"""

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from ekiben.core.errors import (
    AlreadyExists,
    ArchiveError,
    CorruptArchive,
    CorruptItem,
    NotFound,
    StoreError,
    UnsafeArchive,
)
from ekiben.core.front import front
from ekiben.core.tag import LATEST, Tag
from ekiben.store import artifacts
from ekiben.store.artifacts import EXECUTABLE, FOLDER, ONE_FILE, SMALL_FILES, TITLE, Config
from ekiben.store.digest import Manifest, Progress, measure, read_manifest
from ekiben.store.imports import ALWAYS_ALLOWED, MAX_MEMBERS, MAX_RATIO, admit, examine
from ekiben.store.items import Item, ItemStore
from ekiben.store.members import Member, open_members
from ekiben.store.remotes.oci.documents import Descriptor
from ekiben.store.remotes.oci.places import Place
from ekiben.store.remotes.oci.registry import Registry, open_registry
from ekiben.store.staging import make_root, stage
from ekiben.store.streams import Budget
from ekiben.store.unpack import check_path, unpack

_SPARE = 64 * 1024 * 1024  # bytes that a pull leaves free on the disk

T = TypeVar("T", bound=Item)


@dataclass(frozen=True, slots=True)
class Unpacked:
    """What was pulled, in a folder out of sight."""

    folder: Path
    config: Config

    def check(self, item: Item, manifest: Manifest) -> None:
        """Hold what lies in the folder against what the artifact says of itself.

        Raises:
            CorruptArchive: it is another item.
        """
        if item.tag != self.config.tag or manifest.digest != self.config.digest:
            raise CorruptArchive(f"its files are not those of {self.config.tag} with the digest {self.config.digest}")


def pull_model(store: ItemStore[T], tag: str | Tag, place: Place, **options: Any) -> T:
    """Pull a model; see `pull_item`."""

    def keep(unpacked: Unpacked) -> T:
        draft = examine(store, unpacked.folder)
        unpacked.check(draft.item, draft.manifest)
        return admit(store, draft, skip_existing=True)

    return pull_item(store, tag, place, keep, **options)


def pull_item(
    store: ItemStore[T],
    tag: str | Tag,
    place: Place,
    keep: Callable[[Unpacked], T],
    *,
    has: Callable[[Config, str], bool] = lambda config, folder: False,
    max_size: int | None = None,
    progress: Progress | None = None,
    **options: Any,
) -> T:
    """Pull `<place>/<kind>s/<name>:<version>` into *store*, under the same tag.

    Args:
        store: where to.
        tag: a bare name is what `latest` names there.
        place: where from.
        keep: puts what was unpacked into the store.
        has: says whether what lies in a folder of the artifact is here already.
        max_size: bytes that the item may have; None sets no limit but the free space of the disk, and what `import`
            allows for its archive of small files.
        progress: called with the bytes fetched so far and in all.
        options: of `registry.open_registry`.

    Returns:
        The item in the store; the one that was there, if it is the same.

    Raises:
        NotFound: there is no such item in the registry.
        AlreadyExists: the tag is taken here, by other content.
        InvalidInput: what is there is not of this kind.
        CorruptArchive: a byte is not what a digest says, or what came is none of our artifacts.
        UnsafeArchive: it would write outside its folder, holds more than files, or too much.
        StoreError: the store cannot be written.
        EkibenError: what the registry said. Whatever is raised, the store is as it was.
    """
    wanted = Tag.parse(tag)
    repository = artifacts.repository_of(place, store.kind, wanted.name)
    reference = f"{place.host}/{repository}:{wanted.version or LATEST}"
    with open_registry(place, **options) as registry, _named(reference):
        found = registry.get(repository, wanted.version or LATEST)[0]
        document = artifacts.check_kind(found, store.kind, reference)
        config = Config.from_bytes(registry.read(repository, document.config, artifacts.MAX_CONFIG))
        if config.tag.name != wanted.name or (wanted.is_exact and config.tag != wanted):
            raise CorruptArchive(f"it says that it is {config.tag}")
        existing = _find_here(store, config)
        missing = [folder for folder in config.parts if not has(config, folder)]
        if existing is not None and not missing:
            return existing
        layers = [layer for layer in document.layers if layer.annotations.get(FOLDER, "") in ("", *missing)]
        _check_size(store.root, [document.config, *layers], max_size)
        fetch = _Fetch(registry, repository, sum(layer.size for layer in layers), progress)
        with stage(store.root) as folder:
            unpack(_members(layers, fetch, folder.parent, max_size), folder)
            return keep(Unpacked(folder, config))


class _Fetch:
    """Fetch layers into files, and say how far it is."""

    def __init__(self, registry: Registry, repository: str, total: int, progress: Progress | None) -> None:
        self._registry, self._repository = registry, repository
        self._total, self._progress = total, progress
        self._done = 0

    def __call__(self, layer: Descriptor, place: Path) -> None:
        """Fetch one layer into the new file *place*."""
        self._registry.fetch(self._repository, layer, place, self._note)
        self._done += layer.size

    def _note(self, count: int) -> None:
        if self._progress:
            self._progress(self._done + count, self._total)


def _members(layers: Sequence[Descriptor], fetch: _Fetch, beside: Path, max_size: int | None) -> Iterator[Member]:
    """List what the layers hold, fetching each when it is asked for."""
    small = sum(layer.size for layer in layers if layer.media_type == SMALL_FILES)
    budget = Budget(max(ALWAYS_ALLOWED, MAX_RATIO * small) if max_size is None else max_size, MAX_MEMBERS)
    for layer in layers:
        if layer.media_type == SMALL_FILES:
            archive = beside / "fetched"
            fetch(layer, archive)
            below = layer.annotations.get(FOLDER)
            with open_members(archive, budget) as members:
                yield from members if below is None else (_moved(member, below) for member in members)
            archive.unlink()
        elif layer.media_type == ONE_FILE and TITLE in layer.annotations:
            budget.spend_member()
            is_executable = layer.annotations.get(EXECUTABLE) == "true"
            yield Member(layer.annotations[TITLE], "file", lambda: iter(()), is_executable, partial(fetch, layer))
        else:
            raise CorruptArchive(f"it holds a layer of a kind that we do not know: {layer.media_type[:100]!r}")


def _moved(member: Member, folder: str) -> Member:
    """Put a member below *folder*; its own path is checked as if it stood alone."""
    return replace(member, path="/".join((folder, *check_path(member.path))))


def _find_here(store: ItemStore[T], config: Config) -> T | None:
    """Give the item that is here already, if it is the same; None if there is none.

    Raises:
        AlreadyExists: there is one with other content.
    """
    try:
        existing = store.get(config.tag)
    except NotFound:
        return None
    if (read_manifest(existing.path) or measure(existing.path)).digest != config.digest:
        raise AlreadyExists(
            f"the {store.kind} {str(config.tag)!r} exists already in {store.root}, with other content",
            hint=f"delete it first: `{front().program} {store.commands}delete {config.tag}`",
        )
    return existing


def _check_size(root: Path, blobs: Sequence[Descriptor], max_size: int | None) -> None:
    """Refuse what is too much before any of it is fetched.

    Raises:
        UnsafeArchive: it is more than *max_size*.
        StoreError: it is more than the disk has room for.
    """
    total = sum(blob.size for blob in blobs)
    if max_size is not None and total > max_size:
        raise UnsafeArchive(f"it has {total} bytes, and at most {max_size} are allowed")
    free = shutil.disk_usage(make_root(root)).free
    if total > free - _SPARE:
        hint = f"free some space, or set {front().home_variable} to a folder on another disk"
        raise StoreError(f"it has {total} bytes, and the disk of {root} has room for {free}", hint=hint)


@contextmanager
def _named(reference: str) -> Iterator[None]:
    """Begin what is said of an artifact with its reference.

    What is wrong with the item inside is damage of the artifact.
    """
    try:
        yield
    except (ArchiveError, CorruptItem) as error:
        kind = CorruptArchive if isinstance(error, CorruptItem) else type(error)
        raise kind(f"{reference} cannot be pulled: {error}", hint=error.hint) from error

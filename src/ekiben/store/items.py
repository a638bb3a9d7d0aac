"""Keep items under tags; a version's folder appears whole or not at all.

In: a root folder and tags. Out: items, newest first.

    <root>/<name>/<version>/   one item, never changed once it is there
    <root>/<name>/latest       the version that was created last

What models and bentos share stands here; a store made by BentoML 1.x has the same layout and is read as it is.
"""

import builtins
import datetime
import difflib
import logging
import os
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar, Generic, Protocol, TypeVar

from ekiben.core.errors import AlreadyExists, CorruptItem, InvalidInput, NotFound, StoreError
from ekiben.core.front import front, worded
from ekiben.core.paths import disk_errors, make_folder, sync_folder, write_whole
from ekiben.core.tag import LATEST, Tag, is_part
from ekiben.store.digest import MANIFEST, Manifest, Progress, compare, measure, read_manifest
from ekiben.store.staging import stage, store_lock

_log = logging.getLogger(__name__)


class Item(Protocol):
    """What the store has to know of a model or a bento."""

    @property
    def tag(self) -> Tag:
        """Name and exact version."""

    @property
    def path(self) -> Path:
        """The folder that holds it."""

    @property
    def creation_time(self) -> datetime.datetime:
        """When it was saved, with its time zone."""

    @property
    def labels(self) -> Mapping[str, str]:
        """What its owner wrote on it."""


T = TypeVar("T", bound=Item)
HOME_HINT = "name a folder by `--home`, or by the variable of the home"


class ItemStore(ABC, Generic[T]):
    """The items of one kind below one folder.

    Args:
        root: the folder; made by the first item that is put in.
        others: roots of other homes, which an error may point to.
    """

    kind: ClassVar[str] = "item"  # what errors call it
    commands: ClassVar[str] = ""  # the group of its commands, with a blank behind it
    made_by: ClassVar[str] = "save"  # the verb that makes one
    ending: ClassVar[str]  # of its archives, without the dot
    description: ClassVar[str]  # the file that makes a folder such an item

    def __init__(self, root: Path, *, others: Sequence[Path] = ()) -> None:
        self.root = root
        self.others = tuple(other for other in others if other != root)

    @abstractmethod
    def open_item(self, path: Path) -> T:
        """Read the item in the folder *path*.

        Raises:
            StoreError: what lies there is not such an item.
        """

    def get(self, tag: str | Tag) -> T:
        """Find one item: an exact version, or the newest of a name.

        Raises:
            NotFound: it is not here; the error names what is near, or where else it is.
            CorruptItem: it is here and cannot be read.
        """
        wanted = Tag.parse(tag)
        return self._open(wanted.with_version(self._resolve(wanted)))

    def list(self, tag: str | Tag | None = None, *, labels: Mapping[str, str] | None = None) -> builtins.list[T]:
        """List items, newest first; what cannot be read is left out and logged.

        Args:
            tag: a name or an exact tag; None for everything.
            labels: only items that carry each of these.

        Raises:
            NotFound: there is nothing by the name or tag given.
        """
        wanted = None if tag is None else Tag.parse(tag)
        if wanted and wanted.version is not None:
            found = [self.get(wanted)]
        else:
            names = self._names() if wanted is None else [wanted.name]
            found = [item for name in names for version in self._versions(name) if (item := self._try(name, version))]
            if wanted and not found:
                raise self._not_found(wanted)
        chosen = [item for item in found if (labels or {}).items() <= item.labels.items()]
        return sorted(chosen, key=_age, reverse=True)

    def delete(self, tag: str | Tag, *, all: bool = False) -> builtins.list[Tag]:
        """Delete one version, or with *all* every version of a name.

        Returns:
            The tags that are gone.

        Raises:
            NotFound: there is nothing by this tag.
            InvalidInput: *tag* is a bare name and *all* is not set, or it names a version and *all* is.
        """
        wanted = Tag.parse(tag)
        if wanted.version is None and not all:
            count = len(self._versions(wanted.name))
            if not count:
                raise self._not_found(wanted)
            raise InvalidInput(
                f"`tag` must name the version to delete: {str(wanted)!r} has {count}",
                hint=f"write '{wanted}:{LATEST}' for the newest, or "
                + worded("say `all=True` for all", "add `--all` for all"),
            )
        if wanted.version is not None and all:
            raise InvalidInput(f"`all` deletes every version of a name, and this names one: {str(wanted)!r}")
        if not self._versions(wanted.name):
            raise self._not_found(wanted)
        with stage(self.root) as bin_, store_lock(self.root), disk_errors(f"cannot delete {wanted}"):
            versions = self._versions(wanted.name) if all else [self._resolve(wanted)]
            for version in versions:
                self._folder(wanted.with_version(version)).rename(bin_ / version)
            self._tidy(wanted.name)
        return [wanted.with_version(version) for version in versions]

    def verify(self, tag: str | Tag, *, progress: Progress | None = None) -> Manifest:
        """Read every byte of an item and hold it against its manifest.

        Returns:
            What is there: each file, its size and its SHA-256. An item that BentoML saved has no manifest; that is
            logged, and nothing can be said against it.

        Raises:
            NotFound: there is nothing by this tag.
            CorruptItem: a file is missing, changed or too many; the error names each.
        """
        item = self.get(tag)
        expected, found = read_manifest(item.path), measure(item.path, progress)
        if expected is None:
            _log.warning("%s has no %s, so there is nothing to hold it against", item.tag, MANIFEST)
        elif problems := compare(expected, found):
            hint = "import it again, or save a new version"
            raise CorruptItem(f"the {self.kind} {str(item.tag)!r} is damaged", problems=problems, hint=hint)
        return found

    def latest(self, name: str) -> str | None:
        """Give the newest version of *name*, also one that cannot be read; or None.

        Raises:
            StoreError: the folder cannot be read.
        """
        return self._latest(name)

    def put(self, folder: Path, tag: Tag, created: datetime.datetime) -> Path:
        """Move a finished *folder*, which lies in `stage(root)`, to its place.

        Returns:
            The new place.

        Raises:
            AlreadyExists: the tag is taken.
            StoreError: the disk is full or read-only; nothing has changed.
        """
        place = self._folder(tag)
        with store_lock(self.root), disk_errors(f"cannot store {tag}"):
            if place.exists():
                raise AlreadyExists(f"the {self.kind} {str(tag)!r} exists already in {self.root}")
            newest = self._newest(tag.name)
            make_folder(place.parent)
            # First `latest`, then the item: whoever finds `latest` pointing nowhere looks at the times instead.
            if newest is None or (created, tag) >= _age(newest):
                write_whole(place.parent / LATEST, (tag.version or "").encode())
            folder.rename(place)
            sync_folder(place.parent)
            sync_folder(self.root)
        return place

    def _folder(self, tag: Tag) -> Path:
        return self.root / tag.name / (tag.version or LATEST)

    def _resolve(self, tag: Tag) -> str:
        version = tag.version if tag.is_exact else self._latest(tag.name)
        if version is None or version not in self._versions(tag.name):
            raise self._not_found(tag)
        return version

    def _names(self) -> builtins.list[str]:
        return [folder for folder in _folders(self.root) if self._versions(folder)]

    def _versions(self, name: str) -> builtins.list[str]:
        return [version for version in _folders(self.root / name) if version != LATEST]

    def _latest(self, name: str) -> str | None:
        """Read `latest`; if it is missing or points nowhere, go by times of creation."""
        try:
            version = (self.root / name / LATEST).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError):
            version = ""
        versions = self._versions(name)
        if version in versions:
            return version
        items = [item for version in versions if (item := self._try(name, version))]
        return max(items, key=_age).tag.version if items else None

    def _newest(self, name: str) -> T | None:
        version = self._latest(name)
        return None if version is None else self._try(name, version)

    def _try(self, name: str, version: str) -> T | None:
        tag = Tag(name, version)
        try:
            return self._open(tag)
        except StoreError as error:
            if os.path.isdir(self._folder(tag)):  # else it was deleted meanwhile
                _log.warning("left out: %s", error)
            return None

    def _open(self, tag: Tag) -> T:
        try:
            item = self.open_item(self._folder(tag))
        except CorruptItem as error:
            raise CorruptItem(f"the {self.kind} {str(tag)!r} cannot be read: {error}", hint=error.hint) from error
        if item.tag != tag:
            raise CorruptItem(f"the {self.kind} {str(tag)!r} cannot be read: its {self.description} says {item.tag}")
        return item

    def _tidy(self, name: str) -> None:
        """After a deletion: point `latest` to the newest, or remove the empty folder."""
        pointer = self.root / name / LATEST
        version = self._latest(name)
        if version is not None:
            write_whole(pointer, version.encode())
        elif not self._versions(name):
            pointer.unlink(missing_ok=True)
            if not any((self.root / name).iterdir()):
                (self.root / name).rmdir()

    def lacking(self, tag: str | Tag) -> NotFound | None:
        """Say that a version is not here though its name is; None where that is not so."""
        wanted = Tag.parse(tag)
        versions = self._versions(wanted.name) if wanted.is_exact else []
        return self._not_found(wanted) if versions and wanted.version not in versions else None

    def _not_found(self, wanted: Tag) -> NotFound:
        words = f"there is no {self.kind} {str(wanted)!r} in {self.root}"
        if wanted.is_exact and self._versions(wanted.name):
            words = f"the {self.kind} {wanted.name!r} has no version {wanted.version!r} in {self.root}"
        return NotFound(words, hint=self._suggest(wanted))

    def _suggest(self, wanted: Tag) -> str:
        """Say which other home has the tag, what is near, or how one comes here."""
        for other in self.others:
            if os.path.exists(other / wanted.name / (wanted.version or LATEST)):  # which may be closed to us
                return f"it is in {other.parent}: set {front().home_variable}={other.parent} to work there"
        items = sorted((item for v in self._versions(wanted.name) if (item := self._try(wanted.name, v))), key=_age)
        if versions := [str(item.tag.version) for item in reversed(items)]:
            if near := difflib.get_close_matches(wanted.version or "", versions, n=3, cutoff=0.5):
                return f"did you mean {' or '.join(f'{wanted.name}:{version}' for version in near)}?"
            return f"newest first, there is {few([f'{wanted.name}:{version}' for version in versions])}"
        names = self._names()
        if near := difflib.get_close_matches(wanted.name, names, n=3, cutoff=0.5):
            return f"did you mean {' or '.join(near)}?"
        if names:
            return f"there is {few(names)}"
        return f"{self.made_by} one, or bring one in: `{front().program} {self.commands}import FILE`"


def few(words: Sequence[str], most: int = 5) -> str:
    """List the first of many words, and how many more there are."""
    more = len(words) - most
    return ", ".join(words[:most]) + (f" and {more} more" if more > 0 else "")


def _age(item: Item) -> tuple[datetime.datetime, Tag]:
    return item.creation_time, item.tag


def _folders(folder: Path) -> builtins.list[str]:
    """List the folders that bear a tag's name; nothing if there is no such folder."""
    try:
        with os.scandir(folder) as entries:
            return sorted(entry.name for entry in entries if is_part(entry.name) and entry.is_dir())
    except FileNotFoundError:
        return []
    except NotADirectoryError as error:
        if folder.parent.is_dir():  # a file of whatever kind in a store
            return []
        file = next(place for place in folder.parents if place.exists())
        raise StoreError(f"the home must be a folder, and this is a file: {file}", hint=HOME_HINT) from error
    except OSError as error:
        raise StoreError(f"cannot read the store {folder}: {error.strerror or error}") from error

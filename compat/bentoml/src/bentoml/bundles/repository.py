"""Keep bundles under their tags: `<home>/repository/<Name>/<version>/`.

In: folders that are whole, tags. Out: bundles, newest first. A folder is built out of sight and appears by one rename,
so that a killed save leaves nothing; the next one sweeps away what it had begun.
"""

import builtins
import difflib
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bentoml.bundles.description import FILE, Bundle, open_bundle
from bentoml.bundles.tags import NAME, VERSION, BundleTag
from ekiben.core.errors import AlreadyExists, CorruptItem, EkibenError, NotFound
from ekiben.core.paths import disk_errors, home, make_folder, sync_folder, sync_tree
from ekiben.store.items import few
from ekiben.store.staging import stage, store_lock

log = logging.getLogger("ekiben")

FOLDER = "repository"


class Repository:
    """The bundles below one folder."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def get(self, tag: "str | BundleTag") -> Bundle:
        """Find a bundle: an exact version, or the newest of a name.

        Raises:
            NotFound: it is not here; the error names what is near.
            CorruptItem: it is here and cannot be read.
        """
        wanted = BundleTag.parse(tag)
        if wanted.is_exact:
            place = self.place(wanted)
            if not (place / FILE).is_file():
                raise self._not_found(wanted)
            return self._open(place)
        found = self.list(wanted.name)
        return found[0]

    def find(self, tag: "str | BundleTag") -> Bundle | None:
        """Give a bundle, or None where there is none."""
        try:
            return self.get(tag)
        except NotFound:
            return None

    def list(self, name: str | None = None) -> builtins.list[Bundle]:
        """List bundles, newest first; what cannot be read is left out and logged.

        Raises:
            NotFound: there is none of this name.
        """
        names = self.names() if name is None else [BundleTag(name).name]
        places = [self.root / each / version for each in names for version in self.versions(each)]
        found = [bundle for place in places if (bundle := self._try(place)) is not None]
        if name is not None and not found:
            raise self._not_found(BundleTag(name))
        return sorted(found, key=lambda each: (each.creation_time, str(each.tag)), reverse=True)

    def delete(self, tag: "str | BundleTag") -> BundleTag:
        """Delete one version; gives its tag. Raises NotFound."""
        wanted = BundleTag.parse(tag)
        bundle = self.get(wanted)
        with stage(self.root) as bin_, store_lock(self.root), disk_errors(f"cannot delete {wanted}"):
            place = self.place(bundle.tag)
            place.rename(bin_ / "deleted")
            if not any(place.parent.iterdir()):
                place.parent.rmdir()
        return bundle.tag

    @contextmanager
    def draft(self) -> Iterator[Path]:
        """Give an empty folder to build a bundle in; what is not put is removed."""
        with stage(self.root) as folder:
            yield folder

    def check_free(self, tag: BundleTag) -> None:
        """Raise AlreadyExists where a version is taken."""
        if self.place(tag).exists():
            raise AlreadyExists(f"the bundle `{tag}` exists already in {self.root}", hint="give another `version`")

    def put(self, folder: Path, tag: BundleTag) -> Bundle:
        """Move a finished *folder*, which is a draft of ours, to its place.

        Raises:
            AlreadyExists: the tag is taken.
            StoreError: the disk is full or read-only; nothing has changed.
        """
        with store_lock(self.root), disk_errors(f"cannot save {tag}"):
            self.check_free(tag)
            sync_tree(folder)
            make_folder(self.place(tag).parent)
            folder.rename(self.place(tag))
            sync_folder(self.place(tag).parent)
        return open_bundle(self.place(tag))

    def place(self, tag: BundleTag) -> Path:
        """Give the folder of an exact tag."""
        return self.root / tag.name / str(tag.version)

    def names(self) -> builtins.list[str]:
        """List the names of services."""
        return [each for each in folders(self.root) if NAME.fullmatch(each)]

    def versions(self, name: str) -> builtins.list[str]:
        """List the versions of a name, also those that cannot be read."""
        return [each for each in folders(self.root / name) if VERSION.fullmatch(each)]

    def _open(self, place: Path) -> Bundle:
        """Open the bundle at the place of a tag, which it must have: by another one another would be deleted."""
        found = open_bundle(place)
        if self.place(found.tag) != place:
            raise CorruptItem(
                f"{place} says that it is `{found.tag}`",
                hint="a copied folder keeps its tag: remove it, or save the service again",
            )
        return found

    def _try(self, place: Path) -> Bundle | None:
        try:
            return self._open(place)
        except EkibenError as error:
            log.warning("%s cannot be read: %s", place, error)
            return None

    def lacking(self, tag: BundleTag) -> NotFound | None:
        """Say that a version is not here though its name is; None where that is not so."""
        if not tag.is_exact or not self.versions(tag.name) or (self.place(tag) / FILE).is_file():
            return None
        words = f"the bundle `{tag.name}` has no version `{tag.version}` in {self.root}"
        found = self.find(tag.name) and self.list(tag.name)
        return NotFound(words, hint=f"newest first, there is {few([str(one.tag) for one in found])}" if found else None)

    def _not_found(self, tag: BundleTag) -> NotFound:
        lacking = self.lacking(tag)
        if lacking is not None:
            return lacking
        near = difflib.get_close_matches(tag.name, self.names(), 1)
        hint = f"did you mean `{near[0]}`?" if near else None
        return NotFound(f"there is no bundle `{tag}` in {self.root}", hint=hint)


def repository() -> Repository:
    """Give the repository of the home."""
    return Repository(home() / FOLDER)


def folders(place: Path) -> list[str]:
    """List the folders in a folder, which need not be there; hidden ones are none."""
    with disk_errors(f"cannot read {place}"):
        try:
            return sorted(each.name for each in place.iterdir() if each.is_dir() and not each.name.startswith("."))
        except FileNotFoundError:
            return []

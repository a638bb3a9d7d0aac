"""Keep bentos: code, environment, and by digest the models that go with it.

In: a folder that a build fills. Out: `Bento`s, which never change once they are there.
What is known of one stands in `bento.yaml`. Its models are in the store of models beside this one, or, in a bento that
was unpacked for a container, in its own folder `models/`.
"""

import datetime
import hashlib
import json
import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar

from ekiben.core.errors import AlreadyExists, CorruptItem, InvalidInput, NotFound, Problem
from ekiben.core.front import front
from ekiben.core.paths import disk_errors, home, join_below, known_homes, sync_tree, write_whole
from ekiben.core.tag import LATEST, Tag
from ekiben.store.archive import BENTO
from ekiben.store.bento_info import BentoInfo, CarriedModel
from ekiben.store.digest import MANIFEST, Manifest, Progress, measure, read_manifest
from ekiben.store.document import read_document, write_document
from ekiben.store.items import ItemStore
from ekiben.store.models import ModelStore, StoredModel
from ekiben.store.staging import stage

__all__ = ["DESCRIPTION", "Bento", "BentoInfo", "BentoStore", "CarriedModel", "bento_store"]

DESCRIPTION = "bento.yaml"
MODELS = "models"  # the folder of models in a bento that has them inside
SOURCE = "src"


class Bento:
    """One version of a bento: its tag, its folder, what is known of it."""

    __slots__ = ("_info", "_path")

    def __init__(self, path: Path, info: BentoInfo) -> None:
        self._path, self._info = path, info

    @property
    def tag(self) -> Tag:
        """Name and exact version."""
        return self._info.tag

    @property
    def path(self) -> Path:
        """The folder that holds it."""
        return self._path

    @property
    def info(self) -> BentoInfo:
        """What `bento.yaml` says."""
        return self._info

    @property
    def creation_time(self) -> datetime.datetime:
        """When it was built, with its time zone."""
        return self._info.creation_time

    @property
    def labels(self) -> Mapping[str, str]:
        """What its owner wrote on it."""
        return self._info.labels

    @property
    def source(self) -> Path:
        """The folder of its code."""
        return self._path / SOURCE

    @property
    def size(self) -> int:
        """Bytes of all its files together, without models."""
        inside = self._path / MODELS
        places = (place for place in self._path.rglob("*") if not place.is_relative_to(inside))
        return sum(place.lstat().st_size for place in places if not place.is_dir())

    @property
    def digest(self) -> str:
        """The name of its content: `sha256:` and 64 hexadecimal digits.

        Its version and time of creation are no content, so that two builds of the same have the same digest.
        """
        manifest = read_manifest(self._path) or measure(self._path)
        files = {path: entry.sha256 for path, entry in manifest.files.items() if path != DESCRIPTION}
        content = json.dumps([self._info.to_content(), files], sort_keys=True, default=str)
        return "sha256:" + hashlib.sha256(content.encode()).hexdigest()

    def path_of(self, path: str) -> Path:
        """Give the place of a file of the bento, by its path inside it.

        Raises:
            InvalidInput: *path* leads out of the bento.
        """
        return join_below(self._path, path)

    def model_store(self) -> ModelStore[StoredModel]:
        """Give the store that has its models."""
        inside = self._path / MODELS
        return ModelStore(inside, StoredModel) if inside.is_dir() else beside(self._path.parents[1])

    def find_models(self, store: ModelStore[StoredModel] | None = None) -> tuple[StoredModel, ...]:
        """Find its models, in their order, and hold them against what it was built with.

        Args:
            store: where they are; None looks where `model_store` says.

        Raises:
            NotFound: one is not there.
            CorruptItem: one has other content than at the build.
        """
        place = store or self.model_store()
        return tuple(self._find(place, carried) for carried in self._info.models)

    def _find(self, store: ModelStore[StoredModel], carried: CarriedModel) -> StoredModel:
        try:
            model = store.get(carried.tag)
        except NotFound as error:
            program = front().program
            hint = f"import it (`{program} models import FILE`), or import the bento from its archive"
            raise NotFound(
                f"the bento {self.tag} needs the model {carried.tag}, and it is not in {store.root}", hint=hint
            ) from error
        if carried.digest not in (None, model.digest):
            raise CorruptItem(
                f"the model {carried.tag} has other content than the bento {self.tag} was built with: {model.digest}",
                hint="build the bento again, or import it with its models into another home",
            )
        return model

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Bento) and (self.tag, self.path) == (other.tag, other.path)

    def __hash__(self) -> int:
        return hash(self.tag)

    def __str__(self) -> str:
        return str(self.tag)

    def __repr__(self) -> str:
        return f'Bento(tag="{self.tag}")'


class BentoStore(ItemStore[Bento]):
    """The bentos below one folder.

    Args:
        root: the folder, `<home>/bentos`.
        others: roots of other homes, which an error may point to.
    """

    kind: ClassVar[str] = "bento"
    description: ClassVar[str] = DESCRIPTION
    made_by: ClassVar[str] = "build"
    ending: ClassVar[str] = BENTO

    def __init__(self, root: Path, *, others: Sequence[Path] = ()) -> None:
        super().__init__(root, others=others)

    def _suggest(self, wanted: Tag) -> str:
        """Say that a model has the tag, which people mix up; else what any store says."""
        if os.path.exists(self.root.parent / MODELS / wanted.name / (wanted.version or LATEST)):
            return f"there is a model {str(wanted)!r}; commands for models are `{front().program} models …`"
        return super()._suggest(wanted)

    def open_item(self, path: Path) -> Bento:
        """Read the bento in the folder *path*."""
        description = path / DESCRIPTION
        with disk_errors(f"cannot read {path}"):
            is_there = description.is_file()
        if not is_there:
            raise CorruptItem(f"there is no {DESCRIPTION} in {path}")
        return Bento(path, BentoInfo.from_plain(read_document(description)))

    def claim(self, name: str, version: str | None) -> Tag:
        """Settle the tag of a bento that is to be built.

        Raises:
            AlreadyExists: this version is there already.
            InvalidInput: *version* is `latest`, or no version.
        """
        wanted = Tag.fresh(name) if version is None else Tag(name, version)
        if not wanted.is_exact:
            raise InvalidInput(f"`latest` cannot be given as a version: {str(wanted)!r}", hint="leave it out")
        if os.path.lexists(self.root / wanted.name / (wanted.version or "")):
            raise AlreadyExists(
                f"the bento {str(wanted)!r} exists already in {self.root}",
                hint=f"give another `version`, or delete it: `{front().program} delete {wanted}`",
            )
        return wanted

    def verify(self, tag: str | Tag, *, progress: Progress | None = None) -> Manifest:
        """Hold every byte of a bento and of its models against what was built.

        Returns:
            What is there of the bento itself: each file, its size and its SHA-256.

        Raises:
            NotFound: there is no such bento, or a model of it is not there.
            CorruptItem: a file is missing, changed or too many; a model is not that of the build.
        """
        bento, found = self.get(tag), super().verify(tag, progress=progress)
        for model in bento.find_models():
            try:
                bento.model_store().verify(model.tag, progress=progress)
            except CorruptItem as error:
                folder = f"{MODELS}/{model.tag.name}/{model.tag.version}"
                problems = [Problem(f"{folder}/{one.path}", one.message) for one in error.problems]
                what = f"the model {model.tag} of the bento {bento.tag} is damaged"
                raise CorruptItem(what, problems=problems, hint=error.hint) from error
        return found

    def find_old(self, keep: int, name: str | None = None) -> list[Bento]:
        """List the bentos of each name that are older than its newest *keep*.

        Raises:
            InvalidInput: *keep* is less than 1.
            NotFound: there is no bento called *name*.
        """
        if keep < 1:
            raise InvalidInput(f"`keep` must be a whole number of at least 1: {keep!r}", hint="write 3")
        seen: Counter[str] = Counter()
        old = []
        for bento in self.list(name):
            seen[bento.tag.name] += 1
            old += [bento] if seen[bento.tag.name] > keep else []
        return old

    @contextmanager
    def create(self) -> "Iterator[Draft]":
        """Give a folder to fill out of sight; nothing is left of it unless it is finished.

        Raises:
            StoreError: the disk is read-only or full.
        """
        with stage(self.root) as folder, disk_errors("cannot build the bento", only_full=True):
            yield Draft(self, folder)


class Draft:
    """A bento that is being built."""

    def __init__(self, store: BentoStore, path: Path) -> None:
        self.store, self.path = store, path

    def finish(self, info: BentoInfo) -> Bento:
        """Describe it, and put it into the store.

        Raises:
            AlreadyExists: the tag was taken meanwhile.
            StoreError: the disk is full; nothing has changed.
        """
        write_whole(self.path / DESCRIPTION, write_document(info.to_plain()))
        write_whole(self.path / MANIFEST, measure(self.path).to_bytes())
        sync_tree(self.path)
        return Bento(self.store.put(self.path, info.tag, info.creation_time), info)


def bento_store() -> BentoStore:
    """Give the store of bentos in the home of this moment."""
    return BentoStore(home() / "bentos", others=[other / "bentos" for other in known_homes()])


def beside(root: Path) -> ModelStore[StoredModel]:
    """Give the store of models in the same home as the bentos below *root*."""
    return ModelStore(root.parent / MODELS, StoredModel)


def open_bento(folder: Path) -> Bento:
    """Read the bento in a folder that is in no store.

    Raises:
        CorruptItem: there is none.
    """
    return BentoStore(folder.parent).open_item(folder)

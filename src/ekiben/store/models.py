"""Keep trained models: their files, and what is known of them.

In: a name, and a folder that a framework fills. Out: `StoredModel`s, which never change once they are there.
What is known stands in `model.yaml`, in the words of BentoML 1.x and three more: `format`, `needs_unpickling`,
`sample`. Nothing here imports a framework, and nothing is unpickled before `custom_objects` is asked for.
"""

import datetime
import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar, Generic, TypeVar, Unpack

from ekiben.core.errors import AlreadyExists, CorruptItem, InvalidInput, StoreError
from ekiben.core.paths import disk_errors, join_below, sync_tree, write_whole
from ekiben.core.tag import Tag
from ekiben.store.archive import NATIVE
from ekiben.store.carried import carried_by_caller, note
from ekiben.store.digest import MANIFEST, Progress, measure, read_manifest
from ekiben.store.document import read_document, write_document
from ekiben.store.exports import export_item
from ekiben.store.info import Described, MethodSignature, ModelInfo
from ekiben.store.items import ItemStore
from ekiben.store.pickles import CUSTOM_OBJECTS, CustomObjects, dump_objects
from ekiben.store.pins import pinned
from ekiben.store.staging import stage

__all__ = ["DESCRIPTION", "MethodSignature", "ModelInfo", "ModelStore", "StoredModel"]

DESCRIPTION = "model.yaml"

_log = logging.getLogger(__name__)


class StoredModel:
    """One version of a model: its tag, its folder, what is known of it.

    It cannot be changed, except by `describe` while it is being created.
    """

    __slots__ = ("_custom_objects", "_info", "_is_draft", "_path", "_wanted")

    def __init__(self, path: Path, info: ModelInfo, *, is_draft: bool = False) -> None:
        self._path, self._info, self._is_draft = path, info, is_draft
        self._custom_objects: CustomObjects | None = None
        self._wanted: Tag | None = None

    @property
    def tag(self) -> Tag:
        """Name and exact version."""
        return self._info.tag

    @property
    def wanted(self) -> Tag:
        """The tag that it was asked for by, such as `iris:latest`."""
        return self._wanted or self.tag

    @property
    def path(self) -> Path:
        """The folder that holds the model's files."""
        return self._path

    @property
    def info(self) -> ModelInfo:
        """What `model.yaml` says."""
        return self._info

    @property
    def creation_time(self) -> datetime.datetime:
        """When it was saved, with its time zone."""
        return self._info.creation_time

    @property
    def labels(self) -> Mapping[str, str]:
        """What its owner wrote on it."""
        return self._info.labels

    @property
    def size(self) -> int:
        """Bytes of all its files together."""
        return sum(place.lstat().st_size for place in self._path.rglob("*") if not place.is_dir())

    @property
    def digest(self) -> str:
        """The name of its content: `sha256:` and 64 hexadecimal digits."""
        return (read_manifest(self._path) or measure(self._path)).digest

    @property
    def custom_objects(self) -> Mapping[str, Any]:
        """The objects saved with it, by name; unpickled when one is first asked for."""
        if self._custom_objects is None:
            self._custom_objects = CustomObjects(self._path / CUSTOM_OBJECTS, str(self.tag))
        return self._custom_objects

    def path_of(self, path: str) -> Path:
        """Give the place of a file of the model, by its path inside it.

        Raises:
            InvalidInput: *path* leads out of the model.
        """
        return join_below(self._path, path)

    def export(
        self,
        path: str | os.PathLike[str],
        *,
        output_format: str | None = None,
        storage_options: Mapping[str, Any] | None = None,
        progress: Progress | None = None,
    ) -> str:
        """Write the model to one file, one folder or a URL; see `export_model`."""
        return export_item(
            self, path, output_format=output_format, storage_options=storage_options or {}, progress=progress
        )

    def describe(self, **changes: Unpack[Described]) -> None:
        """Change what will be known of the model, before it is stored.

        Raises:
            StoreError: it is stored already.
            InvalidInput: a value cannot be written down.
        """
        if not self._is_draft:
            raise StoreError(f"a stored model does not change: {self.tag}", hint="save a new version")
        self._info = self._info.changed(**changes)

    def settle(self, path: Path) -> None:
        """Take *path* as its place for good; only the store calls this."""
        self._path, self._is_draft, self._custom_objects = path, False, None

    def ask(self, tag: Tag) -> None:
        """Note the tag that it was asked for by; only the store calls this."""
        self._wanted = tag

    def __eq__(self, other: object) -> bool:
        return isinstance(other, StoredModel) and (self.tag, self.path) == (other.tag, other.path)

    def __hash__(self) -> int:
        return hash(self.tag)

    def __str__(self) -> str:
        return str(self.tag)

    def __repr__(self) -> str:
        return f'Model(tag="{self.tag}")'


M = TypeVar("M", bound=StoredModel)


class ModelStore(ItemStore[M], Generic[M]):
    """The models below one folder.

    Args:
        root: the folder, `<home>/models`.
        handle: the class of what it gives out.
        others: roots of other homes, which an error may point to.
    """

    kind: ClassVar[str] = "model"
    description: ClassVar[str] = DESCRIPTION
    commands: ClassVar[str] = "models "
    ending: ClassVar[str] = NATIVE

    def __init__(self, root: Path, handle: type[M], *, others: Sequence[Path] = ()) -> None:
        super().__init__(root, others=others)
        self.handle = handle

    def get(self, tag: str | Tag) -> M:
        """Find one model: an exact version, or the newest of a name.

        Where a supervisor settled what the newest is, that is given (`pins`). Code of a bento gets the models that the
        bento carries, as if it named their versions (`carried`).

        Raises:
            NotFound: it is not here; the error names what is near, or where else it is.
            CorruptItem: it is here and cannot be read.
        """
        wanted = Tag.parse(tag)
        carried = carried_by_caller()
        if carried is not None:
            wanted = carried.find(wanted)
            if carried.root is not None and carried.root != self.root:
                return type(self)(carried.root, self.handle).get(wanted)
        found = super().get(pinned(self.root, wanted))
        found.ask(wanted)
        note(found.tag)
        return found

    def open_item(self, path: Path) -> M:
        """Read the model in the folder *path*."""
        description = path / DESCRIPTION
        with disk_errors(f"cannot read {path}"):
            is_there = description.is_file()
        if not is_there:
            raise CorruptItem(f"there is no {DESCRIPTION} in {path}")
        return self.handle(path, ModelInfo.from_plain(read_document(description)))

    @contextmanager
    def create(
        self,
        tag: str | Tag,
        *,
        custom_objects: Mapping[str, Any] | None = None,
        external_modules: Sequence[ModuleType] = (),
        **described: Unpack[Described],
    ) -> Iterator[M]:
        """Save a model: give a folder to fill, and store it when the block ends well.

        Args:
            tag: a name, which gets a fresh version, or a name with a version of your own.
            custom_objects: objects to keep with it; functions and classes of `__main__` go by value.
            external_modules: modules whose functions and classes go by value too.
            described: what is known of it; see `ModelInfo`.

        Raises:
            AlreadyExists: this version is there already.
            InvalidInput: the tag or something described is wrong.
            StoreError: the disk is read-only or full. Whatever is raised, nothing is left in the store.
        """
        wanted = Tag.parse(tag)
        if wanted.version is None:
            wanted = Tag.fresh(wanted.name)
        elif not wanted.is_exact:
            raise InvalidInput(f"`latest` cannot be given as a version: {str(wanted)!r}", hint=f"write {wanted.name!r}")
        if os.path.lexists(self.root / wanted.name / str(wanted.version)):
            raise AlreadyExists(f"the model {str(wanted)!r} exists already in {self.root}")
        info = ModelInfo.new(wanted, **described)
        with stage(self.root) as folder:
            model = self.handle(folder, info, is_draft=True)
            if custom_objects:
                dump_objects(custom_objects, external_modules, folder / CUSTOM_OBJECTS)
                model.describe(needs_unpickling=True)
            with disk_errors(f"cannot save {wanted}", only_full=True):
                yield model
            self._finish(model)
            model.settle(self.put(folder, wanted, info.creation_time))
        _log.debug("saved %r in %s", model, self.root)

    def _finish(self, model: M) -> None:
        folder = model.path
        for name in (DESCRIPTION, MANIFEST):
            if os.path.lexists(folder / name):
                raise InvalidInput(f"a file of a model cannot be named {name!r}, which the store writes itself")
        if (folder / CUSTOM_OBJECTS).exists() and not model.info.needs_unpickling:
            model.describe(needs_unpickling=True)
        write_whole(folder / DESCRIPTION, write_document(model.info.to_plain()))
        write_whole(folder / MANIFEST, measure(folder).to_bytes())
        sync_tree(folder)

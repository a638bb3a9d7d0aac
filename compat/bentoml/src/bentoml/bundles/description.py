"""Read and write `bentoml.yml`, which makes a folder a bundle.

In: YAML that anyone may have written. Out: a `BundleInfo`, each name in it held to its grammar, so that none leads out
of the folder.
"""

import datetime
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bentoml.bundles.tags import BundleTag, check_exact
from ekiben.core.errors import CorruptItem, InvalidInput
from ekiben.core.paths import is_plain
from ekiben.store.document import read_document, write_document

FILE = "bentoml.yml"
KIND = "BentoService"
FORMAT = "0.13.1"  # whose layout a bundle has


@dataclass(frozen=True, slots=True)
class BundleInfo:
    """What is known of a bundle without loading it."""

    name: str
    version: str
    created: datetime.datetime  # with its time zone
    module: str  # dotted, from the package's folder
    file: str  # of the module, below that folder
    labels: Mapping[str, str] = field(default_factory=dict)
    env: Mapping[str, Any] = field(default_factory=dict)
    apis: Sequence[Mapping[str, Any]] = ()
    artifacts: Sequence[Mapping[str, Any]] = ()
    python: str = field(default_factory=platform.python_version)

    @property
    def tag(self) -> BundleTag:
        """Name and version."""
        return BundleTag(self.name, self.version)

    def to_plain(self) -> dict[str, Any]:
        """Give the form that bentoml.yml has."""
        return {
            "version": FORMAT,
            "kind": KIND,
            "metadata": {
                "created_at": self.created.isoformat(),
                "service_name": self.name,
                "service_version": self.version,
                "module_name": self.module,
                "module_file": self.file,
                "labels": dict(self.labels),
            },
            "env": {**self.env, "python_version": self.python},
            "apis": [dict(each) for each in self.apis],
            "artifacts": [dict(each) for each in self.artifacts],
        }

    def write(self, folder: Path) -> None:
        """Write the file."""
        (folder / FILE).write_bytes(write_document(self.to_plain()))


@dataclass(frozen=True, slots=True)
class Bundle:
    """A saved service: a folder, and what is known of it."""

    path: Path
    info: BundleInfo

    @property
    def tag(self) -> BundleTag:
        """Name and version."""
        return self.info.tag

    @property
    def creation_time(self) -> datetime.datetime:
        """When it was saved."""
        return self.info.created

    @property
    def code(self) -> Path:
        """The package's folder; of an installed bundle, the folder itself."""
        inner = self.path / self.info.name
        return inner if inner.is_dir() else self.path

    @property
    def size(self) -> int:
        """Its bytes."""
        return sum(each.stat().st_size for each in self.path.rglob("*") if each.is_file())


def open_bundle(folder: Path) -> Bundle:
    """Read the bundle in *folder*.

    Raises:
        CorruptItem: there is none, or its description cannot be used.
        StoreError: it cannot be read.
    """
    if not (folder / FILE).is_file():
        raise CorruptItem(f"there is no bundle in {folder}: it has no {FILE}")
    told = read_document(folder / FILE)
    if told.get("kind", KIND) != KIND:
        raise CorruptItem(f"{FILE}: `kind` must be {KIND}: {told['kind']!r}")
    metadata = mapping(told.get("metadata"), "metadata")
    try:
        tag = BundleTag(metadata.get("service_name", ""), check_exact(metadata.get("service_version", "")))
    except InvalidInput as error:
        raise CorruptItem(f"{FILE}: {error}") from error
    return Bundle(
        folder,
        BundleInfo(
            name=tag.name,
            version=str(tag.version),
            created=read_time(metadata.get("created_at")),
            module=read_module(metadata.get("module_name")),
            file=read_file(metadata.get("module_file")),
            labels=read_labels(metadata.get("labels", told.get("labels"))),
            env=mapping(told.get("env"), "env"),
            apis=read_rows(told.get("apis"), "apis"),
            artifacts=read_rows(told.get("artifacts"), "artifacts"),
            python=str(mapping(told.get("env"), "env").get("python_version", "")),
        ),
    )


def mapping(value: Any, name: str) -> dict[str, Any]:
    """Give a mapping; raises CorruptItem."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise CorruptItem(f"{FILE}: `{name}` must be a mapping: {value!r}")
    return value


def read_rows(value: Any, name: str) -> tuple[dict[str, Any], ...]:
    """Give a list of mappings; raises CorruptItem."""
    if value is None:
        return ()
    if not isinstance(value, list):
        raise CorruptItem(f"{FILE}: `{name}` must be a list: {value!r}")
    return tuple(mapping(each, f"{name}[{index}]") for index, each in enumerate(value))


def read_labels(value: Any) -> dict[str, str]:
    """Give labels; raises CorruptItem."""
    found: dict[Any, Any] = mapping(value, "labels")
    if not all(isinstance(each, str) for pair in found.items() for each in pair):
        raise CorruptItem(f"{FILE}: `labels` must be text by text: {found!r}")
    return found


def read_time(value: Any) -> datetime.datetime:
    """Give a moment; one without a zone is in UTC, as BentoML wrote it. Raises CorruptItem."""
    try:
        found = value if isinstance(value, datetime.datetime) else datetime.datetime.fromisoformat(str(value))
    except ValueError as error:
        raise CorruptItem(f"{FILE}: `created_at` must be a time: {value!r}") from error
    return found if found.tzinfo is not None else found.replace(tzinfo=datetime.UTC)


def read_module(value: Any) -> str:
    """Give a dotted name; raises CorruptItem."""
    if not isinstance(value, str) or not all(part.isidentifier() for part in value.split(".")):
        raise CorruptItem(f"{FILE}: `module_name` must be the name of a module: {value!r}")
    return value


def read_file(value: Any) -> str:
    """Give the path of a Python file below the package; raises CorruptItem."""
    if not isinstance(value, str) or not is_plain(value) or not value.endswith(".py"):
        raise CorruptItem(f"{FILE}: `module_file` must be a Python file of the bundle: {value!r}")
    return value

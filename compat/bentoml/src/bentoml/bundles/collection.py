"""Hold the artifacts of one service: by name, packed, saved, and read again when they are asked for.

In: declared artifacts, what is packed into them, or the folder of a bundle. Out: models, as attributes.
"""

import copy
import logging
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

from bentoml.bundles.artifact import BentoServiceArtifact, Environment, load_into, pack_into
from ekiben.core.errors import ConfigError, InvalidInput, WrongState
from ekiben.core.paths import make_folder
from ekiben.services.near import near_hint
from ekiben.store.document import make_plain, read_document, write_document

log = logging.getLogger("ekiben")


class ArtifactCollection(Mapping[str, BentoServiceArtifact]):
    """The artifacts of one service.

    `artifacts.model` is what was packed; `artifacts["model"]` the artifact itself, with its metadata.
    """

    def __init__(self, declared: Sequence[BentoServiceArtifact], owner: str) -> None:
        self._held = {each.name: copy.copy(each) for each in declared}
        self._owner = owner
        self._folder: Path | None = None
        self._around: Callable[[], AbstractContextManager[None]] = nullcontext
        self._lock = threading.Lock()

    def __getitem__(self, name: str) -> BentoServiceArtifact:
        self.load()
        return self._held[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._held)

    def __len__(self) -> int:
        return len(self._held)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name not in self._held:
            raise AttributeError(self._missing(name))
        artifact = self[name]
        if not artifact.is_ready:
            raise WrongState(
                f"the artifact `{name}` of `{self._owner}` is not packed",
                hint=f"call `service.pack({name!r}, …)` first",
            )
        return artifact.get()

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self._held]

    def declared(self) -> list[BentoServiceArtifact]:
        """List the artifacts as they are, without reading any."""
        return list(self._held.values())

    def pack(self, name: str, args: Sequence[Any], options: Mapping[str, Any]) -> None:
        """Pack one artifact; raises InvalidInput for a name that is not declared."""
        if name not in self._held:
            raise InvalidInput(self._missing(name), hint=near_hint(str(name), list(self._held)))
        self.load()
        if self._held[name].is_ready:
            log.warning("the artifact `%s` of `%s` is packed again, and what it held is gone", name, self._owner)
        pack_into(self._held[name], args, options)

    def read_from(self, folder: Path, around: Callable[[], AbstractContextManager[None]] = nullcontext) -> None:
        """Take what a bundle's folder holds, once somebody asks for it; it is read inside of *around*."""
        self._folder, self._around = folder, around

    def load(self) -> None:
        """Read what was not read yet; raises StoreError."""
        with self._lock:
            if self._folder is None:
                return
            with self._around():
                for name, artifact in self._held.items():
                    self._held[name] = load_into(artifact, self._folder, read_metadata(self._folder, name))
            self._folder = None

    def save(self, folder: Path) -> None:
        """Write every artifact and its metadata into *folder*.

        Raises:
            WrongState: one is not packed.
            InvalidInput: its metadata is nothing that YAML holds.
        """
        self.load()
        for name, artifact in self._held.items():
            if not artifact.is_ready:
                raise WrongState(
                    f"the artifact `{name}` of `{self._owner}` is not packed, so nothing was saved",
                    hint=f"call `service.pack({name!r}, …)` first",
                )
        make_folder(folder)
        for name, artifact in self._held.items():
            artifact.save(str(folder))
            metadata = make_plain(artifact.metadata, f"metadata of {name}")
            (folder / f"{name}.yml").write_bytes(write_document(metadata) if metadata else b"{}\n")

    def set_dependencies(self, env: Environment) -> None:
        """Let every artifact ask for its packages."""
        for artifact in self._held.values():
            artifact.set_dependencies(env)

    def describe(self) -> list[dict[str, Any]]:
        """Give what bentoml.yml says of them."""
        return [
            {
                "name": each.name,
                "artifact_type": each.kind or type(each).__name__,
                "metadata": make_plain(each.metadata, f"metadata of {each.name}"),
            }
            for each in self._held.values()
        ]

    def _missing(self, name: object) -> str:
        there = ", ".join(self._held) or "none"
        return f"`{self._owner}` declares no artifact `{name}`; there are: {there}"


def read_metadata(folder: Path, name: str) -> dict[str, Any]:
    """Read the metadata beside an artifact; none where there is no file."""
    file = folder / f"{name}.yml"
    return read_document(file) if file.is_file() else {}


def check_declared(given: Any) -> tuple[BentoServiceArtifact, ...]:
    """Hold what `@artifacts` was given to its rules.

    Raises:
        ConfigError: it is no list of artifacts, or two have one name.
    """
    if not isinstance(given, Sequence) or isinstance(given, str):
        raise ConfigError(f"`@artifacts` takes a list of artifacts: {given!r}", hint="write `@artifacts([…])`")
    for each in given:
        if not isinstance(each, BentoServiceArtifact):
            named = each.__name__ if isinstance(each, type) else type(each).__name__
            raise ConfigError(
                f"`@artifacts` takes artifacts, and this is none: {each!r}", hint=f"write `{named}('model')`"
            )
    names = [each.name for each in given]
    for name in names:
        if names.count(name) > 1:
            raise ConfigError(f"the names of artifacts must differ, and two are called `{name}`")
    for name in names:
        if hasattr(ArtifactCollection, name):
            raise ConfigError(
                f"an artifact cannot be called `{name}`, as all of them together have that", hint="rename it"
            )
    return tuple(given)

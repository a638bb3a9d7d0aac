"""What a service is packed with: the contract that every artifact keeps.

In: an object of some library, by `pack`. Out: files in a folder, by `save`; the object again, by `load` and `get`.
A class of one's own inherits from `BentoServiceArtifact` and defines `pack`, `load`, `save` and `get`; metadata is a
mapping that is kept beside the files, whoever defines them.
"""

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol, Self

from ekiben.core.errors import ConfigError, EkibenError, InvalidInput, StoreError
from ekiben.core.optional import need
from ekiben.store.pickles import check_unpickling, unpickling

ADVICE = "import `{module}` in the module of the service, which takes its code into the bundle"


class Environment(Protocol):
    """What an artifact may ask of the environment that it is saved with."""

    infer_pip_packages: bool

    def add_pip_packages(self, packages: Sequence[str]) -> None:
        """Ask for packages."""


class BentoServiceArtifact:
    """One artifact of a service.

    Args:
        name: how the service names it: `self.artifacts.NAME`.

    Raises:
        ConfigError: the name is none that an attribute can have.
    """

    kind: str | None = None  # the word for it in bentoml.yml; the class's name where it is None

    def __init__(self, name: str) -> None:
        told: Any = name
        if not isinstance(told, str) or not told.isidentifier():
            raise ConfigError(f"the name of an artifact must be a Python identifier: {name!r}", hint="write 'model'")
        self._name = name
        self._metadata: dict[str, Any] = {}
        self._packed = False
        self._loaded = False

    @property
    def name(self) -> str:
        """How the service names it."""
        return self._name

    @property
    def metadata(self) -> dict[str, Any]:
        """What was said of it when it was packed."""
        return self._metadata

    @property
    def packed(self) -> bool:
        """Whether something was packed here."""
        return self._packed

    @property
    def loaded(self) -> bool:
        """Whether it was read from a bundle."""
        return self._loaded

    @property
    def is_ready(self) -> bool:
        """Whether it has something to give."""
        return self._packed or self._loaded

    def pack(self, model: Any, metadata: Mapping[str, Any] | None = None) -> Self:
        """Take *model* in; a class of one's own defines it."""
        raise undefined(self, "pack")

    def load(self, path: str) -> Any:
        """Read what `save` wrote into the folder *path*; a class of one's own defines it."""
        raise undefined(self, "load")

    def save(self, dst: str) -> Any:
        """Write files into the folder *dst*; a class of one's own defines it."""
        raise undefined(self, "save")

    def get(self) -> Any:
        """Give what was packed or loaded; a class of one's own defines it."""
        raise undefined(self, "get")

    def set_dependencies(self, env: Environment) -> None:
        """Ask for the packages that loading needs."""

    def _file_path(self, folder: str) -> str:
        """Give the place of a file without an ending, in *folder*."""
        return str(Path(folder, self.name))


def undefined(artifact: BentoServiceArtifact, verb: str) -> ConfigError:
    """Make the error for a verb that a class of the user's lacks."""
    kind = type(artifact).__name__
    return ConfigError(f"the artifact `{artifact.name}` cannot be used: `{kind}` does not define `{verb}`")


class ModelArtifact(BentoServiceArtifact):
    """An artifact that holds one object, and two functions for its files.

    A library's artifact says `ending`, `library`, `packages`, and defines `write` and `read`.
    """

    ending: str = ""  # of its file; empty: a folder
    library: str | None = None  # what it imports
    packages: tuple[str, ...] = ()  # distributions that loading needs

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._model: Any = None

    def pack(self, model: Any, metadata: Mapping[str, Any] | None = None) -> Self:
        """Take *model* in.

        Args:
            model: what the library's own functions write.
            metadata: a mapping that is kept beside it.

        Raises:
            InvalidInput: it is nothing of the library's.
        """
        self._model = self.check(model)
        if metadata is not None:
            self._metadata = check_metadata(metadata, self.name)
        self._packed = True
        return self

    def check(self, model: Any) -> Any:
        """Give what is to be kept of *model*; raises InvalidInput for another thing."""
        return model

    def get(self) -> Any:
        """Give the object."""
        return self._model

    def file(self, folder: str | Path) -> Path:
        """Give the place of its file or folder."""
        return Path(folder, f"{self.name}{self.ending}")

    def save(self, dst: str) -> None:
        """Write it into the folder *dst*.

        Raises:
            InvalidInput: the library cannot write it.
        """
        try:
            self.write(self._model, self.file(dst))
        except (EkibenError, OSError):
            raise
        except Exception as error:
            raise InvalidInput(f"{self.title} cannot be written: {one_line(error)}") from error

    def load(self, path: str) -> Self:
        """Read it from the folder *path*.

        Raises:
            StoreError: it is not there, may not be unpickled, or the library cannot read it.
        """
        place = self.file(path)
        if not place.exists():
            raise StoreError(f"the artifact `{self.name}` is not in its bundle: there is no {place.name}")
        try:
            self._model = self.read(place)
        except EkibenError:
            raise
        except Exception as error:
            raise StoreError(f"{self.title} cannot be read: {one_line(error)}") from error
        return self

    def write(self, model: Any, place: Path) -> None:
        """Write *model* to *place*."""
        raise undefined(self, "write")

    def read(self, place: Path) -> Any:
        """Read it from *place*."""
        raise undefined(self, "read")

    def set_dependencies(self, env: Environment) -> None:
        """Ask for the library, where packages are found by themselves."""
        if env.infer_pip_packages:
            env.add_pip_packages(self.packages)

    def need(self, module: str | None = None) -> ModuleType:
        """Import the library; raises MissingLibrary with what to install."""
        return need(module or self.library or "", self.title)

    @contextmanager
    def running(self, must: str = "be unpickled") -> Iterator[None]:
        """Read files in this block that run code, unless that is forbidden.

        Args:
            must: what they do, as in `check_unpickling`.

        Raises:
            StoreError: EKIBEN_FORBID_UNPICKLING is set, or they cannot be read.
        """
        check_unpickling(self.title, must=must)
        with unpickling(self.title, ADVICE):
            yield

    @property
    def title(self) -> str:
        """What errors call it."""
        return f"the artifact `{self.name}`"

    def wrong(self, what: str, model: Any) -> InvalidInput:
        """Make the error for a *model* that is not *what*."""
        return InvalidInput(f"{self.title} must be packed with {what}: {type(model).__name__}")


def one_line(error: BaseException) -> str:
    """Give what a library said, on one line."""
    return " ".join(str(error).split()) or type(error).__name__


def pack_into(artifact: BentoServiceArtifact, args: Sequence[Any], options: Mapping[str, Any]) -> None:
    """Pack *artifact*; metadata is kept, also where its class takes none.

    Raises:
        InvalidInput: the metadata is no mapping of text.
    """
    told = dict(options)
    metadata = check_metadata(told.get("metadata"), artifact.name)
    if "metadata" in told and not takes_metadata(artifact.pack):
        del told["metadata"]
    artifact.pack(*args, **told)
    if metadata:
        artifact._metadata = metadata
    artifact._packed, artifact._loaded = True, False


def load_into(artifact: BentoServiceArtifact, folder: Path, metadata: Mapping[str, Any]) -> BentoServiceArtifact:
    """Read an artifact from its folder; give it, or the other that its `load` made."""
    given = artifact.load(str(folder))
    found = given if isinstance(given, BentoServiceArtifact) else artifact
    found._metadata = dict(metadata)
    found._packed, found._loaded = False, True
    return found


def check_metadata(metadata: Any, name: str) -> dict[str, Any]:
    """Give metadata that YAML can hold; raises InvalidInput."""
    if metadata is None:
        return {}
    if not isinstance(metadata, Mapping) or not all(isinstance(key, str) for key in metadata):
        raise InvalidInput(f"`metadata` of the artifact `{name}` must be a mapping by text: {metadata!r}")
    return dict(metadata)


def takes_metadata(pack: Callable[..., Any]) -> bool:
    """Say whether a `pack` has the parameter `metadata`, or takes any."""
    known = inspect.signature(pack).parameters
    return "metadata" in known or any(each.kind is each.VAR_KEYWORD for each in known.values())

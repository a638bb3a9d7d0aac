"""Artifacts of plain files: any object as a pickle, plain data as JSON, text.

In: an object, data, text. Out: one file each. A pickle runs code of whoever wrote it when it is loaded, as all code of
a bundle does; EKIBEN_FORBID_UNPICKLING=1 forbids it.
"""

import importlib
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, Self

from bentoml.bundles.artifact import ModelArtifact, check_metadata
from ekiben.core.errors import ConfigError, InvalidInput


class PickleArtifact(ModelArtifact):
    """Any object that can be pickled.

    Args:
        name: how the service names it.
        pickle_module: `cloudpickle`, another module with `dump` and `load`, or the name of one.
        pickle_extension: the ending of its file.
    """

    kind = "PickleArtifact"

    def __init__(
        self, name: str, pickle_module: str | ModuleType = "cloudpickle", pickle_extension: str = ".pkl"
    ) -> None:
        super().__init__(name)
        self.ending = check_ending(pickle_extension, "pickle_extension")
        self._pickle = module_of(pickle_module, "pickle_module", ("dump", "load"))

    def write(self, model: Any, place: Path) -> None:
        """Pickle the object; raises InvalidInput where it cannot be."""
        with place.open("wb") as file:
            try:
                self._pickle.dump(model, file)
            except Exception as error:
                raise InvalidInput(f"the artifact `{self.name}` cannot be pickled: {error}") from error

    def read(self, place: Path) -> Any:
        """Unpickle the object; raises StoreError."""
        with self.running(), place.open("rb") as file:
            return self._pickle.load(file)


class JSONArtifact(ModelArtifact):
    """Plain data: text, numbers, lists and mappings.

    Args:
        name: how the service names it.
        file_extension: the ending of its file.
        encoding: of its text.
        json_module: `json`, another module with `dumps` and `loads`, or the name of one.
    """

    kind = "JSONArtifact"

    def __init__(
        self,
        name: str,
        file_extension: str = ".json",
        encoding: str | None = None,
        json_module: str | ModuleType = "json",
    ) -> None:
        super().__init__(name)
        self.ending = check_ending(file_extension, "file_extension")
        self.encoding = check_encoding(encoding or "utf-8")
        self._json = module_of(json_module, "json_module", ("dumps", "loads"))
        self._options: Mapping[str, Any] = {}

    def pack(  # type: ignore[override]  # the names of 0.13
        self,
        content: Any,
        metadata: Mapping[str, Any] | None = None,
        json_dumps_kwargs: Mapping[str, Any] | None = None,
        **dumps: Any,
    ) -> Self:
        """Take data in; more keywords are those of `dumps`.

        Raises:
            InvalidInput: JSON cannot hold it.
        """
        self._options = {**(json_dumps_kwargs or {}), **dumps}
        try:
            text = self._json.dumps(content, **self._options)
            if isinstance(text, str):
                text.encode(self.encoding)
        except UnicodeEncodeError as error:
            raise InvalidInput(f"{self.title} must be text that {self.encoding} has: {error}") from error
        except (TypeError, ValueError) as error:
            raise InvalidInput(f"the artifact `{self.name}` must be packed with what JSON holds: {error}") from error
        return super().pack(content, metadata)

    def write(self, model: Any, place: Path) -> None:
        """Write the data."""
        text = self._json.dumps(model, **self._options)
        place.write_bytes(text if isinstance(text, bytes) else text.encode(self.encoding))

    def read(self, place: Path) -> Any:
        """Read the data; raises InvalidInput where it is none."""
        try:
            return self._json.loads(place.read_bytes().decode(self.encoding))
        except ValueError as error:
            raise InvalidInput(f"the artifact `{self.name}` must be JSON: {error}") from error


class TextFileArtifact(ModelArtifact):
    """Text.

    Args:
        name: how the service names it.
        file_extension: the ending of its file.
        encoding: of the file.
    """

    kind = "TextFileArtifact"

    def __init__(self, name: str, file_extension: str = ".txt", encoding: str = "utf8") -> None:
        super().__init__(name)
        self.ending, self.encoding = check_ending(file_extension, "file_extension"), check_encoding(encoding)

    def pack(self, content: str, metadata: Mapping[str, Any] | None = None) -> Self:
        """Take text in; raises InvalidInput for anything else."""
        if not isinstance(content, str):
            raise self.wrong("text", content)
        try:
            content.encode(self.encoding)
        except UnicodeEncodeError as error:
            raise InvalidInput(f"the artifact `{self.name}` must be text that {self.encoding} has: {error}") from error
        return super().pack(content, check_metadata(metadata, self.name))

    def write(self, model: Any, place: Path) -> None:
        """Write the text."""
        place.write_bytes(model.encode(self.encoding))

    def read(self, place: Path) -> str:
        """Read the text; raises InvalidInput where it is none in its encoding."""
        try:
            return place.read_bytes().decode(self.encoding)
        except UnicodeDecodeError as error:
            raise InvalidInput(f"the artifact `{self.name}` must be text in {self.encoding}: {error}") from error


def module_of(told: str | ModuleType, option: str, needed: tuple[str, ...]) -> ModuleType:
    """Give the module that an option names; raises ConfigError."""
    try:
        found = importlib.import_module(told) if isinstance(told, str) else told
    except ImportError as error:
        raise ConfigError(f"`{option}` must be a module that is installed: {told!r}") from error
    if not all(callable(getattr(found, name, None)) for name in needed):
        raise ConfigError(f"`{option}` must be a module with `{'` and `'.join(needed)}`: {told!r}")
    return found


def check_encoding(told: Any) -> str:
    """Give the name of an encoding that Python has for text; raises ConfigError."""
    try:
        "".encode(told)
    except (LookupError, TypeError, ValueError) as error:
        raise ConfigError(f"`encoding` must be one that Python has for text, such as 'utf-8': {told!r}") from error
    return str(told)


def check_ending(told: Any, option: str) -> str:
    """Give the ending of a file, which leads to no other folder; raises ConfigError."""
    if not isinstance(told, str) or not told.startswith(".") or not told[1:].replace(".", "").isalnum():
        raise ConfigError(f"`{option}` must be the ending of a file such as '.bin': {told!r}")
    return str(told)

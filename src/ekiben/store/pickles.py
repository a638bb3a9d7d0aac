"""Keep Python objects beside a model; read them when someone asks and may.

In: objects by name. Out: one file of cloudpickle, and a mapping that opens it on first use.
Unpickling runs code of whoever wrote the file: EKIBEN_FORBID_UNPICKLING=1 forbids it everywhere.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from ekiben.core.errors import InvalidInput, StoreError
from ekiben.core.optional import need
from ekiben.core.paths import disk_errors, write_whole

CUSTOM_OBJECTS = "custom_objects.pkl"
FORBID_VARIABLE = "EKIBEN_FORBID_UNPICKLING"


class CustomObjects(Mapping[str, Any]):
    """The objects saved with a model, by name; the file is opened on first use.

    Args:
        path: the file; a model without it has no objects.
        owner: the model's tag, for errors.
    """

    def __init__(self, path: Path, owner: str) -> None:
        self._path, self._owner = path, owner
        self._loaded: dict[str, Any] | None = None

    def __getitem__(self, name: str) -> Any:
        return self._read()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._read())

    def __len__(self) -> int:
        return len(self._read())

    def __repr__(self) -> str:
        return (
            f"CustomObjects of {self._owner}: {', '.join(self._read()) if self._loaded is not None else 'not read yet'}"
        )

    def _read(self) -> dict[str, Any]:
        if self._loaded is None:
            with disk_errors(f"cannot read {self._path}"):
                is_there = self._path.is_file()
            self._loaded = load_objects(self._path, self._owner) if is_there else {}
        return self._loaded


def check_unpickling(owner: str, env: Mapping[str, str] = os.environ, *, must: str = "be unpickled") -> None:
    """Refuse to unpickle anything of *owner* where the setting forbids it.

    Args:
        owner: whose files they are, for the error.
        env: where the setting is looked up.
        must: what else lets a file's own code run, as "OWNER must ...".

    Raises:
        StoreError: EKIBEN_FORBID_UNPICKLING is set.
    """
    if forbids(env):
        raise StoreError(
            f"{owner} must {must}, which {FORBID_VARIABLE} forbids",
            hint=f"save it in a safe format, or unset {FORBID_VARIABLE} if you trust who made it",
        )


def forbids(env: Mapping[str, str] = os.environ) -> bool:
    """Say whether the setting forbids to run code that a file holds, as pickles do."""
    return env.get(FORBID_VARIABLE, "").lower() not in ("", "0", "false", "no")


def dump_objects(objects: Mapping[str, Any], by_value: Sequence[ModuleType], path: Path) -> None:
    """Write *objects* into a file that loads where none of the training's sources are.

    Args:
        objects: by name.
        by_value: modules whose functions and classes are written whole, as those of `__main__` always are.
        path: the file.

    Raises:
        InvalidInput: a name is not text, or an object cannot be pickled; the error names it.
    """
    for name, value in objects.items():
        if not isinstance(name, str):
            raise InvalidInput(f"the keys of `custom_objects` must be text: {name!r}")
        dump_bytes(value, by_value, f"custom_objects[{name!r}]")
    write_whole(path, dump_bytes(dict(objects), by_value, "custom_objects"))


def dump_bytes(value: Any, by_value: Sequence[ModuleType], name: str) -> bytes:
    """Pickle one value, for a process that has none of the training's sources.

    Args:
        value: any object that can be pickled.
        by_value: modules whose functions and classes are written whole, as those of `__main__` always are.
        name: what the user calls the value, for errors.

    Raises:
        InvalidInput: it cannot be pickled.
    """
    cloudpickle = need("cloudpickle", "pickling")
    with written_whole(by_value):
        try:
            return bytes(cloudpickle.dumps(value))
        except Exception as error:
            raise InvalidInput(f"`{name}` cannot be pickled: {error}") from error


@contextmanager
def written_whole(modules: Sequence[ModuleType]) -> Iterator[ModuleType]:
    """Let cloudpickle, which is given, write what is in *modules* by value.

    Raises:
        InvalidInput: one is no module.
    """
    cloudpickle = need("cloudpickle", "pickling")
    for module in modules:
        if not isinstance(module, ModuleType):
            raise InvalidInput(f"`external_modules` must be a list of modules: {module!r}")
    with ExitStack() as undo:
        for module in modules:
            if module.__name__ not in cloudpickle.list_registry_pickle_by_value():
                cloudpickle.register_pickle_by_value(module)
                undo.callback(cloudpickle.unregister_pickle_by_value, module)
        yield cloudpickle


def load_objects(path: Path, owner: str) -> dict[str, Any]:
    """Unpickle the objects in *path*.

    Raises:
        StoreError: unpickling is forbidden, or fails; the error names *owner*.
    """
    objects = load_pickle(path, f"the custom objects of {owner}")
    if not isinstance(objects, dict):
        raise StoreError(f"the custom objects of {owner} must be a mapping: {type(objects).__name__}")
    return objects


def load_pickle(path: Path, what: str) -> Any:
    """Unpickle the one value in *path*.

    Args:
        path: a file of pickle, cloudpickle or joblib without compression.
        what: whose it is, as the subject of an error.

    Raises:
        StoreError: unpickling is forbidden, or fails; the error names *what*.
    """
    check_unpickling(what)
    cloudpickle = need("cloudpickle", "unpickling")
    with disk_errors(f"cannot read {path}"):
        data = path.read_bytes()
    with unpickling(what):
        return cloudpickle.loads(data)


@contextmanager
def unpickling(what: str, advice: str = "save again with `external_modules=[{module}]`") -> Iterator[None]:
    """Say in our words why something cannot be unpickled.

    Args:
        what: whose it is, as the subject of an error.
        advice: what else than installing helps where a `{module}` is missing.

    Raises:
        StoreError: whatever the block raised.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        raise StoreError(
            f"{what} cannot be unpickled without the module `{error.name}`, which is not here",
            hint=f"install it, or {advice.format(module=error.name)}",
        ) from error
    except Exception as error:
        raise StoreError(f"{what} cannot be unpickled: {error}") from error

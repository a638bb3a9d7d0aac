"""Read which service a project folder is about.

In: a folder. Out: a target within it. `bentofile.yaml` and `pyproject.toml` are read for that, and for `args`.
"""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ekiben.core.errors import ServiceLoadError
from ekiben.core.front import front
from ekiben.store.document import read_document

DEFAULT = "service.py"
BENTOFILE, PYPROJECT = "bentofile.yaml", "pyproject.toml"


def is_project(folder: Path) -> bool:
    """Say whether *folder* holds a service, by its files alone."""
    return folder.is_dir() and (
        (folder / DEFAULT).is_file() or (folder / BENTOFILE).is_file() or from_toml(folder) != ""
    )


def service_of(folder: Path) -> str:
    """Give the target that the folder's settings name, else its `service.py`.

    Raises:
        ServiceLoadError: the settings cannot be read, or name no service while there is no `service.py`.
    """
    named = from_yaml(folder) or from_toml(folder)
    if named:
        return named
    if not (folder / DEFAULT).is_file():
        raise ServiceLoadError(f"`service` is missing in {folder / BENTOFILE}", hint="write `service: file:NAME`")
    return DEFAULT


def from_yaml(folder: Path) -> str:
    """Give `service` of bentofile.yaml, or nothing."""
    path = folder / BENTOFILE
    return checked(read_document(path).get("service"), path) if path.is_file() else ""


def from_toml(folder: Path) -> str:
    """Give `service` of `[tool.ekiben.build]` in pyproject.toml, or nothing."""
    return checked(table_of(folder).get("service"), folder / PYPROJECT)


def args_of(folder: Path) -> Any:
    """Give the arguments that the folder's settings hold for its code.

    Nobody has checked them yet.
    """
    path = folder / BENTOFILE
    return (read_document(path) if path.is_file() else table_of(folder)).get("args")


def table_of(folder: Path) -> Mapping[str, Any]:
    """Give `[tool.ekiben.build]` of pyproject.toml, or an empty table."""
    path = folder / PYPROJECT
    if not path.is_file():
        return {}
    try:
        found: Any = tomllib.loads(path.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ServiceLoadError(f"{path} cannot be read: {error}") from error
    for key in ("tool", front().program, "build"):
        found = found.get(key, {})
        if not isinstance(found, Mapping):
            raise ServiceLoadError(f"`{key}` must be a table in {path}: {found!r}")
    return dict(found)


def checked(value: Any, path: Path) -> str:
    """Give the text of a target."""
    if value is None:
        return ""
    if not isinstance(value, str):
        raise ServiceLoadError(f"`service` must be a target such as `service:NAME` in {path}: {value!r}")
    return value

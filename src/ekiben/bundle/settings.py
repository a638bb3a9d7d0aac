"""Find what a project says of its build.

In: a folder, and perhaps the file to read. Out: `BuildOptions`, what the caller says over what the file says.
`bentofile.yaml` is read, else `[tool.ekiben.build]` of `pyproject.toml`, to which `[project]` adds its name and its
dependencies. No value of a file is executed or expanded; YAML is read as plain data of bounded size, each key once.
"""

import os
import tomllib
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from ekiben.bundle.options import BuildOptions, read_options
from ekiben.core.errors import ConfigError, CorruptItem
from ekiben.core.front import front
from ekiben.services.project import BENTOFILE, PYPROJECT
from ekiben.store.document import MAX_SIZE, parse_document


def read_build(
    context: Path, file: str | os.PathLike[str] | None = None, *, told: Mapping[str, Any] | None = None
) -> BuildOptions:
    """Read how the project in *context* is to be built.

    Args:
        context: an absolute folder.
        file: a YAML or TOML file, relative to the working directory; None looks for one in *context*.
        told: keys that the caller says; they stand over those of the file, labels and arguments one by one.

    Raises:
        ConfigError: a file is missing, two files speak, or a key is unknown or not of its type.
    """
    place = find_settings(context) if file is None else Path(os.path.abspath(file))
    given: dict[str, Any] = {}
    over = {key: value for key, value in (told or {}).items() if value is not None}
    if place is not None:
        given = read_toml(place, required=file is not None) if place.suffix == ".toml" else read_yaml(place)
        try:
            read = read_options(given, context)
        except ConfigError as error:
            raise ConfigError(f"{place.name}: {error.message}", hint=error.hint) from error
        if not over:
            return read
    for key in ("labels", "args"):
        if isinstance(over.get(key), Mapping):
            over[key] = {**(given.get(key) or {}), **over[key]}
    return read_options({**given, **over}, context)


def find_settings(context: Path) -> Path | None:
    """Find the one file of *context* that says how to build it.

    Raises:
        ConfigError: there are two.
    """
    bentofile, pyproject = context / BENTOFILE, context / PYPROJECT
    has_table = pyproject.is_file() and table(load_toml(pyproject)) is not None
    if bentofile.is_file():
        if has_table:
            raise ConfigError(
                f"both {BENTOFILE} and [tool.{front().program}.build] of {PYPROJECT} say how to build {context}",
                hint=f"keep one of them, or name it: `-f {BENTOFILE}`",
            )
        return bentofile
    return pyproject if has_table else None


def read_yaml(path: Path) -> dict[str, Any]:
    """Read a bentofile as plain data."""
    text = read_bytes(path)
    try:
        found = parse_document(text, path.name)
        check_unique(text)
    except CorruptItem as error:
        raise ConfigError(error.message, hint="a bentofile holds `key: value`, in plain YAML") from error
    return found


def read_toml(path: Path, *, required: bool) -> dict[str, Any]:
    """Read the table of a build from pyproject.toml, with what `[project]` adds."""
    settings = load_toml(path)
    build = table(settings)
    if build is None:
        if required:
            raise ConfigError(f"{path.name} has no table [tool.{front().program}.build]: {path}")
        return {}
    project = settings.get("project", {})
    found = dict(build)
    if not isinstance(project, Mapping):
        raise ConfigError(f"{path.name}: `project` must be a table: {project!r}")
    if "dependencies" in project.get("dynamic", ()):
        raise ConfigError(
            f"{path.name}: `project.dependencies` must be written there, and is dynamic",
            hint="write the packages into `python.packages`, or into a `python.requirements_txt`",
        )
    if "name" in project:
        found.setdefault("name", project["name"])
    python, needed = found.get("python") or {}, project.get("dependencies") or []
    if needed and isinstance(python, Mapping):
        own = python.get("packages") or []
        lists = [[each] if isinstance(each, str) else each for each in (needed, own)]
        if all(isinstance(each, list) for each in lists):
            found["python"] = {**python, "packages": [*lists[0], *lists[1]]}
        else:
            raise ConfigError(f"{path.name}: dependencies and packages must be lists of text: {needed!r}, {own!r}")
    return found


def table(settings: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Give `[tool.ekiben.build]`, None where there is none."""
    found: Any = settings
    for key in ("tool", front().program, "build"):
        if not isinstance(found, Mapping) or key not in found:
            return None
        found = found[key]
    if not isinstance(found, Mapping):
        raise ConfigError(f"{PYPROJECT}: `tool.{front().program}.build` must be a table: {found!r}")
    return found


def load_toml(path: Path) -> dict[str, Any]:
    """Parse a TOML file."""
    try:
        return tomllib.loads(read_bytes(path).decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{path.name} is not TOML that can be read: {error}: {path}") from error


def read_bytes(path: Path) -> bytes:
    """Give a file of at most some megabytes."""
    try:
        with path.open("rb") as file:
            text = file.read(MAX_SIZE + 1)
    except OSError as error:
        raise ConfigError(f"the file of the build cannot be read: {error.strerror or error}: {path}") from error
    if len(text) > MAX_SIZE:
        raise ConfigError(f"{path.name} must be at most {MAX_SIZE} bytes long, and is longer")
    return text


def check_unique(text: bytes) -> None:
    """Refuse a mapping that says a key twice, of which YAML would drop the first.

    The text has been held to a bounded depth and size before.
    """
    waiting, seen = [yaml.compose(text, Loader=yaml.SafeLoader)], set()
    while waiting:
        node = waiting.pop()
        if node is None or id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, yaml.MappingNode):
            names = Counter(key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode))
            twice = [name for name, count in names.items() if count > 1]
            if twice:
                raise CorruptItem(f"`{twice[0]}` must be said once, and is said again after it")
            waiting += [value for _, value in node.value]
        elif isinstance(node, yaml.SequenceNode):
            waiting += node.value

"""Lay settings over each other: what stands higher counts, option by option.

In: plain mappings: what a decorator was given, a parsed file, the environment. Out: layers, which remember where each
of their values was said, and what they come to together. Pure: no file is read here, and no variable.

From low to high: built-in, decorator, file, environment, command line. Within a file and within the environment what is
said of one service stands above what is said of all.
"""

import difflib
import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, TypeAlias

from ekiben.core.errors import ConfigError

PREFIX = "EKIBEN_"
DEEPER = "__"  # between the parts of a variable's name
SERVICES = "services"  # the section of a file that holds one section for each service
VARIABLE = re.compile(r"\$(?:\$|(?P<plain>[A-Za-z_]\w*)|\{(?P<braced>[A-Za-z_]\w*)(?::-(?P<default>[^}]*))?\})")
YES, NO = ("true", "yes", "on", "1"), ("false", "no", "off", "0")


class Kind(StrEnum):
    """How the text of a variable becomes the value of an option."""

    TEXT = "text"  # as it is
    FLAG = "flag"  # true or false
    TEXTS = "texts"  # a JSON list, or text between commas
    DATA = "data"  # JSON, else text
    NAMED = "named"  # text by a name of the user's


Shape: TypeAlias = "Mapping[str, Kind | Shape]"  # options by name, sections within


@dataclass(frozen=True, slots=True)
class Layer:
    """Some options, nested, and where each was said, by its dotted path."""

    values: Mapping[str, Any] = field(default_factory=dict)
    sources: Mapping[str, str] = field(default_factory=dict)


def leaves(values: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    """Walk over the values by their dotted paths; an empty section is one."""
    for key, value in values.items():
        inner = f"{path}.{key}" if path else str(key)
        if isinstance(value, Mapping) and value:
            yield from leaves(value, inner)
        else:
            yield inner, value


def layer(values: Mapping[str, Any], place: str) -> Layer:
    """Make a layer of what was said in one place: `ekiben.yaml: ` before each path."""
    return Layer(values, {path: f"{place}{path}" for path, _ in leaves(values)})


def said(path: Sequence[str], value: Any, source: str) -> Layer:
    """Make a layer of one value, which *source* said."""
    for key in reversed(path):
        value = {key: value}
    return Layer(value, {where: source for where, _ in leaves(value)})


def over(below: Layer, above: Layer, whole: Collection[str] = ()) -> Layer:
    """Lay one layer over another.

    Args:
        below: counts where *above* says nothing.
        above: counts.
        whole: paths of sections that are not merged but replaced.
    """
    values = merged(below.values, above.values, whole)
    sources = {**below.sources, **above.sources}
    return Layer(values, {path: sources[path] for path, _ in leaves(values) if path in sources})


def merged(
    below: Mapping[str, Any], above: Mapping[str, Any], whole: Collection[str], path: str = ""
) -> dict[str, Any]:
    """Give *below* with the values of *above*; sections are merged, lists are not."""
    found = dict(below)
    for key, value in above.items():
        inner, old = f"{path}.{key}" if path else str(key), found.get(key)
        if value is None and isinstance(old, Mapping):
            continue  # a section of YAML with nothing in it
        deep = isinstance(value, Mapping) and isinstance(old, Mapping) and inner not in whole
        found[key] = merged(old, value, whole, inner) if deep else value  # type: ignore[arg-type] # `deep` says so
    return found


def of_document(
    document: Mapping[str, Any], name: str, shape: Shape, environ: Mapping[str, str], file: str
) -> list[Layer]:
    """Read what a file says of all services, then what it says of *name*.

    Args:
        document: the parsed file.
        name: of the service.
        shape: the options that there are.
        environ: what `$NAME` in a text stands for.
        file: its name in errors.

    Raises:
        ConfigError: `services` is no mapping of sections, or a text names a variable that is not set.
    """
    named = document.get(SERVICES) or {}
    if not isinstance(named, Mapping):
        raise ConfigError(f"{file}: `{SERVICES}` must be a mapping of names to options: {named!r}")
    layers = []
    everywhere = {key: value for key, value in document.items() if key != SERVICES}
    for values, place in ((everywhere, f"{file}: "), (named.get(name), f"{file}: {SERVICES}.{name}.")):
        if values is None:
            continue
        if not isinstance(values, Mapping):
            raise ConfigError(f"{place.rstrip('.')} must be a mapping of options: {values!r}")
        if "name" in values:
            raise ConfigError(f"{place}name cannot be set: a section finds its service by the name")
        layers.append(layer(expanded(values, shape, environ, place), place))
    return layers


def check_others(document: Mapping[str, Any], names: Collection[str], shape: Shape, file: str) -> list[str]:
    """Check the sections of other services; warn of names that look like a slip.

    Returns:
        Sentences.

    Raises:
        ConfigError: there is no such option.
    """
    warnings = []
    for other, values in (document.get(SERVICES) or {}).items():
        if other in names:
            continue
        near = difflib.get_close_matches(str(other), names, 1, cutoff=0.8)
        if near:
            warnings.append(f"{file}: {SERVICES}.{other} is of no service that is served; did you mean `{near[0]}`?")
        for path, _ in leaves(values if isinstance(values, Mapping) else {}):
            find(path.split("."), shape, f"{file}: {SERVICES}.{other}.{path}")
    return warnings


def of_environment(environ: Mapping[str, str], name: str, names: Collection[str], shape: Shape) -> list[Layer]:
    """Read what the environment says of all services, then of *name*.

    `EKIBEN_TRAFFIC__TIMEOUT=30` is of all, `EKIBEN_SERVICES__IRIS__TRAFFIC__TIMEOUT=30` of the service `Iris`.
    An empty variable counts as none.

    Args:
        environ: variables.
        name: of the service.
        names: of all services that are served.
        shape: the options that there are.

    Raises:
        ConfigError: a variable names no option, or its text is no value of it.
    """
    everywhere, here = Layer(), Layer()
    for variable in sorted(environ):
        parts = parts_of(variable, shape) if environ[variable] else None
        if parts is None:
            continue
        owner, path = owned(variable, parts, names)
        kind = find(path, shape, variable)
        found = said(path, read_text(environ[variable], kind, variable), variable)
        if owner is None:
            everywhere = over(everywhere, found)
        elif mark(name) == owner:
            here = over(here, found)
    return [everywhere, here]


def parts_of(variable: str, shape: Shape) -> list[str] | None:
    """Split a variable's name; None where it is no option of a service.

    Raises:
        ConfigError: it names an option with one `_` where two belong.
    """
    if not variable.startswith(PREFIX):
        return None
    rest = variable.removeprefix(PREFIX)
    if DEEPER in rest:
        return rest.lower().split(DEEPER)
    if rest.lower() in (*shape, SERVICES):
        return [rest.lower()]
    section, _, key = rest.lower().partition("_")
    inner = shape.get(section)
    if isinstance(inner, Mapping) and key in inner and variable not in COMMANDS:
        raise ConfigError(
            f"the variable {variable} names no option",
            hint=f"did you mean {PREFIX}{section.upper()}{DEEPER}{key.upper()}?",
        )
    return None


COMMANDS = ("EKIBEN_SSL_KEYFILE_PASSWORD",)  # variables of options of the command line that look like a slip


def owned(variable: str, parts: list[str], names: Collection[str]) -> tuple[str | None, list[str]]:
    """Say which service a variable is about, None for all, and which option."""
    if parts[0] != SERVICES:
        return None, parts
    rest = variable.removeprefix(f"{PREFIX}{SERVICES.upper()}{DEEPER}")
    for name in sorted(map(mark, names), key=len, reverse=True):
        if rest.startswith(name + DEEPER):
            return name, rest.removeprefix(name + DEEPER).lower().split(DEEPER)
    return "".join(parts[1:2]).upper(), parts[2:]


def mark(name: str) -> str:
    """Write a service's name as variables have it: `fraud-check` is `FRAUD_CHECK`."""
    return re.sub(r"\W", "_", name).upper()


def find(path: list[str], shape: Shape, place: str) -> "Kind | Shape":
    """Give what stands at *path*.

    Raises:
        ConfigError: there is nothing; the error has the nearest name, and *place*, where it was said.
    """
    found: Kind | Shape = shape
    for depth, key in enumerate(path):
        if found is Kind.NAMED:
            return Kind.TEXT
        if isinstance(found, Kind):
            return found
        if key not in found:
            option = ".".join(path[: depth + 1])
            near = difflib.get_close_matches(key, found, 1)
            hint = f"did you mean `{'.'.join([*path[:depth], near[0]])}`?" if near else f"there is {', '.join(found)}"
            raise ConfigError(f"there is no option `{option}`: {place}", hint=hint)
        found = found[key]
    if not path:
        raise ConfigError(f"the variable {place} names no option", hint="write EKIBEN_SERVICES__NAME__TRAFFIC__TIMEOUT")
    return found


def read_text(text: str, kind: "Kind | Shape", place: str) -> Any:
    """Turn the text of a variable into the value of an option of *kind*.

    Raises:
        ConfigError: it is no value of that kind.
    """
    if kind is Kind.TEXT:
        return text
    if kind is Kind.FLAG:
        if text.lower() not in YES + NO:
            raise ConfigError(f"{place} must be true or false: {text!r}")
        return text.lower() in YES
    if kind is Kind.TEXTS and not text.lstrip().startswith("["):
        return [part.strip() for part in text.split(",") if part.strip()]
    try:
        return json.loads(text)
    except ValueError:
        if kind is Kind.DATA:
            return text
        raise ConfigError(f"{place} must be JSON: {text!r}", hint='write `{"timeout": 30}`') from None


def expanded(value: Any, shape: "Kind | Shape", environ: Mapping[str, str], place: str) -> Any:
    """Put variables in for `$NAME`, `${NAME}` and `${NAME:-default}`.

    `$$` is a dollar sign. A text that held one is read as the text of a variable is, so that
    `timeout: $SECONDS` is a number.

    Raises:
        ConfigError: a variable is not set and has no default.
    """
    if isinstance(value, Mapping):
        inner = shape if isinstance(shape, Mapping) else {}
        parted = {key: (each, inner.get(key, Kind.DATA)) for key, each in value.items()}
        return {key: expanded(each, kind, environ, f"{place}{key}.") for key, (each, kind) in parted.items()}
    if isinstance(value, list):
        return [expanded(each, Kind.TEXT, environ, f"{place}{index}.") for index, each in enumerate(value)]
    if not isinstance(value, str) or "$" not in value:
        return value

    def put(found: re.Match[str]) -> str:
        name = found["plain"] or found["braced"]
        if name is None:
            return "$"
        given = environ.get(name, found["default"])
        if given is None:
            raise ConfigError(
                f"{place.rstrip('.')}: the environment variable {name} is not set: {value!r}",
                hint=f"set it, or write `${{{name}:-default}}`; `$$` is a dollar sign",
            )
        return given

    text = VARIABLE.sub(put, value)
    return read_text(text, shape if isinstance(shape, Kind) else Kind.DATA, place.rstrip("."))


def located(error: ConfigError, sources: Mapping[str, str]) -> ConfigError:
    """Give an error that begins with where the wrong value was said, if that is known."""
    named = re.search(r"`([^`]+)`", error.message)
    path = re.sub(r"\[\d+\].*", "", named[1]) if named else ""
    found = next((source for where, source in sources.items() if where == path or where.startswith(f"{path}.")), None)
    while found is None and "." in path:  # a list or a mapping that was said in one piece
        path = path.rpartition(".")[0]
        found = sources.get(path)
    return error if found is None else ConfigError(f"{found}: {error.message}", hint=error.hint)

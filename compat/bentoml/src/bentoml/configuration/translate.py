"""Translate BentoML's configuration into layers of Ekiben's options.

In: the names of the services that are served, the environment. Out: layers by service, each value with the key that
said it. A key that nobody knows is told with the nearest one and its file; one that nothing here has is told once with
the reason, unless it says what BentoML does anyway.
"""

import difflib
import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from bentoml.configuration import keys
from bentoml.configuration.documents import Document, read_documents
from bentoml.words import say
from ekiben.core import config
from ekiben.core.config import Layer
from ekiben.core.errors import ConfigError
from ekiben.services.configure import shape

TOLD = "BENTOML_CONFIG_TOLD"  # processes that this one starts stay silent
Section = tuple[Mapping[str, Any], str]  # what is said, and the path of the section


def settings(mains: Sequence[str], names: Sequence[str], environ: Mapping[str, str]) -> dict[str, list[Layer]]:
    """Give the layers of each service, from low to high.

    Args:
        mains: the services that are served themselves.
        names: these, and those that they depend on.
        environ: variables.

    Raises:
        ConfigError: what is said cannot be read.
    """
    found: dict[str, list[Layer]] = {name: [] for name in names}
    told: list[str] = []
    for document in read_documents(environ):
        for owners, values, place, moved, gone in translated(document, mains, names, told):
            layer = make(values, place, moved, gone, told)
            for name in owners:
                found[name].append(layer)
    told += [f"{name} changes nothing: {why}" for name, why in keys.VARIABLES.items() if environ.get(name)]
    if told and not environ.get(TOLD):
        for sentence in dict.fromkeys(told):
            say(sentence)
        os.environ[TOLD] = "1"
    return found


Piece = tuple[Collection[str], Mapping[str, Any], str, Mapping[str, str], Mapping[str, str]]


def translated(document: Document, mains: Sequence[str], names: Sequence[str], told: list[str]) -> Iterator[Piece]:
    """Take a document apart: which services a section is of, and by which tables it is read."""
    values, place = document.values, document.place
    if document.version == 0:
        yield mains, values, place, keys.MOVED_OF_BUNDLES, keys.GONE_OF_BUNDLES
        return
    known = {2: ("services",), 1: ("api_server", "runners", "tracing", "monitoring", "logging")}[document.version]
    for key in values:
        if key not in known:
            told.append(unknown(key, f"{place}: {key}", known))
    if document.version == 2:
        inside = section(values, "services", place)
        for owners, inner, path in parted(inside, names, shape(), f"{place}: services", told):
            yield owners, inner, path, keys.MOVED, keys.GONE
        return
    for key in ("tracing", "monitoring", "logging"):
        if key in values:
            yield names, {key: values[key]}, place, keys.MOVED, keys.GONE
    yield mains, section(values, "api_server", place), f"{place}: api_server", keys.MOVED_OF_SERVER, keys.GONE
    runners = [name for name in names if name not in mains]
    inside = section(values, "runners", place)
    for owners, inner, path in parted(inside, runners, keys.RUNNER_KEYS, f"{place}: runners", told):
        yield owners, inner, path, keys.MOVED_OF_RUNNERS, keys.GONE


def section(values: Mapping[str, Any], key: str, place: str) -> Mapping[str, Any]:
    """Give a section; raises ConfigError for what is none."""
    found = values.get(key) or {}
    if not isinstance(found, Mapping):
        raise ConfigError(f"{place}: `{key}` must be a mapping: {found!r}")
    return found


def parted(
    values: Mapping[str, Any], names: Sequence[str], options: Collection[str], place: str, told: list[str]
) -> Iterator[tuple[Collection[str], Mapping[str, Any], str]]:
    """Part what is said of all services from what is said of one by its name."""
    known = {*options, *(path.partition(".")[0] for path in keys.GONE)}
    common = {key: value for key, value in values.items() if key in known and key not in names}
    yield names, common, place
    for key, value in values.items():
        if key in common:
            continue
        if key in names:
            yield (key,), section(values, key, place), f"{place}.{key}"
        elif isinstance(value, Mapping):
            told.append(f"{place}.{key} is of no service that is served{near(key, [*names, *known])}")
        else:
            told.append(unknown(key, f"{place}.{key}", known))


def make(
    values: Mapping[str, Any], place: str, moved: Mapping[str, str], gone: Mapping[str, str], told: list[str]
) -> Layer:
    """Make a layer of a section; a key without a value says nothing."""
    found = Layer()
    for path, given in config.leaves(values):
        value = given
        where = f"{place}: {path}" if ":" not in place else f"{place}.{path}"
        target, why = find(path, moved, gone)
        if value is None or value == {}:
            continue
        if why is None and target is not None:
            value, why = converted(target, value)
        if why is not None:
            if keys.DEFAULTS.get(path, keys) != value:
                told.append(f"{where} changes nothing: {why}")
        elif target is None:
            told.append(unknown(path.rpartition(".")[2], where, siblings(path, moved)))
        else:
            found = config.over(found, config.said(target.split("."), value, where))
    return found


def find(path: str, moved: Mapping[str, str], gone: Mapping[str, str]) -> tuple[str | None, str | None]:
    """Say where a key lies here, or why nowhere; neither for one that nobody knows."""
    parts = path.split(".")
    for length in range(len(parts), 0, -1):
        head, rest = ".".join(parts[:length]), parts[length:]
        if head in moved:
            return ".".join([moved[head], *rest]), None
        if head in gone:
            return None, gone[head]
    if gone is keys.GONE_OF_BUNDLES:  # its sections have other names than the options
        return None, None
    try:
        config.find(parts, shape(), "")
    except ConfigError:
        return None, None
    return path, None


def converted(target: str, value: Any) -> tuple[Any, str | None]:
    """Give a value as our option has it, or say why it cannot be."""
    if target == "tracing.excluded_urls" and isinstance(value, str):
        return [each if "*" in each else f"*{each.strip()}*" for each in value.split(",") if each.strip()], None
    if target == "workers" and isinstance(value, list):
        return value, "`workers` is a number here; GPUs are shared out by `resources.gpu`"
    if target == "workers" and isinstance(value, float):
        return max(1, round(value)), None
    if target == "resources" and not isinstance(value, Mapping):
        return value, "what there is, is what the machine has"
    return value, None


def siblings(path: str, moved: Mapping[str, str]) -> list[str]:
    """List the keys that could have been meant beside *path*."""
    found: Any = shape()
    head = path.rpartition(".")[0]
    for key in head.split(".") if head else ():
        found = found.get(key, {}) if isinstance(found, Mapping) else {}
    prefix = f"{head}." if head else ""
    others = [key.removeprefix(prefix).partition(".")[0] for key in (*moved, *keys.GONE) if key.startswith(prefix)]
    return [*(found if isinstance(found, Mapping) else ()), *others]


def unknown(key: str, where: str, known: Collection[str]) -> str:
    """Say that a key is not known."""
    return f"{where} is not known, and changes nothing{near(key, known)}"


def near(key: str, known: Collection[str]) -> str:
    """Give the end of a sentence that names the nearest key."""
    found = difflib.get_close_matches(str(key), list(known), 1)
    return f"; did you mean `{found[0]}`?" if found else ""

"""Read what BentoML's configuration says, wherever it was said.

In: the environment. Out: documents as plain data, from low to high: the file that `BENTOML_CONFIG` names, the JSON of
`BENTOML_CONFIG_OVERRIDES`, the pairs of `BENTOML_CONFIG_OPTIONS`. `$NAME` in a text stands for a variable.
"""

import json
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ekiben.core import config
from ekiben.core.errors import ConfigError, CorruptItem
from ekiben.services.configure import read
from ekiben.store.document import parse_document

FILE, OVERRIDES, OPTIONS = "BENTOML_CONFIG", "BENTOML_CONFIG_OVERRIDES", "BENTOML_CONFIG_OPTIONS"
SECTIONS = {"services": 2, "api_server": 1, "runners": 1, "bento_server": 0, "bento_bundle": 0, "yatai": 0}
VERSIONS = (0, 1, 2)
EXAMPLE = 'write {"services": {"workers": 2}}'


@dataclass(frozen=True, slots=True)
class Document:
    """What one place says."""

    values: Mapping[str, Any]
    place: str  # its name in errors
    version: int


def read_documents(environ: Mapping[str, str]) -> list[Document]:
    """Read all that is said, from low to high.

    Raises:
        ConfigError: a file is not there, or something is not what it must be; the error names the variable.
    """
    found: list[Document] = []
    for values, place in said(environ):
        version = version_of(values, place, found[-1].version if found else None)
        plain = {key: value for key, value in values.items() if key != "version"}
        expanded = config.expanded(plain, {}, environ, f"{place}: ")
        found.append(Document(expanded, place, version))
    return found


def said(environ: Mapping[str, str]) -> Iterator[tuple[Mapping[str, Any], str]]:
    """Give what each of the three says, with its name in errors."""
    if environ.get(FILE):
        path = Path(environ[FILE]).expanduser()
        if not path.is_file():
            raise ConfigError(f"`{FILE}` must name a file: {environ[FILE]!r}", hint="leave it out, or write the file")
        yield read(path), path.name
    if environ.get(OVERRIDES):
        yield read_overrides(environ[OVERRIDES]), OVERRIDES
    if environ.get(OPTIONS):
        yield read_pairs(environ[OPTIONS]), OPTIONS


def read_overrides(text: str) -> Mapping[str, Any]:
    """Read a JSON object; raises ConfigError."""
    try:
        found = json.loads(text)
    except ValueError as error:
        raise ConfigError(f"`{OVERRIDES}` must be JSON ({error}): {text!r}", hint=EXAMPLE) from error
    if not isinstance(found, dict):
        raise ConfigError(f"`{OVERRIDES}` must be a JSON object: {text!r}", hint=EXAMPLE)
    return found


def read_pairs(text: str) -> Mapping[str, Any]:
    """Read `services.workers=2 services.traffic.timeout=30`; a value is read as YAML.

    Raises:
        ConfigError: a word is no pair.
    """
    found: dict[str, Any] = {}
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise ConfigError(f"`{OPTIONS}` must be words as a shell reads them: {text!r}") from error
    for word in words:
        path, equals, value = word.partition("=")
        if not equals or not all(path.split(".")):
            raise ConfigError(f"`{OPTIONS}` must consist of `path.to.key=value`: {word!r}")
        try:
            plain = parse_document(b"value: " + value.encode(), OPTIONS)["value"]
        except CorruptItem as error:
            raise ConfigError(f"`{OPTIONS}`: the value of `{path}` cannot be read: {value!r}") from error
        layer = config.said(path.split("."), plain, OPTIONS)
        found = config.merged(found, layer.values, ())
    return found


def version_of(values: Mapping[str, Any], place: str, below: int | None) -> int:
    """Say which version a document is of: by its own word, by its sections, else that of the one below."""
    told = values.get("version")
    if told is None:
        named = {SECTIONS[key] for key in values if key in SECTIONS}
        return max(named) if named else 2 if below is None else below
    if told not in VERSIONS or isinstance(told, bool):
        raise ConfigError(f"{place}: `version` must be 0, 1 or 2: {told!r}", hint="leave it out: the sections say it")
    return int(told)

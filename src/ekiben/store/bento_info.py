"""Say what is known of a bento, in the words of `bento.yaml`.

In: what a build found out, or plain data from a file that anyone may have written. Out: `BentoInfo`, frozen, and plain
data again. Keys that BentoML 1.x writes keep their names and meaning.
"""

import datetime
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import metadata as distributions
from typing import Any, Self

from ekiben.core.errors import CorruptItem, InvalidInput
from ekiben.core.paths import is_plain
from ekiben.core.tag import Tag
from ekiben.store.info import BENTOML_VERSION, read_time

SPEC = 2  # of BentoML's bento.yaml


@dataclass(frozen=True, slots=True)
class CarriedModel:
    """One of the models of a bento."""

    tag: Tag  # exact
    digest: str | None = None  # of its content; BentoML has none
    module: str = ""
    creation_time: str = ""
    alias: str | None = None  # a name by which the service asks for it

    @classmethod
    def from_plain(cls, plain: Any) -> Self:
        """Read one entry of `models`; raises InvalidInput."""
        given = {"tag": plain} if isinstance(plain, str) else _mapping(plain, "models")
        tag, digest, alias = Tag.parse(_text(given, "tag")), given.get("digest"), given.get("alias")
        if not tag.is_exact:
            raise InvalidInput(f"`models` must name exact versions: {str(tag)!r}")
        if not isinstance(digest, str | None) or not isinstance(alias, str | None):
            raise InvalidInput(f"`digest` and `alias` of a model must be text: {digest!r}, {alias!r}")
        return cls(tag, digest, _text(given, "module", ""), str(given.get("creation_time") or ""), alias)

    def to_plain(self) -> dict[str, Any]:
        """Give the entry."""
        plain = {
            "tag": str(self.tag),
            "module": self.module,
            "creation_time": self.creation_time,
            "alias": self.alias,
            "digest": self.digest,
        }
        return {key: value for key, value in plain.items() if value is not None}


@dataclass(frozen=True, slots=True)
class BentoInfo:
    """What `bento.yaml` says."""

    tag: Tag  # exact
    creation_time: datetime.datetime
    service: str  # a target within `src`
    entry_service: str = ""  # the name of the service
    description: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    models: tuple[CarriedModel, ...] = ()
    services: tuple[Mapping[str, Any], ...] = ()  # the entry service last; each with its spec
    envs: tuple[Mapping[str, str], ...] = ()
    args: Mapping[str, Any] = field(default_factory=dict)  # what the code was built with
    import_roots: tuple[str, ...] = (".",)  # folders of `src` that imports start from
    environment: Mapping[str, Any] = field(default_factory=dict)  # Python, platform, how it was locked
    docker: Mapping[str, Any] = field(default_factory=dict)  # of the build's options
    ekiben_version: str = ""

    @property
    def name(self) -> str:
        """The name, without the version."""
        return self.tag.name

    @property
    def version(self) -> str:
        """The version."""
        return self.tag.version or ""

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Self:
        """Read what `bento.yaml` holds; keys that are not known are left out.

        Raises:
            CorruptItem: a key is missing or its value is of another type.
        """
        try:
            tag = Tag(_text(plain, "name"), _text(plain, "version"))
            if not tag.is_exact:
                raise InvalidInput(f"`version` must be exact: {tag.version!r}")
            return cls(
                tag=tag,
                creation_time=read_time(plain.get("creation_time")),
                service=_text(plain, "service"),
                entry_service=_text(plain, "entry_service", ""),
                description=_text(plain, "description", ""),
                labels={str(key): str(value) for key, value in _mapping(plain.get("labels"), "labels").items()},
                models=tuple(CarriedModel.from_plain(each) for each in _list(plain, "models")),
                services=tuple(_mapping(each, "services") for each in _list(plain, "services")),
                envs=tuple(_mapping(each, "envs") for each in _list(plain, "envs")),
                args=_mapping(plain.get("args"), "args"),
                import_roots=tuple(_root(each) for each in _list(plain, "import_roots") or ["."]),
                environment=_mapping(plain.get("environment"), "environment"),
                docker=_mapping(plain.get("docker"), "docker"),
                ekiben_version=_text(plain, "ekiben_version", ""),
            )
        except InvalidInput as error:
            raise CorruptItem(f"bento.yaml cannot be used: {error}") from error

    def to_plain(self) -> dict[str, Any]:
        """Give what `bento.yaml` holds."""
        return {
            "service": self.service,
            "name": self.name,
            "version": self.version,
            "ekiben_version": self.ekiben_version,
            "bentoml_version": BENTOML_VERSION,
            "creation_time": self.creation_time.isoformat(),
            "labels": dict(self.labels),
            "description": self.description,
            "models": [model.to_plain() for model in self.models],
            "entry_service": self.entry_service,
            "services": [dict(each) for each in self.services],
            "envs": [dict(each) for each in self.envs],
            "schema": {},
            "args": dict(self.args),
            "spec": SPEC,
            "import_roots": list(self.import_roots),
            "environment": dict(self.environment),
            "docker": dict(self.docker),
        }

    def to_content(self) -> dict[str, Any]:
        """Give the same without what differs between two builds of the same thing."""
        plain = self.to_plain()
        return {key: value for key, value in plain.items() if key not in ("version", "creation_time")}


def installed_version() -> str:
    """Give the version of this Ekiben."""
    try:
        return distributions.version("ekiben")
    except distributions.PackageNotFoundError:  # run from a folder of sources
        return "unknown"


def _text(plain: Mapping[str, Any], key: str, default: str | None = None) -> str:
    value = plain.get(key, default)
    if isinstance(value, int | float) and not isinstance(value, bool) and key == "version":
        value = str(value)  # an unquoted version of digits
    if value is None and default is not None:
        return default
    if not isinstance(value, str):
        raise InvalidInput(f"`{key}` must be text: {value!r}")
    return value


def _list(plain: Mapping[str, Any], key: str) -> list[Any]:
    value = plain.get(key)
    if not isinstance(value, list | None):
        raise InvalidInput(f"`{key}` must be a list: {value!r}")
    return value or []


def _mapping(value: Any, name: str) -> Mapping[str, Any]:
    if value is not None and not isinstance(value, Mapping):
        raise InvalidInput(f"`{name}` must be a mapping: {value!r}")
    return value or {}


def _root(value: Any) -> str:
    if not isinstance(value, str) or not is_plain(value) or not value:
        raise InvalidInput(f"`import_roots` must be folders below `src`: {value!r}")
    return value

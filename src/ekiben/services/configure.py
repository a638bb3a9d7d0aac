"""Set a service's options by file and environment, over those of its decorator.

In: a bound service, the folder it is served from. Out: the same service with the options that hold, and where each was
said. The order is that of `core/config`; every option is held to what the decorator's is held to.
"""

import importlib
import logging
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, partial
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, NamedTuple, Union, get_args, get_origin, get_type_hints, is_typeddict

from ekiben.core import config
from ekiben.core.config import Kind, Layer, Shape
from ekiben.core.errors import ConfigError, CorruptItem
from ekiben.core.front import Front, front
from ekiben.core.spec import BoundService
from ekiben.services.batches import join_by
from ekiben.services.defaults import DEFAULTS
from ekiben.services.endpoints import check_mounts, check_routes
from ekiben.services.options import ServiceKeywords, apply, read_options
from ekiben.store.document import read_document

log = logging.getLogger("ekiben")

FILE = "ekiben.yaml"
VARIABLE = "EKIBEN_CONFIG"  # names the file
WHOLE = ("metrics.duration", "monitoring.options")  # replaced as a whole: their keys go together
IN_CODE = ("name", "image", "cmd")  # said by the decorator alone
BUILT_IN = "built-in"  # who set an option that nobody set; what a dialect sets by itself bears it too
SECRET = ("password", "token", "secret")  # words in the path of what is not shown


# Is given the names of the services that are served, those and what they depend on, and the environment; gives layers
# by name, from low to high.
More = Callable[[Sequence[str], Sequence[str], Mapping[str, str]], Mapping[str, Sequence[Layer]]]


@dataclass(frozen=True, slots=True)
class Settings:
    """What a file and the environment say, of whichever service."""

    document: Mapping[str, Any]
    file: str  # its name in errors
    environ: Mapping[str, str]
    names: tuple[str, ...]  # of the services that are served
    more: Mapping[str, Sequence[Layer]] = field(default_factory=dict)  # by name: what the front lays over the file


class Setting(NamedTuple):
    """One option that holds."""

    path: str
    value: Any
    source: str


def configured(bound: BoundService, folder: Path, beside: Sequence[BoundService] = ()) -> BoundService:
    """Lay what file and environment say over a service and those it depends on.

    Args:
        bound: the service.
        folder: where `ekiben.yaml` is looked for first; else it is beside the service's own file.
        beside: services that are served with it, of which file and environment may speak too.

    Raises:
        ConfigError: an option is unknown or not of its type; the file cannot be read.
    """
    file, more = find_file(bound, folder, os.environ), more_of(front())
    if file is None and more is None and not any(config.parts_of(variable, shape()) for variable in os.environ):
        return bound
    names = tuple(dict.fromkeys(each.spec.name for one in (bound, *beside) for each in every(one)))
    document = {} if file is None else read(file)
    shown = "" if file is None else file.name
    for warning in config.check_others(document, names, shape(), shown):
        log.warning("%s", warning)
    mains = [one.spec.name for one in (bound, *beside)]
    layers = {} if more is None else more(mains, names, dict(os.environ))
    return settle(bound, Settings(document, shown, dict(os.environ), names, layers))


def more_of(by: Front) -> More | None:
    """Find what a front adds to the settings of services."""
    if by.settings is None:
        return None
    module, _, name = by.settings.partition(":")
    found: More = getattr(importlib.import_module(module), name)
    return found


def settle(bound: BoundService, settings: Settings) -> BoundService:
    """Lay *settings* over one service; those it depends on follow when they are bound."""
    name, environ = bound.spec.name, settings.environ
    layers = [
        *config.of_document(settings.document, name, shape(), environ, settings.file),
        *settings.more.get(name, ()),
        *config.of_environment(environ, name, settings.names, shape()),
    ]
    for each in layers:
        bound = over(bound, each)
    inner = {attribute: partial(rebound, bind, settings) for attribute, bind in bound.dependencies.items()}
    return replace(bound, dependencies=inner)


def rebound(bind: Callable[[], BoundService], settings: Settings) -> BoundService:
    """Bind a dependency, with the settings that hold for it."""
    return settle(bind(), settings)


def over(bound: BoundService, above: Layer) -> BoundService:
    """Lay more options over those of a service.

    Raises:
        ConfigError: an option is unknown or not of its type; the error says where it was said.
    """
    if not above.values:
        return bound
    found = config.over(Layer(bound.options, bound.sources), above, WHOLE)
    try:
        if "cmd" in above.values:
            raise ConfigError(
                f"`cmd` names a program to run, which code alone may do: {above.values['cmd']!r}",
                hint="say it in the decorator of the service",
            )
        options = read_options(found.values)
        spec = apply(bound.spec, options)
        changed = replace(bound, spec=spec, options=found.values, sources=found.sources)
        changed = join_by(changed, options.batching)
        if changed.settled is not None:
            changed = changed.settled(changed)
        check_routes(spec, spec.name)
        check_mounts(changed)
    except ConfigError as error:
        raise config.located(error, found.sources) from error
    return changed


def every(bound: BoundService, seen: set[int] | None = None) -> Iterator[BoundService]:
    """Walk over a service and those it depends on, each once."""
    seen = set() if seen is None else seen
    if id(bound.create) in seen:
        return
    seen.add(id(bound.create))
    yield bound
    for one in bound.services:
        yield from every(one, seen)
    for bind in bound.dependencies.values():
        yield from every(bind(), seen)


def find_file(bound: BoundService, folder: Path, environ: Mapping[str, str]) -> Path | None:
    """Find the file: the one that is named, the folder's, or that beside the service.

    `EKIBEN_CONFIG` names one.

    Raises:
        ConfigError: the variable names no file.
    """
    named = environ.get(VARIABLE)
    if named:
        if not (folder / named).is_file():
            raise ConfigError(f"`{VARIABLE}` must name a file: {named!r}", hint="leave it out, or write the file")
        return folder / named
    module = sys.modules.get((bound.origin or "").partition(":")[0])
    beside = getattr(module, "__file__", None)
    folders = [folder, *([Path(beside).parent] if beside else [])]
    return next((each / FILE for each in folders if (each / FILE).is_file()), None)


def read(file: Path) -> dict[str, Any]:
    """Read a YAML file of settings; an empty one says nothing.

    Raises:
        ConfigError: it is no such file.
    """
    try:
        return read_document(file) if file.read_bytes().strip() else {}
    except OSError as error:
        raise ConfigError(f"{file} cannot be read: {error.strerror}") from error
    except CorruptItem as error:
        raise ConfigError(error.message, hint="write `traffic: {timeout: 30}`") from error


@cache
def shape() -> Shape:
    """Give the options that a file and the environment may set, as their types say it."""
    return {key: kind for key, kind in shape_of(ServiceKeywords).items() if key not in IN_CODE}


def shape_of(keywords: Any) -> dict[str, "Kind | Shape"]:
    """Read the keys and types of a `TypedDict`."""
    return {key: kind_of(hint) for key, hint in get_type_hints(keywords).items()}


def kind_of(hint: Any) -> "Kind | Shape":
    """Say how the text of a variable becomes a value of this type."""
    origin = get_origin(hint)
    if origin in (Union, UnionType):
        kinds = [kind_of(each) for each in get_args(hint) if each is not NoneType]
        sections = [kind for kind in kinds if not isinstance(kind, Kind)]
        if sections or len(set(map(str, kinds))) == 1:
            return [*sections, *kinds][0]
        return Kind.TEXTS if Kind.TEXTS in kinds else Kind.DATA
    if is_typeddict(hint):
        return shape_of(hint)
    if origin is Mapping:
        return Kind.NAMED
    if origin is Sequence:
        return Kind.TEXTS if get_args(hint) == (str,) else Kind.DATA
    return {bool: Kind.FLAG, str: Kind.TEXT}.get(hint, Kind.DATA)


def effective(bound: BoundService) -> list[Setting]:
    """List every option with its value and who set it; secrets are not shown."""
    given = dict(config.leaves(bound.options))
    http = bound.spec.http
    switched = {"ssl": {"enabled": http.tls is not None}, "http": {"cors": {"enabled": http.cors is not None}}}
    switched["tracing"] = {"enabled": bound.spec.tracing is not None}
    values = config.merged(config.merged(DEFAULTS, bound.options, WHOLE), switched, ())
    found = []
    for path, value in config.leaves({key: value for key, value in values.items() if key not in IN_CODE}):
        source = bound.sources.get(path) or ("@service" if path in given else BUILT_IN)
        is_secret = value is not None and any(word in path for word in SECRET)
        found.append(Setting(path, "(not shown)" if is_secret else value, source))
    return found

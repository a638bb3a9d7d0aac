"""Join several services to a stall: one server, each below a prefix of its own.

In: services, some with a name that the user gave. Out: one `BoundService` without endpoints, which holds them, and
whose options are those of the server: where it listens, how many workers it has. What each service says of its own
calls (timeouts, limits, threads, tokens) stays its own.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ekiben.core.errors import ConfigError, ServiceLoadError
from ekiben.core.spec import AccessSpec, BoundService, HttpSpec, Layout, Limits, MetricsSpec, ServiceSpec, Style

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
TAKEN = frozenset(
    {"docs", "docs.json", "healthz", "livez", "metrics", "openapi.json", "readyz", "schema.json"}
)  # what the server itself answers


@dataclass(frozen=True, slots=True)
class Stand:
    """One service of a stall."""

    name: str | None  # that the user gave it; None: its own
    target: Any  # as it was given
    bound: BoundService

    @property
    def place(self) -> str:
        """The name that its prefix is made of."""
        return self.bound.spec.name if self.name is None else self.name

    @property
    def shown(self) -> str:
        """How errors and hints write the target."""
        return self.target if isinstance(self.target, str) else self.bound.spec.name


@dataclass(frozen=True, slots=True)
class Option:
    """An option of the server as a whole, which services may name."""

    option: str  # as a service writes it
    flag: str  # of the command line
    of: Callable[[BoundService], Any]  # what a service says; None: nothing


def stands(targets: Sequence[Any] | Mapping[str, Any], folder: Path) -> list[tuple[str | None, Any]]:
    """Give the targets of a stall, each with the name that it is given.

    Raises:
        ServiceLoadError: there is no target.
    """
    if not targets:
        raise ServiceLoadError("there is nothing to serve: no target is given", hint="name a service or a stored model")
    if not isinstance(targets, Mapping):
        return [named(each, folder) for each in targets]
    for name in targets:
        if not isinstance(name, str):
            raise ServiceLoadError(f"the name of a service must be text: {name!r}")
    return list(targets.items())


def named(target: Any, folder: Path) -> tuple[str | None, Any]:
    """Read `NAME=TARGET`; what has no name, or is a path that is there, stays whole."""
    if isinstance(target, str):
        name, sign, rest = target.partition("=")
        if sign and rest and NAME.fullmatch(name) and not (folder / target.partition(":")[0]).exists():
            return name, rest
    return None, target


def join(given: Sequence[Stand]) -> BoundService:
    """Make a stall of services.

    Raises:
        ConfigError: two would stand at one place, or they ask for what one server cannot give.
    """
    check_places(given)
    bounds = [stand.bound for stand in given]
    check_commands(bounds)
    check_environment(given)
    spec = spec_of(", ".join(stand.place for stand in given), given)
    watches = [one.sources.get("watch_models") for one in bounds if one.spec.watch_models]
    sources = {"watch_models": watches[0]} if watches and watches[0] else {}
    services = tuple(map(moved, given, bounds))
    check_agreed(services, TLS)
    return BoundService(spec, create=nothing, services=services, sources=sources)


def nothing(_: Mapping[str, Any]) -> object:
    """Make the instance of a stall, which answers no call."""
    return object()


def moved(stand: Stand, bound: BoundService) -> BoundService:
    """Give a service at its place; a name that the user gave is its name everywhere."""
    http, place = bound.spec.http, f"/{stand.place}"
    prefix = place + http.path_prefix
    skipped = (*http.access.skip_paths, *(prefix + path for path in http.access.skip_paths))
    http = replace(http, place=place, path_prefix=prefix, access=replace(http.access, skip_paths=skipped))
    return replace(bound, spec=replace(bound.spec, name=stand.place, http=http))


def check_places(given: Sequence[Stand]) -> None:
    """Refuse names that are no place, or one of two; raises ConfigError."""
    known: dict[str, Stand] = {}
    for stand in given:
        place, other = stand.place, known.setdefault(stand.place, stand)
        if not NAME.fullmatch(place):
            raise ConfigError(
                f"the name of a service among several must be letters, digits, `.`, `_` and `-`: {place!r}",
                hint=f"name it: `NAME={stand.shown}`",
            )
        if place in TAKEN:
            raise ConfigError(
                f"`{stand.shown}` cannot stand at /{place}, where the server itself answers",
                hint=f"name it otherwise: `my-{place.partition('.')[0]}={stand.shown}`",
            )
        if other is not stand:
            raise ConfigError(
                f"two services would stand at /{place}: `{other.shown}` and `{stand.shown}`",
                hint=f"name one of them: `NAME={stand.shown}`",
            )


def check_commands(bounds: Sequence[BoundService]) -> None:
    """Refuse a service with a command, which stands alone; raises ConfigError."""
    for each in bounds:
        if each.spec.command is not None:
            raise ConfigError(
                f"`{each.spec.name}` has a command, which answers every path and has no place beside others",
                hint="serve that one by itself",
            )


def check_environment(given: Sequence[Stand]) -> None:
    """Refuse a variable that two services set differently; raises ConfigError."""
    known: dict[str, tuple[str, str]] = {}
    for stand in given:
        for env in stand.bound.spec.envs:
            value = env.get("value")
            if value is None or env.get("stage", "all") == "build":
                continue
            place, before = known.setdefault(env["name"], (stand.place, value))
            if before != value:
                raise ConfigError(
                    f"`{place}` and `{stand.place}` set the variable {env['name']} differently, and run in one process",
                    hint="serve one of them by itself",
                )


def spec_of(name: str, given: Sequence[Stand]) -> ServiceSpec:
    """Say what holds for the server as a whole.

    Of each option it is what the first service says that says something.
    """
    bounds = [stand.bound for stand in given]
    specs = [bound.spec for bound in bounds]
    limits = [spec.limits for spec in specs]
    styles = {spec.style for spec in specs}
    gpus = [spec.resources["gpu"] for spec in specs if spec.resources.get("gpu") is not None]
    first = {each.option: next((value for value in map(each.of, bounds) if value is not None), None) for each in WHOLE}
    return ServiceSpec(
        name=name,
        workers=1 if first["workers"] is None else first["workers"],
        layout=first["layout"],
        watch_models=any(spec.watch_models for spec in specs),
        resources={"gpu": max(gpus)} if gpus else {},
        limits=Limits(
            max_headers=max(each.max_headers for each in limits),
            max_header_size=max(each.max_header_size for each in limits),
            kill_after=next((each.kill_after for each in limits if each.kill_after is not None), None),
        ),
        style=styles.pop() if len(styles) == 1 else Style(),
        http=HttpSpec(
            host=first["http.host"],
            port=first["http.port"],
            tls=first["ssl"],
            backlog=max(spec.http.backlog for spec in specs),
            access=AccessSpec(enabled=any(spec.http.access.enabled for spec in specs)),
            metrics=MetricsSpec(enabled=any(spec.http.metrics.enabled for spec in specs)),
        ),
    )


def stated_workers(bound: BoundService) -> int | str | None:
    """Give the workers that a service asks for; None where it does not."""
    return bound.spec.workers if "workers" in bound.options or bound.spec.workers != 1 else None


TLS = Option("ssl", "--ssl-certfile", lambda bound: bound.spec.http.tls)
WHOLE = (  # options of the server as a whole; the first two are its address
    Option("http.host", "--host", lambda bound: bound.spec.http.host),
    Option("http.port", "--port", lambda bound: bound.spec.http.port),
    TLS,
    Option("workers", "--workers", stated_workers),
    Option("layout", "--layout", lambda bound: bound.spec.layout),
)


def check_server(stall: BoundService, *, is_placed: bool = False) -> None:
    """Refuse what services ask of their server and it cannot do.

    An app for tests, or for another server, is asked for none of it, but for TLS.

    Args:
        stall: the services; a single one is let be.
        is_placed: host and port are settled, whatever the services say.

    Raises:
        ConfigError: two ask for different things, or one for `apart`.
    """
    for option in WHOLE[2:] if is_placed else WHOLE:
        check_agreed(stall.services, option)
    if stall.services and stall.spec.layout is Layout.APART:
        raise ConfigError(
            "`layout` must be inline or replicas for several services, as the queue of `apart` is of one: 'apart'",
            hint="leave `layout` out, or serve that one by itself",
        )


def check_agreed(bounds: Sequence[BoundService], option: Option) -> None:
    """Refuse different values of an option of the whole; raises ConfigError."""
    said = [(bound.spec.name, value) for bound in bounds if (value := option.of(bound)) is not None]
    for name, value in said[1:]:
        if value != said[0][1]:
            raise ConfigError(
                f"`{option.option}` is of the whole server, and `{said[0][0]}` and `{name}` differ in it",
                hint=f"give `{option.flag}`",
            )

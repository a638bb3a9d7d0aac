"""Join several services to a stall: one server, each below a prefix of its own.

In: services, some with a name that the user gave. Out: one `BoundService` without endpoints, which holds them, and
whose options are those of the server: where it listens, how many workers it has. What each service says of its own
calls (timeouts, limits, threads, tokens) stays its own.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
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
    check_environment(given)
    spec = spec_of(", ".join(stand.place for stand in given), given)
    watches = [one.sources.get("watch_models") for one in bounds if one.spec.watch_models]
    sources = {"watch_models": watches[0]} if watches and watches[0] else {}
    return BoundService(spec, create=nothing, services=tuple(map(moved, given, bounds)), sources=sources)


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
    """Say what holds for the server as a whole."""
    specs = [(stand.place, stand.bound.spec) for stand in given]
    one = partial(agreed, specs)
    layout = one("layout", "--layout", [spec.layout for _, spec in specs])
    if layout is Layout.APART:
        raise ConfigError(
            "`layout` must be inline or replicas for several services, as the queue of `apart` is of one: 'apart'",
            hint="leave `layout` out, or serve that one by itself",
        )
    workers = one("workers", "--workers", [stated_workers(stand.bound) for stand in given])
    gpus = [spec.resources["gpu"] for _, spec in specs if spec.resources.get("gpu") is not None]
    limits = [spec.limits for _, spec in specs]
    styles = {spec.style for _, spec in specs}
    return ServiceSpec(
        name=name,
        workers=1 if workers is None else workers,
        layout=layout,
        watch_models=any(spec.watch_models for _, spec in specs),
        resources={"gpu": max(gpus)} if gpus else {},
        limits=Limits(
            max_headers=max(each.max_headers for each in limits),
            max_header_size=max(each.max_header_size for each in limits),
            kill_after=next((each.kill_after for each in limits if each.kill_after is not None), None),
        ),
        style=styles.pop() if len(styles) == 1 else Style(),
        http=HttpSpec(
            host=one("http.host", "--host", [spec.http.host for _, spec in specs]),
            port=one("http.port", "--port", [spec.http.port for _, spec in specs]),
            tls=one("ssl", "--ssl-certfile", [spec.http.tls for _, spec in specs]),
            backlog=max(spec.http.backlog for _, spec in specs),
            access=AccessSpec(enabled=any(spec.http.access.enabled for _, spec in specs)),
            metrics=MetricsSpec(enabled=any(spec.http.metrics.enabled for _, spec in specs)),
        ),
    )


def stated_workers(bound: BoundService) -> int | str | None:
    """Give the workers that a service asks for; None where it does not."""
    return bound.spec.workers if "workers" in bound.options or bound.spec.workers != 1 else None


def agreed(specs: Iterable[tuple[str, ServiceSpec]], option: str, flag: str, values: Sequence[Any]) -> Any:
    """Give the one value that all services that say one say.

    Raises:
        ConfigError: two say different ones.
    """
    said = [(name, value) for (name, _), value in zip(specs, values, strict=True) if value is not None]
    for name, value in said[1:]:
        if value != said[0][1]:
            raise ConfigError(
                f"`{option}` is of the whole server, and `{said[0][0]}` and `{name}` differ in it",
                hint=f"give `{flag}`",
            )
    return said[0][1] if said else None

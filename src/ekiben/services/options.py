"""Check what `@service` was given, and turn it into parts of a spec.

In: keywords, as the user wrote them. Out: `ServiceOptions`. An option works or is refused; none is ignored.
"""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ekiben.core.errors import ConfigError
from ekiben.core.spec import HttpSpec, Limits, Style

# Known, and part of a later version: said so rather than "unknown".
LATER = ("image", "cmd", "service_class", "tracing", "monitoring", "backlog", "grpc", "extra_ports")


@dataclass(frozen=True, slots=True)
class ServiceOptions:
    """The options of `@service`, checked."""

    name: str | None = None
    description: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    envs: tuple[Mapping[str, str], ...] = ()
    resources: Mapping[str, Any] = field(default_factory=dict)
    threads: int = 1
    limits: Limits = Limits()
    http: HttpSpec = HttpSpec()
    style: Style = Style()


ALLOWED = ("name", "description", "labels", "envs", "resources", "threads", "workers", "traffic")


def read_options(options: Mapping[str, Any]) -> ServiceOptions:
    """Check the options of `@service`.

    Raises:
        ConfigError: an option is unknown, not of its type, or not supported yet.
    """
    for key in options:
        if key in LATER:
            raise ConfigError(f"`{key}` is not supported by this version of ekiben", hint=f"leave `{key}` out")
        if key not in ALLOWED:
            near = difflib.get_close_matches(key, ALLOWED, 1)
            hint = f"did you mean `{near[0]}`?" if near else "the options are: " + ", ".join(ALLOWED)
            raise ConfigError(f"`@service` has no option `{key}`", hint=hint)
    if options.get("workers", 1) != 1:
        raise ConfigError(f"`workers` must be 1 in this version of ekiben: {options['workers']!r}")
    threads = options.get("threads", 1)
    if not isinstance(threads, int) or threads < 1:
        raise ConfigError(f"`threads` must be a whole number above 0: {threads!r}")
    return ServiceOptions(
        name=options.get("name"),
        description=options.get("description") or "",
        labels=dict(options.get("labels") or {}),
        envs=tuple(options.get("envs") or ()),
        resources=dict(options.get("resources") or {}),
        threads=threads,
        limits=read_traffic(options.get("traffic") or {}),
    )


def read_traffic(traffic: Mapping[str, Any]) -> Limits:
    """Check `traffic={"timeout": …, "max_concurrency": …}`."""
    for key in traffic:
        if key not in ("timeout", "max_concurrency"):
            raise ConfigError(
                f"`traffic.{key}` is unknown", hint="use `timeout` (seconds) and `max_concurrency` (calls)"
            )
    timeout = traffic.get("timeout", 60.0)
    if timeout is not None and (not isinstance(timeout, int | float) or timeout <= 0):
        raise ConfigError(
            f"`traffic.timeout` must be a number of seconds above 0: {timeout!r}",
            hint='write `traffic={"timeout": 30}`',
        )
    most = traffic.get("max_concurrency")
    if most is not None and (not isinstance(most, int) or most < 1):
        raise ConfigError(f"`traffic.max_concurrency` must be a whole number of calls above 0: {most!r}")
    return Limits(timeout=timeout, max_concurrency=most)

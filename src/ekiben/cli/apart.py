"""Serve with workers in processes of their own; and be one of them.

In: a service whose spec asks for it, or that depends on others. Out: what starts the workers: this very command line,
in a fresh interpreter. A worker knows by its environment that it is one, and of which service.
"""

import logging
import sys
from typing import TYPE_CHECKING, NamedTuple

import click

from ekiben.cli.reload import command_of
from ekiben.cli.session import session_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from ekiben.core.spec import BoundService, ServiceSpec
    from ekiben.engine.graph import Graph, RemoteDispatcher
    from ekiben.engine.leash import Leash

log = logging.getLogger("ekiben")


class Spread(NamedTuple):
    """How a service is spread over processes."""

    bound: "BoundService"  # as the process that listens has it
    remote: "RemoteDispatcher | None" = None  # runs it, where that process does not
    graph: "Graph | None" = None  # runs what it depends on


def spread(ctx: click.Context, bound: "BoundService", drain: float, folder: str) -> Spread:
    """Choose what runs in processes of its own: the service, and those it depends on.

    Args:
        ctx: of the command.
        bound: the service.
        drain: seconds for calls that run when it is stopped.
        folder: where the command was typed.

    Raises:
        ConfigError: this system cannot do what is asked for.
    """
    from ekiben.core.errors import ConfigError
    from ekiben.core.spec import Layout
    from ekiben.services.depends import in_order

    spec, bounds = bound.spec, in_order(bound)
    count = count_workers(bound)
    is_apart = spec.layout is Layout.APART or count > 1
    is_watched = ctx.params["development"] or ctx.params["reload"]
    is_alone = spec.layout is Layout.INLINE or is_watched or sys.platform != "linux"
    check(spec, count)
    if spec.limits.kill_after is not None and not is_apart:
        raise ConfigError(
            f"`traffic.kill_after` needs workers that can be killed: {spec.limits.kill_after:g}",
            hint='write `layout="apart"` or `layout="replicas"`',
        )
    if not is_apart and (is_alone or len(bounds) == 1):
        return Spread(bound)
    from ekiben.engine.graph import Graph, RemoteDispatcher, Start, joined

    session = session_of(ctx)
    start = Start(command_of(session.front.module, session.words), folder, count_workers, drain)
    if is_apart:
        graph = Graph(bound, bounds, start)
        return Spread(bound, RemoteDispatcher(bound, graph))
    graph = Graph(bound, bounds[:-1], start)
    return Spread(joined(bound, graph.call, graph.stream, lambda: graph.loop), None, graph)


def count_workers(bound: "BoundService") -> int:
    """Give the number of workers of a service."""
    from ekiben.engine import layout

    return layout.count_workers(bound.spec)


def check(spec: "ServiceSpec", count: int) -> None:
    """Refuse what does not go together; raises ConfigError."""
    from ekiben.core.errors import ConfigError
    from ekiben.core.spec import Layout

    if spec.layout is Layout.REPLICAS or (spec.layout is Layout.INLINE and count > 1):
        raise ConfigError(f"`layout` must be apart for {count} workers: {str(spec.layout)!r}", hint="leave it out")
    if spec.layout is not Layout.APART and count == 1:
        return
    if sys.platform != "linux":
        raise ConfigError("`layout: apart` needs Linux, since its processes share memory", hint="leave it out")


def work(ctx: click.Context, leash: "Leash", load: "Callable[[], BoundService]", drain: float) -> None:
    """Be a worker until told to stop; the front reports what keeps it from starting."""
    from ekiben.http import served
    from ekiben.services.depends import in_order

    leash.hold(drain)
    try:
        try:
            bound = next(one for one in in_order(load()) if one.spec.name == leash.place.group)
        except Exception as error:  # noqa: BLE001 - the user's code, which the front has loaded without this
            leash.failed(error)
            ctx.exit(1)
        if not served.run(bound, leash, drain):
            ctx.exit(1)
    finally:
        leash.close()

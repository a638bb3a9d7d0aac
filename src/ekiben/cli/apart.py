"""Serve with workers in processes of their own; and be one of them.

In: a service whose spec asks for it. Out: what starts its workers: this very command line, in a fresh interpreter. A
worker knows by its environment that it is one.
"""

import logging
import os
import sys
from typing import TYPE_CHECKING

import click

from ekiben.cli.command import session_of
from ekiben.cli.reload import command_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from ekiben.core.spec import BoundService
    from ekiben.engine.graph import RemoteDispatcher
    from ekiben.engine.leash import Leash

log = logging.getLogger("ekiben")


def workers_of(ctx: click.Context, bound: "BoundService", drain: float) -> "RemoteDispatcher | None":
    """Make what runs a service in other processes; None where this one runs it.

    Raises:
        ConfigError: this system cannot.
    """
    from ekiben.core.errors import ConfigError
    from ekiben.core.spec import Layout

    spec = bound.spec
    count = spec.workers if isinstance(spec.workers, int) else len(os.sched_getaffinity(0))
    if spec.layout is Layout.REPLICAS or (spec.layout is Layout.INLINE and count > 1):
        raise ConfigError(f"`layout` must be apart for {count} workers: {str(spec.layout)!r}", hint="leave it out")
    if spec.layout is not Layout.APART and count == 1:
        return None
    if sys.platform != "linux":
        raise ConfigError("`layout: apart` needs Linux, since its processes share memory", hint="leave it out")
    streams = [endpoint.name for endpoint in spec.endpoints if endpoint.stream]
    if streams:
        raise ConfigError(
            f"`layout: apart` sends whole answers, and `{streams[0]}` streams", hint="leave `layout` and `workers` out"
        )
    from ekiben.engine.graph import RemoteDispatcher

    session = session_of(ctx)
    return RemoteDispatcher(bound, command_of(session.front.module, session.words), count, drain)


def work(ctx: click.Context, leash: "Leash", load: "Callable[[], BoundService]", drain: float) -> None:
    """Be a worker until told to stop; the front reports what keeps it from starting."""
    from ekiben.http import served

    leash.hold(drain)
    try:
        try:
            bound = load()
        except Exception as error:  # noqa: BLE001 - the user's code, which the front has loaded without this
            leash.failed(error)
            ctx.exit(1)
        if not served.run(bound, leash, drain):
            ctx.exit(1)
    finally:
        leash.close()

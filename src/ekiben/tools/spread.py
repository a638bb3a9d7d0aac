"""Give a service that is served from a script its workers.

In: a service that asks for several processes, and what was given to serve. Out: what runs them, fresh interpreters that
load the same target; or words that say why that cannot be.
"""

import os
import sys
from pathlib import Path
from typing import Any

from ekiben.core.errors import ConfigError
from ekiben.core.front import command, front
from ekiben.core.spec import BoundService, Layout
from ekiben.engine.graph import Graph, RemoteDispatcher, Start
from ekiben.engine.layout import choose, count_workers
from ekiben.services.arguments import handed_on
from ekiben.services.depends import in_order
from ekiben.services.stall import check_server


def spread(bound: BoundService, target: Any, drain: float) -> RemoteDispatcher | None:
    """Run a service in workers, if it asks for that; None: it runs in this process.

    Args:
        bound: the service.
        target: what was given to serve.
        drain: seconds for calls that run when it is stopped.

    Raises:
        ConfigError: workers cannot do here what is asked for, or cannot load the target.
    """
    spec, count = bound.spec, count_workers(bound.spec)
    check_server(bound, is_placed=True)
    layout = choose(spec, count, sys.platform, mounts=bool(bound.mounts or bound.hooks.metrics))
    if bound.services and layout is not Layout.INLINE:
        option, must, was = ("workers", "1", count) if count > 1 else ("layout", "inline", "'replicas'")
        raise ConfigError(
            f"`{option}` must be {must} where a script serves several services, as only replicas hold them all: {was}",
            hint=f"leave it out, or run {command('serve')}",
        )
    if layout is Layout.INLINE:
        if spec.limits.kill_after is not None:
            raise ConfigError(
                f"`traffic.kill_after` needs workers that can be killed: {spec.limits.kill_after:g}",
                hint='write `layout="apart"`',
            )
        return None
    if spec.layout is Layout.REPLICAS:
        raise ConfigError(
            "`layout` must be inline or apart where a script serves, as replicas need a supervisor: 'replicas'",
            hint=f"leave it out, or run {command('serve')}",
        )
    if sys.platform != "linux":
        raise ConfigError(
            f"`workers` must be 1 where a script serves on this system: {count}", hint=f"run {command('serve')}"
        )
    words = [sys.executable, "-m", front().program, "serve", named(bound, target), "--drain", f"{drain:g}"]
    path = os.pathsep.join(str(Path(each).resolve()) for each in sys.path)  # whatever this process can import
    env = {"PYTHONPATH": path, **handed_on()}
    start = Start(words, str(Path.cwd()), lambda one: count_workers(one.spec), drain, env)
    return RemoteDispatcher(bound, Graph(bound, in_order(bound), start))


def named(bound: BoundService, target: Any) -> str:
    """Say by which words a fresh interpreter loads the target; raises ConfigError."""
    if isinstance(target, str | Path):
        return str(target)
    module, _, name = (bound.origin or "").partition(":")
    if not name and bound.spec.models:
        model = bound.spec.models[0]
        return f"model:{model.resolved or model.tag}"
    if not name or "<locals>" in name or module == "__main__":
        raise ConfigError(
            f"workers load a service anew, and cannot import `{bound.spec.name}`: {bound.origin!r}",
            hint="write the class at the top of a module of its own, or leave `workers` and `layout` out",
        )
    return f"{module}:{name}"

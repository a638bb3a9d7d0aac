"""Make and end a service's instance, with its dependencies, hooks and warm-up.

In: a `BoundService`. Out: an `Instance` whose calls are planned. Runs once a worker, before it is ready.
"""

import inspect
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ekiben.client.sync import SyncHTTPClient
from ekiben.core.spec import BoundService
from ekiben.engine.invoke import plan
from ekiben.engine.messages import Call

log = logging.getLogger("ekiben")


@dataclass(slots=True)
class Instance:
    """A service's object, ready to be called."""

    bound: BoundService
    target: Any
    invoke: Mapping[str, Callable[[Call], Any]]
    dependencies: tuple["Instance", ...] = ()
    clients: tuple[SyncHTTPClient, ...] = ()
    state: dict[str, Any] = field(default_factory=dict)


def make(bound: BoundService) -> Instance:
    """Make the instances that *bound* depends on, then its own; runs every `__init__`."""
    inner = {name: make(bind()) for name, bind in bound.dependencies.items()}
    remote = {d.attribute: SyncHTTPClient(d.url) for d in bound.spec.dependencies if d.url is not None}
    target = bound.create({**{name: instance.target for name, instance in inner.items()}, **remote})
    invoke = {
        endpoint.name: plan(
            target, bound.methods.get(endpoint.name, endpoint.name), endpoint, bound.signatures[endpoint.name].context
        )
        for endpoint in bound.spec.endpoints
    }
    return Instance(bound, target, invoke, tuple(inner.values()), tuple(remote.values()))


def hooks(instance: Instance, kind: str) -> list[Callable[[], Any]]:
    """List the hooks of one kind, dependencies first."""
    found = [hook for inner in instance.dependencies for hook in hooks(inner, kind)]
    return found + [getattr(instance.target, name) for name in getattr(instance.bound.hooks, kind)]


def warm_up(instance: Instance) -> None:
    """Call each sync endpoint that has a stored sample once.

    A failure is logged, and is the first call's to show.
    """
    for name, value in instance.bound.samples.items():
        signature = instance.bound.signatures[name]
        if signature.is_async:
            continue
        call = Call(name, (value,), {}) if signature.is_root else Call(name, (), {signature.parameters[0].name: value})
        try:
            instance.invoke[name](call)
        except Exception:
            log.warning("the stored sample does not pass %s.%s", instance.bound.spec.name, name, exc_info=True)


def probe(instance: Instance, name: str | None) -> Callable[[], Any] | None:
    """Give the user's own health method, if there is one."""
    method = None if name is None else getattr(instance.target, name, None)
    return method if callable(method) else None


async def run_hook(hook: Callable[[], Any]) -> None:
    """Call a hook, and await what it gives where that is awaitable."""
    result = hook()
    if inspect.isawaitable(result):
        await result


def close(instance: Instance) -> None:
    """Close what `make` opened."""
    for client in instance.clients:
        client.close()
    for inner in instance.dependencies:
        close(inner)

"""Make and end the instance of a service, with dependencies, hooks and warm-up.

In: a `BoundService`. Out: an `Instance` whose calls are planned. Runs once a worker, before it is ready.
"""

import asyncio
import logging
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any

from ekiben.core import starting
from ekiben.core.errors import ConfigError
from ekiben.core.running import answering
from ekiben.core.spec import BoundService, Dependency
from ekiben.engine.invoke import (
    Invoke,
    keep_records,
    keep_records_of_stream,
    plan,
    step_within,
    tell_deadline,
    tell_running,
)
from ekiben.engine.messages import Call
from ekiben.engine.monitoring import Monitors, monitoring
from ekiben.engine.near import Near
from ekiben.engine.remote import Remote, connect

log = logging.getLogger("ekiben")


@dataclass(slots=True)
class Instance:
    """A service's object, ready to be called."""

    bound: BoundService
    target: Any
    invoke: dict[str, Invoke]
    dependencies: tuple["Instance", ...] = ()
    clients: tuple[Remote, ...] = ()
    handle: Any = None  # what those have that depend on it
    state: dict[str, Any] = field(default_factory=dict)
    monitors: Monitors | None = None
    unfit: dict[str, Exception] = field(default_factory=dict)  # by endpoint: what its stored sample met


def make(
    bound: BoundService, made: dict[str, Instance] | None = None, loop: asyncio.AbstractEventLoop | None = None
) -> Instance:
    """Make the instances that *bound* depends on, then its own; runs every `__init__`.

    Args:
        bound: the service.
        made: those that are there already, by name: a service on which two others depend is made once.
        loop: where `async def` methods run that are called as plain ones.

    Raises:
        ConfigError: two services bear one name.
    """
    made = {} if made is None else made
    found = made.get(bound.spec.name)
    if found is not None:
        if found.bound.create is not bound.create:
            raise ConfigError(
                f"two services are called `{bound.spec.name}`: {found.bound.origin} and {bound.origin}",
                hint="give one of them another `name`",
            )
        return found
    inner = {name: make(bind(), made, loop) for name, bind in bound.dependencies.items()}
    remote = {d.attribute: reach(bound, d) for d in bound.spec.dependencies if d.url is not None}
    monitors = None if bound.spec.monitoring is None else Monitors(bound.spec.monitoring)
    starting.note(f"making {bound.spec.name}")
    try:
        handles = {name: each.handle for name, each in inner.items()}
        target = bound.create(handles | {name: each.handle for name, each in remote.items()})
        invoke = plan_all(bound, target, monitors)
    except BaseException:
        for client in remote.values():
            client.close()
        raise
    for client in remote.values():
        client.guard()
    starting.note(f"starting {bound.spec.name}")
    clients, handle = tuple(remote.values()), near(bound, target, loop)
    found = Instance(bound, target, invoke, tuple(inner.values()), clients, handle, monitors=monitors)
    made[bound.spec.name] = found
    return found


def reach(bound: BoundService, dependency: Dependency) -> Remote:
    """Make what stands for a service that runs elsewhere; nothing is sent yet."""
    name = dependency.attribute
    there = bound.elsewhere.get(name)
    return connect(dependency.url or "", bound.tokens.get(name), None if there is None else there())


def near(bound: BoundService, target: Any, loop: asyncio.AbstractEventLoop | None) -> Near:
    """Make what those have that depend on *bound*."""
    contexts = {
        bound.methods.get(name, name): signature.context
        for name, signature in bound.signatures.items()
        if signature.context is not None
    }
    streams = {bound.methods.get(name, name) for name, signature in bound.signatures.items() if signature.is_stream}
    return Near(target, loop, contexts, streams)


def plan_all(bound: BoundService, target: Any, monitors: Monitors | None = None) -> dict[str, Invoke]:
    """Settle how each endpoint of an instance is called."""
    planned = {}
    for endpoint in bound.spec.endpoints:
        name, signature = endpoint.name, bound.signatures[endpoint.name]
        invoke = plan(target, bound.methods.get(name, name), endpoint, signature.context)
        if bound.spec.dependencies and not endpoint.stream:  # a stream tells it itself, for as long as it lasts
            invoke = tell_deadline(invoke, is_async=signature.is_async)
        is_own_task = signature.is_async and endpoint.stream  # which has what the request's task has
        if is_told(bound) and not is_own_task:
            invoke = (
                step_within(invoke, about) if endpoint.stream else tell_running(invoke, is_async=signature.is_async)
            )
        if monitors is not None and is_own_task:
            invoke = keep_records_of_stream(invoke, monitors)
        elif monitors is not None and endpoint.stream:
            invoke = step_within(invoke, lambda _: monitoring(monitors))
        elif monitors is not None:
            invoke = keep_records(invoke, monitors, is_async=signature.is_async)
        planned[name] = invoke
    return planned


def about(call: Call) -> AbstractContextManager[None]:
    """Give the block in which code knows which request it answers."""
    return nullcontext() if call.about is None else answering(call.about)


def is_told(bound: BoundService) -> bool:
    """Say whether a service's code has to know which request it answers."""
    return (bound.spec.tracing or bound.spec.monitoring) is not None or bool(bound.spec.dependencies)


def is_on_loop(bound: BoundService) -> bool:
    """Say whether a service, or one it depends on, has to be made on the event loop."""
    return bound.on_loop or any(is_on_loop(bind()) for bind in bound.dependencies.values())


def every(instance: Instance, seen: set[int] | None = None) -> Iterator[Instance]:
    """Walk over an instance and all that it depends on, dependencies first, each once."""
    seen = set() if seen is None else seen
    if id(instance) in seen:
        return
    seen.add(id(instance))
    for inner in instance.dependencies:
        yield from every(inner, seen)
    yield instance


def hooks(instance: Instance, kind: str) -> list[Callable[[], Any]]:
    """List the hooks of one kind: dependencies first at `startup`, last at `shutdown`."""
    order = list(every(instance))
    if kind == "shutdown":
        order.reverse()
    return [getattr(one.target, name) for one in order for name in getattr(one.bound.hooks, kind)]


def deployment_hooks(bound: BoundService, seen: set[Any] | None = None) -> Iterator[Callable[[], Any]]:
    """Give what is called once before the first instance, that of dependencies first."""
    seen = set() if seen is None else seen
    if bound.create in seen:
        return
    seen.add(bound.create)
    for one in bound.services:
        yield from deployment_hooks(one, seen)
    for bind in bound.dependencies.values():
        yield from deployment_hooks(bind(), seen)
    yield from bound.on_deployment


def warm_up(instance: Instance) -> None:
    """Call each sync endpoint that has a stored sample once.

    A failure is logged, and kept in `unfit`.
    """
    for name, value in instance.bound.samples.items():
        signature = instance.bound.signatures[name]
        if signature.is_async or signature.is_stream:
            continue
        starting.note(f"calling {instance.bound.spec.name}.{name} with its stored sample")
        call = Call(name, (value,), {}) if signature.is_root else Call(name, (), {signature.parameters[0].name: value})
        try:
            instance.invoke[name](call)
        except Exception as error:
            instance.unfit[name] = error
            log.warning("the stored sample does not pass %s.%s", instance.bound.spec.name, name, exc_info=True)


def probe(instance: Instance, name: str | None) -> Callable[[], Any] | None:
    """Give the user's own health method, if there is one."""
    method = None if name is None else getattr(instance.target, name, None)
    return method if callable(method) else None


async def reaches(instance: Instance) -> bool:
    """Say whether each service that it depends on at an address takes calls."""
    return all(await asyncio.gather(*(asyncio.to_thread(client.is_ready) for client in instance.clients)))


async def leave(instance: Instance) -> None:
    """Close what calls have opened on the running event loop; before `close`."""
    for one in every(instance):
        for client in one.clients:
            await client.leave()


def close(instance: Instance) -> None:
    """Close what `make` opened."""
    for one in every(instance):
        for client in one.clients:
            client.close()
        if one.monitors is not None:
            one.monitors.close()

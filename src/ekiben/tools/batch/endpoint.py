"""Make an endpoint ready to be run without a server.

In: a service. Out: the endpoint without the limits of time, which are for callers who wait; and its calls.
"""

import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

from ekiben.core.context import Context
from ekiben.core.errors import ConfigError, InvalidInput
from ekiben.core.spec import BoundService, EndpointSpec
from ekiben.engine.local import LocalDispatcher
from ekiben.engine.messages import Call
from ekiben.schema.codec import Arguments, plan, value_reader
from ekiben.schema.signature import Signature
from ekiben.schema.wire import json as wire_json
from ekiben.services.near import near_hint
from ekiben.tools.batch.match import FILES


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One endpoint of a service that has been made ready for a run."""

    bound: BoundService
    spec: EndpointSpec

    @property
    def signature(self) -> Signature:
        """What it takes and gives."""
        found: Signature = self.bound.signatures[self.spec.name]
        return found


def choose(bound: BoundService, name: str | None) -> Endpoint:
    """Find the endpoint to run, without the limits that are for callers who wait.

    Raises:
        ConfigError: there is no such endpoint, several and none is named, or it cannot be run.
    """
    names = [each.name for each in bound.spec.endpoints]
    if name is None and len(names) != 1:
        what = f"one of {', '.join(names)}" if names else "an endpoint, and there is none"
        raise ConfigError(f"`ENDPOINT` must name what to run of `{bound.spec.name}`: {what}")
    if name is not None and name not in names:
        raise ConfigError(
            f"`{bound.spec.name}` has no endpoint `{name}`; it has {', '.join(names) or 'none'}",
            hint=near_hint(name, names),
        )
    endpoints = tuple(unhurried(each) for each in bound.spec.endpoints)
    limits = replace(bound.spec.limits, timeout=None)
    bound = replace(bound, spec=replace(bound.spec, endpoints=endpoints, limits=limits), policies={})
    found = Endpoint(bound, next(each for each in endpoints if name in (None, each.name)))
    if found.spec.stream:
        raise ConfigError(f"`{found.spec.name}` answers piece by piece, and a run needs one result a row")
    codec = plan(found.signature)
    if codec.output_leaf is not None and codec.output_leaf.kind in FILES:
        raise ConfigError(f"`{found.spec.name}` answers {codec.output_media}, and results are values")
    return found


def unhurried(endpoint: EndpointSpec) -> EndpointSpec:
    """Give an endpoint without its limits of time."""
    batch = endpoint.batch and replace(endpoint.batch, max_latency=math.inf, max_wait=0.0)
    return replace(endpoint, timeout=0.0, batch=batch)


@asynccontextmanager
async def started(bound: BoundService) -> AsyncIterator[LocalDispatcher]:
    """Run a service for the block; raises what keeps it from starting."""
    dispatcher = LocalDispatcher(bound, {e.name: plan(bound.signatures[e.name]) for e in bound.spec.endpoints})
    await dispatcher.start()
    try:
        yield dispatcher
    finally:
        await dispatcher.stop()


async def once(endpoint: Endpoint, body: str) -> Any:
    """Make one call, with the JSON that a server would be sent; give its answer.

    Raises:
        InvalidInput: the endpoint does not take them.
        Exception: whatever the method raised.
    """
    signature = endpoint.signature
    if signature.in_url:
        try:
            args, kwargs = value_reader(signature)(wire_json.load(body))
        except ValueError as error:
            raise InvalidInput(str(error)) from error
    else:
        args, kwargs = plan(signature).from_json(body.encode())
    async with started(endpoint.bound) as dispatcher:
        return await called(dispatcher, endpoint, (args, kwargs))


async def called(dispatcher: LocalDispatcher, endpoint: Endpoint, arguments: Arguments) -> Any:
    """Make one call."""
    context = None if endpoint.signature.context is None else Context(state=dispatcher.state)
    try:
        return await dispatcher.submit(Call(endpoint.spec.name, *arguments, context))
    finally:
        if context is not None:
            context.close()

"""Run a service's dispatcher for the length of a block, without any HTTP."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from ekiben.engine.local import LocalDispatcher
from ekiben.engine.messages import Call
from ekiben.schema.codec import plan


def dispatcher_of(cls: Any) -> LocalDispatcher:
    """Make the dispatcher of a service class, not started."""
    bound = cls.__ekiben_service__()
    return LocalDispatcher(bound, {name: plan(signature) for name, signature in bound.signatures.items()})


@asynccontextmanager
async def running(cls: Any) -> AsyncIterator[LocalDispatcher]:
    """Start the dispatcher of a service class, and stop it."""
    dispatcher = dispatcher_of(cls)
    await dispatcher.start()
    try:
        yield dispatcher
    finally:
        await dispatcher.stop()


async def ask(dispatcher: LocalDispatcher, name: str, /, *args: Any, **kwargs: Any) -> Any:
    """Call one endpoint."""
    return await dispatcher.submit(Call(name, args, kwargs))

"""Say whether the process runs and whether it takes calls.

In: the engine's state and the service's own health methods. Out: 200 or 503, with a newline as body.
A user's method never runs on the event loop, unless it is `async def`.
"""

import asyncio
import inspect
import logging
from collections.abc import Callable
from typing import Any, Protocol

from ekiben.core.spec import Hooks
from ekiben.engine.instance import probe, reaches
from ekiben.engine.local import LocalDispatcher

log = logging.getLogger("ekiben")


class Asked(Protocol):
    """A dispatcher whose instances are in other processes, which have to be asked."""

    @property
    def is_ready(self) -> bool:
        """Whether one of them takes calls."""

    async def ask(self, what: str) -> bool:
        """Ask the service's own method, `ready` or `alive`.

        For the first, what it depends on at an address is asked too.
        """


async def is_alive(dispatcher: LocalDispatcher | Asked, hooks: Hooks) -> bool:
    """Say whether the process is worth keeping: yes, unless the service says no."""
    if not isinstance(dispatcher, LocalDispatcher):
        return hooks.alive is None or await dispatcher.ask("alive")
    return await ask(dispatcher, hooks.alive)


async def is_ready(
    dispatcher: LocalDispatcher | Asked, hooks: Hooks, beside: Callable[[], bool] = lambda: True
) -> bool:
    """Say whether calls are taken, by the instance, its remote services and itself."""
    if not dispatcher.is_ready or not beside():
        return False
    if not isinstance(dispatcher, LocalDispatcher):
        return await dispatcher.ask("ready")
    if dispatcher.instance is None or not await reaches(dispatcher.instance):
        return False
    return await ask(dispatcher, hooks.ready)


async def ask(dispatcher: LocalDispatcher, name: str | None) -> bool:
    """Ask the user's own method; one that raises says no."""
    instance = dispatcher.instance
    check: Callable[[], Any] | None = None if instance is None else probe(instance, name)
    if check is None:
        return True
    try:
        if inspect.iscoroutinefunction(check):
            return bool(await check())
        return bool(await asyncio.to_thread(check))
    except Exception:
        log.exception("the health method `%s` failed", name)
        return False

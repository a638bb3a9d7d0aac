"""Run once, before the first of several processes, what a service wants run once.

In: a service. Out: its `on_deployment` hooks have run; the workers' service is the same without them.
"""

import asyncio
import inspect
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from ekiben.core.spec import BoundService
from ekiben.engine import environment
from ekiben.engine.instance import deployment_hooks
from ekiben.engine.local import failure_of


def deploy(bound: BoundService) -> None:
    """Run the hooks, those of dependencies first.

    Raises:
        ServiceLoadError: a hook raised something.
    """
    leave = environment.enter(bound)
    try:
        for hook in deployment_hooks(bound):
            made = hook()
            if inspect.iscoroutine(made):
                asyncio.run(made)
    except Exception as error:
        failure = failure_of(bound, error)
        if failure is error:
            raise
        raise failure from error
    finally:
        leave()


def without_deployment(bound: BoundService) -> BoundService:
    """Give the same service and dependencies, without the hooks that have run."""
    inner = {name: partial(rebound, bind) for name, bind in bound.dependencies.items()}
    beside = tuple(without_deployment(one) for one in bound.services)
    return replace(bound, on_deployment=(), dependencies=inner, services=beside)


def rebound(bind: Callable[[], BoundService]) -> BoundService:
    """Bind a dependency without its hooks."""
    return without_deployment(bind())

"""Try a service out before it takes calls in the place of another.

In: a service that has started. Out: nothing, or what speaks against it: its stored sample, its health method.
"""

import asyncio

from ekiben.core.errors import ServiceLoadError
from ekiben.core.spec import Hooks
from ekiben.core.trace import explain
from ekiben.engine.instance import every
from ekiben.engine.local import LocalDispatcher
from ekiben.http.probes import is_ready

PAUSE = 0.1  # seconds before the health method is asked again


async def try_out(dispatcher: LocalDispatcher, hooks: Hooks, patience: float) -> None:
    """Hold a service to its stored samples and to what it says of itself.

    Args:
        dispatcher: has started.
        hooks: of the service.
        patience: seconds for it to say that it is ready.

    Raises:
        ServiceLoadError: an endpoint failed with the stored sample, or the service does not say that it is ready.
    """
    assert dispatcher.instance is not None
    for one in every(dispatcher.instance):
        for name, error in one.unfit.items():
            raise ServiceLoadError(f"the stored sample does not pass `{one.bound.spec.name}.{name}`: {explain(error)}")
    try:
        async with asyncio.timeout(patience):
            while not await is_ready(dispatcher, hooks):
                await asyncio.sleep(PAUSE)
    except TimeoutError:
        said = f"`{hooks.ready}`" if hooks.ready is not None else "a service that it depends on"
        raise ServiceLoadError(f"{said} did not say within {patience:g} seconds that it is ready") from None

"""Hold the instance of a runnable, and call it with arguments as they travel.

In: an instance of the user's class. Out: an object with a method for each endpoint of the runner.
"""

import inspect
from collections.abc import Callable
from typing import Any

from bentoml.runners.arguments import Records, Sent, restored
from bentoml.runners.columns import Columns
from bentoml.runners.runnable import RunnableMethod

Called = Callable[..., Any]


class Hosted:
    """An instance of a runnable, as the engine calls it.

    Args:
        runnable: the user's instance.
        methods: what it offers, by the name of the endpoint.
    """

    def __init__(self, runnable: Any, methods: dict[str, RunnableMethod]) -> None:
        self.runnable = runnable
        for endpoint, method in methods.items():
            setattr(self, endpoint, called(runnable, method))


def called(runnable: Any, method: RunnableMethod) -> Called:
    """Settle how one method is called: with what was joined, back in its places."""
    bound, records = getattr(runnable, method.name), Records(method.function)

    def arguments(given: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        sent = Sent(Columns(given["values"]), tuple(given["places"]), tuple(given["args"]), given["kwargs"])
        return records(*restored(sent))

    def call(**given: Any) -> Any:
        args, kwargs = arguments(given)
        return bound(*args, **kwargs)

    async def call_async(**given: Any) -> Any:
        args, kwargs = arguments(given)
        return await bound(*args, **kwargs)

    return call_async if inspect.iscoroutinefunction(method.function) else call

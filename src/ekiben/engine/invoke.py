"""Call the user's method by its convention.

In: an instance and an endpoint, once at start. Out: a function from a call to the method's own result.
"""

from collections.abc import Callable
from typing import Any

from ekiben.core.context import Context
from ekiben.core.errors import ConfigError
from ekiben.core.spec import Convention, EndpointSpec
from ekiben.engine.messages import Call


def plan(instance: Any, attribute: str, endpoint: EndpointSpec, context: str | None) -> Callable[[Call], Any]:
    """Settle how a method is called; for `async def` the result is a coroutine.

    Args:
        instance: the service's instance.
        attribute: its method.
        endpoint: what is called.
        context: the method's parameter for the running call, if it has one.

    Raises:
        ConfigError: the instance has no such method.
    """
    method = getattr(instance, attribute, None)
    if not callable(method):
        raise ConfigError(f"the service has no method `{attribute}` for the endpoint `{endpoint.name}`")
    if context is not None:
        return lambda call: method(*call.args, **call.kwargs, **{context: call.context or Context()})
    if endpoint.convention in (Convention.ONE_VALUE, Convention.STACKED):
        return lambda call: method(*call.args, **call.kwargs)
    if endpoint.convention is Convention.LISTED:
        return lambda call: method([*call.args, *call.kwargs.values()])
    return lambda call: method(*call.args, **call.kwargs)

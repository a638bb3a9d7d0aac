"""Let routes of a mounted FastAPI app be methods of the service.

In: an app, and the class whose methods it may have as routes. Out: the same app, in which `self` is the instance that
serves. FastAPI takes `self` for an argument of the query otherwise.
"""

import functools
import inspect
from collections.abc import Callable
from typing import Any, get_type_hints

from bentoml.current import get_current_service
from ekiben.core.optional import loaded


def give_self(app: Any, cls: type) -> Any:
    """Replace each route of *app* that is a method of *cls*; any other app is as it was."""
    fastapi, params = loaded("fastapi"), loaded("fastapi.routing")
    if fastapi is None or params is None or not isinstance(app, fastapi.FastAPI):
        return app
    methods = {value for owner in cls.__mro__ for value in vars(owner).values() if inspect.isfunction(value)}
    kinds = (params.APIRoute, params.APIWebSocketRoute)
    for index, route in enumerate(app.router.routes):
        if isinstance(route, kinds) and route.endpoint in methods:
            app.router.routes[index] = again(route, bound(route.endpoint, fastapi.Depends(instance)))
    return app


async def instance() -> Any:
    """Give the instance that serves; as FastAPI sees it, without a parameter."""
    return get_current_service()


def again(route: Any, endpoint: Callable[..., Any]) -> Any:
    """Make a route anew, with all that it was told but another endpoint."""
    names = [name for name in inspect.signature(type(route).__init__).parameters if name != "self"]
    told = {name: getattr(route, name) for name in names if hasattr(route, name)}
    return type(route)(**{**told, "endpoint": endpoint})


def bound(method: Callable[..., Any], found: Any) -> Callable[..., Any]:
    """Give a method whose first parameter has *found* as its default, for FastAPI to fill."""
    first, *others = inspect.signature(method).parameters.values()
    name = first.name

    if inspect.iscoroutinefunction(method):

        @functools.wraps(method)
        async def call(**given: Any) -> Any:
            return await method(given.pop(name), **given)

    else:

        @functools.wraps(method)
        def call(**given: Any) -> Any:
            return method(given.pop(name), **given)

    hints = get_type_hints(method, include_extras=True)
    call.__signature__ = inspect.Signature(  # type: ignore[attr-defined]  # FastAPI reads it
        [
            each.replace(kind=inspect.Parameter.KEYWORD_ONLY, annotation=hints.get(each.name, each.annotation))
            for each in (first.replace(default=found), *others)
        ],
        return_annotation=hints.get("return", inspect.Signature.empty),
    )
    return call

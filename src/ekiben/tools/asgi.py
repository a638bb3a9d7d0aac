"""Give a service as an ASGI app, for a server of one's own choice.

In: a service, a model or a target. Out: an app that `uvicorn module:app`, Hypercorn or a test can run.
"""

from pathlib import Path
from typing import Any

from ekiben.core.errors import ConfigError, ServiceLoadError
from ekiben.core.spec import BoundService
from ekiben.http.app import App
from ekiben.http.stall import app_of
from ekiben.services.load import load


def to_asgi(target: Any, *, proxied: bool = False, tasks_folder: Path | None = None) -> App:
    """Make an ASGI app; the service's instance is made when its lifespan starts.

    Args:
        target: a service class, a stored model, or text that names one; a list of such, or a dict of them by name.
        proxied: a reverse proxy stands before the server, so that `Host` may name anything.
        tasks_folder: keeps the tasks, in place of what the service says.

    Raises:
        ServiceLoadError: there is no such thing, or more than one.
    """
    return app_of(load(target), proxied=proxied, tasks_folder=tasks_folder)


def address(root: str, bound: BoundService, service: str | None) -> str:
    """Give the address of what a client is of.

    Args:
        root: that of the server.
        bound: what is served.
        service: the name of one, where several are.

    Raises:
        ConfigError: there is no such service; or there are several, and none is named.
    """
    places = {one.spec.name: one.spec.http.place for one in bound.services or (bound,)}
    if service is None and not bound.services:
        return root
    if service not in places:
        raise ConfigError(
            f"`service` must name one of those that are served: {service!r}", hint=f"there is {', '.join(places)}"
        )
    return root + places[service]


def own_error(failure: BaseException) -> BaseException:
    """Give what the service's own code raised, where that kept it from starting."""
    is_told = isinstance(failure, ServiceLoadError) and failure.__cause__ is not None
    return failure.__cause__ or failure if is_told else failure

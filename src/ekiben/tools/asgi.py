"""Give a service as an ASGI app, for a server of one's own choice.

In: a service, a model or a target. Out: an app that `uvicorn module:app`, Hypercorn or a test can run.
"""

from pathlib import Path
from typing import Any

from ekiben.core.errors import ServiceLoadError
from ekiben.http.app import App
from ekiben.services.load import load


def to_asgi(target: Any, *, proxied: bool = False, tasks_folder: Path | None = None) -> App:
    """Make an ASGI app; the service's instance is made when its lifespan starts.

    Args:
        target: a service class, a stored model, or text that names one.
        proxied: a reverse proxy stands before the server, so that `Host` may name anything.
        tasks_folder: keeps the tasks, in place of what the service says.

    Raises:
        ServiceLoadError: there is no such thing, or more than one.
    """
    return App(load(target), proxied=proxied, tasks_folder=tasks_folder)


def own_error(failure: BaseException) -> BaseException:
    """Give what the service's own code raised, where that kept it from starting."""
    is_told = isinstance(failure, ServiceLoadError) and failure.__cause__ is not None
    return failure.__cause__ or failure if is_told else failure

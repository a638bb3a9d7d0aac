"""Say which service runs here, to code that has no `self` to ask.

In: what the engine noted (`ekiben.core.current`). Out: the instance, and what is known of where it runs.
"""

import os
from typing import Any

from ekiben.core.current import Current, current, worker_index
from ekiben.core.errors import ConfigError

__all__ = ["get_current_service", "server_context"]

MISSING: Any = object()
NOBODY = "no service runs in this process"


def get_current_service(default: Any = MISSING) -> Any:
    """Give the instance of the service whose code runs here.

    Args:
        default: is given where no service runs.

    Raises:
        ConfigError: no service runs, and there is no *default*.
    """
    found = current()
    if found is not None and found.instance is not None:
        return found.instance
    if default is not MISSING:
        return default
    raise ConfigError(NOBODY, hint="call it from a method, or from a route of a mounted app")


class ServerContext:
    """What a service may know of the place where it runs; asked anew each time."""

    @property
    def service_name(self) -> str:
        """Its name; empty where no service runs."""
        found = current()
        return "" if found is None else found.spec.name

    @property
    def service_type(self) -> str:
        """What this process is: `service`, or `api_server` where none runs."""
        return "api_server" if current() is None else "service"

    @property
    def worker_index(self) -> int:
        """Which of its workers this is, from 1."""
        return worker_index() + 1

    @property
    def bento_name(self) -> str:
        """The bento that it was built into, in lower case; empty for one that was not."""
        found = built()
        return "" if found is None else found.spec.name.lower()

    @property
    def bento_version(self) -> str:
        """The version of that bento; `not available` for a service that was not built."""
        found = built()
        return "not available" if found is None else str(found.spec.version)

    @property
    def service_routes(self) -> list[str]:
        """The paths of its endpoints."""
        found = current()
        spec = None if found is None else found.spec
        return [] if spec is None else [spec.http.path_prefix + each.route for each in spec.endpoints]

    def __repr__(self) -> str:
        return f"<service {self.service_name!r}, worker {self.worker_index}, process {os.getpid()}>"


def built() -> Current | None:
    """Give the service that runs, if it came out of a bento."""
    found = current()
    return None if found is None or found.spec.version is None else found


server_context = ServerContext()

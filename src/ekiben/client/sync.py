"""Call a running service from plain code.

In: its address. Out: an object with a method for each endpoint.
"""

import time
from collections.abc import Callable
from typing import Any, Self

import httpx

from ekiben.client import base
from ekiben.core.errors import NotFound, Unavailable


class SyncHTTPClient:
    """A client that mirrors a service; the schema is fetched on first use.

    Args:
        url: the server's address, such as `http://localhost:3000`.
        timeout: seconds for one call.
        transport: another httpx transport, such as one that calls an app in this process.
    """

    def __init__(self, url: str, *, timeout: float = 30.0, transport: httpx.BaseTransport | None = None) -> None:
        self._http = httpx.Client(base_url=url, timeout=timeout, transport=transport)
        self._routes: dict[str, base.Route] | None = None

    def __getattr__(self, name: str) -> Callable[..., Any]:
        """Give the endpoint *name* as a method."""
        if name.startswith("_"):
            raise AttributeError(name)
        return lambda *args, **kwargs: self.call(name, *args, **kwargs)

    def call(self, name: str, /, *args: Any, **kwargs: Any) -> Any:
        """Call the endpoint *name*."""
        if self._routes is None:
            answer = self._http.get("/schema.json")
            self._routes = base.routes(base.answer(answer.status_code, answer.headers, answer.content))
        route = self._routes.get(name)
        if route is None:
            raise NotFound(f"the service has no endpoint `{name}`", hint="it has: " + ", ".join(self._routes))
        answer = self._http.post(route.path, **base.body(route, base.arguments(route, args, kwargs)))
        return base.answer(answer.status_code, answer.headers, answer.content)

    def is_ready(self, timeout: float = 5.0) -> bool:
        """Ask `/readyz`; a server that cannot be reached is not ready."""
        try:
            return self._http.get("/readyz", timeout=timeout).status_code == 200
        except httpx.TransportError:
            return False

    def wait_until_server_ready(self, timeout: float = 30.0) -> None:
        """Wait until the server is ready; raises Unavailable after *timeout* seconds."""
        end = time.monotonic() + timeout
        while not self.is_ready():
            if time.monotonic() > end:
                raise Unavailable(f"the server was not ready within {timeout:g} seconds")
            time.sleep(0.1)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def __enter__(self) -> Self:
        """Open; connections are made on first use."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the connections."""
        self.close()

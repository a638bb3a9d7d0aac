"""Serve from a script or a notebook, and stop at the end of the block.

In: a service, a model or a target. Out: a running server on a thread of this process.
"""

import threading
import time
from typing import Any, Self

from ekiben.client.sync import SyncHTTPClient
from ekiben.core.errors import ServiceLoadError
from ekiben.http import server as http_server
from ekiben.http.listen import Listen, bind
from ekiben.services.load import load


class Server:
    """A server that runs beside the code that started it."""

    def __init__(self, target: Any, listen: Listen) -> None:
        bound = load(target)
        self._listening = bind(listen)
        self.url = self._listening.url()
        self._server = http_server.Server(bound, listen)
        self._thread = threading.Thread(target=self._run, name="ekiben-server", daemon=True)

    def _run(self) -> None:
        self._server.run(sockets=self._listening.sockets)

    def start(self) -> Self:
        """Start, and return once the service is ready."""
        self._thread.start()
        while not self._server.is_ready:
            if not self._thread.is_alive():
                raise ServiceLoadError("the service could not start") from self._server.failure
            time.sleep(0.01)
        return self

    def client(self, **options: Any) -> SyncHTTPClient:
        """Give a client of this server."""
        return SyncHTTPClient(self.url, **options)

    def stop(self) -> None:
        """Let running calls end, then stop."""
        self._server.should_exit = True
        self._thread.join()
        self._listening.close()

    def __enter__(self) -> Self:
        """Start."""
        return self.start()

    def __exit__(self, *_: object) -> None:
        """Stop."""
        self.stop()


def serve(target: Any, *, host: str = "127.0.0.1", port: int = 0) -> Server:
    """Make a server of *target* on a free port; use it as `with ekiben.serve(...) as server:`."""
    return Server(target, Listen(host, port))

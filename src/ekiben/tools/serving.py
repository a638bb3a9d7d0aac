"""Serve from a script or a notebook, on a thread of this process.

In: a service, a model or a target. Out: a running server that answers on a real port, until it is stopped.
It has an event loop of its own, so it works where one runs already (notebooks), and it leaves signals alone.
"""

import atexit
import threading
from types import TracebackType
from typing import Any, Self

import httpx

from ekiben.client.aio import AsyncHTTPClient
from ekiben.client.sync import SyncHTTPClient
from ekiben.core.errors import ServiceLoadError
from ekiben.core.front import front
from ekiben.http import server as http_server
from ekiben.http.listen import Listen, bind
from ekiben.services.load import load
from ekiben.tools.asgi import address, own_error
from ekiben.tools.spread import spread


class Server:
    """A service that is served beside the code that started it.

    As a context manager it stops at the end of the (outermost) block.
    """

    def __init__(self, target: Any, listen: Listen) -> None:
        self._bound = bound = load(target)
        remote = spread(bound, target, listen.drain)
        self._listening = bind(listen)
        self._settled = threading.Event()  # ready, or ended
        try:
            self._server = http_server.Server(bound, listen, on_ready=self._settled.set, remote=remote)
        except BaseException:  # a certificate that is not there
            self._listening.close()
            raise
        self._thread = threading.Thread(target=self._run, name=f"ekiben-{bound.spec.name}", daemon=True)
        self._depth = 0
        self.name = bound.spec.name
        self.url = self._listening.url(tls=listen.tls is not None)

    def start(self) -> Self:
        """Start, and return once the service is ready; raises what kept it from that."""
        self._thread.start()
        atexit.register(self.stop)
        try:
            self._settled.wait()
        except BaseException:  # Ctrl-C, while it loads
            self.stop()
            raise
        if self._server.failure is not None:
            self.stop()
            raise own_error(self._server.failure)
        return self

    @property
    def is_running(self) -> bool:
        """Whether calls are answered."""
        return self._thread.is_alive() and self._server.is_ready

    @property
    def port(self) -> int | None:
        """The port, where there is one."""
        return self._listening.port

    def client(self, service: str | None = None, **options: Any) -> SyncHTTPClient:
        """Make a client of this server; *options* are those of `SyncHTTPClient`.

        *service* names one, where several are served.
        """
        url = address(self.url, self._bound, service)
        return SyncHTTPClient(url, **{"transport": httpx.HTTPTransport(), **options})

    def async_client(self, service: str | None = None, **options: Any) -> AsyncHTTPClient:
        """Make an `async` client of this server; *options* are those of `AsyncHTTPClient`.

        *service* names one, where several are served.
        """
        url = address(self.url, self._bound, service)
        return AsyncHTTPClient(url, **{"transport": httpx.AsyncHTTPTransport(), **options})

    def stop(self) -> None:
        """Let running calls end, then stop; a server that has stopped is left as it is."""
        self._server.should_exit = True
        if self._thread.is_alive() and threading.current_thread() is not self._thread:
            self._thread.join()
        self._listening.close()
        atexit.unregister(self.stop)

    def _run(self) -> None:
        try:
            self._server.run(sockets=self._listening.sockets)
        finally:
            self._settled.set()

    def __enter__(self) -> Self:
        """Give the running server."""
        if not self.is_running:
            raise ServiceLoadError(
                f"the server of `{self.name}` has stopped", hint=f"call `{front().program}.serve` again"
            )
        self._depth += 1
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Stop, at the end of the outermost block."""
        self._depth -= 1
        if not self._depth:
            self.stop()

    def __repr__(self) -> str:
        return f"<{'running' if self.is_running else 'stopped'} server of {self.name} at {self.url}>"


def serve(target: Any, *, host: str = "127.0.0.1", port: int = 0, drain: float = 10.0) -> Server:
    """Serve from a script or a notebook; return once the service is ready.

        with ekiben.serve(Iris) as server:
            print(server.url, server.client().predict([[5.1, 3.5, 1.4, 0.2]]))

    A service that asks for `workers` or `layout="apart"` gets them: fresh interpreters, which import its class anew.
    Without `with` the server runs until `server.stop()`, or until the program ends.

    Args:
        target: a service class, a stored model, or text that names one. A list of such, or a dict of them by name,
            is served as several: each below `/NAME`.
        host: the address to listen on.
        port: 0 takes a free one.
        drain: seconds that running calls may take to end when the server stops.

    Raises:
        ServiceLoadError: *target* is nothing that can be served.
        ConfigError: the port is taken; or the service asks for workers, and they cannot be had here.
        Exception: whatever the service's own start-up raised.
    """
    return Server(target, Listen(host, port, drain=drain)).start()

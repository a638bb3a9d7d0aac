"""Listen for a service with uvicorn.

In: a bound service and where to listen. Out: a server that runs until it is told to stop.
"""

import asyncio
import socket
from dataclasses import dataclass

import uvicorn

from ekiben.core.errors import ConfigError
from ekiben.core.spec import BoundService
from ekiben.http.app import App


@dataclass(frozen=True, slots=True)
class Listen:
    """Where to listen."""

    host: str = "127.0.0.1"
    port: int = 3000
    drain: float = 10.0  # seconds for calls that run when the server is stopped


def bind(listen: Listen) -> socket.socket:
    """Open the listening socket.

    Raises:
        ConfigError: the port is taken, or the host is not of this machine.
    """
    family = socket.AF_INET6 if ":" in listen.host else socket.AF_INET
    found = socket.socket(family, socket.SOCK_STREAM)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        found.bind((listen.host, listen.port))
    except OSError as error:
        found.close()
        raise ConfigError(
            f"cannot listen on {listen.host}:{listen.port}: {error.strerror}", hint="choose another one with --port"
        ) from error
    found.listen(2048)
    return found


class Server(uvicorn.Server):
    """A uvicorn server of one service, which stops when the service cannot start."""

    def __init__(self, bound: BoundService, listen: Listen) -> None:
        self.app = App(bound, on_failure=self.fail)
        self.failure: BaseException | None = None
        drain = int(listen.drain)
        super().__init__(
            uvicorn.Config(self.app, lifespan="on", log_config=None, access_log=False, timeout_graceful_shutdown=drain)
        )

    def fail(self, error: BaseException) -> None:
        """Note why the service cannot start, and leave."""
        self.failure = error
        self.should_exit = True

    @property
    def is_ready(self) -> bool:
        """Whether calls are answered."""
        return self.app.dispatcher.is_ready


def run(bound: BoundService, listen: Listen, listening: socket.socket) -> None:
    """Serve until SIGINT or SIGTERM; raises what kept the service from starting."""
    server = Server(bound, listen)
    asyncio.run(server.serve(sockets=[listening]))
    if server.failure is not None:
        raise server.failure

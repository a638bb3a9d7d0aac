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


def make_server(bound: BoundService, listen: Listen) -> uvicorn.Server:
    """Make a uvicorn server for *bound*."""
    config = uvicorn.Config(
        App(bound), lifespan="on", log_config=None, access_log=False, timeout_graceful_shutdown=int(listen.drain)
    )
    return uvicorn.Server(config)


def run(bound: BoundService, listen: Listen, listening: socket.socket) -> bool:
    """Serve until SIGINT or SIGTERM; say whether the service ever started."""
    server = make_server(bound, listen)
    asyncio.run(server.serve(sockets=[listening]))
    return server.started

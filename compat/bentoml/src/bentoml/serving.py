"""Start a server from Python, in BentoML's home and with BentoML's words.

In: a service, or what names one. Out: a handle of the running server, with `url`, `running` and `stop()`.
"""

import threading
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import httpx

from bentoml.callers import AsyncHTTPClient, SyncHTTPClient
from bentoml.front import FRONT, entered
from bentoml.words import say
from ekiben.core.config import Layer
from ekiben.core.errors import ConfigError
from ekiben.core.spec import BoundService
from ekiben.http.listen import Listen
from ekiben.services.arguments import giving
from ekiben.services.configure import over
from ekiben.services.load import load
from ekiben.tools.serving import Server as EkibenServer

__all__ = ["Server", "serve"]

TLS = ("certfile", "keyfile", "keyfile_password", "version", "cert_reqs", "ca_certs", "ciphers")
IDLE = {
    "production": "a server from Python is one for production",
    "timeout_keep_alive": "idle connections are closed after a time of the server's own",
    "timeout_graceful_shutdown": "calls that run have ten seconds to end",
}
REFUSED = {
    "reload": "a program does not start itself again; run `bentoml serve --reload`",
    "development": "a program does not start itself again; run `bentoml serve --development`",
    "env": "a program runs in the environment that it has; run `bentoml serve TAG --env`",
    "bento_env": "a program runs in the environment that it has; run `bentoml serve TAG --env`",
    "enable_reflection": "only HTTP is served",
    "enable_channelz": "only HTTP is served",
    "max_concurrent_streams": "only HTTP is served",
    "protocol_version": "only HTTP is served",
}
# Options of the service that a server may be told in place of its own.
PLACES = {"timeout": ("traffic", "timeout"), "backlog": ("backlog",), "api_workers": ("workers",)}


class Server:
    """A running server; as a context manager it stops at the end of the block."""

    def __init__(self, server: EkibenServer) -> None:
        self._server = server
        self._stopped = threading.Event()

    @property
    def url(self) -> str:
        """Its address."""
        return self._server.url

    @property
    def running(self) -> bool:
        """Whether calls are answered."""
        return self._server.is_running

    @property
    def name(self) -> str:
        """The name of the service."""
        return self._server.name

    def get_client(self, **options: Any) -> SyncHTTPClient:
        """Make a client of it; *options* are those of `SyncHTTPClient`."""
        return SyncHTTPClient(self.url, **{"transport": httpx.HTTPTransport(), **options})  # past any proxy

    def get_async_client(self, **options: Any) -> AsyncHTTPClient:
        """Make an `async` client of it; *options* are those of `AsyncHTTPClient`."""
        return AsyncHTTPClient(self.url, **{"transport": httpx.AsyncHTTPTransport(), **options})

    def wait(self) -> None:
        """Wait until it is stopped; Ctrl-C stops it."""
        try:
            while self.running and not self._stopped.wait(0.5):
                continue
        except KeyboardInterrupt:
            self.stop()

    def stop(self) -> None:
        """Let running calls end, then stop."""
        self._server.stop()
        self._stopped.set()

    def __enter__(self) -> Self:
        """Give the running server."""
        return self

    def __exit__(self, *_: object) -> None:
        """Stop."""
        self.stop()

    def __repr__(self) -> str:
        return repr(self._server)


@entered
def serve(
    bento: Any,
    server_type: str = "http",
    *,
    host: str | None = None,
    port: int | None = None,
    working_dir: str | Path | None = None,
    blocking: bool = False,
    args: Any = None,
    **options: Any,
) -> Server:
    """Serve from a script or a notebook; return once the service is ready.

    Args:
        bento: a service, a bento, or what `bentoml serve` takes.
        server_type: `http`.
        host: the address to listen on; None is the service's own, else 0.0.0.0.
        port: None is the service's own, else 3000; 0 takes a free one.
        working_dir: the folder in which a target is looked for.
        blocking: wait until the server is stopped.
        args: what `use_arguments` of the service's module gives.
        options: `api_workers`, `timeout` (seconds), `backlog` and `ssl_*`, in place of what the service says.

    Raises:
        ConfigError: an option is unknown or does not work here; the port is taken.
        ServiceLoadError: *bento* is nothing that can be served.
        Exception: whatever the service's own start-up raised.
    """
    if server_type != "http":
        raise ConfigError(f'`server_type` must be "http", as nothing else is served: {server_type!r}')
    layer = layer_of(options)
    with giving(args):
        bound = load(read(bento), folder=None if working_dir is None else Path(working_dir))
        if layer.values:
            bound = over(bound, layer)
        http = bound.spec.http
        place = host or http.host or FRONT.host
        at = port if port is not None else bound.spec.style.default_port if http.port is None else http.port
        made = Server(EkibenServer(Told(bound), Listen(place, at, tls=http.tls)).start())
    if blocking:
        made.wait()
    return made


class Told:
    """A service that was loaded and changed, as an object that can be served."""

    def __init__(self, bound: BoundService) -> None:
        self._bound = bound

    def __ekiben_service__(self) -> BoundService:
        """Give it, as it is told what holds."""
        return replace(self._bound)


def read(bento: Any) -> Any:
    """Give what Ekiben takes for a service, a bento or its tag."""
    return bento if hasattr(bento, "__ekiben_service__") else str(getattr(bento, "tag", bento))


def layer_of(options: dict[str, Any]) -> Layer:
    """Read the options that stand over those of the service.

    Raises:
        ConfigError: one is unknown, or does not work here.
    """
    values: dict[str, Any] = {}
    for name, value in options.items():
        if name in REFUSED:
            if value:
                raise ConfigError(f"`{name}` is not offered here: {REFUSED[name]}", hint=f"leave `{name}` out")
        elif name in IDLE:
            if value is not None:
                say(f"`{name}` changes nothing: {IDLE[name]}")
        elif name in PLACES:
            if value is not None:
                section, *rest = PLACES[name]
                values[section] = {rest[0]: value} if rest else value
        elif name.startswith("ssl_") and name.removeprefix("ssl_") in TLS:
            if value is not None:
                values.setdefault("ssl", {"enabled": True})[name.removeprefix("ssl_")] = value
        else:
            known = [*PLACES, *(f"ssl_{each}" for each in TLS)]
            raise ConfigError(f"there is no option `{name}`", hint=f"the options are: {', '.join(known)}")
    return Layer(values, {})

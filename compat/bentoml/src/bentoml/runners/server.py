"""Start a server in a process of its own, from a script.

In: what is served, and options in BentoML's words. Out: `HTTPServer`: `start`, `get_client`, `stop`, and a context
manager. The process runs the command `bentoml serve`, so it serves as the command does.
"""

import os
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any, NoReturn, Self, TypedDict, Unpack

from bentoml.bentos import Bento
from bentoml.client import HTTPClient, address, check_rest
from bentoml.exceptions import StateException
from bentoml.front import FRONT
from bentoml.runners.declaration import NO_GRPC, Service
from ekiben.core.errors import ConfigError, Unavailable
from ekiben.core.tag import Tag
from ekiben.services.checks import block
from ekiben.services.load import load
from ekiben.tools.spread import named

GRACE = 20.0  # seconds from the signal to the end
PORT = 3000


class ServeKeywords(TypedDict, total=False):
    """The options of a server beside its address."""

    reload: bool
    production: bool
    env: None  # conda, in BentoML; the environment of this process here
    working_dir: str | None
    api_workers: int | None
    timeout: float | None  # seconds
    ssl_certfile: str | None
    ssl_keyfile: str | None
    ssl_keyfile_password: str | None
    ssl_ca_certs: str | None


FLAGS = {
    "working_dir": "--working-dir",
    "api_workers": "--workers",
    "timeout": "--timeout",
    "ssl_certfile": "--ssl-certfile",
    "ssl_keyfile": "--ssl-keyfile",
    "ssl_ca_certs": "--ssl-ca-certs",
}
PASSWORD = FRONT.variable("SSL_KEYFILE_PASSWORD")  # as a word of the command everybody here could read it
REFUSED = {
    "env": "the server runs in the environment of this process",
    "backlog": "write it into ekiben.yaml",
    "ssl_version": "the newest that both ends know is spoken",
    "ssl_cert_reqs": "it belongs to the command line: --ssl-cert-reqs",
    "ssl_ciphers": "it belongs to the command line: --ssl-ciphers",
}


class HTTPServer:
    """A server in a process of its own.

    Args:
        bento: a bento, its tag, a service, or text that names one, such as `service:svc`.
        host: the address to listen on; all by default.
        port: the port.
        options: `reload`, `production`, `working_dir`, `api_workers`, `timeout`, and the files of TLS.

    Raises:
        ConfigError: an option is unknown, or the service cannot be imported anew.
    """

    def __init__(
        self,
        bento: str | Bento | Tag | Service,
        host: str = "0.0.0.0",  # noqa: S104 - where BentoML listens
        port: int = PORT,
        **options: Unpack[ServeKeywords],
    ) -> None:
        given = {name: value for name, value in options.items() if value is not None}
        checked = block(given, "", tuple(ServeKeywords.__annotations__), REFUSED)
        self.host, self.port = host, port
        self.command = [
            sys.executable, "-m", "bentoml", "serve", target_of(bento), "--host", host, "--port", str(port),
            *(word for name, flag in FLAGS.items() if name in checked for word in (flag, str(checked[name]))),
        ]  # fmt: skip
        if checked.get("reload") or not checked.get("production", True):
            self.command.append("--reload" if checked.get("reload") else "--development")
        self._secret = {PASSWORD: str(checked["ssl_keyfile_password"])} if "ssl_keyfile_password" in checked else {}
        self.process: subprocess.Popen[bytes] | None = None
        self._clients: list[HTTPClient] = []

    @property
    def running(self) -> bool:
        """Whether the process is there."""
        return self.process is not None and self.process.poll() is None

    def start(self, blocking: bool = False, **options: Any) -> Self:
        """Start the process.

        Args:
            blocking: return when the server has ended, by Ctrl-C or otherwise.
            options: refused: the process has the variables and the streams of this one.

        Returns:
            The server, whose context is a client: `with server.start() as client:`.

        Raises:
            StateException: it runs already.
            ConfigError: an option is given.
        """
        check_rest(options, "start")
        if self.running:
            raise StateException(f"the server on port {self.port} runs already", hint="call `stop()` first")
        path = os.pathsep.join(str(Path(each).resolve()) for each in sys.path)
        environ = {**os.environ, "PYTHONPATH": path, **self._secret}
        self.process = subprocess.Popen(self.command, env=environ, stdin=subprocess.DEVNULL)
        if blocking:
            try:
                self.process.wait()
            except KeyboardInterrupt:
                self.stop()
        return self

    def get_client(self, timeout: float = 60.0) -> HTTPClient:
        """Make a client, once the server is ready; stopping the server closes it.

        Raises:
            StateException: it was not started.
            Unavailable: it ended, or was not ready after *timeout* seconds.
        """
        if self.process is None:
            raise StateException("the server was not started", hint="call `start()` first")
        step, left = 1.0, timeout
        while self.running:
            try:
                HTTPClient.wait_until_server_ready(self.host, self.port, min(step, left))
                self._clients.append(HTTPClient.from_url(address(self.host, self.port)))
                return self._clients[-1]
            except Unavailable:
                left -= step
                if left <= 0.0:
                    raise
        raise Unavailable(f"the server ended with {self.process.returncode}; its own words stand above")

    def stop(self) -> None:
        """End the process, after the calls that run."""
        while self._clients:
            self._clients.pop().close()
        if self.process is None:
            return
        self.process.terminate()
        try:
            self.process.wait(GRACE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def __enter__(self) -> HTTPClient:
        """Start, unless it runs, and give a client."""
        if not self.running:
            self.start()
        try:
            return self.get_client()
        except BaseException:
            self.stop()
            raise

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Stop."""
        self.stop()


class GrpcServer:
    """Refused: gRPC is not served."""

    def __init__(self, *_: Any, **__: Any) -> NoReturn:
        raise ConfigError(NO_GRPC, hint="use `HTTPServer`")


def target_of(bento: Any) -> str:
    """Say by which words the command finds what is served; raises ConfigError."""
    if isinstance(bento, Bento):
        return f"bento:{bento.tag}"
    if isinstance(bento, str | Path | Tag):
        return str(bento)
    return named(load(bento), bento)

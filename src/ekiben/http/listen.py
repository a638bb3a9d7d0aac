"""Open the sockets that a server listens on, before anything slow happens.

In: an address, a path or an inherited descriptor. Out: listening sockets, or words that say why not.
`localhost` means both of the machine's loopback addresses, so that every client finds the server by that name.
"""

import errno
import os
import socket
import stat
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from ekiben.core.errors import ConfigError
from ekiben.core.spec import TlsSpec

LOCAL = ("127.0.0.1", "localhost")
KEEP_ALIVE = 75.0  # seconds that an idle connection stays open
BACKLOG = 2048  # connections that wait to be accepted
TRIES = 20  # free ports that are tried until one is free on both loopback addresses
NO_SUCH_FAMILY = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)  # a machine without IPv6


@dataclass(frozen=True, slots=True)
class Listen:
    """Where and how to listen; `uds` or `fd` stands in place of host and port."""

    host: str = "127.0.0.1"
    port: int = 3000
    uds: str | None = None  # path of a Unix domain socket
    fd: int | None = None  # an inherited descriptor of a socket
    tls: TlsSpec | None = None  # None: what the service says
    proxy_headers: bool = False  # believe X-Forwarded-For and X-Forwarded-Proto
    forwarded_allow_ips: str = "127.0.0.1"  # of these senders, separated by commas; `*` is all
    lane: str | None = None  # asgi | fast; None: fast where it can be
    drain: float = 10.0  # seconds for calls that run when the server is stopped
    keep_alive: float = KEEP_ALIVE  # seconds that an idle connection stays open


class Listening:
    """Sockets that are open; to be closed by whoever opened them."""

    def __init__(self, sockets: list[socket.socket], path: Path | None = None) -> None:
        self.sockets = sockets
        self.path = path

    @property
    def port(self) -> int | None:
        """The port, where there is one."""
        first = self.sockets[0]
        return None if first.family == getattr(socket, "AF_UNIX", None) else int(first.getsockname()[1])

    @property
    def host(self) -> str:
        """The host by which a client on this machine finds the server."""
        name = self.sockets[0].getsockname()
        if self.port is None:
            return str(self.path or (name if isinstance(name, str) else "a Unix socket"))
        host = str(name[0])
        if host in (*LOCAL, "0.0.0.0", "::", "::1"):  # noqa: S104 - compared, not bound
            return "localhost"
        return f"[{host}]" if ":" in host else host

    def url(self, *, tls: bool = False) -> str:
        """Give the address to show."""
        return f"unix:{self.host}" if self.port is None else f"{'https' if tls else 'http'}://{self.host}:{self.port}"

    def queue(self, backlog: int) -> None:
        """Let so many connections wait to be accepted."""
        for each in self.sockets:
            each.listen(backlog)

    def close(self) -> None:
        """Close the sockets, and remove the path of a Unix domain socket."""
        for each in self.sockets:
            each.close()
        if self.path is not None:
            self.path.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def bind(listen: Listen) -> Listening:
    """Open the listening sockets.

    Raises:
        ConfigError: the port is taken, the host is not of this machine, the path or the descriptor cannot be used.
    """
    if listen.fd is not None:
        return Listening([inherited(listen.fd)])
    if listen.uds is not None:
        path = Path(listen.uds)
        return Listening([unix_socket(path)], path)
    if listen.host not in LOCAL:
        return Listening([tcp_socket(listen.host, listen.port)])
    for _ in range(TRIES):
        try:
            return Listening(both_loopbacks(listen.port))
        except ConfigError:
            if listen.port:
                raise
    raise ConfigError("no port is free on both 127.0.0.1 and ::1", hint="choose one with --port")


def both_loopbacks(port: int) -> list[socket.socket]:
    """Listen on 127.0.0.1, and on ::1 where the machine has it, at one port."""
    with ExitStack() as undo:
        first = tcp_socket("127.0.0.1", port)
        undo.callback(first.close)
        taken = first.getsockname()[1]
        try:
            second = [tcp_socket("::1", taken)]
        except ConfigError as error:
            if not isinstance(error.__cause__, OSError) or error.__cause__.errno not in NO_SUCH_FAMILY:
                raise
            second = []
        undo.pop_all()
        return [first, *second]


def tcp_socket(host: str, port: int) -> socket.socket:
    """Listen on one address."""
    shown = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except OSError as error:
        raise ConfigError(f"cannot listen on {shown}: {error.strerror}", hint="name an address by --host") from error
    found: socket.socket | None = None
    try:
        found = socket.socket(family, kind, protocol)
        if os.name == "posix":
            found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            found.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, int(host != "::"))
        found.bind(address)
        found.listen(BACKLOG)
    except OSError as error:
        if found is not None:
            found.close()
        raise refused(shown, error) from error
    return found


def refused(shown: str, error: OSError) -> ConfigError:
    """Say why an address cannot be listened on, and what to do."""
    if error.errno == errno.EADDRINUSE:
        return ConfigError(
            f"cannot listen on {shown}: the port is in use", hint="stop what listens there, or choose another --port"
        )
    if error.errno == errno.EACCES:
        return ConfigError(f"cannot listen on {shown}: it is not allowed", hint="choose a --port above 1023")
    if error.errno == errno.EADDRNOTAVAIL:
        return ConfigError(
            f"cannot listen on {shown}: the address is not of this machine", hint="choose another --host"
        )
    return ConfigError(f"cannot listen on {shown}: {error.strerror}", hint="choose another --host or --port")


def unix_socket(path: Path) -> socket.socket:
    """Listen on a path; a socket left behind is replaced, anything else left alone."""
    if path.exists() or path.is_symlink():
        if not stat.S_ISSOCK(path.lstat().st_mode):
            raise ConfigError(f"`--uds` must be a free path: {path}", hint="choose another path")
        with socket.socket(socket.AF_UNIX) as probe:
            probe.settimeout(1)
            with suppress(ConnectionRefusedError, FileNotFoundError):
                probe.connect(str(path))
                raise ConfigError(f"cannot listen on {path}: the path is in use", hint="choose another path")
        path.unlink(missing_ok=True)
    found = socket.socket(socket.AF_UNIX)
    try:
        found.bind(str(path))
        path.chmod(0o666)  # who may enter its folder may call; as uvicorn and others have it
        found.listen(BACKLOG)
    except OSError as error:
        found.close()
        raise ConfigError(f"cannot listen on {path}: {error.strerror or error}", hint="choose another path") from error
    return found


def inherited(fd: int) -> socket.socket:
    """Take over a socket that whoever started us has opened."""
    try:
        found = socket.socket(fileno=fd)
    except OSError as error:
        raise ConfigError(f"`--fd` must be the number of an open socket: {fd}") from error
    if found.type != socket.SOCK_STREAM:
        found.detach()
        raise ConfigError(f"`--fd` must be a stream socket: {fd}")
    found.listen(BACKLOG)
    return found

"""Reach the server that is loaded: one that runs, or one that is started for it.

In: a URL, or what `ekiben serve` takes. Out: an address, and the server's processes where they are of this machine.
A server that is started here listens on a free port of the loopback address, and is ended afterwards.
"""

import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from ekiben.core.errors import ConfigError, ServiceLoadError
from ekiben.tools.bench import machine

LOCAL = ("127.0.0.1", "localhost", "::1")
READY = 300.0  # seconds that a server may take to start
LOOK = 0.05  # seconds between looks at whether it did
STOP = 20.0  # seconds that it may take to end
SERVING = re.compile(r"starting \S+ at (?P<scheme>https?)://")


@dataclass(frozen=True, slots=True)
class Target:
    """A server."""

    url: str  # without a slash at its end
    roots: Callable[[], set[int]]  # its processes, as far as they are known

    @property
    def host(self) -> str:
        """The host to connect to."""
        return urlsplit(self.url).hostname or ""

    @property
    def port(self) -> int:
        """The port to connect to."""
        parts = urlsplit(self.url)
        return parts.port or (443 if parts.scheme == "https" else 80)


def is_url(target: str) -> bool:
    """Say whether a target is the address of a server."""
    return target.startswith(("http://", "https://"))


def running(url: str) -> Target:
    """Give a server that runs already.

    Raises:
        ConfigError: the address has no host.
    """
    parts = urlsplit(url)
    if not parts.hostname:
        raise ConfigError(f"the address of a server must have a host: {url!r}", hint="write http://localhost:3000")
    found = Target(url.rstrip("/"), set)
    if parts.hostname not in LOCAL:
        return found
    return Target(found.url, lambda: machine.listeners(found.port))


@contextmanager
def started(target: str, options: Sequence[str], module: str) -> Iterator[Target]:
    """Serve *target* for the length of a block.

    Args:
        target: what is served.
        options: more words for `ekiben serve`.
        module: the program, as `python -m` takes it.

    Raises:
        ServiceLoadError: it does not start; the error has its last words.
    """
    with tempfile.TemporaryFile() as log, socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(2048)
        port, fd = listening.getsockname()[1], listening.fileno()
        command = [sys.executable, "-m", module, "serve", target, "--fd", str(fd), *options]
        process = subprocess.Popen(command, pass_fds=[fd], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        listening.close()
        try:
            scheme = wait_for_words(process, Path(f"/proc/self/fd/{log.fileno()}"), target)
            yield Target(f"{scheme}://127.0.0.1:{port}", lambda: {process.pid})
        finally:
            end(process)


def wait_for_words(process: "subprocess.Popen[bytes]", log: Path, target: str) -> str:
    """Wait until a server says where it serves; give its scheme."""
    until = time.monotonic() + READY
    while time.monotonic() < until:
        words = log.read_text(errors="replace")
        if found := SERVING.search(words):
            return found["scheme"]
        if process.poll() is not None:
            raise ServiceLoadError(f"`{target}` cannot be served: {last_words(words)}")
        time.sleep(LOOK)
    raise ServiceLoadError(f"`{target}` did not start within {READY:g} seconds")


def last_words(log: str) -> str:
    """Give the error that a server ended with."""
    _, mark, rest = log.rpartition("error: ")
    return (rest if mark else log[-1000:]).strip() or "it ended without a word"


def end(process: "subprocess.Popen[bytes]") -> None:
    """End a server, in order if it does."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
    try:
        process.wait(STOP)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()

"""Restart the server when the project's code changes.

In: open sockets, the command line of a server that inherits them, a folder. Out: an exit code, at Ctrl-C.
The sockets stay open over a restart, so that a client waits instead of being refused. A server that cannot start (a
syntax error) is said to be down, and tried again at the next change; until then clients are told why by whatever
stands in for it. A server whose watcher is gone ends by itself.
"""

import logging
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ekiben.cli.errors import sentence
from ekiben.core.errors import ConfigError
from ekiben.http.listen import Listening, inherited

log = logging.getLogger("ekiben")

LOOK = 250  # milliseconds between looks at whether the server lives
GRACE = 5.0  # seconds beyond the draining, before a server is killed
LAST_WORDS = 4096  # bytes

StandIn = Callable[[str], AbstractContextManager[Any]]  # answers with a reason, for the length of a block


@dataclass(frozen=True, slots=True)
class Child:
    """How the server is started."""

    command: Sequence[str]  # without the options that hand over sockets
    sockets: Sequence[int]  # descriptors
    drain: float  # seconds


def supervise(child: Child, folder: Path, stand_in: StandIn) -> int:
    """Run the server, and run it again whenever a Python file below *folder* changes.

    Args:
        child: the server.
        folder: the project.
        stand_in: makes what answers while there is none.

    Returns:
        The exit code, 0, once SIGINT or SIGTERM came.

    Raises:
        ConfigError: the system cannot hand over sockets, or watch the folder.
    """
    if os.name != "posix":
        raise ConfigError("`--reload` needs Linux or macOS")
    asked = threading.Event()
    with stop_at_signals(asked), lifeline() as (line, words), ExitStack() as down:
        changes = watched(folder, asked)
        next(changes)  # from here on no change is missed
        log.info("watching the Python files and ekiben.yaml in %s", folder)
        server: subprocess.Popen[bytes] | None = start(child, line)
        for changed in changes:
            if changed:
                log.info("%s changed: restarting", ", ".join(changed))
                down.close()
                stop(server, child.drain)
                last_words(words)
                server = start(child, line)
            elif server is not None and server.poll() is not None:
                log.error("the service is down; it is started again when a file changes")
                down.enter_context(stand_in(reason(server.returncode, last_words(words))))
                server = None
        stop(server, child.drain)
    return 0


def watched(folder: Path, asked: threading.Event) -> Iterator[list[str]]:
    """Give the names of files that changed, or none every now and then, until *asked*."""
    from watchfiles import PythonFilter, watch

    try:
        for found in watch(
            folder,
            watch_filter=PythonFilter(extra_extensions=("ekiben.yaml",)),
            stop_event=asked,
            rust_timeout=LOOK,
            yield_on_timeout=True,
            raise_interrupt=False,
        ):
            yield sorted({os.path.relpath(path, folder) for _, path in found})
    except (OSError, RuntimeError) as error:
        raise ConfigError(f"cannot watch {folder}: {error}") from error


def start(child: Child, line: int) -> "subprocess.Popen[bytes]":
    """Start the server, which inherits the sockets and one end of our lifeline."""
    given = ",".join(map(str, child.sockets))
    return subprocess.Popen([*child.command, "--inherit", f"{given}:{line}"], pass_fds=[*child.sockets, line])


def stop(server: "subprocess.Popen[bytes] | None", drain: float) -> None:
    """Let the server end what it does; after that it is killed."""
    if server is None or server.poll() is not None:
        return
    server.send_signal(signal.SIGTERM)
    try:
        server.wait(drain + GRACE)
    except subprocess.TimeoutExpired:
        log.warning("the service did not stop within %g seconds, and is killed", drain + GRACE)
        server.kill()
        server.wait()


@contextmanager
def stop_at_signals(asked: threading.Event) -> Iterator[None]:
    """Set *asked* at SIGINT and SIGTERM."""

    def ask(*_: Any) -> None:
        asked.set()

    before = {each: signal.signal(each, ask) for each in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


@contextmanager
def lifeline() -> Iterator[tuple[int, socket.socket]]:
    """Open a pair of sockets, of which a server gets one.

    It ends when we do, in any case, and carries its last words.
    """
    theirs, ours = socket.socketpair()
    with theirs, ours:
        ours.setblocking(False)
        yield theirs.fileno(), ours


def last_words(line: socket.socket) -> str:
    """Give what a server that ended had to say, or nothing."""
    with suppress(BlockingIOError):
        return line.recv(LAST_WORDS).decode(errors="replace")
    return ""


def reason(code: int, words: str) -> str:
    """Say to a client why there is no server."""
    if words:
        return f"the code could not be started, and is tried again when it changes: {words}"
    return f"the service ended with exit code {code}, and is started again when its code changes"


@dataclass(frozen=True, slots=True)
class Inherited:
    """What a server got from the one that watches."""

    sockets: tuple[int, ...]
    line: int

    @classmethod
    def parse(cls, text: str) -> "Inherited":
        """Read `5,6:7`."""
        sockets, _, line = text.partition(":")
        return cls(tuple(map(int, sockets.split(","))), int(line))

    def listening(self) -> Listening:
        """Take over the sockets."""
        return Listening([inherited(number) for number in self.sockets])

    def hold(self) -> None:
        """End this process, in order, when the one that watches is gone."""

        def wait() -> None:
            with suppress(OSError):  # it closed before it had read what we said last
                os.read(self.line, 1)  # nothing is ever sent to us: this returns when the other end closes
            os.kill(os.getpid(), signal.SIGTERM)

        threading.Thread(target=wait, name="ekiben-lifeline", daemon=True).start()


@contextmanager
def telling(given: str | None) -> Iterator[None]:
    """Tell the one that watches what keeps this process from serving.

    Args:
        given: what was inherited; None where nobody watches.
    """
    try:
        yield
    except Exception as error:
        if given is not None:
            with suppress(OSError):  # it is gone, too
                os.write(Inherited.parse(given).line, sentence(error).encode(errors="replace")[:LAST_WORDS])
        raise


def command_of(module: str, words: Sequence[str]) -> list[str]:
    """Give the command line that runs the same program with the same words."""
    return [sys.executable, "-m", module, *words]

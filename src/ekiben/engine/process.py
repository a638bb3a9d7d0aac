"""One worker, seen from its supervisor: a process and a socket to talk with it.

In: a command, what it inherits. Out: whether it is ready, what it says, how it ended. It is a fresh interpreter, never
a fork of ours: BLAS and CUDA do not survive one.
"""

import asyncio
import contextlib
import logging
import os
import secrets
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

from ekiben.core.context import OWNER, remove_folders
from ekiben.core.errors import ServiceLoadError, Unavailable
from ekiben.engine.control import Answer, Dialog, Message, read
from ekiben.engine.leash import VARIABLE, Place

log = logging.getLogger("ekiben")

LAST_WORDS = 1.0  # seconds to read what a dead worker had said


class Inherited(Protocol):
    """What a worker inherits: a socket, or a file."""

    def fileno(self) -> int:
        """Give the descriptor."""

    def close(self) -> None:
        """Close it."""


Sockets = Mapping[str, Sequence[Inherited]]  # by role


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Workers that are alike.

    `sockets` are inherited by each and stay ours; `open` makes what one worker alone inherits, at each start, and the
    supervisor closes its copy then; of each of `pairs` the worker inherits one end and `Worker.ends` holds the other,
    until it has ended. `after` names the groups that must be ready before these start; they end after
    these have ended.
    """

    name: str
    command: Sequence[str]
    folder: str | None = None  # to be started in; None: ours
    count: int = 1
    env: Callable[[int], Mapping[str, str]] = lambda index: {}  # beside our own; by index
    cpus: Callable[[int], Sequence[int]] = lambda index: ()  # to run on; none: wherever
    sockets: Sockets = field(default_factory=dict)
    open: Callable[[int], Sockets] = lambda index: {}
    pairs: tuple[str, ...] = ()  # roles of socket pairs
    notes: Mapping[str, Any] = field(default_factory=dict)  # for the workers to read in their `Place`
    after: tuple[str, ...] = ()
    patience: float | None = None  # seconds to become ready; None: as long as it takes
    linger: float = 0.0  # seconds to leave by itself when it is replaced and told "retire", before SIGTERM
    drain: float = 10.0  # seconds from SIGTERM ...
    grace: float = 5.0  # ... and then as many more until SIGKILL


class State(StrEnum):
    """Where a worker is in its life."""

    STARTING = "starting"
    READY = "ready"
    DRAINING = "draining"
    ENDED = "ended"


class Worker:
    """A process of a group.

    Args:
        group: what it is started by.
        index: its place in the group.
        generation: how often the whole group was started afresh.
        heard: is told what it says, and of each change of `state`.
        answers: to its questions, by kind.
    """

    def __init__(
        self,
        group: Group,
        index: int,
        generation: int,
        heard: Callable[["Worker", Message], None],
        answers: Mapping[str, Callable[["Worker", Message], Any]],
    ) -> None:
        self.group, self.index, self.generation = group, index, generation
        self.state = State.STARTING
        self.is_expected = False  # its end was asked for
        self.said: Message = {}  # with "ready"
        self.failure: ServiceLoadError | None = None  # why it did not start, in its own words
        self.readied: float | None = None  # of time.monotonic
        self.ends: dict[str, socket.socket] = {}  # of `Group.pairs`; they do not block
        self.exited: asyncio.Future[int] = asyncio.get_running_loop().create_future()  # with the exit code
        self._heard = heard
        self._answers: dict[str, Answer] = {
            kind: lambda message, answer=answer: answer(self, message)  # type: ignore[misc]  # mypy: lambda's default
            for kind, answer in answers.items()
        }
        self._dialog: Dialog | None = None
        self._listening: asyncio.Task[None] | None = None
        self._late: asyncio.TimerHandle | None = None
        self._ending: asyncio.Task[None] | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._name = secrets.token_hex(8)  # by which it names the folders of its calls

    def __repr__(self) -> str:
        return f"{self.group.name} {self.index} (process {self.pid}, {self.state})"

    @property
    def pid(self) -> int:
        """The process id; 0 before the start."""
        return 0 if self._process is None else self._process.pid

    def start(self, notes: Mapping[str, Any]) -> None:
        """Start the interpreter; raises ServiceLoadError where the system cannot."""
        group, loop = self.group, asyncio.get_running_loop()
        ours, theirs = socket.socketpair()
        own = {**group.open(self.index), **{role: [self._pair(role)] for role in group.pairs}}
        given = {role: [each.fileno() for each in found] for role, found in {**group.sockets, **own}.items()}
        place = Place(
            group.name, self.index, self.generation, os.getpid(), theirs.fileno(), given,
            list(group.cpus(self.index)), {**group.notes, **notes},
        )  # fmt: skip
        try:
            self._process = subprocess.Popen(
                list(group.command),
                env={**os.environ, **group.env(self.index), VARIABLE: place.to_text(), OWNER: self._name},
                cwd=group.folder,
                stdin=subprocess.DEVNULL,
                pass_fds=[place.control, *(fd for found in given.values() for fd in found)],
                process_group=0,  # Ctrl-C in a terminal reaches the supervisor alone
            )
        except OSError as error:
            ours.close()
            self._close_ends()
            raise ServiceLoadError(f"cannot start {group.name} {self.index}: {error}") from error
        finally:
            theirs.close()
            for each in (each for found in own.values() for each in found):
                each.close()
        wait = threading.Thread(target=self._wait, args=(loop,), name=f"ekiben-wait-{self.pid}", daemon=True)
        wait.start()
        self._listening = loop.create_task(self._listen(ours))
        if group.patience is not None:
            self._late = loop.call_later(group.patience, self._give_up, group.patience)

    async def ask(self, kind: str, timeout: float, **values: Any) -> Message:
        """Ask the worker; raises Unavailable where no answer came."""
        if self._dialog is None:
            raise Unavailable(f"{self} does not listen")
        return await self._dialog.ask(kind, timeout, **values)

    async def retire(self) -> None:
        """Let it leave by itself, where its group knows how; then as `stop`."""
        self.is_expected = True
        if self.group.linger and self._dialog is not None:
            self._dialog.say("retire", seconds=self.group.linger)
            await asyncio.wait([self.exited], timeout=self.group.linger + self.group.drain)
        await self.stop()

    async def stop(self, drain: float | None = None) -> None:
        """Let it end what it does, then end it by force; return when it is gone."""
        self.is_expected = True
        self._signal(signal.SIGTERM)
        seconds = self.group.grace + (self.group.drain if drain is None else drain)
        done, _ = await asyncio.wait([self.exited], timeout=seconds)
        if not done:
            log.warning("%r did not stop within %g seconds, and is killed", self, seconds)
            self.kill()
            await asyncio.wait([self.exited])

    def kill(self) -> None:
        """End it now."""
        self._signal(signal.SIGKILL)

    def _pair(self, role: str) -> socket.socket:
        self.ends[role], theirs = socket.socketpair()
        self.ends[role].setblocking(False)
        return theirs

    def _close_ends(self) -> None:
        while self.ends:
            self.ends.popitem()[1].close()

    def _signal(self, number: int) -> None:
        if self._process is not None and not self.exited.done():
            # `_wait` may have reaped it a moment ago: Popen looks, and signals no other process.
            self._process.send_signal(number)

    def _wait(self, loop: asyncio.AbstractEventLoop) -> None:
        """Reap the process, on a thread of its own: this works with any event loop."""
        assert self._process is not None
        code = self._process.wait()
        remove_folders(self._name)  # what is killed removes nothing
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody asks any more
            loop.call_soon_threadsafe(lambda: setattr(self, "_ending", loop.create_task(self._end(code))))

    async def _end(self, code: int) -> None:
        """Note the end, after what it said last."""
        if self._late is not None:
            self._late.cancel()
        if self._listening is not None:
            # A process that the worker forked may hold its end of the socket open.
            await asyncio.wait([self._listening], timeout=LAST_WORDS)
            self._listening.cancel()
            await asyncio.wait([self._listening])
        self._close_ends()
        self.state = State.ENDED
        self.exited.set_result(code)
        self._heard(self, {"say": "ended", "code": code})

    def _give_up(self, patience: float) -> None:
        if self.state is State.STARTING:
            self.failure = ServiceLoadError(f"{self.group.name} {self.index} was not ready within {patience:g} seconds")
            self.kill()

    async def _listen(self, ours: socket.socket) -> None:
        """Take in what the worker sends, until it ends."""
        reader, writer = await asyncio.open_unix_connection(sock=ours)
        dialog = self._dialog = Dialog(writer.write, self._hear, self._answers)
        try:
            while (message := await read(reader)) is not None:
                dialog.receive(message)
        except ValueError as error:
            log.error("%r garbled its control socket, and is ended: %s", self, error)
            self.kill()
        finally:
            self._dialog = None
            dialog.close()
            writer.close()

    def _hear(self, message: Message) -> None:
        match message["say"]:
            case "ready" if self.state is State.STARTING:
                self.state, self.said, self.readied = State.READY, message, time.monotonic()
            case "failed":
                hint = message.get("hint")
                self.failure = ServiceLoadError(str(message.get("words")), hint=None if hint is None else str(hint))
            case "draining" if self.state is State.READY:
                self.state = State.DRAINING
        self._heard(self, message)


def ending(code: int) -> str:
    """Say how a process ended, by what `Popen.returncode` holds."""
    if code >= 0:
        return f"ended with exit code {code}"
    try:
        return f"was killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"was killed by signal {-code}"

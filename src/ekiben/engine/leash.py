"""Be a worker: know one's place, and talk with the supervisor.

In: what a supervisor put into the environment. Out: inherited sockets by role, and a dialog with the supervisor.
A worker whose supervisor is gone, in whatever way, drains and ends: none is orphaned.
Source: prctl(2), PR_SET_PDEATHSIG; alarm(2), which ends a process whose Python is stuck.
"""

import asyncio
import contextlib
import ctypes
import json
import math
import os
import queue
import signal
import socket
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from ekiben.core import starting
from ekiben.core.current import settle_place
from ekiben.core.errors import ConfigError, EkibenError, Unavailable
from ekiben.engine.control import Answer, Dialog, Message, pack, read_blocking

VARIABLE = "EKIBEN_PLACE"
PR_SET_PDEATHSIG = 1


@dataclass(frozen=True, slots=True)
class Place:
    """Which worker a process is, and what it inherited."""

    group: str
    index: int  # of the workers of its group, from 0
    generation: int  # counts the fresh starts of the whole group
    parent: int  # process id of the supervisor
    control: int  # descriptor of our end of the control socket
    sockets: Mapping[str, list[int]] = field(default_factory=dict)  # descriptors by role
    cpus: list[int] = field(default_factory=list)  # to run on; none: wherever
    notes: Mapping[str, Any] = field(default_factory=dict)  # what else the starter wants known

    def to_text(self) -> str:
        """Write it for `VARIABLE`."""
        return json.dumps(asdict(self))


def take() -> "Leash | None":
    """Take one's place out of the environment; None where no supervisor started us.

    Call it first of all: threads of number libraries that start later stay on the CPUs that are set here.

    Raises:
        ConfigError: the variable was set by something else.
    """
    text = os.environ.pop(VARIABLE, None)
    if text is None:
        return None
    try:
        place = Place(**json.loads(text))
        control = socket.socket(fileno=place.control)
    except (TypeError, ValueError, OSError) as error:
        raise ConfigError(f"`{VARIABLE}` is for a supervisor's own workers", hint=f"unset {VARIABLE}") from error
    for number in (place.control, *(fd for group in place.sockets.values() for fd in group)):
        os.set_inheritable(number, False)
    if place.cpus and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, place.cpus)
    settle_place(place.index)
    return Leash(place, control)


class Leash:
    """A worker's end of its control socket.

    One thread reads, one writes, so that neither the loading of a model nor a busy loop makes the supervisor wait.
    """

    def __init__(self, place: Place, control: socket.socket) -> None:
        self.place = place
        self._control = control
        self._frames: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._writer = threading.Thread(target=self._write, name="ekiben-control-write", daemon=True)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._dialog: Dialog | None = None
        self._patience = 30.0

    def hold(self, patience: float) -> None:
        """Start to listen; from here on the end of the supervisor ends this process.

        Args:
            patience: seconds from then until this process is ended by force.
        """
        self._patience = patience
        self._writer.start()
        threading.Thread(target=self._read, name="ekiben-control-read", daemon=True).start()
        end_with_parent(self.place.parent)

    def attach(self, answers: Mapping[str, Answer], heard: Callable[[Message], None] = lambda message: None) -> None:
        """Answer the supervisor on the running event loop, and hear what it says."""
        self._dialog = Dialog(self._frames.put, heard, answers)
        self._loop = asyncio.get_running_loop()

    def say(self, kind: str, **values: Any) -> None:
        """Tell the supervisor something; from any thread."""
        self._frames.put(pack({**values, "say": kind}))

    def ready(self, **values: Any) -> None:
        """Tell the supervisor that this worker takes calls."""
        starting.over()
        self.say("ready", **values)

    def failed(self, error: BaseException) -> None:
        """Tell the supervisor why this worker cannot start."""
        self.say("failed", words=str(error), hint=error.hint if isinstance(error, EkibenError) else None)

    async def ask(self, kind: str, timeout: float, **values: Any) -> Message:
        """Ask the supervisor; raises Unavailable where no answer came."""
        if self._dialog is None:
            raise Unavailable("the worker is starting", retry_after=1)
        return await self._dialog.ask(kind, timeout, **values)

    def close(self) -> None:
        """Send what was said, and stop talking."""
        if self._dialog is not None:
            self._dialog.close()
        self._loop = self._dialog = None
        self._frames.put(None)
        if self._writer.is_alive():
            self._writer.join(5.0)

    def _write(self) -> None:
        while (frame := self._frames.get()) is not None:
            try:
                self._control.sendall(frame)
            except OSError:
                return  # the supervisor is gone; the reader sees to that

    def _read(self) -> None:
        try:
            while (message := read_blocking(self._control)) is not None:
                self._receive(message)
        except (OSError, ValueError) as error:
            print(f"ekiben: the control socket broke: {error}", file=sys.stderr)  # noqa: T201 - logging may be torn down
        self._end()

    def _receive(self, message: Message) -> None:
        loop, dialog = self._loop, self._dialog
        if loop is not None and dialog is not None:
            with contextlib.suppress(RuntimeError):  # it closed just now
                loop.call_soon_threadsafe(dialog.receive, message)
                return
        if "ask" in message:
            self._frames.put(pack({"answer": message["id"], "error": "the worker is starting or stopping"}))

    def _end(self) -> None:
        """End this process, in order first, by force later."""
        signal.alarm(math.ceil(self._patience))
        os.kill(os.getpid(), signal.SIGTERM)


def end_with_parent(parent: int) -> None:
    """Let the kernel end this process with its parent, also before Python can notice."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:  # it ended before that was set
        os.kill(os.getpid(), signal.SIGTERM)

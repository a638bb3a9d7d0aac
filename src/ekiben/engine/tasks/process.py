"""Run tasks in a process of their own, seen from the server.

In: a command that starts a fresh interpreter, and requests one after the other. Out: what came of each: an answer, or
how it ended without one. The process is a group of its own: Ctrl-C in a terminal does not reach it, and a kill ends
also what the task itself has started.
"""

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ekiben.core.errors import ServiceLoadError
from ekiben.engine.process import ending
from ekiben.engine.tasks import frames
from ekiben.engine.tasks.frames import Frame
from ekiben.engine.tasks.record import Answer, Request

LEAVING = 10.0  # seconds that a process gets for its last hooks

Progress = Callable[[float, str], None]


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended: with an answer, stopped as it was asked to, or neither."""

    answer: Answer | None = None
    is_stopped: bool = False
    reason: str = ""  # why the process ended by itself


class TaskProcess:
    """One process, with one instance of the service, used until it is stopped.

    Args:
        command: starts it; the number of its socket is put behind.
        hello: what it has to know first, fit for JSON.
    """

    def __init__(self, command: Sequence[str], hello: Mapping[str, Any]) -> None:
        self._command = command
        self._hello = hello
        self._process: subprocess.Popen[bytes] | None = None
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._exited: asyncio.Future[None] | None = None
        self._is_running = False  # a method of the user's
        self._late: asyncio.TimerHandle | None = None

    @property
    def pid(self) -> int | None:
        """The process id, while it lives."""
        return None if self._process is None else self._process.pid

    async def start(self) -> None:
        """Start it, and wait until its instance is there.

        Raises:
            ServiceLoadError: the service cannot start, or the process ended.
        """
        ours, theirs = socket.socketpair()
        try:
            self._process = subprocess.Popen(
                [*self._command, str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                process_group=0,
            )
        except OSError as error:
            ours.close()
            raise ServiceLoadError(f"the process of a task cannot start: {error.strerror}") from error
        finally:
            theirs.close()
        self._watch(self._process.pid)
        self._reader, self._writer = await asyncio.open_unix_connection(sock=ours)
        await self._send(self._hello)
        said = await self._read()
        if said is None or said.say != "ready":
            words = "" if said is None else str(said.head.get("words"))
            code = await self.end()
            raise ServiceLoadError(words or f"the process of a task {ending(code)} before it was ready")

    async def run(self, request: Request, head: Mapping[str, Any], told: Progress) -> Outcome:
        """Run one task.

        Args:
            request: what is asked.
            head: of the frame: which endpoint, where a large answer goes.
            told: hears how far it is.
        """
        self._is_running = True
        try:
            await self._send({**head, "say": "run", "head": request.head}, request.body)
            while (said := await self._read()) is not None:
                if "fraction" in said.head and said.head["fraction"] is not None:
                    told(float(said.head["fraction"]), str(said.head["words"]))
                if said.say == "done":
                    return Outcome(answer_of(said, head["place"]))
                if said.say == "stopped":
                    return Outcome(is_stopped=True)
        finally:
            self._is_running = False
            if self._late is not None:
                self._late.cancel()
                self._late = None
        return Outcome(reason=ending(await self.end()))

    def interrupt(self, grace: float) -> None:
        """Let the running method end: ask first, kill after *grace* seconds."""
        if self._is_running and grace > 0:
            self._signal(signal.SIGINT)
            if self._late is None:
                self._late = asyncio.get_running_loop().call_later(grace, self.kill)
        else:
            self.kill()

    def kill(self) -> None:
        """End it now, with all that it has started."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)

    async def end(self, patience: float = LEAVING) -> int:
        """Let it run its last hooks, and wait for its end; give the exit code."""
        assert self._process is not None
        assert self._exited is not None
        if self._writer is not None:
            self._writer.close()
        await asyncio.wait([self._exited], timeout=patience)
        self.kill()  # also what the task has started and left behind
        await self._exited
        process, self._process = self._process, None
        return process.wait()

    def _watch(self, pid: int) -> None:
        """Wait for the end of the process, on a thread of its own.

        What it forked may hold its end of the socket open: that ends too, so that reading sees the end.
        """
        loop = asyncio.get_running_loop()
        ended = self._exited = loop.create_future()

        def tell() -> None:
            self.kill()
            ended.set_result(None)

        def wait() -> None:
            os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)  # not reaped: the group is ours until `end`
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody asks any more
                loop.call_soon_threadsafe(tell)

        threading.Thread(target=wait, name=f"ekiben-task-{pid}", daemon=True).start()

    def _signal(self, number: int) -> None:
        if self._process is not None:  # it is reaped by `end` alone, so the id is still its own
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._process.pid, number)

    async def _send(self, head: Mapping[str, Any], body: bytes = b"") -> None:
        assert self._writer is not None
        with contextlib.suppress(ConnectionError):  # it ended: reading says so
            self._writer.writelines(frames.pack(head, body))
            await self._writer.drain()

    async def _read(self) -> Frame | None:
        assert self._reader is not None
        try:
            return await frames.read(self._reader)
        except ValueError:
            self.kill()
            return None


def answer_of(said: Frame, place: str) -> Answer:
    """Read an answer; a file of it lies at *place*."""
    head = said.head
    headers = tuple((str(name), str(value)) for name, value in head["headers"])
    body = Path(place) if head["is_file"] else said.body
    return Answer(int(head["status"]), headers, body, head["error"])

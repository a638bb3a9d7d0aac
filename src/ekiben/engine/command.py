"""Keep a server of another program running behind the service.

In: its words, a port of 127.0.0.1, a folder. Out: whether it answers there; one failure where it will not stay.
It is started without a shell, in a group of processes of its own, with no socket of ours. All of the group end with it,
and it ends with us: in order when we stop, by the kernel (Linux) when we are killed.
"""

import asyncio
import contextlib
import logging
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ekiben.core.errors import ConfigError, ServiceLoadError
from ekiben.engine import follow

log = logging.getLogger("ekiben")

HOST = "127.0.0.1"  # nothing else is ever asked


@dataclass(frozen=True, slots=True)
class Patience:
    """How long is waited for what."""

    look: float = 0.1  # seconds between looks at the port, while it starts
    first: float = 0.5  # seconds before it is started again; twice as many each time
    most: float = 8.0  # seconds, however often
    ends: int = 5  # that often in `window` seconds is too often
    window: float = 60.0
    grace: float = 10.0  # seconds from SIGTERM to SIGKILL


class Command:
    """One program, which is started again when it ends unasked.

    Args:
        words: the program and its arguments.
        port: where it will listen.
        folder: where it runs.
        patience: how long is waited for what.
    """

    def __init__(self, words: Sequence[str], port: int, folder: Path, patience: Patience = Patience()) -> None:
        self.is_ready = False
        self._words = tuple(words)
        self._port = port
        self._folder = folder
        self._patience = patience
        self._process: subprocess.Popen[bytes] | None = None
        self._ended: asyncio.Future[int] | None = None
        self._keeper: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int | None:
        """The process, None where there is none; its group has the same number."""
        return None if self._process is None else self._process.pid

    async def start(self, on_failure: Callable[[BaseException], None] | None) -> None:
        """Start it, and return when its port answers.

        Args:
            on_failure: is told when it ended too often; None leaves that to the log.

        Raises:
            ConfigError: the program is not there, or something else has the port.
            ServiceLoadError: it ended before its port answered.
        """
        if await self._answers():
            raise ConfigError(
                f"`http.proxy_port` must be free for the command, and something listens there: {self._port}",
                hint="end what listens there, or give another port, to the command as well",
            )
        ended = self._spawn()
        try:
            is_there = await self._wait_for_port(ended)
        except asyncio.CancelledError:
            await self.stop()
            raise
        if not is_there:
            raise ServiceLoadError(
                f"the command `{self._words[0]}` ended before port {self._port} answered: {told(ended.result())}",
                hint="its own words stand above; it must listen on 127.0.0.1 at `http.proxy_port`",
            )
        self.is_ready = True
        self._keeper = asyncio.create_task(self._keep(ended, on_failure))

    async def stop(self) -> None:
        """End it and all of its group: by SIGTERM, after the grace by SIGKILL."""
        self.is_ready = False
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.wait([self._keeper])
            self._keeper = None
        if self._process is None or self._ended is None:
            return
        if not self._ended.done():
            signal_group(self._process.pid, signal.SIGTERM)
            await asyncio.wait([self._ended], timeout=self._patience.grace)
        if not self._ended.done():
            log.warning("the command did not end %g seconds after SIGTERM and is killed", self._patience.grace)
            signal_group(self._process.pid, signal.SIGKILL)
            await asyncio.wait([self._ended])
        self._process = self._ended = None

    async def _keep(self, ended: "asyncio.Future[int]", on_failure: Callable[[BaseException], None] | None) -> None:
        """Start it again whenever it ends, unless that is too often."""
        loop, patience = asyncio.get_running_loop(), self._patience
        ends: deque[float] = deque(maxlen=patience.ends)
        while True:
            await asyncio.wait([ended])
            self.is_ready = False
            ends.append(loop.time())
            how, often = told(ended.result()), sum(ends[-1] - each <= patience.window for each in ends)
            if often >= patience.ends:
                error = ServiceLoadError(
                    f"the command `{self._words[0]}` ended {often} times in {patience.window:g} s, at last: {how}",
                    hint="its own words stand above",
                )
                log.error("%s", error)
                if on_failure is not None:
                    on_failure(error)
                return
            wait = min(patience.most, patience.first * 2 ** (often - 1))
            log.error("the command `%s` ended: %s; it is started again in %g s", self._words[0], how, wait)
            await asyncio.sleep(wait)
            try:
                ended = self._spawn()
            except ConfigError as error:
                log.error("%s", error)
                if on_failure is not None:
                    on_failure(error)
                return
            self.is_ready = await self._wait_for_port(ended)
            if self.is_ready:
                log.info("the command `%s` answers again", self._words[0])

    def _spawn(self) -> "asyncio.Future[int]":
        """Start the process.

        What is given is done, with its exit status, once nobody of its group is left.
        """
        environ = environment()
        check_program(self._words[0], self._folder, environ)
        words = list(self._words)
        if sys.platform == "linux":
            words = [sys.executable, "-I", "-S", follow.__file__, str(os.getpid()), *words]
        try:
            process = subprocess.Popen(words, cwd=self._folder, env=environ, stdin=subprocess.DEVNULL, process_group=0)
        except OSError as error:
            raise ConfigError(f"the command `{self._words[0]}` cannot be run: {error.strerror}") from error
        loop = asyncio.get_running_loop()
        ended: asyncio.Future[int] = loop.create_future()
        self._process, self._ended = process, ended

        def tell(status: int) -> None:
            if not ended.done():
                ended.set_result(status)

        def wait() -> None:
            status = reap(process)
            with contextlib.suppress(RuntimeError):  # the loop is closed, and nobody waits
                loop.call_soon_threadsafe(tell, status)

        threading.Thread(target=wait, name="ekiben-command", daemon=True).start()
        return ended

    async def _wait_for_port(self, ended: "asyncio.Future[int]") -> bool:
        """Wait until the port answers; False where the process ended first."""
        while not ended.done():
            if await self._answers():
                return not ended.done()
            await asyncio.wait([ended], timeout=self._patience.look)
        return False

    async def _answers(self) -> bool:
        """Say whether something listens on the port."""
        try:
            _, writer = await asyncio.open_connection(HOST, self._port)
        except OSError:
            return False
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
        return True


def environment() -> dict[str, str]:
    """Give the command's variables: ours, with the programs beside our Python first."""
    beside = str(Path(sys.executable).parent)
    return {**os.environ, "PATH": os.pathsep.join([beside, os.environ.get("PATH", os.defpath)])}


def check_program(program: str, folder: Path, environ: Mapping[str, str]) -> None:
    """Refuse a program that is not there; raises ConfigError."""
    place = str(folder / program) if os.sep in program else program
    if shutil.which(place, path=environ["PATH"]) is None:
        where = f"in {folder}" if os.sep in program else "on the PATH"
        raise ConfigError(
            f"the first word of the command must be a program {where}: {program!r}",
            hint="install it, or give its path",
        )


def reap(process: "subprocess.Popen[bytes]") -> int:
    """Wait for the process, end what is left of its group, give its exit status."""
    if hasattr(os, "waitid"):  # while it is not reaped, nobody else can get its number
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        signal_group(process.pid, signal.SIGKILL)
    return process.wait()


def signal_group(group: int, number: int) -> None:
    """Send a signal to all of a group, where somebody is left."""
    with contextlib.suppress(ProcessLookupError, PermissionError):  # macOS says so of one that has ended
        os.killpg(group, number)


def told(status: int) -> str:
    """Say how a process ended."""
    if status >= 0:
        return f"exit status {status}"
    try:
        return f"ended by {signal.Signals(-status).name}"
    except ValueError:
        return f"ended by signal {-status}"

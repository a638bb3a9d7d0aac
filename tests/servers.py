"""Start real servers for tests: a process of its own, on a free port, ended by its pid.

In: a target and options of `ekiben serve`. Out: a `Running` server with `url`, `http` and `log`; no process stays.
"""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx

HOST = "127.0.0.1"
READY_S = 60.0  # this machine may be busy with other tests
STOP_S = 30.0


@dataclass(slots=True)
class Running:
    """A server that was started; `http` is a client of it."""

    process: "subprocess.Popen[bytes]"
    port: int
    log_path: Path
    http: httpx.Client = field(init=False)

    def __post_init__(self) -> None:
        self.http = httpx.Client(base_url=self.url, timeout=30.0, trust_env=False)

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def log(self) -> str:
        """What the server has written so far, stdout and stderr together."""
        return self.log_path.read_text(errors="replace")

    def wait_for_log(self, words: str, timeout: float = READY_S) -> str:
        """Wait until *words* stand in the log; give the log."""
        end = time.monotonic() + timeout
        while words not in self.log:
            assert time.monotonic() < end, f"{words!r} did not come:\n{self.log}"
            time.sleep(0.02)
        return self.log

    def wait_until_ready(self, timeout: float = READY_S) -> None:
        """Wait until `/readyz` says 200; fail at once when the process has ended."""
        end = time.monotonic() + timeout
        while not self.is_ready():
            assert self.process.poll() is None, f"the server ended with {self.process.returncode}:\n{self.log}"
            assert time.monotonic() < end, f"the server was not ready in {timeout:g} s:\n{self.log}"
            time.sleep(0.02)

    def is_ready(self) -> bool:
        try:
            return self.http.get("/readyz").status_code == 200
        except httpx.TransportError:
            return False

    def stop(self, how: int = signal.SIGINT, timeout: float = STOP_S) -> int:
        """Send one signal, wait for the end, give the exit code."""
        self.http.close()
        if self.process.poll() is None:
            self.process.send_signal(how)
        return self.process.wait(timeout)


@contextmanager
def serving(
    target: str,
    *options: str,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    port: int | None = None,
    wait: bool = True,
) -> Iterator[Running]:
    """Run `python -m ekiben serve TARGET --port PORT OPTIONS…` for the length of the block.

    Args:
        target: what is served.
        options: more words for the command line.
        cwd: where it runs.
        env: variables beside those of this process.
        port: a free one by default.
        wait: until it is ready.
    """
    port = port or free_port()
    command = [sys.executable, "-m", "ekiben", "serve", target, "--port", str(port), *options]
    with starting(command, port, cwd=cwd, env=env) as running:
        if wait:
            running.wait_until_ready()
        yield running


@contextmanager
def starting(
    command: Sequence[str], port: int, *, cwd: Path | None = None, env: Mapping[str, str] | None = None
) -> Iterator[Running]:
    """Run any command that listens on *port*; afterwards nothing of its session is left."""
    with TemporaryDirectory(prefix="ekiben-test-") as folder, (Path(folder) / "log").open("wb") as out:
        process = subprocess.Popen(
            command,
            cwd=cwd,
            env={**os.environ, "PYTHONUNBUFFERED": "1", **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        running = Running(process, port, Path(folder) / "log")
        try:
            yield running
            code = running.stop()
            wait_until_left(process.pid, STOP_S if code == -signal.SIGKILL else 0.0)
            assert leftovers(process.pid) == [], f"processes were left behind:\n{running.log}"
        except BaseException:
            print(running.log)
            raise
        finally:
            running.http.close()
            for pid in leftovers(process.pid):
                os.kill(pid, signal.SIGKILL)
            process.wait(STOP_S)


def serve_to_end(
    target: str, *options: str, cwd: Path | None = None, env: Mapping[str, str] | None = None
) -> "subprocess.CompletedProcess[str]":
    """Run `ekiben serve` where it is expected to refuse; give its exit code and its words."""
    words = options if "--port" in options else ("--port", str(free_port()), *options)
    return subprocess.run(
        [sys.executable, "-m", "ekiben", "serve", target, *words],
        cwd=cwd,
        env={**os.environ, **(env or {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=READY_S,
    )


def free_port() -> int:
    """Find a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def wait_until_left(session: int, timeout: float) -> None:
    """Give the children of a server that was killed the moment in which they notice it."""
    end = time.monotonic() + timeout
    while leftovers(session) and time.monotonic() < end:
        time.sleep(0.01)


def leftovers(session: int) -> list[int]:
    """List the living processes of a session that a test started."""
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            # Source: proc(5); the name, in parentheses, may hold blanks. Then: state, ppid, pgrp, session.
            state, _, _, owner = Path(f"/proc/{name}/stat").read_text().rpartition(")")[2].split()[:4]
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(owner) == session and state != "Z":
            found.append(int(name))
    return found

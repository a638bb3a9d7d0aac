"""Run command lines as a person would: in a folder, with a home, through bash.

In: a command line, where to run it, and the environment. Out: what it printed; an error with all of it where it failed.
"""

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path

import httpx

from acceptance.network import Network

PATIENCE = 180.0  # seconds for a server with TensorFlow to get ready, on a slow machine
UV_CACHE = {"UV_CACHE_DIR": os.environ.get("UV_CACHE_DIR") or str(Path.home() / ".cache" / "uv")}  # for big installs
FORGOTTEN = ("BENTOML_HOME", "EKIBEN_HOME", "BENTOML_PORT", "EKIBEN_PORT", "PORT", "PYTHONPATH", "VIRTUAL_ENV")


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody at a terminal: a home folder, and the virtual environment of the suite on the path."""

    home: Path
    folder: Path

    @property
    def env(self) -> dict[str, str]:
        """Give the environment that this person's commands see."""
        env = {name: value for name, value in os.environ.items() if name not in FORGOTTEN}
        env |= {"HOME": str(self.home), "PATH": f"{Path(sys.executable).parent}{os.pathsep}{env['PATH']}"}
        for role in ("AUTHOR", "COMMITTER"):
            env |= {f"GIT_{role}_NAME": "Somebody", f"GIT_{role}_EMAIL": "somebody@example.org"}
        return env | {"DVC_NO_ANALYTICS": "1", "TF_CPP_MIN_LOG_LEVEL": "2"}

    def at(self, folder: Path) -> "Person":
        """Be the same person in another folder."""
        return replace(self, folder=folder)

    def run(self, command: str, *, timeout: float = 300.0, code: int | None = 0, **env: str) -> "Output":
        """Run a command line to its end.

        Args:
            command: for bash.
            timeout: seconds.
            code: the exit status that it must have; None: any.
            env: more variables.
        """
        done = subprocess.run(
            ["bash", "-c", command],
            cwd=self.folder, env=self.env | env, stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=timeout, check=False,
        )  # fmt: skip
        if code is not None and done.returncode != code:
            raise AssertionError(f"`{command}` left with {done.returncode}:\n{done.stdout}\n{done.stderr}")
        return Output(done.returncode, done.stdout, done.stderr)

    def python(self, lines: str, **options: object) -> "Output":
        """Run some lines of Python to their end."""
        (self.folder / "lines.py").write_text(lines)
        return self.run("python lines.py", **options)

    def start(self, command: str, network: Network, **env: str) -> "Server":
        """Start a server in a network of its own."""
        self.home.mkdir(parents=True, exist_ok=True)
        log = self.home / f"log-{time.monotonic_ns()}.txt"
        with network.inside(), log.open("wb") as file:
            process = subprocess.Popen(
                ["bash", "-c", f"exec {command}"],
                cwd=self.folder, env=self.env | {"PYTHONUNBUFFERED": "1"} | env,
                stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip
        return Server(process, network, log)


@dataclass(frozen=True, slots=True)
class Output:
    """What a command left behind."""

    code: int
    stdout: str
    stderr: str

    @property
    def all(self) -> str:
        """Give both streams."""
        return self.stdout + self.stderr


@dataclass(frozen=True, slots=True)
class Server:
    """A server of ours that runs in a network of its own."""

    process: subprocess.Popen[bytes]
    network: Network
    log_file: Path
    url: str = "http://localhost:3000"

    @property
    def log(self) -> str:
        """Give all that it has said so far."""
        return self.log_file.read_text(errors="replace")

    def wait_for_log(self, words: str, patience: float = PATIENCE) -> str:
        """Wait until it has said *words*: lines of requests are written a moment after the answers."""
        end = time.monotonic() + patience
        while words not in self.log:
            if time.monotonic() > end:
                raise AssertionError(f"{words!r} did not come in {patience:.0f} s:\n{self.log}")
            time.sleep(0.05)
        return self.log

    def request(self, method: str, path: str, *, timeout: float = 60.0, **options: object) -> httpx.Response:
        """Send one request from inside its network."""
        with self.network.inside(), httpx.Client(base_url=self.url, timeout=timeout, trust_env=False) as client:
            return client.request(method, path, **options)

    def get(self, path: str, **options: object) -> httpx.Response:
        """Send a GET."""
        return self.request("GET", path, **options)

    def post(self, path: str, **options: object) -> httpx.Response:
        """Send a POST."""
        return self.request("POST", path, **options)

    def status(self, path: str) -> int | None:
        """Give the status of a GET, or None while nobody listens."""
        try:
            return self.get(path, timeout=10).status_code
        except httpx.TransportError:
            return None

    def wait(self, path: str = "/readyz", status: int = 200, patience: float = PATIENCE) -> "Server":
        """Wait until a path answers so; give up when the process ends or patience does."""
        end = time.monotonic() + patience
        while self.status(path) != status:
            if self.process.poll() is not None:
                raise AssertionError(f"the server left with {self.process.returncode}:\n{self.log}")
            if time.monotonic() > end:
                raise AssertionError(f"{path} did not answer {status} in {patience:.0f} s:\n{self.log}")
            time.sleep(0.1)
        return self

    def stop(self, with_signal: int = signal.SIGINT) -> int:
        """End it as Ctrl-C does, and give its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(with_signal)
        try:
            return self.process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            raise AssertionError(f"the server did not end in 60 s:\n{self.log}") from None

    def family(self) -> list[int]:
        """Give the ids of its processes that still run: the first one and all that were started from it."""
        listed = subprocess.run(["ps", "-eo", "pid=,sess="], capture_output=True, text=True, check=True).stdout
        pairs = (line.split() for line in listed.splitlines())
        return [int(pid) for pid, session in pairs if int(session) == self.process.pid]

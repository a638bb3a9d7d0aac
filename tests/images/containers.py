"""Real engines on this machine: storage of their own, a base image of Debian packages, containers that are ended.

In: Debian's buildah, podman, runc, slirp4netns and mmdebstrap, root, and whatever index pip asks on this machine. Out:
a `Room`, in which commands run, and images and containers are removed with its folder.

What this machine's pip is told, and the authorities that it trusts, are laid over containers while they run, read-only.
None of it is in an image, which a test holds.
"""

import hashlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from tests.docker_registry import need
from tests.servers import free_port

PROGRAMS = ("buildah", "podman", "runc", "slirp4netns", "mmdebstrap", "skopeo")
BASE = "docker.io/library/python:3.11-slim"  # what the Dockerfile starts from; here made of Debian 12, which has 3.11
RECIPE = [
    "--variant=minbase", "--include=python3,python3-venv,ca-certificates",
    *(f"--dpkgopt=path-exclude=/usr/share/{name}/*" for name in ("doc", "man", "locale")),
    *(f'--customize-hook=ln -s /usr/bin/python3 "$1/usr/local/bin/{name}"' for name in ("python3", "python")),
    '--customize-hook=rm -rf "$1"/var/lib/apt/lists/*',
]  # fmt: skip
SUITE = "bookworm"
AUTHORITIES = Path("/etc/ssl/certs/ca-certificates.crt")
INSIDE = "/machine/authorities.crt"
PIP = ("cert", "extra-index-url", "find-links", "index-url", "timeout", "trusted-host")  # what counts in a container
PATIENCE = 400.0  # seconds; a build installs packages
READY_S = 100.0


@dataclass(frozen=True, slots=True)
class Ran:
    """A command that has ended."""

    code: int
    out: str
    err: str


class Room:
    """A folder with engines' storage and settings, and commands that see no other."""

    def __init__(self, folder: Path, home: Path | None = None) -> None:
        self.folder = folder
        self.environ = {
            **{name: value for name, value in os.environ.items() if name not in ("DOCKER_HOST", "PORT", "EKIBEN_PORT")},
            "EKIBEN_HOME": str(home or folder / "home"),
            "CONTAINERS_STORAGE_CONF": str(folder / "storage.conf"),
            "CONTAINERS_CONF": str(folder / "containers.conf"),
            "CONTAINERS_REGISTRIES_CONF": str(folder / "registries.conf"),
            "DOCKER_CONFIG": str(folder / "docker"),
            "DOCKER_BUILDKIT": "0",
        }

    def with_home(self, home: Path) -> "Room":
        """Give the same engines to somebody whose store is elsewhere."""
        return Room(self.folder, home)

    def run(self, *words: object, environ: Mapping[str, str] | None = None, cwd: Path | None = None) -> Ran:
        """Run a command to its end."""
        done = subprocess.run(
            list(map(str, words)), env={**self.environ, **(environ or {})}, cwd=cwd or self.folder, text=True,
            stdin=subprocess.DEVNULL, capture_output=True, timeout=PATIENCE, check=False,
        )  # fmt: skip
        return Ran(done.returncode, done.stdout, done.stderr)

    def out(self, *words: object, environ: Mapping[str, str] | None = None) -> str:
        """Run a command that must succeed; give what it wrote."""
        ran = self.run(*words, environ=environ)
        assert ran.code == 0, ran.out + ran.err
        return ran.out

    def ekiben(self, *words: object, environ: Mapping[str, str] | None = None) -> str:
        """Run `ekiben`, which must succeed."""
        return self.out(sys.executable, "-m", "ekiben", *words, environ=environ)

    def inspect(self, image: str) -> dict[str, object]:
        """Give what an engine knows of an image."""
        found: dict[str, object] = json.loads(self.out("podman", "image", "inspect", image))[0]
        return found

    @contextmanager
    def serving(
        self, image: str, *words: str, port: int = 3000, options: tuple[str, ...] = ()
    ) -> "Iterator[Container]":
        """Run a container until the block ends."""
        outer = free_port()
        network = ("--network", "slirp4netns", "-p", f"127.0.0.1:{outer}:{port}")
        name = self.out("podman", "run", "-d", *network, *options, image, *words).strip().splitlines()[-1]
        container = Container(self, name, f"http://127.0.0.1:{outer}")
        try:
            container.wait_until_ready()
            yield container
        finally:
            self.run("podman", "rm", "-f", "-t", "0", name)

    def clean(self) -> None:
        """End what runs, and unmount the storage."""
        self.run("podman", "rm", "-a", "-f", "-t", "0")
        self.run("buildah", "rm", "-a")
        self.run("podman", "rmi", "-a", "-f")


@dataclass(frozen=True, slots=True)
class Container:
    """A container that runs."""

    room: Room
    name: str
    url: str

    def wait_until_ready(self) -> None:
        """Wait for a 200 of the service's readiness."""
        end = time.monotonic() + READY_S
        while True:
            try:
                if httpx.get(f"{self.url}/readyz", timeout=5, trust_env=False).status_code == 200:
                    return
            except httpx.TransportError:
                pass
            assert time.monotonic() < end, self.log()
            assert self.state()["Running"], self.log()
            time.sleep(0.1)

    def predict(self) -> object:
        """Ask for the species of one flower."""
        body = {"flowers": [[5.1, 3.5, 1.4, 0.2]]}
        return httpx.post(f"{self.url}/species", json=body, timeout=30, trust_env=False).json()

    def state(self) -> dict[str, object]:
        """Give what the engine knows of it."""
        found: dict[str, object] = json.loads(self.room.out("podman", "inspect", self.name))[0]["State"]
        return found

    def log(self) -> str:
        """What it wrote."""
        ran = self.room.run("podman", "logs", self.name)
        return ran.out + ran.err

    def shell(self, script: str) -> Ran:
        """Run a script in it, as its user."""
        return self.room.run("podman", "exec", self.name, "/bin/sh", "-c", script)

    def stop(self, patience: int = 60) -> int:
        """Stop it as engines do: SIGTERM, and SIGKILL after some seconds; give its exit code."""
        self.room.out("podman", "stop", "-t", patience, self.name)
        return int(str(self.state()["ExitCode"]))


@contextmanager
def open_room(folder: Path) -> Iterator[Room]:
    """Make the settings and the base image; remove it all after.

    Skips where a part is missing, and fails there in CI.
    """
    need(*PROGRAMS)
    if os.geteuid() != 0:
        pytest.skip("engines without root need more of the machine than tests may change")
    write_settings(folder)
    room = Room(folder)
    try:
        room.out("podman", "import", "--change", f"ENV PATH={os.defpath}:/usr/local/bin", base_of_debian(), BASE)
        yield room
    finally:
        room.clean()


def base_of_debian() -> Path:
    """Give a file system of Debian packages with Python, made once for each recipe."""
    digest = hashlib.sha256("\n".join([SUITE, *RECIPE]).encode()).hexdigest()[:16]
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ekiben-ci"
    place = cache / f"base-{digest}.tar"
    if not place.exists():
        cache.mkdir(parents=True, exist_ok=True)
        beside = cache / f"{place.name}.{os.getpid()}.tar"
        try:
            command = ["mmdebstrap", "--quiet", *RECIPE, SUITE, str(beside)]
            subprocess.run(command, check=True, stdin=subprocess.DEVNULL, timeout=PATIENCE)
            beside.rename(place)
        finally:
            beside.unlink(missing_ok=True)
    return place


def write_settings(folder: Path) -> None:
    """Write what engines read in place of the machine's own settings."""
    graph, runs = folder / "graph", folder / "run"
    (folder / "storage.conf").write_text(f'[storage]\ndriver = "overlay"\nrunroot = "{runs}"\ngraphroot = "{graph}"\n')
    volumes = [f"{folder / 'pip.conf'}:/etc/pip.conf:ro", *(f"{path}:{path}:ro" for path in write_pip(folder))]
    volumes += [f"{AUTHORITIES}:{INSIDE}:ro"] if AUTHORITIES.exists() else []
    (folder / "containers.conf").write_text(
        '[containers]\ndefault_ulimits = ["nofile=4096:4096", "nproc=4096:4096"]\n'
        f"volumes = {json.dumps(volumes)}\n"
        '[engine]\nruntime = "runc"\ncgroup_manager = "cgroupfs"\nevents_logger = "file"\n'
    )
    (folder / "registries.conf").write_text('[[registry]]\nlocation = "localhost"\ninsecure = true\n')
    (folder / "docker").mkdir()
    (folder / "docker/config.json").write_text("{}")


def write_pip(folder: Path) -> list[Path]:
    """Write what pip is told on this machine; give the folders that it speaks of."""
    listed = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, timeout=60, check=True
    ).stdout
    told: dict[str, str] = {}
    for line in listed.splitlines():
        key, _, value = line.partition("=")
        told[key.rpartition(".")[2]] = value.strip("'\"").replace("\\n", " ")
    places = [urlsplit(word).path for value in told.values() for word in value.split()]
    if AUTHORITIES.exists():
        told["cert"] = INSIDE
    kept = {key: value for key, value in told.items() if key in PIP}
    (folder / "pip.conf").write_text("[global]\n" + "".join(f"{key} = {value}\n" for key, value in kept.items()))
    folders = (Path(each) for each in places if each.startswith("/"))
    return sorted({Path("/", *each.parts[1:3]) for each in folders if each.is_dir()})


@contextmanager
def docker_service(room: Room) -> Iterator[Mapping[str, str]]:
    """Let the docker client speak to podman; give its variables."""
    need("docker")
    place = room.folder / "podman.sock"
    with (room.folder / "service.log").open("wb") as log:
        process = subprocess.Popen(
            ["podman", "system", "service", "--time", "0", f"unix://{place}"], env=room.environ,
            stdin=subprocess.DEVNULL, stdout=log, stderr=log,
        )  # fmt: skip
    try:
        wait_for_socket(place, process)
        yield {"DOCKER_HOST": f"unix://{place}"}
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def wait_for_socket(place: Path, process: "subprocess.Popen[bytes]") -> None:
    end = time.monotonic() + READY_S
    while time.monotonic() < end:
        assert process.poll() is None, "podman's service ended"
        with closing(socket.socket(socket.AF_UNIX)) as client:
            if place.exists() and client.connect_ex(str(place)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError("podman's service does not listen")


def copy_example(name: str, folder: Path) -> Path:
    """Copy an example's folder."""
    root = Path(__file__).parents[2] / "examples"
    return Path(shutil.copytree(root / name, folder))

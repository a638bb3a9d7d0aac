"""Images and containers by the docker command, carried out by podman.

In: somebody, a network. Out: the variables that lead `docker` to podman's socket, whose storage is this case's own.
Podman listens where a case wants its containers to listen: on the machine, where packages can be had, or in a network
of the case's own, where the ports of a document are free.
"""

import shlex
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from acceptance.network import Network
from acceptance.shell import Output, Person
from tests.images.containers import Room, docker_service, open_room

PATIENCE = 1500.0  # seconds for an image with TensorFlow, on a slow machine
READY = 300.0  # seconds for the server in it


class Docker:
    """The docker command of somebody.

    Args:
        person: who types.
        room: podman's storage and settings.
    """

    def __init__(self, person: Person, room: Room) -> None:
        self.person = person
        self.room = room

    @contextmanager
    def listening(self, network: Network | None = None) -> Iterator[Mapping[str, str]]:
        """Let podman listen; give the variables of the docker command."""
        if network is None:
            with docker_service(self.room) as environ:
                yield self._environ(environ)
            return
        with network.inside():
            service = docker_service(self.room)
            environ = service.__enter__()
        try:
            yield self._environ(environ)
        finally:
            service.__exit__(None, None, None)

    def _environ(self, environ: Mapping[str, str]) -> dict[str, str]:
        kept = ("CONTAINERS_STORAGE_CONF", "CONTAINERS_CONF", "CONTAINERS_REGISTRIES_CONF", "DOCKER_CONFIG")
        return {"DOCKER_BUILDKIT": "0", **{name: self.room.environ[name] for name in kept}, **environ}

    def run(self, command: str, environ: Mapping[str, str], **options: object) -> Output:
        """Run a command line that speaks to podman."""
        return self.person.run(command, **{"timeout": PATIENCE, **options}, **environ)

    @contextmanager
    def container(self, command: str, network: Network, url: str = "http://localhost:3000") -> "Iterator[Contained]":
        """Run `docker run …` in a network of the case's own until the block ends.

        The terminal and the removal at the end that *command* asks for are for people.
        """
        words = shlex.split(command)
        assert words[:2] == ["docker", "run"], command
        words = [word for word in words[2:] if word not in ("-it", "--rm")]
        with self.listening(network) as environ:
            said = self.run(shlex.join(["docker", "run", "-d", "--network", "slirp4netns", *words]), environ)
            name = said.stdout.split()[-1]
            try:
                yield Contained(url, network, lambda: self.run(f"docker logs {name}", environ, code=None).all)
            finally:
                self.run(f"docker rm -f {name}", environ, code=None)


@dataclass(frozen=True, slots=True)
class Contained:
    """A server in a container."""

    url: str
    network: Network
    log: Callable[[], str]

    def request(self, method: str, path: str, **options: object) -> httpx.Response:
        """Send one request from inside its network."""
        with self.network.inside(), httpx.Client(base_url=self.url, timeout=60.0, trust_env=False) as client:
            return client.request(method, path, **options)

    def wait(self) -> "Contained":
        """Wait until it is ready."""
        end = time.monotonic() + READY
        while time.monotonic() < end:
            try:
                if self.request("GET", "/readyz").status_code == 200:
                    return self
            except httpx.TransportError:
                pass
            time.sleep(0.2)
        raise AssertionError(f"the container was not ready in {READY:.0f} s:\n{self.log()}")


@dataclass(frozen=True, slots=True)
class Shipped:
    """An image, what was said while it was made, and the list of images after."""

    docker: Docker
    said: Output
    listed: str

    @property
    def images(self) -> list[list[str]]:
        """Give name and tag of each image that is there."""
        rows = (line.split()[:2] for line in self.listed.splitlines())
        return [[name.rpartition("/")[2], tag] for name, tag in rows]


@contextmanager
def shipping(person: Person, folder: Path, command: str, listing: str = "docker images") -> Iterator[Shipped]:
    """Make an image by somebody's command and list it, or skip where a part for that is missing."""
    if shutil.which("docker") is None:
        pytest.skip("not installed: apt-get install docker-cli")
    with open_room(folder) as room:
        docker = Docker(person, room)
        with docker.listening() as environ:
            said = docker.run(command, environ)
            listed = docker.run(listing, environ).stdout
        yield Shipped(docker, said, listed)

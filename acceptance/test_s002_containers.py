"""S002, the iris service of 0.13 in a container, by the document's two commands on podman's socket."""

import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from acceptance.containers import Docker, docker_of
from acceptance.documents import Document
from acceptance.iris import PORT_URL, Packed
from acceptance.network import Network
from acceptance.shell import Output

pytestmark = [pytest.mark.container, pytest.mark.timeout(2400)]


@dataclass(frozen=True, slots=True)
class Shipped:
    """The image of the bundle, and what was said while it was made."""

    docker: Docker
    said: Output
    listed: str


@pytest.fixture(scope="session")
def iris_image(packed: Packed, s002: Document, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shipped]:
    """Make the image by the document's command."""
    if shutil.which("docker") is None:
        pytest.skip("not installed: apt-get install docker-cli")
    with docker_of(packed.person, tmp_path_factory.mktemp("docker")) as docker:
        with docker.listening() as environ:
            said = docker.run(s002.command("bentoml containerize"), environ)
            listed = docker.run("docker images", environ).stdout
        yield Shipped(docker, said, listed)


def test_S002_42_the_container_command(iris_image: Shipped, packed: Packed) -> None:
    """The image has the name of the document, and the tag that its next line uses."""
    rows = [line.split()[:2] for line in iris_image.listed.splitlines()]
    assert any([name.rpartition("/")[2], tag] == ["iris-classifier", "latest"] for name, tag in rows), iris_image.listed
    assert f'for "{packed.tag}" with tags "iris-classifier:latest"' in iris_image.said.stdout


def test_S002_43_the_container_runs(iris_image: Shipped, s002: Document, network: Network) -> None:
    """The document's line starts it on port 5000 with two workers, and it answers."""
    (command,) = set(re.findall(r"^docker run -p 5000:5000.*$", s002.text, re.MULTILINE))
    with iris_image.docker.container(command, network, PORT_URL) as server:
        answer = server.wait().request("POST", "/predict", json=[[5.1, 3.5, 1.4, 0.2]])
        assert (answer.status_code, answer.text) == (200, "[0]")
        (name,) = iris_image.docker.room.out("podman", "ps", "-q").split()
        count = "grep -lz -- '[-]-workers' /proc/[0-9]*/cmdline | wc -l"
        started = int(iris_image.docker.room.out("podman", "exec", name, "/bin/sh", "-c", count))
        assert started == 3, "one that listens, and two that work"

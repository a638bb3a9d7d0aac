"""S002, the iris service of 0.13 in a container, by the document's two commands on podman's socket."""

import re
from collections.abc import Iterator

import pytest

from acceptance.containers import Shipped, shipping
from acceptance.documents import Document
from acceptance.iris import PORT_URL, Packed
from acceptance.network import Network

pytestmark = [pytest.mark.container, pytest.mark.timeout(2400)]


@pytest.fixture(scope="session")
def iris_image(packed: Packed, s002: Document, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shipped]:
    """Make the image by the document's command."""
    command = s002.command("bentoml containerize")
    with shipping(packed.person, tmp_path_factory.mktemp("docker"), command) as made:
        yield made


def test_S002_42_the_container_command(iris_image: Shipped, packed: Packed) -> None:
    """The image has the name of the document, and the tag that its next line uses."""
    assert ["iris-classifier", "latest"] in iris_image.images
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

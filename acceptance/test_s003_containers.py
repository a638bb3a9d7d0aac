"""S003, the guide in Spanish: its bento in a container, by the docker command on podman's socket."""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from acceptance.bentos import Built
from acceptance.containers import Shipped, shipping
from acceptance.documents import Document
from acceptance.guide import FLOWERS
from acceptance.network import Here, Network
from acceptance.shell import UV_CACHE
from tests.servers import free_port

pytestmark = [pytest.mark.container, pytest.mark.timeout(2400)]


@pytest.fixture(scope="session")
def shipped(bento: Built, s003: Document, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shipped]:
    """Make the image by the document's command, and list it by the document's other one."""
    command = s003.command("bentoml containerize clasificador_iris:latest")
    (images,) = set(re.findall("`(docker images)`", s003.text))
    with shipping(bento.person, tmp_path_factory.mktemp("docker"), command, images) as made:
        yield made


def test_S003_35_the_container_command(shipped: Shipped, bento: Built) -> None:
    """The lines of the picture come in its order, and the last one is what runs the image."""
    expected = [
        f"Building OCI-compliant image for {bento.tag} with docker",
        f'Successfully built docker image for "{bento.tag}" with tags "{bento.tag}"',
        "To run your newly built OCI-compliant container, use:",
        f"    docker run -it --rm -p 3000:3000 {bento.tag} serve --production",
    ]
    lines = shipped.said.stdout.splitlines()
    assert [line for line in lines if line in expected] == expected


def test_S003_36_the_image_is_listed(shipped: Shipped, bento: Built) -> None:
    """Its repository is the bento's name, its tag the bento's version."""
    assert bento.tag.split(":") in shipped.images


def test_S003_40_in_a_container(shipped: Shipped, network: Network) -> None:
    """What the bentofile does not name, Keras and TensorFlow, is in the image; it answers on its port."""
    line = shipped.said.stdout.splitlines()[-1].strip()
    with shipped.docker.container(line, network) as server:
        assert server.wait().request("POST", "/classify", json=FLOWERS["setosa"]).text == '"setosa"'


def test_S003_40_in_its_own_environment(bento: Built, tmp_path: Path) -> None:
    """The same from its locked packages, where nothing else is installed; the build said what it added."""
    added = [line for line in bento.lines if re.search(r"\b(keras|tensorflow)\b", line, re.IGNORECASE)]
    assert added, bento.said.stdout
    port = free_port()
    server = replace(
        bento.person.at(tmp_path).start(f"bentoml serve {bento.tag} --env", Here(), BENTOML_PORT=str(port), **UV_CACHE),
        url=f"http://localhost:{port}",
    )
    try:
        assert server.wait(patience=900.0).post("/classify", json=FLOWERS["setosa"]).text == '"setosa"'
        assert str(bento.person.home) in re.search(r"serving .* with (\S+)", server.log)[1]
    finally:
        server.stop()

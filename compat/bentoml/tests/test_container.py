"""Real engines build what the drop-in packs: images of services of 1.4, and a bundle of 0.13 by its own Dockerfile."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from compat.bentoml.tests.bundles.projects import SERVICE, WORDS
from ekiben.core.uv import find_uv
from tests.images.containers import BASE, Container, Room, open_room

pytestmark = [pytest.mark.container, pytest.mark.timeout(600)]

# The image of Docker Hub has its Python, with pip, in /usr/local; the one of Debian packages gets the same.
LIKE_THE_HUB = f"FROM {BASE}\nRUN python3 -m venv /usr/local\n"
SETUP = '#!/bin/sh\necho "set up by $(id -u)" >/ready\n'
PACK = """
import sys

import adder_service
from adder_service_words import Number

service = adder_service.Adder().pack("add", Number(3)).pack("names", {"a": 1})
service.save_to_dir(sys.argv[1])
"""
PROJECT = "[project]\nname = 'told'\nversion = '1'\nrequires-python = '>=3.11'\ndependencies = ['iniconfig>=1.1.1']\n"
NEW = """
from importlib.metadata import version
from pathlib import Path

import bentoml

image = bentoml.images.Image(python_version="3.11").run("echo before > order").uv_lock().run("echo after >> order")


@bentoml.service(image=image)
class Told:
    @bentoml.api
    def order(self) -> list[str]:
        return [*Path("/opt/ekiben/files/order").read_text().split(), version("iniconfig")]
"""


class Person:
    """Somebody with the drop-in, engines, and a folder."""

    def __init__(self, room: Room, folder: Path, installed: Path) -> None:
        self.room, self.folder = room, folder
        self.environ = {"PYTHONPATH": f"{installed}{os.pathsep}{folder}", "BENTOML_HOME": str(folder / "home")}

    def write(self, **files: str) -> None:
        """Write files of the folder; `__` stands for the dot."""
        for name, text in files.items():
            (self.folder / name.replace("__", ".")).write_text(text)

    def python(self, *words: object) -> str:
        """Run Python in the folder, which must succeed; give what it printed."""
        ran = self.room.run(sys.executable, *words, environ=self.environ, cwd=self.folder)
        assert ran.code == 0, ran.out + ran.err
        return ran.out


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    """Engines with a base that is as the one of Docker Hub."""
    with open_room(tmp_path_factory.mktemp("engines")) as room:
        yield room


@pytest.fixture
def person(room: Room, tmp_path: Path, installed: Path) -> Person:
    """Somebody in an empty folder."""
    return Person(room, tmp_path, installed)


def post(container: Container, path: str, body: object) -> object:
    """Call an endpoint."""
    answer = httpx.post(f"{container.url}/{path}", json=body, timeout=30, trust_env=False)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_the_image_of_a_service(person: Person) -> None:
    """Commands of `bentoml.images.Image` ran around the packages, which are those that uv.lock has settled."""
    person.write(service__py=NEW, pyproject__toml=PROJECT)
    lock = (find_uv("a test"), "lock", "--quiet", "--resolution", "lowest-direct", "--project", person.folder)
    person.room.out(*lock)
    person.python("-m", "bentoml", "build", ".", "--version", "v1", "-q")
    said = person.python("-m", "bentoml", "containerize", "told:v1", "--backend", "podman")
    assert said.splitlines()[-1] == "    podman run -it --rm -p 3000:3000 told:v1 serve --production"
    with person.room.serving("localhost/told:v1", "serve", "--production") as container:
        assert post(container, "order", {}) == ["before", "after", "1.1.1"]
        assert container.shell("id -u").out == "1034\n"
        assert container.stop() == 0


def test_the_dockerfile_of_a_bundle(person: Person, tmp_path: Path) -> None:
    """`docker build` in a folder that `save_to_dir` wrote makes an image that serves on 5000, and ends on SIGTERM.

    Its wheels, its packages and its own script are installed, and it serves as nobody special.
    """
    code = SERVICE.format(words="adder_service_words", more=", setup_sh='setup.sh'")
    person.write(adder_service__py=code, adder_service_words__py=WORDS, setup__sh=SETUP, pack__py=PACK)
    bundle, base = tmp_path / "bundle", tmp_path / "base"
    person.python("pack.py", bundle)
    assert f"FROM {BASE}\n" in (bundle / "Dockerfile").read_text()
    base.mkdir()
    (base / "Dockerfile").write_text(LIKE_THE_HUB)
    person.room.out("podman", "build", "-t", BASE, base)
    person.room.out("podman", "build", "--format", "docker", "-t", "adder", bundle)
    with person.room.serving("localhost/adder", "--workers=2", port=5000) as container:
        assert post(container, "add", 4) == 14
        assert container.shell("id -u; cat /ready").out == "1034\nset up by 0\n"
        assert container.shell("touch /bento/x").code != 0
        assert "serve-gunicorn" in container.shell("tr '\\0' ' ' </proc/1/cmdline").out, (
            "no shell keeps signals from it"
        )
        assert container.stop(patience=10) == 0, "137 would be SIGKILL after ten seconds"
    said = person.room.out("podman", "run", "--rm", "--network", "none", "localhost/adder", "bentoml", "--version")
    assert said.startswith("bentoml")

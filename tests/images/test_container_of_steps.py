"""What a service says of its image by `ekiben.Image()` is in the image that a real engine builds, and no more is."""

import shlex
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
import yaml

from ekiben.images.spec import is_writable
from tests.images.containers import Container, Ran, Room
from tests.images.test_dockerfile import NASTY

pytestmark = [pytest.mark.container, pytest.mark.timeout(600)]

# Values that a shell, a reader of Dockerfiles or of JSON could take for more than values.
VALUES = [*(each for each in NASTY if all(map(is_writable, each))), 'it\'s "$STAGE" `id` \\ é']
HARD = f"printf '%s\\n' {shlex.join(VALUES)} > hard"
SOFT = """echo "$STAGE" '$STAGE' \\$STAGE "`echo \\"a b\\"`" 'RUN touch /pwned' # touch /pwned"""
SERVICE = f"""
import os
from importlib.metadata import version
from pathlib import Path

import ekiben

image = (
    ekiben.Image(python_version="3.11")
    .run("test ! -e /opt/ekiben/venv && echo before > order")
    .run_script("fetch.sh")
    .requirements_file("wanted.txt")
    .pyproject_toml()
    .run("python -c 'import six, toolz' && echo after >> order")
    .build_include("data/*.txt")
    .run("cat data/words.txt > shown")
    .run({HARD!r})
    .run({"> soft " + SOFT!r})
)


@ekiben.service(image=image, envs=[{{"name": "STAGE", "value": "x y", "stage": "build"}}])
class Imaged:
    @ekiben.api
    def read(self, file: str) -> str:
        return Path("/opt/ekiben/files", file).read_text()

    @ekiben.api
    def know(self) -> list[str | None]:
        return [version("six"), version("toolz"), os.environ.get("STAGE")]
"""
FETCH = '#!/bin/sh\nset -eu\necho "fetched by $(id -u) with $STAGE" >/opt/ekiben/files/fetched\n'
PROJECT = "[project]\nname = 'imaged'\nversion = '1'\ndependencies = ['six==1.16.0']\n"
BROKEN = """
import ekiben


@ekiben.service(image=ekiben.Image(python_version="3.11").run("echo so it ends >&2; exit 7"))
class Broken:
    @ekiben.api
    def call(self) -> int:
        return 1
"""


@pytest.fixture(scope="module")
def room(engines: Room, tmp_path_factory: pytest.TempPathFactory) -> Room:
    """Give a room with two bentos in its store."""
    folder = tmp_path_factory.mktemp("steps")
    room = engines.with_home(folder / "home")
    files = {
        "service.py": SERVICE,
        "fetch.sh": FETCH,
        "wanted.txt": "toolz==1.0.0\n",
        "pyproject.toml": PROJECT,
        "data/words.txt": "a word\n",
    }
    make(room, folder / "imaged", files)
    make(room, folder / "broken", {"service.py": BROKEN})
    return room


def make(room: Room, project: Path, files: dict[str, str]) -> None:
    """Write a project, and build its bento."""
    for path, text in files.items():
        (project / path).parent.mkdir(parents=True, exist_ok=True)
        (project / path).write_text(text)
    room.ekiben("build", project, "--version", "v1", "-q")


def containerize(room: Room, tag: str) -> Ran:
    """Build an image with podman."""
    return room.run(sys.executable, "-m", "ekiben", "containerize", tag, "--engine", "podman")


def ask(container: Container, name: str, **given: str) -> object:
    """Call an endpoint."""
    answer = httpx.post(f"{container.url}/{name}", json=given, timeout=30, trust_env=False)
    assert answer.status_code == 200, answer.text
    return answer.json() if answer.headers["content-type"] == "application/json" else answer.text


def test_each_step_is_seen(room: Room) -> None:
    """Commands ran in their order, as root, with files and variables of the build; packages are those of the files.

    A command is what the shell of the image got, letter by letter: nothing in it was read by the engine.
    """
    done = containerize(room, "imaged:v1")
    assert done.code == 0, done.out + done.err
    with room.serving("localhost/imaged:v1", "serve") as container:
        assert ask(container, "know") == ["1.16.0", "1.0.0", None], "a variable of the build is not in the container"
        assert ask(container, "read", file="order") == "before\nafter\n"
        assert ask(container, "read", file="fetched") == "fetched by 0 with x y\n"
        assert ask(container, "read", file="shown") == "a word\n"
        assert ask(container, "read", file="hard") == "".join(f"{value}\n" for value in VALUES)
        here = ["/bin/sh", "-c", SOFT]
        said = subprocess.run(here, env={"STAGE": "x y"}, capture_output=True, text=True, timeout=60, check=True)
        assert ask(container, "read", file="soft") == said.stdout == "x y $STAGE $STAGE a b RUN touch /pwned\n"
        assert container.shell("ls / /opt/ekiben /opt/ekiben/files").out.count("pwned") == 0
        assert container.stop() == 0


def test_a_step_that_fails(room: Room) -> None:
    """A command that fails ends the build with its words and its exit code, and there is no image."""
    done = containerize(room, "broken:v1")
    assert done.code == 1
    assert "so it ends" in done.err
    assert "building the image with podman failed" in done.err
    assert room.run("podman", "image", "exists", "localhost/broken:v1").code == 1


def test_a_step_of_two_lines(room: Room, tmp_path: Path) -> None:
    """A bento whose description was changed to hold a line more is refused before the engine hears of it."""
    place = Path(room.ekiben("get", "broken:v1", "-o", "path").strip())
    description = place / "bento.yaml"
    told = yaml.safe_load(description.read_text())
    assert told["docker"]["commands"] == ["echo so it ends >&2; exit 7"]
    told["docker"]["commands"] = ["true\nRUN touch /pwned"]
    description.chmod(0o644)
    description.write_text(yaml.safe_dump(told))
    done = containerize(room, "broken:v1")
    assert done.code == 1
    assert "`image.run` must be one line without control characters" in done.err
    assert "STEP" not in done.err

"""Real engines build the iris bento, and its container does what is promised: an answer, few rights, a quick end."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from ekiben.images.instructions import Cmd, Env, From, Healthcheck, Label, Run
from ekiben.images.spec import is_writable
from tests.docker_registry import docker_registry
from tests.images.containers import BASE, Room, copy_example, docker_service
from tests.images.test_dockerfile import NASTY

pytestmark = [pytest.mark.container, pytest.mark.timeout(600)]

IMAGE = "localhost/iris:v1"
TOKEN = ("--build-arg", "TOKEN=abc")
SETUP = (
    '#!/bin/sh\nset -eu\npython -c "import sklearn; print(sklearn.__version__)" >/sklearn.txt\necho "$TOKEN" >/token\n'
)
DOCKER = """
docker:
  python_version: "3.11"
  system_packages: [libgomp1]
  setup_script: setup.sh
  env:
    GREETING: "a 'b' \\"c\\" $HOME `x` \\\\ é"
"""


@pytest.fixture(scope="module")
def room(engines: Room, tmp_path_factory: pytest.TempPathFactory) -> Room:
    """Give a room with the iris bento in its store, in two versions: the second has other code."""
    folder = tmp_path_factory.mktemp("iris")
    room = engines.with_home(folder / "home")
    project = copy_example("iris", folder / "project")
    assert room.run(sys.executable, "train.py", cwd=project).code == 0
    (project / "setup.sh").write_text(SETUP)
    with (project / "bentofile.yaml").open("a") as file:
        file.write(DOCKER)
    room.ekiben("build", project, "--version", "v1", "-q")
    with (project / "service.py").open("a") as file:
        file.write("# changed\n")
    room.ekiben("build", project, "--version", "v2", "-q")
    return room


@pytest.fixture(scope="module")
def built(room: Room) -> str:
    """Build the image with podman, and give what was said."""
    return room.ekiben("containerize", "iris:v1", "--engine", "podman", *TOKEN)


@pytest.mark.usefixtures("built")
def test_what_the_image_says(room: Room) -> None:
    """User, port, health, variables and labels are those of the bento, letter by letter."""
    image: Any = room.inspect(IMAGE)
    config = image["Config"]
    assert config["User"] == "1034:1034"
    assert list(config["ExposedPorts"]) == ["3000/tcp"]
    assert config["Cmd"] == ["serve"]
    assert "GREETING=a 'b' \"c\" $HOME `x` \\ é" in config["Env"]
    assert not any(each.startswith("TOKEN=") for each in config["Env"])
    assert config["Labels"]["ekiben.bento"] == "iris:v1"
    assert config["Labels"]["owner"] == "you"
    assert image["Healthcheck"]["Test"][:2] == ["CMD", "/opt/ekiben/venv/bin/python"]


def test_the_lines(built: str) -> None:
    """The command says what it built, and how it is run."""
    assert built.splitlines()[0] == "Building OCI-compliant image for iris:v1 with podman"
    assert 'Successfully built podman image for "iris:v1" with tags "iris:v1"' in built
    assert built.splitlines()[-1] == "    podman run -it --rm -p 3000:3000 iris:v1 serve"


@pytest.mark.usefixtures("built")
def test_it_answers_with_few_rights(room: Room) -> None:
    """As nobody special, with a read-only root and little memory, it predicts; SIGTERM ends it without SIGKILL."""
    few = ("--read-only", "--tmpfs", "/tmp", "--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--memory",
           "512m")  # fmt: skip
    with room.serving(IMAGE, "serve", options=few) as container:
        assert container.predict() == ["setosa"]
        told = container.shell(
            "id -u; id -un; cat /proc/1/cmdline | tr '\\0' ' '; grep -E 'CapEff|NoNewPrivs' /proc/1/status"
        )
        user, name, command, *rights = told.out.splitlines()
        assert (user, name) == ("1034", "ekiben")
        assert " serve /opt/ekiben/bento" in command
        assert "/bin/sh" not in command
        assert [line.split()[1] for line in [command.rpartition(" ")[2], *rights] if ":" in line][-2:] == [
            "0" * 16,
            "1",
        ]
        for place in ("/opt/ekiben/bento/x", "/home/ekiben/x", "/etc/x"):
            assert container.shell(f"touch {place}").code != 0
        assert room.run("podman", "healthcheck", "run", container.name).code == 0
        assert container.stop() == 0
        assert "stopped" in container.log()


@pytest.mark.usefixtures("built")
def test_what_may_be_written(room: Room) -> None:
    """With a root that can be written its user writes its home alone, neither code nor packages."""
    script = (
        "touch /home/ekiben/x && ! touch /opt/ekiben/bento/src/service.py && ! touch /opt/ekiben/venv/x && ! touch /x"
    )
    assert room.run("podman", "run", "--rm", "--network", "none", IMAGE, "/bin/sh", "-c", script).code == 0


@pytest.mark.usefixtures("built")
def test_words_and_variables(room: Room) -> None:
    """Options alone go to `serve`, `PORT` is heard, and other words are programs."""
    with room.serving(IMAGE, "--workers=2", port=8123, options=("-e", "PORT=8123")) as container:
        assert container.predict() == ["setosa"]
        count = "cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' ' ' | grep -o 'serve /opt/ekiben/bento' | wc -l"
        assert int(container.shell(count).out) >= 2
        assert room.run("podman", "healthcheck", "run", container.name).code == 0
        assert container.stop() == 0
    alone = ("podman", "run", "--rm", "--network", "none", IMAGE)
    assert room.out(*alone, "ekiben", "--version").startswith("ekiben ")
    assert room.out(*alone, "python", "-c", "print(1 + 1)") == "2\n"
    refused = room.run(*alone, "serve", "--nonsense")
    assert refused.code == 2
    assert "--nonsense" in refused.err


@pytest.mark.usefixtures("built")
def test_a_limit_of_memory(room: Room) -> None:
    """What takes more memory than it was given is ended, and the container says so."""
    taking = ("python", "-c", "x = bytearray(300 << 20); x[::4096] = b'1' * len(x[::4096])")
    assert room.run("podman", "run", "--rm", "--network", "none", "--memory", "64m", IMAGE, *taking).code == 137


@pytest.mark.usefixtures("built")
def test_what_the_user_asked_for_is_there(room: Room) -> None:
    """System packages are installed; the setup script ran as root, after the packages, with the build's variable."""
    alone = ("podman", "run", "--rm", "--network", "none", IMAGE)
    assert "install ok installed" in room.out(*alone, "dpkg", "-s", "libgomp1")
    assert room.out(*alone, "cat", "/sklearn.txt").count(".") >= 1
    assert room.out(*alone, "cat", "/token") == "abc\n"


@pytest.mark.usefixtures("built")
def test_nothing_of_this_machine_is_in_it(room: Room) -> None:
    """What pip was told here, and the authorities of this machine, are in no layer and no word of the image."""
    said = json.dumps(room.inspect(IMAGE))
    assert str(room.folder) not in said.replace(str(room.folder / "graph"), "")
    assert room.environ["EKIBEN_HOME"] not in said
    mounted = room.out("podman", "image", "mount", IMAGE).strip()
    try:
        for place in ("etc/pip.conf", "machine/authorities.crt"):
            found = Path(mounted, place)
            assert not found.exists() or found.stat().st_size == 0
        lock = Path(mounted, "opt/ekiben/python/hashes.txt")
        assert "--hash=sha256:" in lock.read_text()
    finally:
        room.out("podman", "image", "unmount", IMAGE)


@pytest.mark.usefixtures("built")
def test_buildah_and_the_cache(room: Room) -> None:
    """Buildah builds it too; after a change of code the packages and models are not made again."""
    done = room.run(sys.executable, "-m", "ekiben", "containerize", "iris:v2", "--engine", "buildah", *TOKEN)
    assert done.code == 0, done.err
    assert 'Successfully built buildah image for "iris:v2"' in done.out
    layers = [room.inspect(name)["RootFS"]["Layers"] for name in (IMAGE, "localhost/iris:v2")]  # type: ignore[index]
    shared = [one for one, two in zip(*layers, strict=True) if one == two]
    assert len(shared) >= len(layers[0]) - 2, "all but the code, and what comes after it"


def test_docker(room: Room, built: str) -> None:
    """The docker client builds, lists and runs it, by the commands that people know (S002-42, S003-35, S003-36)."""
    with docker_service(room) as environ:
        said = room.ekiben("containerize", "iris:v1", *TOKEN, environ=environ)
        assert said.splitlines()[0] == "Building OCI-compliant image for iris:v1 with docker"
        assert said.splitlines()[-1] == "    docker run -it --rm -p 3000:3000 iris:v1 serve"
        room.ekiben("containerize", "iris:v1", "-t", "iris-classifier", *TOKEN, environ=environ)
        listed = room.out("docker", "images", "--format", "{{.Repository}} {{.Tag}}", environ=environ).splitlines()
        assert {"iris v1", "iris-classifier latest"} <= {line.rpartition("/")[2] for line in listed}
        run = ("docker", "run", "--rm", "--network", "none", "iris-classifier:latest", "ekiben", "--version")
        assert room.out(*run, environ=environ).startswith("ekiben ")


@pytest.mark.usefixtures("built")
def test_through_a_registry(room: Room, tmp_path: Path) -> None:
    """It is pushed to a registry, read there by another program, pulled from it, and starts."""
    with docker_registry(tmp_path) as host:
        name = f"{host}/team/iris:v1"
        given = ("--engine", "podman", "--push", *TOKEN)
        said = room.ekiben("containerize", "iris:v1", "-t", name, *given)
        assert f"Pushing {name}" in said
        seen = json.loads(room.out("skopeo", "inspect", "--tls-verify=false", f"docker://{name}"))
        assert seen["Labels"]["ekiben.bento"] == "iris:v1"
        room.out("podman", "rmi", name)
        room.out("podman", "pull", "-q", name)
        assert room.out("podman", "run", "--rm", "--network", "none", name, "ekiben", "--version").startswith("ekiben ")
        refused = room.run(sys.executable, "-m", "ekiben", "containerize", "iris:v1", "-t", "localhost:9/x:v1", *given)
        assert refused.code == 1
        assert "pushing localhost:9/x:v1 with podman failed" in refused.err


def test_hostile_values(room: Room, tmp_path: Path) -> None:
    """The engine's own reader of Dockerfiles gives back each value that can be written, and runs none of it."""
    values = [each for each in NASTY if all(map(is_writable, each))]
    env = {f"V{index}": value for index, value in enumerate(values)}
    labels = {f"{value}{index}": value for index, value in enumerate(values) if "=" not in value}
    lines = [From(BASE), Env(env), Label(labels), Run(("/bin/sh", "-c", 'printf "%s\\n" "$@" >/words', *values)),
             Healthcheck(tuple(values)), Cmd(tuple(values))]  # fmt: skip
    (tmp_path / "Dockerfile").write_text("\n".join(["# x", *map(str, lines)]) + "\n")
    room.out("buildah", "build", "--format", "docker", "-t", "hostile", tmp_path)
    image: Any = room.inspect("localhost/hostile")
    config = image["Config"]
    found = dict(each.split("=", 1) for each in config["Env"])
    assert {name: found[name] for name in env} == env
    assert {name: value for name, value in config["Labels"].items() if not name.startswith("io.buildah")} == labels
    assert config["Cmd"] == values
    assert image["Healthcheck"]["Test"] == ["CMD", *values]
    mounted = Path(room.out("podman", "image", "mount", "localhost/hostile").strip())
    assert (mounted / "words").read_text().split("\n") == [*values[1:], ""]  # the first is the shell's own name
    assert not (mounted / "pwned").exists()
    room.out("podman", "image", "unmount", "localhost/hostile")


def test_a_failing_build(room: Room, tmp_path: Path) -> None:
    """What fails in the build fails the command, with the engine's words above, and leaves no image."""
    project = copy_example("iris", tmp_path / "project")
    with (project / "bentofile.yaml").open("a") as file:
        file.write('docker: {python_version: "3.11", system_packages: [no-such-package-as-this]}\n')
    room.ekiben("build", project, "--version", "broken", "-q")
    done = room.run(sys.executable, "-m", "ekiben", "containerize", "iris:broken", *TOKEN, "--engine", "podman")
    assert done.code == 1
    assert "no-such-package-as-this" in done.err
    assert "error: building the image with podman failed" in done.err
    assert room.run("podman", "image", "exists", "localhost/iris:broken").code == 1

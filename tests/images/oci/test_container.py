"""An image that was made without an engine is one to real tools: skopeo and umoci read it, podman runs it."""

import json
import sys
from pathlib import Path

import pytest

from tests.docker_registry import docker_registry, need
from tests.images.containers import BASE, Room, copy_example

pytestmark = [pytest.mark.container, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def room(engines: Room, tmp_path_factory: pytest.TempPathFactory) -> Room:
    """Give a room with the iris bento in its store."""
    need("umoci", "skopeo")
    folder = tmp_path_factory.mktemp("iris")
    room = engines.with_home(folder / "home")
    project = copy_example("iris", folder / "project")
    assert room.run(sys.executable, "train.py", cwd=project).code == 0
    room.ekiben("build", project, "--version", "v1", "-q")
    return room


def test_real_tools(room: Room, tmp_path: Path) -> None:
    """Archive and registry have one digest, to skopeo; umoci unpacks it; podman runs it, and it predicts and ends."""
    room.out("podman", "save", "--format", "oci-archive", "-o", tmp_path / "base.tar", BASE)
    base = ("--engine", "oci", "--base", tmp_path / "base.tar")
    archive, layout = f"oci-archive:{tmp_path / 'iris.tar'}", f"{tmp_path / 'layout'}:iris:v1"
    with docker_registry(tmp_path) as host:
        name = f"{host}/team/iris:v1"
        room.ekiben("-q", "containerize", "iris:v1", *base, "-o", tmp_path / "iris.tar", "-t", name, "--push")
        remote = json.loads(room.out("skopeo", "inspect", "--tls-verify=false", f"docker://{name}"))
        written = json.loads(room.out("skopeo", "inspect", archive))
        assert remote["Digest"] == written["Digest"]
        assert written["Labels"]["ekiben.bento"] == "iris:v1"
        room.out("skopeo", "copy", "--preserve-digests", archive, f"oci:{layout}")
        room.out("umoci", "unpack", "--image", layout, tmp_path / "bundle")
        root = tmp_path / "bundle/rootfs"
        assert (root / "opt/ekiben/bento/bento.yaml").is_file()
        assert "ekiben:x:1034:" in (root / "etc/passwd").read_text()
        room.out("podman", "pull", "--tls-verify=false", name)
        with room.serving(name, options=("--read-only", "--tmpfs", "/tmp", "--cap-drop", "ALL")) as container:
            assert container.predict() == ["setosa"]
            assert container.shell("id -u").out.strip() == "1034"
            assert container.stop() == 0

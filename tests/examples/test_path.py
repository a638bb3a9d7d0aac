"""The path of README's "From a laptop to a container" is walked whole, by its script and with the real programs."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docker_registry import docker_registry
from tests.house.tree import ROOT
from tests.images.containers import open_room
from tests.servers import free_port

PATIENCE = 500.0  # seconds; an image installs its packages


@pytest.mark.container
@pytest.mark.timeout(600)
def test_the_whole_path(tmp_path: Path) -> None:
    """Each stop answers, from the source to the container; the work folder, the container and the servers are gone."""
    (tmp_path / "registry").mkdir()
    (tmp_path / "room").mkdir()
    (tmp_path / "work").mkdir()
    with docker_registry(tmp_path / "registry") as host, open_room(tmp_path / "room") as room:
        environ = {
            **room.environ,
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "TMPDIR": str(tmp_path / "work"),
            "REGISTRY": f"{host}/team",
            "PORT": str(free_port()),
            "RUN_OPTIONS": "--network slirp4netns",
        }
        done = subprocess.run(
            [ROOT / "examples/iris/path.sh"], cwd=tmp_path, env=environ, stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=PATIENCE, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        assert done.stdout.count('["setosa"]\n') == 4
        assert "iris-path" not in room.out("podman", "ps", "-a")
    assert list((tmp_path / "work").glob("tmp.*")) == []
    status = ["git", "status", "--porcelain", "--untracked-files=all", "--", "examples/iris"]
    left = subprocess.run(status, cwd=ROOT, capture_output=True, text=True, timeout=60, check=True).stdout
    assert [line for line in left.splitlines() if line.startswith("??")] == []

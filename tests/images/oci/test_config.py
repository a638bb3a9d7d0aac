"""The config of an image is that of its base, changed as the Dockerfile of the same bento would change it."""

from typing import Any

import pytest

from ekiben.core.errors import CorruptArchive
from ekiben.images.dockerfile import instructions
from ekiben.images.oci.base import Base
from ekiben.images.oci.config import make_config, read_settings
from ekiben.images.oci.layers import Layer
from ekiben.images.spec import ImagePlan, Server
from ekiben.store.remotes.oci.documents import Descriptor, Platform

AMD = Platform("linux", "amd64")
BELOW = "sha256:" + "1" * 64
LAYER = Layer(Descriptor("x", "sha256:" + "2" * 64, 5), "sha256:" + "3" * 64, "packages")


def base_of(config: Any = None, **more: Any) -> Base:
    return Base("base", BELOW, {"config": config, **more}, (Descriptor("x", BELOW, 1),), (BELOW,))


def config_of(base: Base, plan: ImagePlan | None = None) -> dict[str, Any]:
    steps = instructions(plan or ImagePlan("python:3.11-slim", "3.11"))
    return make_config(base, AMD, steps, [LAYER], "2026-01-02T03:04:05+00:00")


def test_as_the_dockerfile_says() -> None:
    """User, port, entry point, health, labels and variables are those of the Dockerfile."""
    server = Server(port=4000, path="/ready")
    plan = ImagePlan("python:3.11-slim", "3.11", env={"LEVEL": "a b=c"}, labels={"owner": "us"}, server=server)
    base = base_of({"Env": ["PATH=/usr/local/bin", "LEVEL=base", "LANG=C"], "Labels": {"owner": "base", "x": "y"}})
    found = config_of(base, plan)["config"]
    assert found["User"] == "1034:1034"
    assert found["ExposedPorts"] == {"4000/tcp": {}}
    assert found["WorkingDir"] == "/home/ekiben"
    assert found["Entrypoint"] == [
        "/bin/sh",
        "/opt/ekiben/bin/entrypoint",
        "/opt/ekiben/venv/bin/ekiben",
        "/opt/ekiben/bento",
    ]
    assert found["Cmd"] == ["serve"]
    assert found["Labels"] == {"owner": "us", "x": "y"}
    env = dict(each.split("=", 1) for each in found["Env"])
    assert len(env) == len(found["Env"])
    assert env == {
        "PATH": "/opt/ekiben/venv/bin:/usr/local/bin",
        "LEVEL": "a b=c",
        "LANG": "C",
        "PYTHONUNBUFFERED": "1",
        "EKIBEN_HOST": "0.0.0.0",
        "HOME": "/home/ekiben",
    }
    health = found["Healthcheck"]
    assert health["Test"][0] == "CMD"
    assert health["Test"][-5:] == ["http", "4000", "/ready", "EKIBEN_PORT", "PORT"]
    assert (health["Interval"], health["Timeout"], health["StartPeriod"]) == (30 * 10**9, 5 * 10**9, 120 * 10**9)


def test_no_path() -> None:
    """A base that says nothing of PATH has the usual one."""
    env = config_of(base_of(None))["config"]["Env"]
    assert "PATH=/opt/ekiben/venv/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" in env


def test_what_is_kept() -> None:
    """The ports, volumes and signal of a base stay; what it runs, as whom, and at builds of others does not."""
    told = {
        "StopSignal": "SIGINT",
        "Volumes": {"/data": {}},
        "ExposedPorts": {"80/tcp": {}},
        "OnBuild": ["RUN x"],
        "Entrypoint": ["x"],
        "Cmd": ["y"],
        "User": "root",
        "Hostname": "x",
    }
    found = config_of(base_of(told))["config"]
    assert (found["StopSignal"], found["Volumes"]) == ("SIGINT", {"/data": {}})
    assert found["ExposedPorts"] == {"80/tcp": {}, "3000/tcp": {}}
    assert found["User"] == "1034:1034"
    assert found["Cmd"] == ["serve"]
    assert "OnBuild" not in found
    assert "Hostname" not in found


def test_layers_and_history() -> None:
    """Layers stand in their order, and the history tells of each once, whatever the base told."""
    kept = {"created_by": "debian", "created": "2020"}
    good = config_of(base_of(history=[{**kept, "odd": {}}, {"empty_layer": True}]))
    assert good["rootfs"] == {"type": "layers", "diff_ids": [BELOW, LAYER.diff_id]}
    assert good["history"][:2] == [kept, {"empty_layer": True}]
    assert good["history"][2]["created_by"] == "packages"
    for odd in ([], [kept, kept], "x", [3], [{"empty_layer": True}]):
        told = config_of(base_of(history=odd))["history"]
        assert [each["created_by"] for each in told] == ["the base image", "packages"]


def test_variant() -> None:
    """The variant of a processor is that of the base."""
    assert config_of(base_of(variant="v8"))["variant"] == "v8"
    assert "variant" not in config_of(base_of(variant=3))


@pytest.mark.parametrize(
    "config",
    [
        pytest.param([], id="a list"),
        pytest.param("x", id="text"),
        pytest.param({"Env": {"a": "b"}}, id="variables by a mapping"),
        pytest.param({"Env": ["novalue"]}, id="a variable without a value"),
        pytest.param({"Env": [3]}, id="a number for a variable"),
        pytest.param({"Labels": ["x"]}, id="a list of labels"),
        pytest.param({"Labels": {"x": 3}}, id="a number for a label"),
        pytest.param({"Labels": {"x": "y" * 2_000_000}}, id="a huge label"),
        pytest.param({"ExposedPorts": [80]}, id="a list of ports"),
        pytest.param({"StopSignal": 9}, id="a number for a signal"),
        pytest.param({"Volumes": "x"}, id="text for volumes"),
    ],
)
def test_wrong(config: Any) -> None:
    """A base whose values are not of their types is refused."""
    if config == []:
        assert read_settings(base_of(config)).env == {}
        return
    with pytest.raises(CorruptArchive, match="of its type"):
        read_settings(base_of(config))

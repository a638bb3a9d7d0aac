"""What an image is made of follows from the bento, and a bento that anyone may have written gives nothing else."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ekiben.core.errors import ConfigError, CorruptItem, EkibenError
from ekiben.core.front import Front, enter
from ekiben.core.spec import HttpSpec, ServiceSpec, Style
from ekiben.core.tag import Tag
from ekiben.images.plan import name_of, read_parts, summary
from ekiben.store.bentos import Bento
from tests.images.conftest import MakeBento
from tests.images.test_dockerfile import NASTY


def test_defaults(bento: Bento) -> None:
    """Without a word from the user it is slim Debian with the Python of the packages, and the service's port."""
    parts = read_parts(bento)
    plan = parts.plan
    assert (plan.base, plan.python) == ("docker.io/library/python:3.11-slim", "3.11")
    assert (plan.server.port, plan.server.program, plan.server.path) == (3000, "ekiben", "/readyz")
    assert [parts.models[folder].tag for folder in plan.models] == [bento.info.models[0].tag]
    assert parts.packages.has_hashes
    assert plan.labels["owner"] == "own"
    assert plan.labels["ekiben.bento"] == "iris:v1"
    assert plan.labels["ekiben.bento.digest"] == bento.digest
    assert plan.labels["org.opencontainers.image.description"] == "Names flowers"
    assert plan.labels["org.opencontainers.image.created"] == "2026-01-02T03:04:05+00:00"


def test_what_the_user_says(make_bento: MakeBento) -> None:
    """Each key of `docker` is heard."""
    docker: dict[str, Any] = {
        "base_image": "registry.example.com:5000/team/base:v1",
        "system_packages": ["libgomp1"],
        "setup_script": "env/docker/setup_script",
        "env": {"A": "1"},
    }
    parts = read_parts(make_bento({"env/docker/setup_script": "echo hi\n"}, docker=docker), ["TOKEN", "TOKEN"])
    assert parts.plan.base == "registry.example.com:5000/team/base:v1"
    assert parts.plan.system_packages == ("libgomp1",)
    assert parts.plan.env == {"A": "1"}
    assert parts.plan.args == ("TOKEN",)
    assert parts.setup is not None
    assert parts.setup.read_text() == "echo hi\n"


@pytest.mark.parametrize(
    ("docker", "base", "cuda"),
    [
        pytest.param({"python_version": "3.11.9"}, "3.11.9-slim", None, id="an exact Python is kept"),
        pytest.param({"cuda_version": "12.4.1"}, "3.11-slim", "12.4.1", id="a version of CUDA is laid over it"),
        pytest.param({"cuda_version": "12.4"}, "3.11-slim", "12.4.0", id="a short one is its first release"),
    ],
)
def test_versions(docker: dict[str, str], base: str, cuda: str | None, make_bento: MakeBento) -> None:
    """Versions of Python and CUDA choose images."""
    plan = read_parts(make_bento(docker=docker)).plan
    assert plan.base == f"docker.io/library/python:{base}"
    assert plan.cuda == cuda


def test_the_services_port_and_health(make_bento: MakeBento) -> None:
    """Port, prefix, readiness and TLS are those of the service."""
    spec = ServiceSpec("Iris", http=HttpSpec(port=8080, path_prefix="/v1", readyz="/ok"))
    server = read_parts(make_bento(services=({"spec": spec.to_json()},))).plan.server
    assert (server.port, server.path, server.is_tls) == (8080, "/v1/ok", False)
    old = ServiceSpec("Iris", style=Style(default_port=5000))
    assert read_parts(make_bento(services=({"spec": old.to_json()},), tag=Tag("iris", "v2"))).plan.server.port == 5000


def test_a_drop_ins_program(make_bento: MakeBento) -> None:
    """Under another name the image starts that program, if the bento has it."""
    lock = "ekiben==0.1.0\nbox_tools==1.0\n"
    without, having = make_bento(), make_bento({"env/python/requirements.lock.txt": lock}, tag=Tag("iris", "v2"))
    with enter(Front(program="box", distribution="box-tools", home_variable="BOX_HOME")):
        servers = [read_parts(each).plan.server for each in (without, having)]
    assert [(server.program, server.prefix) for server in servers] == [("ekiben", "EKIBEN"), ("box", "BOX")]


@pytest.mark.parametrize("key", ["base_image", "system_packages", "cuda_version", "python_version", "setup_script"])
def test_a_hostile_bento(key: str, bento: Bento) -> None:
    """A `bento.yaml` that was written by hand gets no further than one that was built."""
    for nasty in NASTY:
        value = [nasty] if key == "system_packages" else nasty
        hostile = Bento(bento.path, replace(bento.info, docker={key: value}))
        with pytest.raises((ConfigError, CorruptItem)):
            read_parts(hostile)


@pytest.mark.parametrize("docker", [
    {"base_image": 3}, {"system_packages": "curl"}, {"system_packages": {"a": 1}}, {"env": ["A=1"]}, {"env": {"A": 1}},
    {"env": {"1A": "x"}}, {"cuda_version": 12.4}, {"setup_script": ["x"]}, {"setup_script": "/etc/passwd"},
    {"setup_script": "../../x"}, {"setup_script": "env/python/gone"}, {"distro": "alpine"}, {"python_version": 3.11},
])  # fmt: skip
def test_wrong_types(docker: dict[str, Any], make_bento: MakeBento) -> None:
    """What is of another type, or leads out of the bento, is refused and named."""
    with pytest.raises(EkibenError, match="docker"):
        read_parts(make_bento(docker=docker))


@pytest.mark.parametrize("port", [0, 65536, "3000; x", True, -1.5])
def test_wrong_ports(port: Any, make_bento: MakeBento) -> None:
    """A port is a port."""
    bento = make_bento(services=({"spec": {"http": {"port": port or "0"}}},))
    with pytest.raises(ConfigError, match="port"):
        read_parts(bento)


@pytest.mark.parametrize(
    ("files", "words"),
    [
        pytest.param({"env/python/requirements.lock.txt": None, "env/python/requirements.txt": None}, "no environment",
                     id="no requirements"),
        pytest.param({"env/python/version.txt": "3.11\nRUN x"}, "version of Python", id="no version"),
    ],
)  # fmt: skip
def test_without_an_environment(files: dict[str, str | None], words: str, make_bento: MakeBento) -> None:
    """A bento whose packages are not known makes no image."""
    with pytest.raises(ConfigError, match=words):
        read_parts(make_bento(files))


def test_without_ekiben(make_bento: MakeBento) -> None:
    """A bento that nothing could serve in its environment makes no image."""
    bento = make_bento({"env/python/requirements.lock.txt": "numpy==1.0\n"})
    next((bento.path / "env/python/wheels").iterdir()).unlink()
    with pytest.raises(ConfigError, match="no Ekiben to serve it"):
        read_parts(bento)


@pytest.mark.parametrize("name", ["version.txt", "requirements.lock.txt"])
def test_files_that_are_no_text(name: str, make_bento: MakeBento) -> None:
    """A binary file where text belongs is told in words."""
    bento = make_bento()
    Path(bento.path / "env/python" / name).write_bytes(b"\xff\xfe\x00")
    with pytest.raises(CorruptItem, match="no text"):
        read_parts(bento)


def test_a_wheel_by_another_name(make_bento: MakeBento) -> None:
    """What only ends like a wheel is no wheel."""
    bento = make_bento()
    Path(bento.path / "env/python/wheels/x;y.whl").write_text("")
    with pytest.raises(CorruptItem, match="wheel"):
        read_parts(bento)


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("numpy==2.0 \\", "numpy"),
        ("Box_Tools[all]>=1 ; python_version > '3' # why", "box-tools"),
        ("ekiben==0.1.0 --hash=sha256:00", "ekiben"),
        ("--hash=sha256:00", ""),
        ("--index-url https://ekiben.example.org", ""),
        ("# ekiben", ""),
        ("", ""),
    ],
)
def test_name_of(line: str, name: str) -> None:
    """A line of requirements names a package, or none."""
    assert name_of(line) == name


def test_summary() -> None:
    """A label has the first line that says something, and no letter that it cannot hold."""
    assert summary("\n\n##  Hello \x1b[31m\nmore") == "Hello [31m"
    assert summary("") == ""
    assert len(summary("x" * 900)) == 200

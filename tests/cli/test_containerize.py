"""`ekiben containerize` writes a context, has an engine build it, and says how it is run."""

from collections.abc import Callable
from pathlib import Path

import pytest

import ekiben as package
from ekiben.store.bentos import Bento
from tests.cli.conftest import Command
from tests.images.conftest import bento, make_bento, programs

__all__ = ["bento", "make_bento", "programs"]

Programs = Callable[..., Path]


def test_dry_run(ekiben: Command, bento: Bento, tmp_path: Path) -> None:
    """The context is written where it is asked for, without any engine."""
    ran = ekiben("containerize", "iris", "--dry-run", "-o", str(tmp_path / "out"), "--build-arg", "TOKEN=secret")
    assert (ran.code, ran.out) == (0, f"Wrote the context to {tmp_path / 'out'}.\n")
    text = (tmp_path / "out/Dockerfile").read_text()
    assert "FROM docker.io/library/python:3.11-slim\n" in text
    assert "\nARG TOKEN\n" in text
    assert "secret" not in text
    assert ekiben("containerize", "iris", "--dry-run").code == 2
    ran = ekiben("containerize", "iris", "--dry-run", "-o", str(tmp_path / "a b"), "-t", "iris", "--engine", "podman")
    assert ran.out.splitlines()[1:] == [
        "To build the image from it, use:",
        f"    podman build -t iris:latest '{tmp_path / 'a b'}'",
    ]


def test_the_lines_that_people_know(ekiben: Command, bento: Bento, programs: Programs) -> None:
    """Name and version are those of the bento, and the last line runs it (S003-35)."""
    words = programs(docker=0) / "docker.words"
    ran = ekiben("containerize", "iris:latest")
    assert ran.code == 0, ran.err
    assert ran.out.splitlines() == [
        "Building OCI-compliant image for iris:v1 with docker",
        'Successfully built docker image for "iris:v1" with tags "iris:v1"',
        "To run your newly built OCI-compliant container, use:",
        "    docker run -it --rm -p 3000:3000 iris:v1 serve",
    ]
    told = words.read_text().splitlines()
    assert told[told.index("--tag") + 1] == "iris:v1"
    assert not Path(told[-1]).exists(), "the context is gone"


def test_names(ekiben: Command, bento: Bento, programs: Programs) -> None:
    """A name without a tag is the latest (S002-42); each is pushed where that is asked for."""
    words = programs(podman=0) / "podman.words"
    ran = ekiben("containerize", "iris", "-t", "iris-classifier", "-t", "localhost:5000/a/b:v2", "--push")
    assert ran.code == 0, ran.err
    assert 'with tags "iris-classifier:latest", "localhost:5000/a/b:v2"' in ran.out
    assert "podman run -it --rm -p 3000:3000 iris-classifier:latest serve" in ran.out
    assert words.read_text().splitlines() == ["push", "localhost:5000/a/b:v2"]


def test_options_reach_the_engine(ekiben: Command, bento: Bento, programs: Programs, tmp_path: Path) -> None:
    """Each option is a word of the engine's, and the context stays where a folder was named."""
    words = programs(buildah=0, docker=0) / "buildah.words"
    given = ["--engine", "buildah", "--platform", "linux/amd64", "--no-cache", "--opt", "squash", "--opt", "jobs=2"]
    ran = ekiben("containerize", "iris", *given, "--build-arg", "A=b=c", "-o", str(tmp_path / "context"))
    assert ran.code == 0, ran.err
    told = words.read_text().splitlines()
    assert {"--no-cache", "--squash", "--jobs=2", "A=b=c", "linux/amd64"} <= set(told)
    assert told[-1] == str(tmp_path / "context")
    assert (tmp_path / "context/Dockerfile").is_file()
    assert "podman run -it" in ran.out


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        pytest.param(["gone"], 1, "there is no bento 'gone'", id="no such bento"),
        pytest.param(["iris", "-t", "Iris X"], 1, "`-t` must be the name of an image", id="no name of an image"),
        pytest.param(["iris", "-t", "a@sha256:" + "0" * 64], 1, "`-t` must be", id="a digest is no name to give"),
        pytest.param(["iris", "--platform", "linux/arm64"], 1, "linux/amd64: 'linux/arm64'", id="another platform"),
        pytest.param(["iris", "--build-arg", "x"], 2, "KEY=VALUE", id="no pair"),
        pytest.param(["iris", "--build-arg", "a b=x"], 1, "--build-arg", id="no variable"),
        pytest.param(["iris", "--opt", "tag=x"], 1, "`--opt` must be", id="an option with a name here"),
        pytest.param(["iris", "--engine", "kaniko"], 2, "kaniko", id="no engine that is known"),
        pytest.param(["iris"], 1, "no container engine is installed", id="no engine"),
        pytest.param(["iris", "--engine", "podman"], 1, "`podman` is not installed", id="not this engine"),
    ],
)
def test_what_is_wrong(
    words: list[str], code: int, said: str, ekiben: Command, bento: Bento, programs: Programs
) -> None:
    """What cannot be done is said in a line with one hint, and nothing is run."""
    programs()
    ran = ekiben("containerize", *words)
    assert ran.code == code
    assert said in ran.err
    assert "Traceback" not in ran.err


def test_a_failure_leaves_nothing(ekiben: Command, bento: Bento, programs: Programs, home: Path) -> None:
    """When the engine fails the code is not 0, and the context is gone."""
    programs(docker=7)
    ran = ekiben("containerize", "iris", "--engine", "docker", "-q")
    assert ran.code == 1
    assert "(exit code 7): said by docker" in ran.err
    assert ran.out == ""
    assert list(home.rglob("Dockerfile")) == []


def test_from_python(bento: Bento, programs: Programs) -> None:
    """`ekiben.containerize` gives the image with its names."""
    programs(podman=0)
    said: list[str] = []
    image = package.containerize("iris:v1", "iris", tell=said.append, show=False)
    assert (image.names, image.engine, image.port) == (("iris:latest",), "podman", 3000)
    assert said == ["Building OCI-compliant image for iris:v1 with podman"]
    assert package.containerize(bento, tell=said.append, show=False).names == ("iris:v1",)


def test_built_and_containerized(
    ekiben: Command, programs: Programs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`build --containerize` makes the image of the new bento, and is refused before any work where nobody can."""
    project = tmp_path / "project"
    project.mkdir()
    (project / "service.py").write_text("import ekiben\n\n@ekiben.service\nclass A:\n    pass\n")
    (project / "bentofile.yaml").write_text("service: service:A\npython: {lock_packages: false}\n")
    folder = programs()
    ran = ekiben("build", str(project), "--containerize")
    assert ran.code == 1
    assert "no container engine is installed" in ran.err
    assert package.bentos.list() == []
    programs(docker=0)
    ran = ekiben("build", str(project), "--containerize", "--version", "v7", "-o", "tag")
    assert (ran.code, ran.out) == (0, "a:v7\n")
    assert "docker run -it --rm -p 3000:3000 a:v7 serve" in ran.err
    assert "a:v7" in (folder / "docker.words").read_text().split()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        pytest.param(["--engine", "oci"], "needs a place for the image", id="nowhere to put it"),
        pytest.param(["--engine", "oci", "--opt", "squash", "-o", "x.tar"], "`--opt` is for", id="an engine's option"),
        pytest.param(["--engine", "oci", "--build-arg", "A=b", "-o", "x.tar"], "runs nothing", id="a build's variable"),
        pytest.param(["--engine", "oci", "--base", "./no", "-o", "x.tar"], "there is no base image", id="no base"),
        pytest.param(["--engine", "oci", "--dry-run", "-o", "x"], "`oci` has none", id="no context"),
        pytest.param(["--base", "./base", "--dry-run", "-o", "x"], "`oci` has none", id="a base of no context"),
        pytest.param(["--base", "python:3.11"], "`--base` is for `--engine oci` alone", id="a base for an engine"),
        pytest.param(["--dry-run", "-o", "x", "--push"], "`--push` is for a build", id="a push of no image"),
        pytest.param(["--dry-run", "-o", "x", "--no-cache"], "`--no-cache` is for a build", id="no layers, no cache"),
        pytest.param(["--dry-run", "-o", "x", "--opt", "squash"], "`--opt` is for a build", id="no engine, no option"),
        pytest.param(["--dry-run", "-o", "x", "--platform", "linux/amd64"], "`--platform` is for", id="nor a platform"),
        pytest.param(["--dry-run", "-o", "x", "-t", "Iris X"], "`-t` must be the name of", id="no name of an image"),
    ],
)
def test_without_an_engine(ekiben: Command, bento: Bento, programs: Programs, words: list[str], message: str) -> None:
    """What cannot be done without an engine, or with one, is refused and not passed over."""
    programs(docker=0)
    ran = ekiben("containerize", "iris", *words)
    assert ran.code in (1, 2)
    assert message in ran.err

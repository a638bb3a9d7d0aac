"""Engines get their words as a list, the one that answers is chosen, and what fails is said in its own words."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ekiben.cli.containerize import ENGINES as OFFERED
from ekiben.core.errors import ConfigError
from ekiben.images.engines import ENGINES, Build, build_image, build_words, choose_engine, push_image
from tests.images.test_dockerfile import NASTY

Programs = Callable[..., Path]


def build(**told: Any) -> Build:
    return Build(Path("/c"), told.pop("names", ("iris:v1",)), **told)


def test_the_words() -> None:
    """Each option is one word, or a pair of words, before the folder."""
    told = build(
        names=("iris:v1", "iris:latest"), platform="linux/arm64", args={"TOKEN": "a b;c"}, options=("squash", "pull=x"),
        no_cache=True,
    )  # fmt: skip
    assert build_words("docker", told) == [
        "docker", "build", "--file", "/c/Dockerfile", "--tag", "iris:v1", "--tag", "iris:latest", "--platform",
        "linux/arm64", "--build-arg", "TOKEN=a b;c", "--no-cache", "--squash", "--pull=x", "/c",
    ]  # fmt: skip
    assert build_words("podman", build())[:4] == ["podman", "build", "--format", "docker"]
    assert "--layers" in build_words("buildah", build())
    assert set(OFFERED) == {*ENGINES, "oci"}


@pytest.mark.parametrize(
    ("engine", "name", "expected"),
    [
        ("docker", "iris:v1", "iris:v1"),
        ("nerdctl", "team/iris:v1", "team/iris:v1"),
        ("podman", "iris:v1", "localhost/iris:v1"),
        ("buildah", "team/iris:v1", "localhost/team/iris:v1"),
        ("podman", "localhost/iris:v1", "localhost/iris:v1"),
        ("podman", "localhost:5000/team/iris:v1", "localhost:5000/team/iris:v1"),
        ("buildah", "registry.example/iris:v1", "registry.example/iris:v1"),
    ],
)
def test_a_name_means_one_image(engine: str, name: str, expected: str) -> None:
    """Podman and buildah are given no short name, which they take for an image of a registry that ends like it."""
    words = build_words(engine, build(names=(name,)))
    assert words[words.index("--tag") + 1] == expected


@pytest.mark.parametrize("nasty", [each for each in NASTY if each not in ("#", "*")], ids=ascii)
def test_what_is_no_word(nasty: str) -> None:
    """A name, a platform or an option that is none never reaches an engine."""
    for told in ({"names": (nasty,)}, {"platform": nasty}, {"args": {nasty: "x"}}, {"options": (nasty,)}):
        with pytest.raises(ConfigError):
            build(**told)  # type: ignore[arg-type]


@pytest.mark.parametrize("option", ["tag=x", "file=/etc/passwd", "platform", "-x", "--squash", "", "Squash"])
def test_options_with_a_name_of_their_own(option: str) -> None:
    """`--opt` gives what has no option here, without its dashes."""
    with pytest.raises(ConfigError, match="--opt"):
        build(options=(option,))


def test_the_first_that_answers(programs: Programs) -> None:
    """A client whose server does not answer is passed over."""
    programs(docker=1, podman=0, buildah=0)
    assert choose_engine() == "podman"
    assert choose_engine("docker") == "docker"


def test_none_answers(programs: Programs) -> None:
    """Where none answers, those that are there are named."""
    programs(docker=1, buildah=1)
    with pytest.raises(ConfigError, match="no container engine answers; installed: docker, buildah"):
        choose_engine()


def test_none_is_there(programs: Programs) -> None:
    """Where there is none, one line says which would do, and what can be done without."""
    programs()
    with pytest.raises(ConfigError, match="is installed: docker, podman, nerdctl, buildah") as caught:
        choose_engine()
    assert "--dry-run" in str(caught.value.hint)


def test_one_that_is_missing(programs: Programs) -> None:
    """An engine that is asked for and not there is said so, with those that are."""
    programs(buildah=0, podman=0)
    with pytest.raises(ConfigError, match="`nerdctl` is not installed") as caught:
        choose_engine("nerdctl")
    assert caught.value.hint == "found here: podman, buildah"
    with pytest.raises(ConfigError, match="must be one of"):
        choose_engine("kaniko")


def test_it_is_run_without_a_shell(programs: Programs) -> None:
    """The engine gets the words as they are."""
    folder = programs(docker=0)
    build_image("docker", build(args={"A": "$(touch /pwned) `x` 'y'"}), show=False)
    assert "A=$(touch /pwned) `x` 'y'" in (folder / "docker.words").read_text().splitlines()
    push_image("docker", "registry.example.com/iris:v1", show=False)
    assert (folder / "docker.words").read_text().split() == ["push", "registry.example.com/iris:v1"]


def test_a_failure(programs: Programs, capfd: pytest.CaptureFixture[str]) -> None:
    """A failure has the engine's last words, or stands below them."""
    programs(docker=3)
    with pytest.raises(ConfigError, match=r"with docker failed \(exit code 3\): said by docker"):
        build_image("docker", build(), show=False)
    assert capfd.readouterr().err == ""
    with pytest.raises(ConfigError, match="as it says above"):
        build_image("docker", build(), show=True)
    assert "said by docker" in capfd.readouterr().err
    with pytest.raises(ConfigError, match="pushing iris:v1 with podman failed: No such file"):
        push_image("podman", "iris:v1", show=False)

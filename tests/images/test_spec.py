"""Values of an image are held against their grammars, and the error names the field and the value."""

from typing import Any

import pytest

from ekiben.core.errors import ConfigError
from ekiben.images.spec import (
    MAX_TEXT,
    ImagePlan,
    Server,
    check_image,
    check_packages,
    check_path,
    check_text,
    check_texts,
)


@pytest.mark.parametrize(
    "name",
    ["python", "python:3.11-slim", "docker.io/library/python:3.11-slim", "localhost:5000/a/b_c/d--e:V1_x.y-z",
     "registry.example.com/team/iris@sha256:" + "0" * 64, "a/b:v1@sha256:" + "f" * 64, "nvcr.io/nvidia/cuda:12.4.1"],
)  # fmt: skip
def test_names_of_images(name: str) -> None:
    """The names that registries know are taken as they are."""
    assert check_image(name, "docker.base_image") == name


@pytest.mark.parametrize(
    "name",
    ["", "Python", "a b", "a//b", "/a", "a:", "a:b:c", "a@sha256:00", "-a", "a-", "a/", "a:.b", "x" * 2000, None, 3],
)
def test_no_names_of_images(name: Any) -> None:
    """Anything else is refused, with the field, an example and the value."""
    with pytest.raises(ConfigError, match=r"`docker.base_image` must be the name of an image: ") as caught:
        check_image(name, "docker.base_image")
    assert caught.value.hint == "write python:3.12-slim"


@pytest.mark.parametrize("path", ["a", "models/iris/v1", "python/wheels/a-1.0+cu12-py3-none-any.whl", "a.b/..c"])
def test_paths(path: str) -> None:
    """A plain path below a folder is taken."""
    assert check_path(path, "models") == path


@pytest.mark.parametrize(
    "path", ["", "/", "/a", "a/", "a//b", "../a", "a/../b", "./a", "a\\b", "a b", "a*", "$HOME", "a\n"]
)
def test_no_paths(path: str) -> None:
    """A path that leads elsewhere, or means more than one file, is refused."""
    with pytest.raises(ConfigError, match="`models` must be a plain path"):
        check_path(path, "models")


def test_packages() -> None:
    """Debian packages may have an architecture and a version; options of apt-get are none."""
    good = ["curl", "g++", "libstdc++6:arm64", "libgomp1=12.2.0-14", "a=1:2.3~rc1+b"]
    assert check_packages(good, "docker.system_packages") == tuple(good)
    for bad in ("-y", "--x", "curl wget", "Curl", "curl=", "curl=-x", "a;b", "a=$(x)", ""):
        with pytest.raises(ConfigError, match=r"`docker.system_packages\[1\]` must be the name of a Debian package"):
            check_packages(["curl", bad], "docker.system_packages")


def test_text_has_an_end() -> None:
    """A value that is too long is refused, and not shown whole."""
    assert check_text("x" * MAX_TEXT, "labels.a")
    with pytest.raises(ConfigError, match="at most") as caught:
        check_text("x" * (MAX_TEXT + 1), "labels.a")
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize(
    "values", [[], "a=b", {1: "x"}, {"a": 1}, {"": "x"}, {"  ": "x"}, {"a\n": "x"}, {"a": None}, {"a=b": "x"}]
)
def test_no_texts(values: Any) -> None:
    """Labels are text by text."""
    with pytest.raises(ConfigError, match="labels"):
        check_texts(values, "labels", None)


@pytest.mark.parametrize(
    "changes", [{"program": "a b"}, {"prefix": "A-B"}, {"port": 0}, {"port": True}, {"path": "/\n"}]
)
def test_no_servers(changes: dict[str, Any]) -> None:
    """How a container serves is checked, too."""
    with pytest.raises(ConfigError):
        Server(**changes)


def test_a_plan_is_checked_when_it_is_made() -> None:
    """There is no plan with a wrong value."""
    assert ImagePlan("python:3.11-slim", "3.11").system_packages == ()
    with pytest.raises(ConfigError, match="python_version"):
        ImagePlan("python:3.11-slim", "3.11.7")

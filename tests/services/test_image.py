"""An image is plain data, made of steps in their order; no step holds what could end a line."""

from typing import Any

import pytest

import ekiben
from ekiben.core.errors import ConfigError
from ekiben.core.spec import ImageSpec, plain
from ekiben.services.image import VERBS, read_image
from tests.images.test_dockerfile import NASTY


def test_steps_stand_in_their_order() -> None:
    """Each call adds its step behind those before it, and gives the image back."""
    image = ekiben.Image("python:3.12", python_version="3.12", lock_python_packages=False)
    found = image.system_packages("curl", "git").run("echo 1").python_packages("numpy>=1").requirements_file("a.txt")
    assert found.pyproject_toml().uv_lock().run_script("x.sh").build_include("*.json") is image
    assert image.spec() == ImageSpec(
        "python:3.12",
        "3.12",
        (
            ("system_packages", ("curl", "git")),
            ("run", ("echo 1",)),
            ("python_packages", ("numpy>=1",)),
            ("requirements_file", ("a.txt",)),
            ("pyproject_toml", ("pyproject.toml",)),
            ("uv_lock", ()),
            ("run_script", ("x.sh",)),
            ("build_include", ("*.json",)),
        ),
        lock_packages=False,
    )


def test_a_service_has_it() -> None:
    """The spec of a service holds its image as plain data; what is added to the image later changes no service."""
    image = ekiben.Image().run("echo 1")

    @ekiben.service(image=image)
    class Own:
        pass

    image.run("echo 2")
    spec = Own.__ekiben_service__().spec
    assert spec.image is not None
    assert spec.image.steps == (("run", ("echo 1",)),)
    assert plain(spec.to_json())["image"]["steps"] == [["run", ["echo 1"]]]


@pytest.mark.parametrize("text", [text for text in NASTY if "\n" in text or "\r" in text or not text.isprintable()])
@pytest.mark.parametrize("verb", [verb for verb in VERBS if verb not in ("uv_lock", "spec")])
def test_no_step_holds_another_line(verb: str, text: str) -> None:
    """Text with a line break or a control character is refused in every step, by the step's name."""
    with pytest.raises(ConfigError, match=verb):
        getattr(ekiben.Image(), verb)(f"x{text}")


@pytest.mark.parametrize(
    ("make", "words"),
    [
        pytest.param(lambda: ekiben.Image(distro="alpine"), "`distro` of an image must be debian", id="a distro"),
        pytest.param(lambda: ekiben.Image("a\nRUN b"), "`base_image`", id="a base of two lines"),
        pytest.param(lambda: ekiben.Image(python_version=3.12), "`python_version`.*3.12", id="a number"),  # type: ignore[arg-type] # wrong on purpose
        pytest.param(lambda: ekiben.Image(lock_python_packages="no"), "True or False", id="a text"),  # type: ignore[arg-type] # wrong on purpose
        pytest.param(lambda: ekiben.Image().system_packages(), "must be given something", id="nothing"),
        pytest.param(lambda: ekiben.Image().run(""), "`run` of an image must be text", id="an empty command"),
        pytest.param(lambda: ekiben.Image().python_packages(["a"]), "`python_packages`", id="a list"),  # type: ignore[arg-type] # wrong on purpose
        pytest.param(lambda: ekiben.Image().run("x" * 5000), "at most 4096", id="a long command"),
        pytest.param(lambda: ekiben.service(image="python:3.12"), "`image` must be an `Image`", id="a name"),
    ],
)  # fmt: skip
def test_what_is_refused(make: Any, words: str) -> None:
    """What is no image, or no step of one, is refused where it is written."""
    with pytest.raises(ConfigError, match=words):
        make()


def test_nothing_is_no_image() -> None:
    """No image is none; a spec is taken as it is."""
    assert read_image(None) is None
    assert read_image(ImageSpec("x")) == ImageSpec("x")

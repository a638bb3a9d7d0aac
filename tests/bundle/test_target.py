"""A target is Linux on two kinds of processor, and any Python 3."""

import platform
from typing import Any

import pytest
from packaging.markers import Marker
from packaging.tags import parse_tag

from ekiben.bundle.target import Target, this_python
from ekiben.core.errors import ConfigError


@pytest.mark.parametrize(
    ("system", "python", "expected"),
    [
        pytest.param("linux/amd64", "3.12", Target("x86_64", "3.12"), id="amd64 is x86_64"),
        pytest.param("linux/arm64", "3.11.7", Target("aarch64", "3.11.7"), id="arm64 is aarch64, a patch is kept"),
        pytest.param("linux/aarch64", "3.13", Target("aarch64", "3.13"), id="Python's own name of a machine is known"),
        pytest.param("x86_64", "3.13", Target("x86_64", "3.13"), id="the system may be left out"),
    ],
)
def test_parse(system: str, python: str, expected: Target) -> None:
    """A platform is read as container engines and as Python write it."""
    assert Target.parse(system, python) == expected


def test_parse_nothing() -> None:
    """Without a wish it is Linux on this processor, with this Python."""
    here = Target.parse()
    assert here.python == this_python() == ".".join(platform.python_version().split(".")[:2])
    assert here.is_here == (platform.system() == "Linux")


@pytest.mark.parametrize(
    ("system", "python", "words"),
    [
        pytest.param("windows/amd64", None, "`platform` must be linux/amd64 or linux/arm64", id="another system"),
        pytest.param("linux/riscv64", None, "`platform` must be", id="another processor"),
        pytest.param("linux/amd64\n--index-url=x", None, "`platform` must be", id="an option in a second line"),
        pytest.param(5, None, "`platform` must be", id="a number, as a forged bento.yaml may have it"),
        pytest.param(["linux/amd64"], None, "`platform` must be", id="or a list"),
        pytest.param("linux/amd64", "2.7", "`python_version` must be", id="Python 2"),
        pytest.param("linux/amd64", "3.12 --pre", "`python_version` must be", id="an option behind the version"),
        pytest.param("linux/amd64", "3.12\n", "`python_version` must be", id="a line break behind the version"),
    ],
)
def test_parse_refuses(system: Any, python: str | None, words: str) -> None:
    """What is not a platform or a version is refused by its name."""
    with pytest.raises(ConfigError, match=words):
        Target.parse(system, python)


@pytest.mark.parametrize(
    ("marker", "holds"),
    [
        ("sys_platform == 'linux'", True),
        ("platform_machine == 'aarch64'", True),
        ("python_version < '3.13'", True),
        ("python_full_version >= '3.12.4'", True),
        ("os_name == 'nt' or platform_system == 'Darwin'", False),
        ("implementation_name == 'pypy'", False),
    ],
)
def test_markers(marker: str, holds: bool) -> None:
    """A marker sees the target, whatever this machine is."""
    assert Marker(marker).evaluate(Target("aarch64", "3.12.4").markers()) is holds


@pytest.mark.parametrize(
    ("tag", "fits"),
    [
        ("py3-none-any", True),
        ("cp312-cp312-manylinux_2_17_x86_64.manylinux2014_x86_64", True),
        ("cp39-abi3-manylinux_2_28_x86_64", True),
        ("cp311-cp311-manylinux_2_17_x86_64", False),
        ("cp312-cp312-manylinux_2_34_x86_64", False),
        ("cp312-cp312-macosx_11_0_arm64", False),
        ("cp312-cp312-musllinux_1_2_x86_64", False),
    ],
)
def test_tags(tag: str, fits: bool) -> None:
    """A wheel fits if its tag is for that Python, that processor and an old enough glibc."""
    assert bool(parse_tag(tag) & Target("x86_64", "3.12").tags()) is fits


def test_words() -> None:
    """A target has uv's name, the engines' name, and one for people."""
    target = Target("aarch64", "3.12.4")
    assert (target.uv_platform, target.platform, target.minor) == ("aarch64-manylinux_2_28", "linux/arm64", "3.12")
    assert str(target) == "linux/arm64, Python 3.12.4"

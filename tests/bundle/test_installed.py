"""Without an index, versions are those installed here: with all that they need, and for the target."""

from importlib.metadata import version
from pathlib import Path

from packaging.requirements import Requirement

from ekiben.bundle.installed import applies, find_distribution, pin_installed
from ekiben.bundle.target import Target
from ekiben.bundle.wheels import read_wheel
from tests.bundle.index import make_wheel

HERE = Target.parse().markers()


def wanted(*lines: str) -> list[Requirement]:
    """Read requirements."""
    return [Requirement(line) for line in lines]


def test_closure() -> None:
    """What a package requires is pinned with it, in the installed versions."""
    pins = pin_installed(wanted("httpx>=0.1"), {}, HERE)
    assert pins.missing == ()
    assert {name: version(name) for name in ("httpx", "httpcore", "idna", "certifi")}.items() <= pins.versions.items()
    assert "pytest" not in pins.versions


def test_extras() -> None:
    """An extra brings its requirements, and only where it is asked for."""
    assert "scikit-learn" in pin_installed(wanted("ekiben[sklearn]"), {}, HERE).versions
    assert "scikit-learn" not in pin_installed(wanted("ekiben"), {}, HERE).versions


def test_markers_are_the_targets() -> None:
    """A requirement that does not hold on the target is left out, whatever holds here."""
    arm = Target("aarch64", "3.13").markers()
    lines = wanted("numpy ; platform_machine == 'x86_64'", "rich ; python_version < '3.13'", "click")
    assert pin_installed(lines, {}, arm).versions == {"click": version("click")}


def test_missing() -> None:
    """What is not installed, or in another version, is named as it was asked for."""
    pins = pin_installed(wanted("no-such-thing>=2", "numpy<1", "click"), {}, HERE)
    assert [str(each) for each in pins.missing] == ["no-such-thing>=2", "numpy<1"]
    assert pins.versions == {"click": version("click")}


def test_carried_counts(tmp_path: Path) -> None:
    """A wheel that travels counts before what is installed, and its requirements too."""
    wheel = make_wheel(tmp_path, "click", "99.0", needs=["idna", "no-such-thing"])
    pins = pin_installed(wanted("click"), {"click": read_wheel(wheel, "here")}, HERE)
    assert pins.versions == {"click": "99.0", "idna": version("idna")}
    assert [each.name for each in pins.missing] == ["no-such-thing"]


def test_circle(tmp_path: Path) -> None:
    """Packages that require each other come to an end."""
    one = read_wheel(make_wheel(tmp_path, "one", "1.0", needs=["two"]), "here")
    two = read_wheel(make_wheel(tmp_path, "two", "2.0", needs=["one"]), "here")
    assert pin_installed(wanted("one"), {"one": one, "two": two}, HERE).versions == {"one": "1.0", "two": "2.0"}


def test_applies() -> None:
    """A marker asks for an extra and for the target."""
    requirement = Requirement("a ; extra == 'x' and sys_platform == 'linux'")
    assert applies(requirement, "x", HERE)
    assert not applies(requirement, "", HERE)
    assert find_distribution("no-such-thing") is None

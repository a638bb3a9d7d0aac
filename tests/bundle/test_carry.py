"""What no index has travels as a wheel: Ekiben, drop-ins, folders, git, local installations."""

import os
from pathlib import Path

import pytest

from ekiben.bundle.carry import Wheelhouse, carry_links, drop_ins, installed_from_folders
from ekiben.bundle.requirements import Wanted, read_line
from ekiben.bundle.resolve import Pinned
from ekiben.bundle.target import Target
from ekiben.bundle.wheels import digest
from ekiben.core.errors import ConfigError
from tests.bundle.index import make_wheel, unpack
from tests.bundle.test_git import git
from tests.bundle.test_wheels import make_project


@pytest.fixture
def said() -> list[str]:
    """Collect what is said."""
    return []


@pytest.fixture
def house(tmp_path: Path, said: list[str]) -> Wheelhouse:
    """Give an empty folder for wheels."""
    (tmp_path / "wheels").mkdir()
    return Wheelhouse(tmp_path / "wheels", os.environ, said.append)


def test_a_folder(house: Wheelhouse, project: Path, said: list[str]) -> None:
    """A folder of the project is built; its extras are asked for by name."""
    make_project(project / "lib")
    found = house.add_source(read_line("./lib[plot]", "x", project), project)
    assert str(found.requirement({"plot"})) == "mylib[plot]==0.2"
    assert said == ["mylib 0.2 travels as a wheel: built from lib"]


def test_the_project_itself(house: Wheelhouse, project: Path) -> None:
    """`-e .` in a requirements file is the project itself."""
    make_project(project)
    assert house.add_source(read_line(".", "x", project), project).name == "mylib"


def test_git(house: Wheelhouse, project: Path, said: list[str]) -> None:
    """A package of git is built from one commit, which is named."""
    make_project(project / "lib")
    git(project / "lib", "init", "--quiet")
    git(project / "lib", "add", ".")
    git(project / "lib", "commit", "--quiet", "-m", "one")
    commit = git(project / "lib", "rev-parse", "HEAD")
    found = house.add_source(read_line(f"mylib @ git+file://{project}/lib", "x", project), project)
    assert (found.name, found.version) == ("mylib", "0.2")
    assert said[0].endswith(f"commit {commit}")
    assert list(house.folder.iterdir()) == [found.wheel]


def test_a_hash(house: Wheelhouse, project: Path) -> None:
    """A wheel of the project must have the hash that is asked for."""
    wheel = make_wheel(project, "tiny", "1.0")
    good, bad = (digest(wheel),), ("sha256:" + "0" * 64,)
    assert house.add_source(Wanted("x", path=wheel, hashes=good), project).digest == good[0]
    with pytest.raises(ConfigError, match="must have the hash"):
        house.add_source(Wanted("x", path=wheel, hashes=bad), project)


def test_twice(house: Wheelhouse, project: Path) -> None:
    """One name travels in one wheel; the same wheel may be named twice."""
    wheel = make_wheel(project / "a", "tiny", "1.0")
    house.add_source(Wanted("x", path=wheel), project)
    house.add_source(Wanted("y", path=wheel), project)
    other = make_wheel(project / "b", "tiny", "1.1")
    with pytest.raises(ConfigError, match="`tiny` must travel once, and is given twice"):
        house.add_source(Wanted("z", path=other), project)


def test_no_package(house: Wheelhouse, project: Path) -> None:
    """A file that is neither a wheel nor a folder is refused."""
    (project / "lib.tar.gz").touch()
    with pytest.raises(ConfigError, match=r"x must be a wheel or a folder: 'lib\.tar\.gz'"):
        house.add_source(read_line("./lib.tar.gz", "x", project), project)


def test_links(tmp_path: Path) -> None:
    """Of a folder of wheels those travel that were locked, by their hash, for the target."""
    links = tmp_path / "links"
    kept = make_wheel(links, "tiny", "1.0")
    make_wheel(links, "tiny", "1.1")
    arm = make_wheel(links, "only-arm", "1.0", tag="py3-none-manylinux_2_17_aarch64")
    (links / "README.txt").write_text("no wheel")
    pinned = [
        Pinned("tiny", "1.0", "tiny==1.0", (digest(kept),)),
        Pinned("tiny", "1.1", "tiny==1.1", ("sha256:" + "0" * 64,)),
        Pinned("only-arm", "1.0", "only-arm==1.0", (digest(arm),)),
        Pinned("open", None, "open"),
    ]
    for machine, expected in (("x86_64", [kept.name]), ("aarch64", sorted([kept.name, arm.name]))):
        (tmp_path / machine).mkdir()
        carry_links(pinned, [links], Target(machine, "3.12"), tmp_path / machine)
        assert sorted(path.name for path in (tmp_path / machine).iterdir()) == expected


def test_installed_from_folders() -> None:
    """What an index has is told from what is installed from a folder."""
    assert installed_from_folders(["numpy", "no-such-thing"]) == []


def test_drop_ins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A drop-in is a distribution with `+ekiben` behind its version, and nothing else is."""
    before = drop_ins()
    for name, release in (("standin", "1.4.17+ekiben"), ("standin-two", "1.4.17+other"), ("plain", "1.0")):
        monkeypatch.syspath_prepend(unpack(make_wheel(tmp_path, name, release), tmp_path / name))
    assert drop_ins() == {**before, "standin": "1.4.17+ekiben"}

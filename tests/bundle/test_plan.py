"""What is asked for and what is added become lines, and each addition has its reason."""

from pathlib import Path

import pytest
from packaging.requirements import Requirement

from ekiben.bundle.carry import Wheelhouse
from ekiben.bundle.imports import Imported
from ekiben.bundle.indexes import Indexes
from ekiben.bundle.plan import Line, Plan
from ekiben.bundle.requirements import Asked, read_line
from ekiben.bundle.resolve import Pinned
from ekiben.bundle.target import Target
from ekiben.bundle.wheels import read_wheel
from ekiben.core.front import Front, enter
from tests.bundle.index import make_wheel, unpack

HASH = "sha256:" + "ab" * 32


def plan_of(folder: Path, *lines: str, said: list[str] | None = None) -> Plan:
    """Plan these requirements."""
    folder.mkdir(exist_ok=True)
    wanted = tuple(read_line(line, "x", folder) for line in lines)
    asked = Asked(wanted, indexes=Indexes())
    plan = Plan(asked, Wheelhouse(folder, {}, (said if said is not None else []).append), Target("x86_64", "3.12"))
    plan.take_sources(folder, pack_git=False)
    return plan


@pytest.mark.parametrize(
    ("line", "for_uv", "written"),
    [
        pytest.param("numpy>=1", "numpy>=1", "numpy>=1", id="of an index"),
        pytest.param(f"numpy==1 --hash={HASH}", f"numpy==1 --hash={HASH}", f"numpy==1 --hash={HASH}", id="with a hash"),
        pytest.param("git+https://${T}@h.example/a", *["git+https://${T}@h.example/a"] * 2, id="git that stays git"),
        pytest.param("Tiny[b,a]>0", "tiny[a,b] @ file://{}", "Tiny[a,b]>0", id="what travels"),
        pytest.param(
            "tiny; os_name == 'nt'", 'tiny @ file://{} ; os_name == "nt"', 'tiny; os_name == "nt"', id="a marker"
        ),
    ],
)
def test_lines(line: str, for_uv: str, written: str, tmp_path: Path) -> None:
    """A line is written for people as it was asked for, for uv with the place of a wheel that travels."""
    wheel = make_wheel(tmp_path / "wheels", "tiny", "1.0")
    [found] = plan_of(tmp_path / "project", line).lines
    assert found.for_uv({"tiny": read_wheel(wheel, "here")}) == for_uv.replace("{}", str(wheel))
    assert str(found) == written


def test_opened() -> None:
    """A line may be opened for any version; one of git stays."""
    assert str(Line(Requirement("numpy==1.0"), comment="saved").opened()) == "numpy  # saved"
    assert Line(None, text="git+https://h.example/a").opened().text == "git+https://h.example/a"


def test_requirements_hold_on_the_target(tmp_path: Path) -> None:
    """What does not hold on the target is not asked for there."""
    plan = plan_of(tmp_path / "p", "numpy", "rich; python_version < '3.12'", "click; sys_platform == 'win32'")
    assert [each.name for each in plan.requirements] == ["numpy"]


def test_imports_that_something_brings(tmp_path: Path) -> None:
    """An import is added where no distribution that brings it is locked; one of several is enough."""
    said: list[str] = []
    plan = plan_of(tmp_path / "p", said=said)
    pinned = [Pinned("numpy", "2", "numpy==2"), Pinned("tensorflow", "2", "tensorflow==2")]
    there = [
        Imported("numpy", "a.py:1", ("numpy",)),
        Imported("tensorflow", "a.py:2", ("tensorflow", "tensorflow-cpu")),
    ]
    assert not plan.add_imported(there, pinned)
    assert plan.add_imported([Imported("yaml", "a.py:3", ("pyyaml",))], pinned)
    assert [line.comment for line in plan.added] == ["a.py:3 imports yaml"]
    assert len(said) == 1


def test_what_is_needed_and_not_installed_here(tmp_path: Path) -> None:
    """A distribution that is known to be needed is asked for in any version where none is installed here."""
    plan = plan_of(tmp_path / "p")
    assert plan.add_imported([Imported("absent", "Chat.folder", ("no-such-distribution",))], [])
    assert [str(line) for line in plan.added] == ["no-such-distribution  # Chat.folder imports absent"]


def test_imports_without_a_lock(tmp_path: Path) -> None:
    """Without a lock, what is installed here tells what a package brings."""
    plan = plan_of(tmp_path / "p", "scikit-learn", "not-installed-here")
    imported = [Imported("numpy", "a.py:1", ("numpy",)), Imported("idna", "a.py:2", ("idna",))]
    assert plan.add_imported(imported, None)
    assert [line.comment for line in plan.added] == ["a.py:2 imports idna"]


def test_drop_ins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A drop-in travels where a project asks for it, imports it, or is built through it, and nowhere else."""
    monkeypatch.syspath_prepend(unpack(make_wheel(tmp_path, "standin", "1.4.17+ekiben"), tmp_path / "site"))
    plain = plan_of(tmp_path / "a")
    plain.take_own([])
    assert [str(line.requirement) for line in plain.added] == ["ekiben==0.1.0"]
    with enter(Front(distribution="standin")):
        entered = plan_of(tmp_path / "b")
        entered.take_own([])
    assert [str(line.requirement) for line in entered.added] == ["ekiben==0.1.0", "standin==1.4.17+ekiben"]
    asked = plan_of(tmp_path / "c", "standin>=1.4")
    asked.take_own([])
    assert [str(line.requirement) for line in asked.added] == ["ekiben==0.1.0"]
    assert asked.lines[0].for_uv(asked.house.carried).startswith("standin @ file://")
    imports = plan_of(tmp_path / "d")
    imports.take_own([Imported("standin", "service.py:1", ("standin",))])
    assert "standin" in imports.house.carried

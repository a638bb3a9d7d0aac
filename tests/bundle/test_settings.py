"""A project's settings are found in one place, and a file that attacks is refused."""

from pathlib import Path
from typing import Any

import pytest

from ekiben.bundle.settings import read_build
from ekiben.core.errors import ConfigError
from ekiben.core.front import Front, enter
from ekiben.store.document import MAX_SIZE

SPANISH = """\
service: "service:svc"  # El mismo que el argumento pasado al servir
labels:
   owner: un-equipo
   stage: dev
include:
- "*.py"  # Un patrón para definir que archivos incluir en el Bento
python:
   packages:  # Paquetes adicionales requeridos por el servicio
   - scikit-learn
   - pandas
"""


def write(folder: Path, name: str, text: str | bytes) -> Path:
    place = folder / name
    place.write_bytes(text if isinstance(text, bytes) else text.encode())
    return place


def test_no_file(tmp_path: Path) -> None:
    """Without a file the defaults hold, and what the caller says."""
    assert read_build(tmp_path).include == ("*",)
    assert read_build(tmp_path, told={"name": "iris", "version": None}).name == "iris"


def test_bentofile(tmp_path: Path) -> None:
    """A bentofile of BentoML's documentation is read, comments in any language."""
    write(tmp_path, "bentofile.yaml", SPANISH)
    read = read_build(tmp_path)
    assert (read.service, read.include, read.python.packages) == ("service:svc", ("*.py",), ("scikit-learn", "pandas"))
    assert read.labels == {"owner": "un-equipo", "stage": "dev"}


def test_a_name_is_lowered_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A name with capitals is told once, where the caller says nothing."""
    write(tmp_path, "bentofile.yaml", "name: Iris\n")
    assert read_build(tmp_path, told={"service": None, "version": None}).name == "Iris"
    assert [record.getMessage() for record in caplog.records] == ["the name 'Iris' is lowered to 'iris'"]


def test_what_is_told_stands_above(tmp_path: Path) -> None:
    """The caller's keys stand over those of the file, and labels are joined."""
    write(tmp_path, "bentofile.yaml", SPANISH)
    read = read_build(tmp_path, told={"labels": {"stage": "prod", "new": "x"}, "version": "v2"})
    assert read.labels == {"owner": "un-equipo", "stage": "prod", "new": "x"}
    assert read.version == "v2"
    with pytest.raises(ConfigError, match=r"^`version` is not allowed"):
        read_build(tmp_path, told={"version": "../x"})


def test_another_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file may be named, relative to where the command is given."""
    (tmp_path / "project").mkdir()
    write(tmp_path / "project", "bentofile.yaml", "service: a:A\n")
    write(tmp_path, "other.yml", "service: b:B\n")
    monkeypatch.chdir(tmp_path)
    assert read_build(tmp_path / "project", "other.yml").service == "b:B"
    with pytest.raises(ConfigError, match=r"cannot be read.*missing\.yaml"):
        read_build(tmp_path / "project", "missing.yaml")


def test_pyproject(tmp_path: Path) -> None:
    """The table of pyproject.toml says the same, and the project adds its name and dependencies."""
    write(
        tmp_path,
        "pyproject.toml",
        '[project]\nname = "Iris-Flowers"\ndependencies = ["numpy"]\n'
        '[tool.ekiben.build]\nservice = "service:Iris"\n[tool.ekiben.build.python]\npackages = ["pandas"]\n',
    )
    read = read_build(tmp_path)
    assert (read.name, read.service, read.python.packages) == ("Iris-Flowers", "service:Iris", ("numpy", "pandas"))
    assert read_build(tmp_path, tmp_path / "pyproject.toml") == read
    with enter(Front(program="other")):
        assert read_build(tmp_path).service is None, "another front has a table of its own"


def test_a_project_without_a_table(tmp_path: Path) -> None:
    """A pyproject.toml that says nothing of builds changes nothing; to name it is a mistake."""
    place = write(tmp_path, "pyproject.toml", '[project]\nname = "x"\ndependencies = ["numpy"]\n')
    assert read_build(tmp_path).python.packages == ()
    with pytest.raises(ConfigError, match=r"no table \[tool\.ekiben\.build\]"):
        read_build(tmp_path, place)


def test_two_files(tmp_path: Path) -> None:
    """Two files that both speak are refused, unless one is named."""
    write(tmp_path, "pyproject.toml", '[tool.ekiben.build]\nservice = "a:A"\n')
    named = write(tmp_path, "bentofile.yaml", "service: b:B\n")
    with pytest.raises(ConfigError, match="both"):
        read_build(tmp_path)
    assert read_build(tmp_path, named).service == "b:B"


def bomb(levels: int = 12) -> str:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, levels)]
    return "\n".join(lines)


HOSTILE = {
    "an alias that multiplies": bomb(),
    "an alias to itself": "labels: &a {b: *a}\n",
    "an object of Python": "service: !!python/object/apply:os.system ['touch hacked']\n",
    "a name of Python": "service: !!python/name:os.system\n",
    "a tag of one's own": "service: !danger x\n",
    "bytes in place of text": "service: !!binary aGVsbG8=\n",
    "a set in place of a list": "include: !!set {a, b}\n",
    "a date as a version": "version: 2020-01-01\n",
    "a merge key": "a: &a {x: 1}\nlabels:\n  <<: *a\n",
    "a key twice": "service: a:A\nservice: b:B\n",
    "a key twice, deeper": "python:\n  packages: [a]\n  packages: [b]\n",
    "two documents": "service: a\n---\nservice: b\n",
    "no mapping": "- service\n",
    "nothing": "",
    "no YAML": "service: [\n",
    "half a letter": b"service: \xff\xfe\xfa\n",
    "a NUL": b"service: a\0b\n",
    "a hundred levels": "labels: " + "[" * 100 + "]" * 100,
    "many megabytes": b"description: " + b"x" * (MAX_SIZE + 1),
    "a key that is a list": "? [a, b]\n: c\n",
    "a key that is a number": "3: c\n",
    "a key that is nothing": "~: c\n",
    "an escaped new line": 'docker: {base_image: "python\\nRUN id"}\n',
    "an escaped new line in a key": 'labels: {"a\\nb": c}\n',
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.timeout(20)
def test_hostile_bentofiles(text: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bentofile is plain data; what is more, or cannot be told apart, is refused by name and does nothing."""
    monkeypatch.chdir(tmp_path)
    write(tmp_path, "bentofile.yaml", text)
    with pytest.raises(ConfigError, match=r"bentofile\.yaml|must be said once"):
        read_build(tmp_path)
    assert not (tmp_path / "hacked").exists()


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("[tool.ekiben.build]\nservice = 3\n", id="an ill-typed key"),
        pytest.param("[tool.ekiben]\nbuild = 3\n", id="no table"),
        pytest.param("[tool.ekiben.build]\n[project]\ndynamic = ['dependencies']\n", id="what setup.py would say"),
        pytest.param("project = 3\n[tool.ekiben.build]\n", id="a project that is none"),
        pytest.param("[tool.ekiben.build\n", id="no TOML"),
        pytest.param("[tool.ekiben.build]\npython = 3\n[project]\ndependencies = ['a']\n", id="no section"),
        pytest.param("[tool.ekiben.build]\n[project]\ndependencies = [3]\n", id="dependencies that are no text"),
        pytest.param("[tool.ekiben.build]\n[project]\ndependencies = 3\n", id="dependencies that are no list"),
        pytest.param("[tool.ekiben.build]\n[project]\nname = 3\n", id="a name that is no text"),
    ],
)
def test_wrong_pyprojects(text: str, tmp_path: Path) -> None:
    """What cannot be used in pyproject.toml is refused by its name."""
    write(tmp_path, "pyproject.toml", text)
    with pytest.raises(ConfigError, match=r"pyproject\.toml"):
        read_build(tmp_path)


def test_aliases_are_yaml(tmp_path: Path) -> None:
    """An alias that only repeats is what YAML means by it."""
    write(tmp_path, "bentofile.yaml", "include: &all ['*.py']\nexclude: *all\n")
    assert read_build(tmp_path).exclude == ("*.py",)

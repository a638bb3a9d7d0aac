"""The project's folder is where a service runs, and is left as it was."""

import subprocess
import sys
from pathlib import Path

import pytest

from ekiben import models
from ekiben.cli.project import enter, is_folder, source_folder
from ekiben.core.errors import ConfigError

LOOK = """
import sys
from ekiben import models
from ekiben.cli.project import enter
enter({target!r}, {folder!r})
import outer, package.inner, site_lib
print(outer.CWD, package.inner.WORD, outer.__file__)
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with modules, a package, and an environment that has a library in it."""
    folder = tmp_path / "project"
    (folder / "package").mkdir(parents=True)
    (folder / "package/__init__.py").touch()
    (folder / "package/inner.py").write_text("WORD = 'inner'")
    (folder / "service.py").touch()
    (folder / "outer.py").write_text("import os\nCWD = os.getcwd()\n")
    library = folder / ".venv/lib/site-packages"
    library.mkdir(parents=True)
    (library / "site_lib.py").touch()
    return folder


@pytest.mark.parametrize("how", ["working dir", "folder", "here"])
def test_imports_leave_nothing(project: Path, how: str) -> None:
    """Modules of the project are imported from it, with it as the current folder, and no cache is written there."""
    target, working_dir = {"working dir": ("outer:X", str(project)), "folder": (f"{project}/", None)}.get(
        how, (".", None)
    )
    library = project / ".venv/lib/site-packages"
    done = subprocess.run(
        [sys.executable, "-c", LOOK.format(target=target, folder=working_dir)],
        cwd=project if how == "here" else project.parent,
        env={"PYTHONPATH": str(library)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout.split() == [str(project), "inner", str(project / "outer.py")], done.stderr
    ours = [path for path in project.rglob("__pycache__") if library not in path.parents]
    assert ours == []
    assert (library / "__pycache__").is_dir()


def test_a_stale_cache_is_not_used(project: Path) -> None:
    """A cache that is there is read only where it fits the source, as everywhere in Python."""
    subprocess.run([sys.executable, "-m", "compileall", "-q", "."], cwd=project, check=True, timeout=60)
    (project / "package/inner.py").write_text("WORD = 'changed, and longer'.split(',')[0]")
    done = subprocess.run(
        [sys.executable, "-c", LOOK.format(target=".", folder=None)],
        cwd=project,
        env={"PYTHONPATH": str(project / ".venv/lib/site-packages")},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout.split()[1] == "changed"


def test_a_folder_that_is_none(tmp_path: Path) -> None:
    """A working folder that is not there is said by its option's name."""
    with pytest.raises(ConfigError, match="`--working-dir` must be a folder"):
        enter(".", str(tmp_path / "nothing"))


def test_what_is_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder with a service is entered; one whose name also means something else is left to the loader."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "iris").mkdir()
    assert not is_folder("iris")
    (tmp_path / "iris/service.py").touch()
    assert is_folder("iris")
    with models.create("iris"):
        pass
    assert [is_folder(target) for target in ("iris", "./iris", "iris:latest")] == [False, True, False]
    assert source_folder("iris", None) == tmp_path / "iris"
    assert source_folder("service:X", None) == source_folder("iris", ".") == tmp_path

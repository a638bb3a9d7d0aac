"""Packages are found by what the service imports, itself and by the project's modules; nothing is run."""

import json
from pathlib import Path

import pytest

from ekiben.bundle.imports import Imported, find_all, find_imports
from tests.bundle.index import make_wheel, unpack
from tests.bundle.test_wheels import make_project


def write(project: Path, **files: str) -> Path:
    """Write modules by their dotted names (`__` for a dot); give the first."""
    paths = []
    for name, text in files.items():
        path = project / f"{name.replace('__', '/')}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        paths.append(path)
    return paths[0]


def brought(project: Path, **files: str) -> dict[str, str]:
    """Give the first place of each distribution that is imported."""
    found = find_imports(write(project, **files), project)
    return {name: each.place for each in found for name in each.distributions}


def test_names(project: Path) -> None:
    """A module is traced to the distribution that brings it, whatever its name."""
    text = "import os, json\nimport sklearn.svm as svm\nfrom PIL import Image\nimport yaml\nimport numpy as np, click\n"
    assert brought(project, service=text) == {
        "scikit-learn": "service.py:2",
        "pillow": "service.py:3",
        "pyyaml": "service.py:4",
        "numpy": "service.py:5",
        "click": "service.py:5",
    }


def test_the_projects_own(project: Path) -> None:
    """Modules of the project are followed, in packages, in `src` and by dots; each once, in circles too."""
    found = brought(
        project,
        service="import helper\nfrom package import inner\nfrom lib.deep import thing\n",
        helper="import service\nimport httpx\n",
        package__inner="from . import sibling\nfrom .sibling import x\n",
        package__sibling="import orjson\nfrom ..package import inner\n",
        src__lib__deep="import rich.console\n",
        unused="import pandas\n",
    )
    assert found == {
        "httpx": "helper.py:2",
        "orjson": "package/sibling.py:1",
        "rich": "src/lib/deep.py:1",
    }


def test_what_it_can_do_without(project: Path) -> None:
    """An import that may fail, or that only a type checker reads, asks for nothing."""
    text = (
        "from typing import TYPE_CHECKING\nimport typing\n"
        "if TYPE_CHECKING:\n    import pandas\nelse:\n    import idna\n"
        "if typing.TYPE_CHECKING:\n    import pandas\n"
        "try:\n    import matplotlib\nexcept ImportError:\n    import certifi\nelse:\n    import click\n"
        "try:\n    import rich\nexcept ValueError:\n    pass\n"
        "def predict():\n    import httpx\n"
        "class A:\n    with open('x'):\n        import orjson\n"
        "if __name__ == '__main__':\n    import pytest\n"
    )
    assert list(brought(project, service=text)) == ["idna", "click", "rich", "httpx", "orjson"]


def test_shared_names(project: Path) -> None:
    """Of distributions that share a top-level name, the one that holds the module is meant."""
    text = "from opentelemetry import trace\nfrom opentelemetry.sdk.trace import TracerProvider\n"
    assert brought(project, service=text) == {"opentelemetry-api": "service.py:1", "opentelemetry-sdk": "service.py:2"}


def test_ekiben(project: Path) -> None:
    """Ekiben is in every environment, and is not looked for."""
    assert brought(project, service="import ekiben\nfrom ekiben.bundle import lock\n") == {}


def test_editable(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A module of an editable installation is traced to its distribution."""
    make_project(tmp_path / "lib")
    wheel = make_wheel(tmp_path, "mylib-dist", "0.2", files={"mylib_dist.py": ""})
    site = tmp_path / "site"
    monkeypatch.syspath_prepend(unpack(wheel, site))
    url = {"url": (tmp_path / "lib").as_uri(), "dir_info": {"editable": True}}
    (site / "mylib_dist-0.2.dist-info/direct_url.json").write_text(json.dumps(url))
    monkeypatch.syspath_prepend(str(tmp_path / "lib/src"))
    assert brought(project, service="import mylib\n") == {"mylib-dist": "service.py:1"}


def test_not_installed(project: Path) -> None:
    """A module that nothing brings is listed without a distribution."""
    found = find_imports(write(project, service="import no_such_module.inner\n"), project)
    assert found == (Imported("no_such_module", "service.py:1", ()),)


@pytest.mark.parametrize("text", ["def (:\n", "import \x00\n", "import numpy as\n"])
def test_no_python(text: str, project: Path) -> None:
    """A file that Python cannot read asks for nothing here."""
    assert find_imports(write(project, service=text), project) == ()


def test_nothing_is_run(project: Path) -> None:
    """Looking for imports runs no line of the project."""
    mark = project / "ran"
    text = f"import evil\nopen({str(mark)!r}, 'w')\n"
    find_imports(write(project, service=text, evil=f"open({str(mark)!r}, 'w')\n"), project)
    assert not mark.exists()


def test_own_files_and_their_roots(tmp_path: Path) -> None:
    """Every file of the user's is listed by its path below the folder that its import starts from."""
    main, other = tmp_path / "project", tmp_path / "shared"
    for place, text in {
        main / "pkg" / "__init__.py": "",
        main / "pkg" / "service.py": "from . import words\nimport lib\nimport numpy\n",
        main / "pkg" / "words.py": "import pkg.service\n",
        main / "unused.py": "import click\n",
        other / "lib.py": "import yaml\n",
    }.items():
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
    own, imported = find_all(main / "pkg" / "service.py", (main, other))
    assert {path.as_posix() for path in own} == {"pkg/service.py", "pkg/__init__.py", "pkg/words.py", "lib.py"}
    assert own[Path("lib.py")] == other / "lib.py"
    assert sorted(each.module for each in imported) == ["numpy", "yaml"]

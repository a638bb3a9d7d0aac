"""The front door: importing the package is light, and changes no name."""

import ast
import importlib
import json
import subprocess
import sys

import pytest

import ekiben
from tests.house.tree import ROOT

HEAVY = {
    "click", "fsspec", "httptools", "httpx", "numpy", "pandas", "prometheus_client", "pydantic", "rich", "sklearn",
    "starlette", "uvicorn", "uvloop", "watchfiles", "websockets",
}  # fmt: skip

IMPORT_ALL = """
import importlib, pkgutil, ekiben
for module in pkgutil.walk_packages(ekiben.__path__, "ekiben."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)
"""
PRINT_KINDS = """
import json, ekiben
print(json.dumps({name: type(getattr(ekiben, name)).__name__ for name in ekiben.__all__}))
"""


def run(script: str) -> str:
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_import_is_light() -> None:
    """`import ekiben` loads neither NumPy nor a web server."""
    loaded = set(json.loads(run("import ekiben, json, sys; print(json.dumps(list(sys.modules)))")))
    assert loaded & HEAVY == set()


def test_help_is_light() -> None:
    """`ekiben --help` loads neither NumPy, pydantic nor a web server."""
    script = """
import json, sys
from ekiben.cli.main import main
sys.argv = ["ekiben", "--help"]
try:
    main()
except SystemExit as end:
    assert end.code in (0, None), end.code
print(json.dumps(list(sys.modules)))
"""
    loaded = set(json.loads(run(script).splitlines()[-1]))
    assert loaded & (HEAVY - {"click", "rich"}) == set()


@pytest.mark.parametrize(
    "script",
    [
        pytest.param(IMPORT_ALL + PRINT_KINDS, id="all modules first, then the names"),
        pytest.param(PRINT_KINDS.replace("print", "str") + IMPORT_ALL + PRINT_KINDS, id="the names first"),
    ],
)
def test_no_module_hides_a_public_name(script: str) -> None:
    """`ekiben.service` and the other public names are the same after every module was imported."""
    assert json.loads(run(script)) == json.loads(run(PRINT_KINDS))


def test_type_checkers_see_what_runs() -> None:
    """The imports that type checkers read are the ones that happen on first use."""
    tree = ast.parse((ROOT / "src/ekiben/__init__.py").read_text())
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module != "typing"]
    seen = {alias.asname or alias.name: (node.module, alias.name) for node in imports for alias in node.names}
    names = [name for name in ekiben.__all__ if name in seen]
    assert sorted(names) == sorted(seen)
    assert {name: getattr(ekiben, name) for name in names} == {
        name: getattr(importlib.import_module(module or ""), original) for name, (module, original) in seen.items()
    }


def test_public_names_say_what_they_do() -> None:
    """Each public name has a docstring."""
    script = "import ekiben, json; print(json.dumps([n for n in ekiben.__all__ if not getattr(ekiben, n).__doc__]))"
    assert json.loads(run(script)) == []

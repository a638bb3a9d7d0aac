"""The front door: importing the package is light, and changes no name."""

import json
import subprocess
import sys

import pytest

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
    command = [sys.executable, "-c", script]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout


def test_import_is_light() -> None:
    """`import ekiben` loads neither NumPy nor a web server."""
    loaded = set(json.loads(run("import ekiben, json, sys; print(json.dumps(list(sys.modules)))")))
    assert loaded & HEAVY == set()


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


def test_public_names_say_what_they_do() -> None:
    """Each public name has a docstring."""
    script = "import ekiben, json; print(json.dumps([n for n in ekiben.__all__ if not getattr(ekiben, n).__doc__]))"
    assert json.loads(run(script)) == []

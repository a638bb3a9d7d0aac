"""The package offers its names by `dir`, by star and by attribute, each on first use."""

import subprocess
import sys

import pytest

import ekiben


def run(script: str) -> str:
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_dir_lists_the_public_names() -> None:
    """`dir(ekiben)` is `__all__`, sorted, before anything was used."""
    assert run("import ekiben; print(dir(ekiben) == sorted(ekiben.__all__))") == "True"
    assert len(set(ekiben.__all__)) == len(ekiben.__all__)


def test_star_import() -> None:
    """`from ekiben import *` gives every public name, and imports no framework's library for it."""
    script = """
import sys
from ekiben import *
import ekiben
missing = [name for name in ekiben.__all__ if name not in globals()]
print(missing, {"tensorflow", "keras", "sklearn"} & set(sys.modules))
"""
    assert run(script) == "[] set()"


def test_a_name_is_imported_once() -> None:
    """A name that was used is an attribute like any other."""
    assert (
        run("import ekiben; a = ekiben.service; print('service' in vars(ekiben), a is ekiben.service)") == "True True"
    )


def test_a_name_that_is_not_there() -> None:
    """What is no public name is an AttributeError, as of any module."""
    with pytest.raises(AttributeError, match="module 'ekiben' has no attribute 'servise'"):
        _ = ekiben.servise

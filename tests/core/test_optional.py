"""A library that is missing is named, with what installs it."""

import pytest

import ekiben
from ekiben.core.errors import MissingLibrary


def test_importing_what_is_there() -> None:
    """A block whose libraries are there changes nothing; other errors pass through."""
    with ekiben.importing():
        import json  # noqa: F401 - what a user's module does
    with pytest.raises(ValueError, match="x"), ekiben.importing():
        raise ValueError("x")


def test_importing_what_is_missing() -> None:
    """A library that is not installed is named, not the part of it that was asked for."""
    with pytest.raises(MissingLibrary, match="the service needs the library `no_such_thing`") as caught:
        with ekiben.importing():
            import no_such_thing.part  # type: ignore[import-not-found]  # noqa: F401 - what a user's module does
    assert caught.value.hint == "pip install no_such_thing"


def test_importing_a_name_that_is_missing() -> None:
    """A library that lacks a name is told with Python's words."""
    with pytest.raises(MissingLibrary, match="cannot be imported: cannot import name 'no_such_name'"):
        with ekiben.importing():
            from json import no_such_name  # type: ignore[attr-defined]  # noqa: F401 - what a user's module does

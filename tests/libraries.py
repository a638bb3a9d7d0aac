"""Import big libraries on first use, so that test files of every group can be collected everywhere.

In: a module's name. Out: something with its attributes. The groups of `make test-heavy` decide what is installed where.
"""

import importlib
from typing import Any


class Later:
    """A module that is imported when one of its attributes is asked for."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, attribute: str) -> Any:
        return getattr(importlib.import_module(self._name), attribute)


def later(name: str) -> Any:
    """Give the module *name*, imported on first use."""
    return Later(name)

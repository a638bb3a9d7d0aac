"""Know which service runs in this process, from code that has no `self` to ask.

In: what the engine notes when it makes an instance. Out: that service, for a route of a mounted app, a helper function
or a module of the user's. Where several run side by side, the one whose code runs is meant, else the last to start.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from ekiben.core.spec import ServiceSpec


@dataclass(slots=True, eq=False)
class Current:
    """A service that runs here; `instance` is None until its `__init__` has ended."""

    spec: ServiceSpec
    instance: Any = None


_running: list[Current] = []  # those that have begun, the last one last
_inside: ContextVar[Current | None] = ContextVar("ekiben_current", default=None)
_place = [0]  # of this worker among those of its group


def begin(current: Current) -> Callable[[], None]:
    """Note that a service begins; give what notes that it has ended."""
    _running.append(current)

    def end() -> None:
        if current in _running:
            _running.remove(current)

    return end


@contextmanager
def inside(current: Current | None) -> Iterator[None]:
    """Run a block as code of a service."""
    token = _inside.set(current)
    try:
        yield
    finally:
        _inside.reset(token)


def current() -> Current | None:
    """Give the service whose code runs; None where no service does."""
    return _inside.get() or (_running[-1] if _running else None)


def settle_place(index: int) -> None:
    """Note which worker this process is, from 0."""
    _place[0] = index


def worker_index() -> int:
    """Say which worker of its service this process is, from 0."""
    return _place[0]

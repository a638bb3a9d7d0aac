"""Know which request the running code answers, wherever that code is.

In: what a front end noted of a request. Out: its id, its trace id, and the headers by which another service joins its
trace, for whoever logs or calls on. A context variable, so that threads and tasks side by side each see their own.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass


def nothing() -> dict[str, str]:
    """Give no headers."""
    return {}


@dataclass(frozen=True, slots=True)
class Running:
    """A request, as far as code far from it asks."""

    request_id: str = ""
    trace_id: str = ""  # 32 hexadecimal digits, where the request is traced
    span: object = None  # what a batch that answers this request among others is linked to
    outgoing: Callable[[], Mapping[str, str]] = nothing  # headers for a call to another service, made within this one
    enter: Callable[[], AbstractContextManager[object]] = nullcontext  # puts code on another thread into the trace


NOBODY = Running()
_RUNNING: ContextVar[Running] = ContextVar("ekiben_running", default=NOBODY)


def running() -> Running:
    """Give the request that is answered, or one without an id."""
    return _RUNNING.get()


@contextmanager
def answering(request: Running) -> Iterator[None]:
    """Run a block for a request."""
    token = _RUNNING.set(request)
    try:
        with request.enter():
            yield
    finally:
        _RUNNING.reset(token)

"""Say under which name Ekiben was entered, and what follows from that.

In: a block of code that enters, the command line's or a drop-in's. Out: plain data for whoever has to name a command,
a variable or a folder. No room knows any other name than the one that it is given here.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from ekiben.core.spec import Style


@dataclass(frozen=True, slots=True)
class Front:
    """A name to enter by, and its defaults."""

    title: str = "Ekiben"  # as sentences call it
    program: str = "ekiben"  # the command, and the package in `module: ekiben.keras` of a stored model
    distribution: str = "ekiben"  # whose version `--version` says
    home_variable: str = "EKIBEN_HOME"
    home_folder: str = "~/.ekiben"
    port_variable: str = "EKIBEN_PORT"
    host: str = "127.0.0.1"
    serving: str = "serve"  # the words after an image's name that the line to run it has
    style: Style = Style()  # of services that bring none of their own
    # `module:function` that gives more settings of services (`services/configure.More`), over those of ekiben.yaml.
    settings: str | None = None
    model_class: str = "ekiben.frameworks.handle:Model"  # what stored models are; a drop-in's offer more


EKIBEN = Front()
_is_typed: ContextVar[bool] = ContextVar("ekiben_is_typed", default=False)
_entered: ContextVar[Front] = ContextVar("ekiben_front", default=EKIBEN)


def front() -> Front:
    """Give the front of this moment."""
    return _entered.get()


def command(words: str) -> str:
    """Write a command line of the front, for a message."""
    return f"`{_entered.get().program} {words}`"


def worded(code: str, line: str) -> str:
    """Give the words for whoever wrote *code*, or typed a command *line*."""
    return line if _is_typed.get() else code


@contextmanager
def typed() -> Iterator[None]:
    """Run a command that was typed: what errors advise is words of a command line."""
    token = _is_typed.set(True)
    try:
        yield
    finally:
        _is_typed.reset(token)


@contextmanager
def enter(by: Front) -> Iterator[None]:
    """Enter by another front for this block of code.

    It follows `await`, and no thread that the block starts.
    """
    token = _entered.set(by)
    try:
        yield
    finally:
        _entered.reset(token)

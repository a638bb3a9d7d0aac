"""Hold what every command takes: where home is, how much is said, in which form.

In: options, wherever they stand in the command line. Out: the environment and the `ekiben` logger as asked,
for as long as one command runs.
"""

import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from ekiben.cli.front import FrontEnd
from ekiben.core import log, paths
from ekiben.core.config import Kind, read_text
from ekiben.core.errors import ConfigError
from ekiben.core.front import EKIBEN, enter, front, typed

if TYPE_CHECKING:
    import click

Level = Literal["debug", "info", "warning", "error"]


@dataclass(slots=True)
class Session:
    """One run of the program."""

    front: FrontEnd
    words: Sequence[str] = ()  # as typed
    home: str | None = None
    quiet: bool = False
    verbose: bool = False
    json_logs: bool = False
    hints: list[str] = field(default_factory=list)  # for the log, once it is set up
    passed: list[str] = field(default_factory=list)  # options that a container engine is told as they are

    @property
    def level(self) -> Level | None:
        """How much is logged, where an option says so."""
        return "debug" if self.verbose else "error" if self.quiet else None

    def heed_variables(self) -> None:
        """Let variables say how much is said, where no option does.

        `EKIBEN_QUIET` and `EKIBEN_DEBUG` are true or false; `EKIBEN_VERBOSITY` is below 0 for errors only, and above 0
        for more.

        Raises:
            ConfigError: a variable is neither.
        """
        if self.quiet or self.verbose:
            return
        quiet, debug, verbosity = (self.front.variable(name) for name in ("QUIET", "DEBUG", "VERBOSITY"))
        told = read_whole(verbosity)
        self.quiet = told < 0 or read_flag(quiet)
        self.verbose = told > 0 or read_flag(debug)

    @contextmanager
    def applied(self, level: Level) -> Iterator[None]:
        """Enter by the front; set home and logger for a block.

        *level* counts where no option says another.

        Home is set as Ekiben's own variable too, for the threads and processes that the command starts.
        """
        self.heed_variables()
        home = None if self.home is None and self.front.home_variable == EKIBEN.home_variable else str(self.find_home())
        with enter(self.front), typed(), environment(EKIBEN.home_variable, home), logging_kept():
            with environment(self.front.home_variable, home):
                log.set_up(self.level or level, style="json" if self.json_logs else "text")
                yield

    def find_home(self) -> Path:
        """Say which folder holds the stores."""
        with enter(self.front):
            return paths.home(self.home)


def read_flag(variable: str) -> bool:
    """Read a variable that is true or false; an unset one is false."""
    text = os.environ.get(variable)
    return bool(text) and bool(read_text(text or "", Kind.FLAG, variable))


def read_whole(variable: str) -> int:
    """Read a variable that is a whole number; an unset one is 0."""
    text = os.environ.get(variable) or "0"
    try:
        return int(text)
    except ValueError as error:
        raise ConfigError(f"`{variable}` must be a whole number: {text!r}", hint="write -1, 0 or 1") from error


@contextmanager
def environment(name: str, value: str | None) -> Iterator[None]:
    """Set a variable for this process and its children for a block, if not None."""
    before = os.environ.get(name)
    if value is not None:
        os.environ[name] = value
    try:
        yield
    finally:
        if value is not None:
            os.environ.pop(name)
            os.environ.update({} if before is None else {name: before})


@contextmanager
def logging_kept() -> Iterator[None]:
    """Put the `ekiben` logger, and that of the program, back as they were."""
    loggers = [logging.getLogger(name) for name in {log.LOGGER, front().program}]
    before = [(list(logger.handlers), logger.level, logger.propagate) for logger in loggers]
    try:
        yield
    finally:
        for logger, (handlers, level, propagate) in zip(loggers, before, strict=True):
            logger.handlers[:], logger.propagate = handlers, propagate
            logger.setLevel(level)


def session_of(ctx: "click.Context") -> Session:
    """Give the run that *ctx* belongs to."""
    found = ctx.find_object(Session)
    assert found is not None, "the program is made by cli.main.build, which sets it"
    return found

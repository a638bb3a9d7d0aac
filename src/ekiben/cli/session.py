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
from typing import Literal

from ekiben.cli.front import FrontEnd
from ekiben.core import log, paths
from ekiben.core.front import EKIBEN, enter

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

    @property
    def level(self) -> Level | None:
        """How much is logged, where an option says so."""
        return "debug" if self.verbose else "error" if self.quiet else None

    @contextmanager
    def applied(self, level: Level) -> Iterator[None]:
        """Enter by the front; set home and logger for a block.

        *level* counts where no option says another.

        Home is set as Ekiben's own variable too, for the threads and processes that the command starts.
        """
        home = None if self.home is None and self.front.home_variable == EKIBEN.home_variable else str(self.find_home())
        with enter(self.front), environment(EKIBEN.home_variable, home), logging_kept():
            with environment(self.front.home_variable, home):
                log.set_up(self.level or level, style="json" if self.json_logs else "text")
                yield

    def find_home(self) -> Path:
        """Say which folder holds the stores."""
        with enter(self.front):
            return paths.home(self.home)


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
    """Put the `ekiben` logger back as it was."""
    logger = logging.getLogger(log.LOGGER)
    before = list(logger.handlers), logger.level, logger.propagate
    try:
        yield
    finally:
        logger.handlers[:], logger.propagate = before[0], before[2]
        logger.setLevel(before[1])

"""Set up the `ekiben` logger, and nothing else.

In: how much to say, and whether as text or as JSON lines. Out: one handler on the logger `ekiben`.
The root logger and everything that the user set up are left alone; nothing happens at import.
"""

import json
import logging
import sys
import time
from typing import Literal, TextIO

from ekiben.core.front import front

LOGGER = "ekiben"
ACCESS = "ekiben.access"
TEXT = "%(asctime)s %(levelname)s %(message)s"
_OURS = "_ekiben_handler"

# What every LogRecord has: the rest was given as `extra` and belongs into a JSON line.
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


def announce(message: str, *values: object) -> None:
    """Say one line that a person who runs a script waits for.

    It is a record of level INFO on the logger `ekiben`. Where nobody set up logging it goes to stderr, so that a plain
    script shows it and its stdout stays its own.
    """
    logger = logging.getLogger(LOGGER)
    if logger.hasHandlers():
        logger.info(message, *values)
    elif logger.level <= logging.INFO and logger.manager.disable < logging.INFO and sys.stderr is not None:
        print(message % values if values else message, file=sys.stderr)  # noqa: T201 - what logging's last resort does


class JsonLines(logging.Formatter):
    """One JSON object a record: time (RFC 3339, UTC), level, logger, message, more."""

    def format(self, record: logging.LogRecord) -> str:
        """Give one line without line breaks."""
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        line: dict[str, object] = {
            "time": f"{stamp}.{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        line.update({key: value for key, value in vars(record).items() if key not in _STANDARD})
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


def is_ours(handler: logging.Handler) -> bool:
    """Say whether *handler* was made by `set_up`."""
    return bool(getattr(handler, _OURS, False))


def set_up(
    level: Literal["debug", "info", "warning", "error"] = "info",
    *,
    style: Literal["text", "json"] = "text",
    stream: TextIO | None = None,
) -> logging.Logger:
    """Give the `ekiben` logger one handler of ours, replacing an earlier one.

    So does the logger by the name of the program that was entered, which its users' code writes to. A logger that the
    user already gave handlers keeps them and gets none of ours.
    """
    program = front().program
    if program != LOGGER:
        set_up_one(logging.getLogger(program), level, style, stream)
    return set_up_one(logging.getLogger(LOGGER), level, style, stream)


def set_up_one(logger: logging.Logger, level: str, style: str, stream: TextIO | None) -> logging.Logger:
    """Give one logger one handler of ours."""
    theirs = [handler for handler in logger.handlers if not is_ours(handler)]
    for handler in list(logger.handlers):
        if handler not in theirs:
            logger.removeHandler(handler)
    logger.setLevel(level.upper())
    if theirs:
        return logger
    handler = logging.StreamHandler(stream or sys.stderr)
    setattr(handler, _OURS, True)
    handler.setFormatter(JsonLines() if style == "json" else logging.Formatter(TEXT))
    logger.addHandler(handler)
    logger.propagate = False
    return logger


def described() -> dict[str, str] | None:
    """Say how `set_up` was called, for another process; None where it was not."""
    logger = logging.getLogger(LOGGER)
    for handler in filter(is_ours, logger.handlers):
        style = "json" if isinstance(handler.formatter, JsonLines) else "text"
        return {"level": logging.getLevelName(logger.level).lower(), "style": style}
    return None

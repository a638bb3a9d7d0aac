"""Write the access log, in batches, so that no request waits for it.

In: finished requests. Out: a line for each on the logger `ekiben.access`.
Lines are made of a batch at once, and a thread of its own writes them, so that a slow terminal or pipe stops nobody.
With the handler that Ekiben set up a batch is one write; otherwise each line is a record for the user's handlers.
"""

import asyncio
import logging
import queue
import threading
from time import perf_counter, time
from typing import Any, TypeAlias

from ekiben.core.log import ACCESS, JsonLines, is_ours
from ekiben.core.spec import AccessSpec
from ekiben.http.exchange import Finished
from ekiben.http.lines import Entry, entry, json_line, message, text_writer, values

BATCH = 128  # lines
DELAY = 0.1  # seconds that a line may wait for others
WAITING = 1000  # batches; more than these are dropped, and counted

logger = logging.getLogger(ACCESS)
OurHandler: TypeAlias = "logging.StreamHandler[Any]"


class AccessLog:
    """The access log of one app."""

    def __init__(self, spec: AccessSpec) -> None:
        self._spec = spec
        self._text = text_writer(spec)
        self._skipped = frozenset(spec.skip_paths)
        self._waiting: list[tuple[Finished, float, float]] = []
        self._batches: queue.SimpleQueue[tuple[OurHandler, str] | list[Entry] | None] = queue.SimpleQueue()
        self._timer: asyncio.TimerHandle | None = None
        self._thread: threading.Thread | None = None
        self._dropped = 0

    def skips(self, path: str) -> bool:
        """Say whether requests for *path* stay out of the log."""
        return path in self._skipped

    def note(self, exchange: Finished, seconds: float, now: float) -> None:
        """Note a request that finished *now*, of time.perf_counter."""
        waiting = self._waiting
        waiting.append((exchange, seconds, now))
        if len(waiting) >= BATCH:
            self._hand_over()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(DELAY, self._hand_over)

    def close(self) -> None:
        """Write what waits, and end the thread."""
        self._hand_over()
        if self._thread is not None:
            self._batches.put(None)
            self._thread.join(timeout=5)
            self._thread = None

    def _hand_over(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        waiting, self._waiting = self._waiting, []
        if not waiting or not logger.isEnabledFor(logging.INFO):
            return
        if self._batches.qsize() >= WAITING:
            self._dropped += len(waiting)
            return
        since = time() - perf_counter()
        handler = sole_handler()
        if handler is not None and not is_json(handler, self._spec.format):
            self._batches.put(
                (handler, "".join([self._text(one, seconds, since + now) for one, seconds, now in waiting]))
            )
        else:
            entries = [entry(exchange, seconds, since + now, self._spec) for exchange, seconds, now in waiting]
            self._batches.put(entries if handler is None else (handler, "".join(map(json_line, entries))))
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="ekiben-access-log", daemon=True)
            self._thread.start()

    def _work(self) -> None:
        while (batch := self._batches.get()) is not None:
            if isinstance(batch, tuple):
                write(*batch)
            else:
                for one in batch:
                    logger.handle(record(one, self._spec.format))
            if self._dropped:
                dropped, self._dropped = self._dropped, 0
                logger.warning("the access log is too slow: %d lines were dropped", dropped)


def is_json(handler: OurHandler, form: str | None = None) -> bool:
    """Say whether lines are JSON: by *form*, or else by the handler's formatter."""
    return isinstance(handler.formatter, JsonLines) if form is None else form == "json"


def write(handler: OurHandler, lines: str) -> None:
    """Write lines at once; a stream that is gone is reported, and stops nobody."""
    handler.acquire()
    try:
        handler.stream.write(lines)
        handler.flush()
    except (OSError, ValueError):
        handler.handleError(logger.makeRecord(ACCESS, logging.INFO, "", 0, lines, (), None))
    finally:
        handler.release()


def sole_handler() -> "OurHandler | None":
    """Give the handler that Ekiben set up, where no other would get a line."""
    reached: list[logging.Handler] = []
    current: logging.Logger | None = logger
    while current is not None:
        reached += current.handlers
        current = current.parent if current.propagate else None
    only = reached[0] if len(reached) == 1 else None
    return only if isinstance(only, logging.StreamHandler) and is_ours(only) and not only.filters else None


def record(one: Entry, form: str | None = None) -> logging.LogRecord:
    """Give an entry as a record, with its values as extras.

    Its message is a JSON object where *form* says so.
    """
    words = json_line(one).rstrip() if form == "json" else message(one)
    made = logger.makeRecord(ACCESS, logging.INFO, "", 0, "%s", (words,), None, extra=values(one))
    made.created = one.time
    made.msecs = one.time % 1 * 1000
    return made

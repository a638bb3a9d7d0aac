"""Say what a long start waits for, now and then.

In: what is done, noted by whichever thread does it. Out: a line on the log after 3, 10 and 30 seconds and then each
minute, with the user's line of code that runs; nothing at all of a start that is quick.
"""

import linecache
import logging
import sys
import threading
import time
from collections.abc import Iterator
from itertools import chain, count

from ekiben.core.trace import is_users, near

log = logging.getLogger("ekiben")

FIRST = (3.0, 10.0, 30.0)  # seconds after the beginning
LATER = 60  # seconds between what follows


class Watch:
    """One start: what it does now, and a thread that tells.

    Args:
        whose: who starts, before `is still starting`; empty for the program itself.
        moments: when something is told, in seconds after the beginning.
    """

    def __init__(self, whose: str = "", moments: Iterator[float] | None = None) -> None:
        self._whose = f"{whose} is still" if whose else "still"
        self._moments = moments or chain(FIRST, count(LATER, LATER))
        self._began = time.monotonic()
        self._step: tuple[str, int] | None = None  # what is done, and by which thread
        self._is_over = threading.Event()
        self._lock = threading.Lock()
        threading.Thread(target=self._tell, name="ekiben-starting", daemon=True).start()

    def note(self, words: str) -> None:
        """Note what this thread does from now on; nothing is told of an empty text."""
        self._step = (words, threading.get_ident()) if words else None

    def over(self) -> None:
        """Tell nothing more."""
        with self._lock:
            self._is_over.set()

    def _tell(self) -> None:
        for moment in self._moments:
            if self._is_over.wait(max(0.0, self._began + moment - time.monotonic())):
                return
            step = self._step
            with self._lock:
                if step is not None and not self._is_over.is_set():
                    log.info("%s starting after %g s: %s", self._whose, moment, step[0] + line_of(step[1]))


_watch: list[Watch] = []  # of this process, while it starts


def begin(whose: str = "") -> None:
    """Watch the start of this process from now on; *whose* as `Watch` takes it."""
    over()
    _watch.append(Watch(whose))


def note(words: str) -> None:
    """Note what this thread does from now on, where a start is watched."""
    for watch in _watch:
        watch.note(words)


def over() -> None:
    """End the watch, if there is one: all that was waited for is there."""
    while _watch:
        _watch.pop().over()


def line_of(thread: int) -> str:
    """Give the innermost line of the user's code that a thread is in, or nothing."""
    frame = sys._current_frames().get(thread)
    while frame is not None:
        file, number = frame.f_code.co_filename, frame.f_lineno
        if is_users(file) and file != sys.argv[0]:  # which is the script that starts the program
            code = linecache.getline(file, number).strip()
            return f" ({near(file)}, line {number}{f': {code}' if code else ''})"
        frame = frame.f_back
    return ""

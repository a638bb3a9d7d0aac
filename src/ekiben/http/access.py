"""Write the access log, in batches and off the event loop.

In: finished exchanges. Out: a line for each on the logger `ekiben.access`, as text or as JSON.
The event loop only appends; a thread of its own formats and writes. Where the handler is the one that Ekiben set up,
lines of a batch are written at once; where the user set up their own, each line is a record of theirs.
"""

import asyncio
import logging
import queue
import threading
import time
from functools import lru_cache
from typing import Any, NamedTuple

import orjson

from ekiben.core.log import ACCESS, JsonLines, is_ours
from ekiben.core.spec import AccessSpec
from ekiben.http.exchange import Exchange

BATCH = 64  # lines
DELAY = 0.1  # seconds that a line may wait for others
WAITING = 1000  # batches; more than these are dropped, and counted

logger = logging.getLogger(ACCESS)


class Entry(NamedTuple):
    """One finished request, as plain values."""

    time: float  # of time.time
    client: str
    method: str
    path: str
    status: int
    seconds: float
    request_id: str
    details: dict[str, Any]


class AccessLog:
    """The access log of one app."""

    def __init__(self, spec: AccessSpec) -> None:
        self._spec = spec
        self._skipped = frozenset(spec.skip_paths)
        self._waiting: list[tuple[Exchange, float, float]] = []
        self._batches: queue.SimpleQueue[list[tuple[Exchange, float, float]] | None] = queue.SimpleQueue()
        self._timer: asyncio.TimerHandle | None = None
        self._thread: threading.Thread | None = None
        self._dropped = 0

    def note(self, exchange: Exchange, seconds: float) -> None:
        """Note a finished request; the log may be written a moment later."""
        if exchange.scope["path"] in self._skipped or not logger.isEnabledFor(logging.INFO):
            return
        self._waiting.append((exchange, seconds, time.time()))
        if len(self._waiting) >= BATCH:
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
        if not self._waiting:
            return
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="ekiben-access-log", daemon=True)
            self._thread.start()
        if self._batches.qsize() < WAITING:
            self._batches.put(self._waiting)
        else:
            self._dropped += len(self._waiting)
        self._waiting = []

    def _work(self) -> None:
        while (batch := self._batches.get()) is not None:
            write([entry(exchange, seconds, now, self._spec) for exchange, seconds, now in batch])
            if self._dropped:
                dropped, self._dropped = self._dropped, 0
                logger.warning("the access log is too slow: %d lines were dropped", dropped)


def entry(exchange: Exchange, seconds: float, now: float, spec: AccessSpec) -> Entry:
    """Gather what is logged of one request."""
    scope, headers = exchange.scope, exchange.headers
    client = scope.get("client")
    details: dict[str, Any] = {}
    if spec.request_content_type and b"content-type" in headers:
        details["request_content_type"] = headers[b"content-type"].decode("latin-1")
    if spec.request_content_length and b"content-length" in headers:
        details["request_content_length"] = headers[b"content-length"].decode("latin-1")
    if spec.response_content_type and exchange.media_type:
        details["response_content_type"] = exchange.media_type.decode("latin-1")
    if spec.response_content_length:
        details["response_content_length"] = exchange.length
    return Entry(
        now,
        address(client),
        scope["method"],
        scope["path"],
        exchange.status,
        seconds,
        exchange.request_id,
        details,
    )


def address(client: Any) -> str:
    """Write a client's address."""
    if not client:
        return "-"
    host, port = client[0], client[1]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def write(entries: list[Entry]) -> None:
    """Write one batch."""
    handler = sole_handler()
    if handler is None:
        for one in entries:
            logger.handle(record(one))
        return
    line = json_line if isinstance(handler.formatter, JsonLines) else text_line
    lines = "".join(line(one) for one in entries)
    handler.acquire()
    try:
        handler.stream.write(lines)
        handler.flush()
    except (OSError, ValueError):
        handler.handleError(record(entries[-1]))
    finally:
        handler.release()


def sole_handler() -> "logging.StreamHandler[Any] | None":
    """Give the handler that Ekiben set up, where no other would get a line."""
    reached: list[logging.Handler] = []
    current: logging.Logger | None = logger
    while current is not None:
        reached += current.handlers
        current = current.parent if current.propagate else None
    only = reached[0] if len(reached) == 1 else None
    return only if isinstance(only, logging.StreamHandler) and is_ours(only) and not only.filters else None


def record(one: Entry) -> logging.LogRecord:
    """Give an entry as a record, with its values as extras."""
    made = logger.makeRecord(ACCESS, logging.INFO, "", 0, message(one), (), None, extra=values(one))
    made.created = one.time
    made.msecs = one.time % 1 * 1000
    return made


def values(one: Entry) -> dict[str, Any]:
    """Give an entry's values by name."""
    return {
        "client": one.client,
        "method": one.method,
        "path": one.path,
        "status": one.status,
        "duration_ms": round(one.seconds * 1000, 3),
        "request_id": one.request_id,
        **one.details,
    }


def message(one: Entry) -> str:
    """Write an entry for people; nothing that a client sent can break the line."""
    sizes = [side(one.details, "request"), side(one.details, "response")]
    told = " -> ".join(printable(text) for text in sizes) if any(sizes) else ""
    head = f'{one.client} "{printable(one.method)} {printable(one.path)}" {one.status} {one.seconds * 1000:.2f}ms'
    return f"{head} ({told}) id={one.request_id}" if told else f"{head} id={one.request_id}"


def side(details: dict[str, Any], which: str) -> str:
    """Give the type and size of a body, as far as they are logged."""
    parts = (details.get(f"{which}_content_type"), details.get(f"{which}_content_length"))
    return ", ".join(str(part) for part in parts if part is not None)


def printable(text: str) -> str:
    """Escape what is not printable, and quotes."""
    if text.isprintable() and '"' not in text:
        return text
    return text.encode("unicode_escape").decode().replace('"', "%22")


def text_line(one: Entry) -> str:
    """Write a whole line as the text formatter does."""
    return f"{local_stamp(int(one.time))},{int(one.time % 1 * 1000):03d} INFO {message(one)}\n"


def json_line(one: Entry) -> str:
    """Write a whole line as the JSON formatter does."""
    line = {
        "time": f"{utc_stamp(int(one.time))}.{int(one.time % 1 * 1000):03d}Z",
        "level": "info",
        "logger": ACCESS,
        "message": message(one),
        **values(one),
    }
    return orjson.dumps(line).decode() + "\n"


@lru_cache(maxsize=4)
def local_stamp(second: int) -> str:
    """Write a second as the text formatter does; lines of one second share it."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(second))


@lru_cache(maxsize=4)
def utc_stamp(second: int) -> str:
    """Write a second as RFC 3339 does."""
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))

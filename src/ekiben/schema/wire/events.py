"""Server-sent events out and in.

In: an `Event`, or bytes of a stream as they arrive, cut anywhere. Out: bytes; or the events that are complete.
Source: the HTML standard, "Server-sent events": text/event-stream is UTF-8, a line ends with CR, LF or both, an empty
line ends an event, `data` may come several times, a line that begins with a colon is a comment. It cannot carry a CR.
"""

import codecs
import re
from dataclasses import dataclass
from typing import Any

EVENTS = "text/event-stream"
QUOTED = "data=json"  # a parameter of the type, by which our clients ask that all data be JSON, text too
BREAK = re.compile("\r\n|\r|\n")
BEAT = b": \n\n"  # a comment: says nothing, and keeps the connection from looking dead


@dataclass(frozen=True, slots=True)
class Event:
    """One event of a stream that is `text/event-stream`.

    Args:
        data: text; anything else becomes JSON.
        event: its name; None stands for `message`.
        id: by which a browser that connects again says what it had last.
        retry_ms: milliseconds after which a browser connects again.

    Raises:
        ValueError: a name or an id is not one line.
    """

    data: Any = ""
    event: str | None = None
    id: str | None = None
    retry_ms: int | None = None

    def __post_init__(self) -> None:
        """Hold what must be one line to that."""
        for name, value in (("event", self.event), ("id", self.id)):
            if value is not None and (BREAK.search(value) or "\0" in value):
                raise ValueError(f"`{name}` of an event must be one line of text: {value!r}")
        if self.retry_ms is not None and self.retry_ms < 0:
            raise ValueError(f"`retry_ms` of an event must be a whole number of milliseconds: {self.retry_ms!r}")


def write_data(data: str) -> bytes:
    """Write an event that has data only."""
    if "\n" in data or "\r" in data:
        return "".join([f"data: {line}\n" for line in BREAK.split(data)]).encode() + b"\n"
    return b"data: " + data.encode() + b"\n\n"


def write(event: Event, data: str) -> bytes:
    """Write an event whose data is *data*, as text."""
    fields = (("event", event.event), ("id", event.id), ("retry", event.retry_ms))
    head = "".join([f"{name}: {value}\n" for name, value in fields if value is not None])
    return head.encode() + write_data(data)


class Parser:
    """Reads events from bytes that are cut anywhere."""

    def __init__(self) -> None:
        self._decode = codecs.getincrementaldecoder("utf-8-sig")(errors="replace").decode
        self._rest = ""  # a line that has not ended
        self._data: list[str] = []
        self._name: str | None = None
        self._id: str | None = None
        self._retry: int | None = None

    def feed(self, chunk: bytes) -> list[Event]:
        """Read on; give the events that are complete now, their data as text."""
        text = self._rest + self._decode(chunk)
        held = text.endswith("\r")  # a line feed that belongs to it may come next
        lines = BREAK.split(text[:-1] if held else text)
        self._rest = lines.pop() + ("\r" if held else "")
        found = [self._take(line) for line in lines]
        return [event for event in found if event is not None]

    def _take(self, line: str) -> Event | None:
        """Read one line; an empty one ends an event, if there is one."""
        if not line:
            data, self._data = self._data, []
            name, self._name = self._name, None
            retry, self._retry = self._retry, None
            return Event("\n".join(data), name, self._id, retry) if data else None
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "data":
            self._data.append(value)
        elif name == "event":
            self._name = value.replace("\0", "") or None
        elif name == "id" and "\0" not in value:
            self._id = value
        elif name == "retry" and value.isascii() and value.isdigit():
            self._retry = int(value[:9])
        return None

"""Read an answer that comes in pieces, as it comes.

In: chunks of bytes, cut anywhere. Out: what the service's method gave, one by one: text, records, arrays, events,
bytes; or the exception that a last event stands for.
"""

import codecs
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from ekiben.client.answers import Head, error_of, shape
from ekiben.client.base import Route
from ekiben.core.errors import ServerError
from ekiben.schema.content import essence
from ekiben.schema.wire import json as wire_json
from ekiben.schema.wire.events import EVENTS, QUOTED, Event, Parser

ACCEPT = f"{EVENTS}; {QUOTED}, */*;q=0.1"  # events can say what went wrong, and as JSON they lose nothing
LINES = ("application/x-ndjson", "application/jsonl")


class Reader:
    """Reads one stream.

    Args:
        route: the endpoint.
        head: of the answer.
    """

    def __init__(self, route: Route, head: Head) -> None:
        self._route = route
        self._head = head
        declared = head.headers.get("content-type", "")
        self._rest = b""
        self._parser = Parser()
        self._text = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self.feed: Callable[[bytes], Iterable[Any]] = self._bytes
        if head.media == EVENTS and QUOTED in declared.replace(" ", ""):
            self.feed = self._events
        elif essence(declared) in LINES:
            self.feed = self._lines
        elif head.media.startswith("text/"):
            self.feed = self._texts

    def finish(self) -> list[Any]:
        """Give what is left once the last chunk was fed."""
        rest, self._rest = self._rest, b""
        text = self._text.decode(b"", final=True)
        return [self._value(rest)] if rest.strip() else [text] if text else []

    def _bytes(self, chunk: bytes) -> list[Any]:
        return [chunk]

    def _texts(self, chunk: bytes) -> list[Any]:
        text = self._text.decode(chunk)
        return [text] if text else []

    def _lines(self, chunk: bytes) -> Iterator[Any]:
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        return (self._value(line) for line in lines if line.strip())

    def _events(self, chunk: bytes) -> Iterator[Any]:
        return (self._event(event) for event in self._parser.feed(chunk))

    def _event(self, event: Event) -> Any:
        """Give one event's value; raises what an error event stands for."""
        data = event.data.encode()
        told = self._load(data)
        if event.event == "error" and isinstance(told, dict) and "error" in told:
            status = told.get("status")
            raise error_of(Head(status if isinstance(status, int) else 500, {}), data)
        if self._route.answer.name == "event":
            return Event(told, event.event, event.id, event.retry_ms)
        return shape(told, self._route.output, self._route.definitions)

    def _value(self, line: bytes) -> Any:
        return shape(self._load(line), self._route.output, self._route.definitions)

    def _load(self, data: bytes) -> Any:
        try:
            return wire_json.load(data)
        except ValueError as error:
            raise ServerError(
                f"a piece of the answer of `{self._route.name}` cannot be read: it {error}", answered=self._head.status
            ) from error

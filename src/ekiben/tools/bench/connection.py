"""One connection of the load: write a request, tell the end of its answer.

In: the bytes of a request. Out: calls of an `Owner`. Nothing of an answer is kept but its status.
Source: RFC 9112; httptools, which is Node's parser.
"""

import asyncio
from typing import Protocol

import httptools


class Owner(Protocol):
    """Who is told what happens on a connection."""

    def opened(self, connection: "Connection") -> None:
        """Take a connection that can be used."""

    def answered(self, connection: "Connection", status: int) -> None:
        """Take the end of an answer."""

    def lost(self, connection: "Connection", why: str) -> None:
        """Take the end of a connection."""


class Connection(asyncio.Protocol):
    """A connection with at most one request on its way."""

    def __init__(self, owner: Owner) -> None:
        self.began = 0.0  # of time.monotonic; when the request on its way was due
        self.is_busy = False
        self._owner = owner
        self._parser = httptools.HttpResponseParser(self)
        self._transport: asyncio.Transport | None = None
        self._why = "the connection was closed"

    def send(self, request: bytes, began: float) -> None:
        """Send a request, which was due at *began*."""
        assert self._transport is not None
        self.began, self.is_busy = began, True
        self._transport.write(request)

    def abort(self, why: str) -> None:
        """Give the connection up."""
        self._why = why
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # what TCP gives
        """Begin."""
        self._transport = transport
        self._owner.opened(self)

    def data_received(self, data: bytes) -> None:
        """Read on."""
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self.abort("the answer was no HTTP")

    def on_message_complete(self) -> None:
        """Tell the end of an answer; called by the parser."""
        status = self._parser.get_status_code()
        if status < 200:
            return
        self.is_busy = False
        if self._parser.should_keep_alive():
            self._owner.answered(self, status)
            return
        self._why = ""
        self._owner.answered(self, status)
        if self._transport is not None:
            self._transport.close()

    @property
    def is_usable(self) -> bool:
        """Whether another request may be sent."""
        return self._why != "" and self._transport is not None and not self._transport.is_closing()

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        self._owner.lost(self, self._why)

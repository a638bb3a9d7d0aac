"""Send an answer that comes in pieces.

In: a `Stream` of the engine, and the forms of its pieces. Out: ASGI messages, one for all pieces that are there.
The head is sent with the first piece, so that whatever fails before it is answered with its status. What fails later is
told in a last event where the form has such; otherwise the answer breaks off, so that nobody takes it for complete.
A reader that takes nothing for a minute is hung up on.
Source: the ASGI specification 3.0 (`more_body`); RFC 9112, 7.1 (an answer without its last chunk is incomplete).
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from ekiben.core.context import ResponseContext
from ekiben.core.errors import EkibenError
from ekiben.engine.streams import Stream
from ekiben.http import answer
from ekiben.http.errors import Failure
from ekiben.http.exchange import STREAMING, Exchange, Send
from ekiben.schema.content import Encoded
from ekiben.schema.pieces import Form, Pieces
from ekiben.schema.signature import EMPTY

log = logging.getLogger("ekiben")

STALL = 60.0  # seconds in which a reader must take something
TICKS = 4  # looks at a reader in that time

Fail = Callable[[BaseException, str], Failure]


class Stalled(Exception):
    """The client takes nothing any more."""


class Wire:
    """The way to the client, watched.

    One that takes nothing is given up, one that hears nothing gets a beat.

    Args:
        send: of the request.
        beat: what says nothing, in the form of the stream.
        every: seconds without a piece after which it is sent; None: never.
        stall: seconds in which a reader must take something.
    """

    def __init__(self, send: Send, beat: bytes, every: float | None, stall: float) -> None:
        self._send = send
        self._beat = beat
        self._loop = asyncio.get_running_loop()
        self._task = asyncio.current_task()
        self._every = min(stall / TICKS, every) if every is not None and beat else stall / TICKS
        self._heartbeat = every if beat else None
        self._stall = stall
        self._is_sending = False
        self._since = self._loop.time()  # of the last send, its begin or its end
        self._beating: asyncio.Task[None] | None = None
        self._timer = self._loop.call_later(self._every, self._look)
        self.is_stalled = False

    async def send(self, body: bytes, *, more: bool = True) -> None:
        """Send a piece of the body."""
        if self._beating is not None:
            await self._beating
            self._beating = None
        await self._put(body, more=more)

    def close(self) -> None:
        """Watch no longer."""
        self._timer.cancel()
        if self._beating is not None:
            self._beating.cancel()

    async def _put(self, body: bytes, *, more: bool = True) -> None:
        self._is_sending, self._since = True, self._loop.time()
        try:
            await self._send({"type": "http.response.body", "body": body, "more_body": more})
        finally:
            self._is_sending, self._since = False, self._loop.time()

    def _look(self) -> None:
        idle = self._loop.time() - self._since
        if self._is_sending and idle >= self._stall:
            self.is_stalled = True
            if self._task is not None:
                self._task.cancel()
            return
        if self._heartbeat is not None and not self._is_sending and idle >= self._heartbeat * 0.9:
            self._beating = self._loop.create_task(self._put(self._beat))
        self._timer = self._loop.call_later(self._every, self._look)


class Sender:
    """Sends the streams of one endpoint; planned once.

    Args:
        pieces: the forms that it has.
        fail: turns an error into an answer.
        heartbeat: seconds without a piece after which a beat is sent; None: never.
        stall: seconds in which a reader must take something.
    """

    def __init__(self, pieces: Pieces, fail: Fail, heartbeat: float | None = None, stall: float = STALL) -> None:
        self._pieces = pieces
        self._fail = fail
        self._heartbeat = heartbeat
        self._stall = stall

    async def send(
        self, stream: Stream, seen: Exchange, send: Send, response: ResponseContext | None, *, head: bool
    ) -> None:
        """Send a stream to its end, and close it, whatever happens.

        Args:
            stream: the answer.
            seen: the request, and what is noted of its answer.
            send: where to.
            response: what the method set in its context.
            head: the request was HEAD: no body.
        """
        seen.scope[STREAMING] = True
        try:
            first: list[Any] = await anext(stream, [])
            accepted = seen.headers.get(b"accept", b"").decode("latin-1")
            form = self._pieces.choose(accepted, first[0] if first else EMPTY)
            begun = answer.encoded(Encoded(b"", form.media, form.headers), response)
            if len(self._pieces.forms) > 1:
                begun.headers.append((b"vary", b"accept"))
            body = join(form, first)
            await send({"type": "http.response.start", "status": begun.status, "headers": begun.headers})
            if head or begun.status in (204, 304):
                await send({"type": "http.response.body", "body": b""})
                return
            await self._send_body(stream, body, form, seen, send)
        finally:
            await stream.close()

    async def _send_body(self, stream: Stream, body: bytes, form: Form, seen: Exchange, send: Send) -> None:
        """Send the first piece and all that come after it."""
        wire = Wire(send, form.beat, self._heartbeat, self._stall)
        try:
            if body:
                await wire.send(body)
            async for pieces in stream:
                await wire.send(join(form, pieces))
            await wire.send(b"", more=False)
        except asyncio.CancelledError:
            if not wire.is_stalled:
                raise
            task = asyncio.current_task()
            assert task is not None
            task.uncancel()
            raise Stalled(f"the client took nothing for {self._stall:g} seconds") from None
        except Exception as error:
            if form.fail is None:
                seen.status = status_of(error)
                raise
            failure = self._fail(error, seen.request_id)
            await wire.send(form.fail(failure.body), more=False)
            seen.status = failure.status
        finally:
            wire.close()


def join(form: Form, pieces: list[Any]) -> bytes:
    """Write pieces that leave together."""
    write = form.write
    return write(pieces[0]) if len(pieces) == 1 else b"".join([write(piece) for piece in pieces])


def status_of(error: Exception) -> int:
    """Give the status that logs and metrics show for an answer that broke off."""
    return error.status if isinstance(error, EkibenError) else 500

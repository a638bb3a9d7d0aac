"""Send what workers answered: whole, or piece by piece as it comes.

In: an answer of a worker, written there. Out: ASGI messages. Pieces that are there leave as one; a client that reads
slowly pauses the worker, and one that takes nothing for a minute is hung up on.
"""

import asyncio

from ekiben.core.errors import EkibenError
from ekiben.engine.incoming import Incoming, Piece
from ekiben.engine.job import Done
from ekiben.engine.wire import view
from ekiben.http.exchange import STREAMING, Exchange, Send
from ekiben.http.stream import STALL, Fail, Stalled, Wire
from ekiben.schema.pieces import Pieces


class BrokenOff(Exception):
    """A worker could not go on with an answer; its log says why."""


async def give(done: Done, send: Send) -> None:
    """Send a whole answer."""
    (status, answered), buffers = done
    await send({"type": "http.response.start", "status": status, "headers": [tuple(pair) for pair in answered]})
    await send({"type": "http.response.body", "body": bytes(view(buffers[0])) if buffers else b""})


class Passing:
    """Passes on the streams of one endpoint; planned once.

    Args:
        pieces: the forms that they have.
        fail: turns an error into an answer.
        stall: seconds in which a reader must take something.
    """

    def __init__(self, pieces: Pieces, fail: Fail, stall: float = STALL) -> None:
        self._forms = {form.media.encode(): form for form in pieces.forms.values()}
        if pieces.quoted is not None:
            self._forms[pieces.quoted.media.encode()] = pieces.quoted
        self._fail = fail
        self._stall = stall

    async def send(self, incoming: Incoming, seen: Exchange, send: Send) -> None:
        """Send a stream to its end; raises what breaks it off."""
        seen.scope[STREAMING] = True
        first = await incoming.pieces()
        if not first:
            await give(incoming.end(), send)
            return
        status, answered = first[0][0]
        headers = [(bytes(name), bytes(value)) for name, value in answered]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        wire = Wire(send, b"", None, self._stall)
        try:
            await self._send_all(incoming, first, seen, wire)
        except asyncio.CancelledError:
            if not wire.is_stalled:
                raise
            task = asyncio.current_task()
            assert task is not None
            task.uncancel()
            raise Stalled(f"the client took nothing for {self._stall:g} seconds") from None
        except EkibenError as error:  # of the front: the worker is gone
            form = self._forms.get(dict(headers).get(b"content-type", b""))
            if form is None or form.fail is None:
                seen.status = error.status
                raise
            failure = self._fail(error, seen.request_id)
            await wire.send(form.fail(failure.body), more=False)
            seen.status = failure.status
        finally:
            wire.close()

    async def _send_all(self, incoming: Incoming, pieces: list[Piece], seen: Exchange, wire: Wire) -> None:
        while pieces:
            await wire.send(b"".join([view(buffer) for _, buffers in pieces for buffer in buffers]))
            pieces = await incoming.pieces()
        (is_whole, seen.status), _ = incoming.end()
        if not is_whole:
            raise BrokenOff("a worker could not go on with an answer; its own words stand above")
        await wire.send(b"", more=False)

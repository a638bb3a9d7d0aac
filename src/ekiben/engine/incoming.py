"""Take an answer that comes piece by piece from a worker.

In: what the worker sends of one call, as its frames arrive. Out: the pieces that are there, and then the end. The
worker may be only so many pieces ahead: it is told of those that were read, some together, so that a slow reader
pauses it.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from ekiben.engine.job import Done, Job
from ekiben.engine.wire import Buffer, Kind

WINDOW = 16  # pieces that may be on their way, or lie unread

Piece = tuple[Any, Sequence[Buffer]]  # a head, which the first one has, and bytes


class Incoming:
    """One stream.

    Args:
        job: the call, whose answer says how the stream ended.
        answer: of the job.
        leave: lets the job out.
    """

    def __init__(self, job: Job, answer: "asyncio.Future[Done]", leave: Callable[[Job], None]) -> None:
        self._job = job
        self._answer = answer
        self._leave = leave
        self._pieces: deque[Piece] = deque()
        self._read = 0  # pieces that the worker was not told of
        self._arrival: asyncio.Future[None] | None = None
        answer.add_done_callback(self._wake)

    def feed(self, head: Any, buffers: Sequence[Buffer]) -> None:
        """Take in a piece."""
        self._pieces.append((head, buffers))
        self._wake()

    async def pieces(self) -> list[Piece]:
        """Wait for pieces, and give all that are there; none says that this is the end."""
        self._tell()
        while not self._pieces and not self._answer.done():
            self._arrival = asyncio.get_running_loop().create_future()
            await self._arrival
        found = list(self._pieces)
        self._pieces.clear()
        self._read += len(found)
        return found

    def end(self) -> Done:
        """Say how it ended; raises what `Pool.submit` does."""
        return self._answer.result()

    def close(self) -> None:
        """Let the worker end what nobody reads any more, or never begin it."""
        self._leave(self._job)
        if not self._answer.cancel() and not self._answer.cancelled():
            self._answer.exception()  # it came too late for anybody

    def _tell(self) -> None:
        """Let the worker go on once half of what it may send was read."""
        if self._read >= WINDOW // 2 and self._job.keeper is not None:
            self._job.keeper.say(Kind.MORE, [self._job.number, self._read])
            self._read = 0

    def _wake(self, _: object = None) -> None:
        if self._arrival is not None and not self._arrival.done():
            self._arrival.set_result(None)

"""Pass calls of one service on to another, between their workers.

In: calls that a worker sends. Out: the answers, back to it. Arguments and answers are passed on unread; shared memory
goes from one worker to the other without a copy.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from ekiben.core.errors import EkibenError
from ekiben.engine.incoming import Incoming
from ekiben.engine.job import Done
from ekiben.engine.member import Member
from ekiben.engine.outgoing import Outgoing
from ekiben.engine.turn import cancel_begun
from ekiben.engine.values import tell
from ekiben.engine.wire import Buffer, Frame, Kind, WireError

Send = Callable[[str, str, Any, Sequence[Buffer], float | None], Awaitable[Done]]
Open = Callable[[str, str, Any, Sequence[Buffer], float | None], Incoming | None]  # None: it is no stream


class Switch:
    """The calls that workers have on the way to other services.

    Args:
        send: lets a service answer; raises EkibenError where it does not.
        open: lets it answer piece by piece, where the endpoint does; the same.
    """

    def __init__(self, send: Send, open: Open) -> None:
        self._send = send
        self._open = open
        self._outgoing: dict[Member, Outgoing] = {}
        self._tasks: dict[tuple[Member, int], asyncio.Task[None]] = {}

    def hear(self, member: Member, frame: Frame) -> None:
        """Take in a frame of a worker; raises TypeError or ValueError for nonsense."""
        if frame.kind is Kind.CALL:
            self.begin(member, frame)
        elif frame.kind is Kind.DROP:
            self.drop(member, frame.value)
        else:
            number, count = frame.value
            if member in self._outgoing:
                self._outgoing[member].more(number, count)

    def begin(self, member: Member, frame: Frame) -> None:
        """Take a call; raises TypeError or ValueError for a frame that is none."""
        number, service, endpoint, head, deadline = frame.value
        if type(number) is not int or not isinstance(service, str) or not isinstance(endpoint, str):
            raise ValueError("a call must have a number, a service and an endpoint")
        work = self._pass_on(member, number, (service, endpoint, head, frame.buffers, deadline))
        self._tasks[member, number] = asyncio.get_running_loop().create_task(work)

    def drop(self, member: Member, number: int) -> None:
        """Let a call go that nobody waits for."""
        task = self._tasks.get((member, number))
        if task is not None:
            cancel_begun(task)

    def forget(self, member: Member) -> None:
        """Let all calls of a worker go that ended."""
        for (one, _), task in list(self._tasks.items()):
            if one is member:
                cancel_begun(task)
        self._outgoing.pop(member, None)

    async def _pass_on(
        self, member: Member, number: int, call: tuple[str, str, Any, Sequence[Buffer], float | None]
    ) -> None:
        service = call[0]
        try:
            incoming = self._open(*call)
            head, buffers = await (
                self._send(*call) if incoming is None else self._pass_pieces(member, number, incoming)
            )
            member.say(Kind.CALLED, [number, head], buffers)
        except EkibenError as error:
            member.say(Kind.CALLED, [number, tell(error, service)])
        except WireError as error:
            member.say(Kind.CALLED, [number, tell(RuntimeError(str(error)), service)])
        finally:
            del self._tasks[member, number]

    async def _pass_pieces(self, member: Member, number: int, incoming: Incoming) -> Done:
        """Pass a stream on, as fast as it is read; give how it ended."""
        outgoing = self._outgoing.get(member)
        if outgoing is None:
            outgoing = self._outgoing[member] = Outgoing(
                lambda frame: member.say(frame.kind, frame.value, frame.buffers)
            )
        try:
            while pieces := await incoming.pieces():
                for head, (buffer,) in pieces:
                    await outgoing.put(number, head, buffer)
            return incoming.end()
        finally:
            outgoing.end(number)
            incoming.close()

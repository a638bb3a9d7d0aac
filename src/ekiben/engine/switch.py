"""Pass calls of one service on to another, between their workers.

In: calls that a worker sends. Out: the answers, back to it. Arguments and answers are passed on unread; shared memory
goes from one worker to the other without a copy.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from ekiben.core.errors import EkibenError
from ekiben.engine.job import Done
from ekiben.engine.member import Member
from ekiben.engine.turn import cancel_begun
from ekiben.engine.values import tell
from ekiben.engine.wire import Buffer, Frame, Kind, WireError

Send = Callable[[str, str, Any, Sequence[Buffer], float | None], Awaitable[Done]]


class Switch:
    """The calls that workers have on the way to other services.

    Args:
        send: lets a service answer; raises EkibenError where it does not.
    """

    def __init__(self, send: Send) -> None:
        self._send = send
        self._tasks: dict[tuple[Member, int], asyncio.Task[None]] = {}

    def begin(self, member: Member, frame: Frame) -> None:
        """Take a call; raises TypeError or ValueError for a frame that is none."""
        number, service, endpoint, head, deadline = frame.value
        if type(number) is not int or not isinstance(service, str) or not isinstance(endpoint, str):
            raise ValueError("a call must have a number, a service and an endpoint")
        work = self._pass_on(member, number, self._send(service, endpoint, head, frame.buffers, deadline), service)
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

    async def _pass_on(self, member: Member, number: int, work: Awaitable[Done], service: str) -> None:
        try:
            head, buffers = await work
            member.say(Kind.CALLED, [number, head], buffers)
        except EkibenError as error:
            member.say(Kind.CALLED, [number, tell(error, service)])
        except WireError as error:
            member.say(Kind.CALLED, [number, tell(RuntimeError(str(error)), service)])
        finally:
            del self._tasks[member, number]

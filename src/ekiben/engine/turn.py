"""Answer a call in a worker without a task of its own.

In: a call that came with a frame, and how its kind is read and written. Out: its answer, as soon as the method's value
is there. To the engine a turn is the future that it settles.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol

from ekiben.core.running import Running
from ekiben.engine.door import Door
from ekiben.engine.job import Done
from ekiben.engine.messages import Call
from ekiben.engine.wire import Buffer
from ekiben.schema.codec import Arguments


class Form(Protocol):
    """How the calls of one endpoint are read, and their answers written."""

    def read(self, head: Any, buffers: Sequence[Buffer]) -> Arguments:
        """Read the arguments; raises what the caller is to be told."""

    def about(self, head: Any) -> Running | None:
        """Say whose call it is, where the service's code has to know that."""

    def write(self, head: Any, value: Any) -> Done | Awaitable[Done]:
        """Write the method's value; what takes longer is awaited."""

    def fail(self, head: Any, error: Exception) -> Done:
        """Write what went wrong."""


class Turn:
    """One call, from its frame to its answer.

    Args:
        number: by which the front knows it.
        spot: of the mark.
        head: what came beside its buffers.
        form: of its endpoint.
        end: is given this turn and its answer, once.
    """

    __slots__ = ("_door", "_end", "_form", "_head", "_is_over", "call", "number", "spot")

    def __init__(
        self, number: int, spot: int, head: Any, form: Form, end: Callable[["Turn", Done | Awaitable[Done]], None]
    ) -> None:
        self.number = number
        self.spot = spot
        self.call: Call | None = None
        self._door: Door | None = None
        self._head = head
        self._form = form
        self._end = end
        self._is_over = False

    def read(self, endpoint: str, buffers: Sequence[Buffer], deadline: float | None) -> Call | None:
        """Make the call; None: it cannot be read, and is answered already."""
        try:
            args, kwargs = self._form.read(self._head, buffers)
        except Exception as error:  # noqa: BLE001 - the border to the caller
            self.set_exception(error)
            return None
        self.call = Call(endpoint, args, kwargs, None, 0.0, deadline, 1, self, self._form.about(self._head))
        return self.call

    def enter(self, door: Door) -> None:
        """Let the call in; one that is refused is answered."""
        assert self.call is not None
        try:
            door.enter(self.call)
        except Exception as error:  # noqa: BLE001 - the border to the caller
            self.set_exception(error)
        else:
            self._door = door

    def done(self) -> bool:
        """Say whether the answer is there, or nobody waits for it any more."""
        return self._is_over

    def set_result(self, result: Any, /) -> None:
        """Write the method's value."""
        self._leave()
        try:
            done = self._form.write(self._head, result)
        except Exception as error:  # noqa: BLE001 - the border to the caller
            done = self._form.fail(self._head, error)
        self._end(self, done)

    def set_exception(self, exception: Exception, /) -> None:
        """Write what went wrong."""
        self._leave()
        self._end(self, self._form.fail(self._head, exception))

    def cancel(self) -> None:
        """Drop the call: nobody reads its answer, which only says that its place is free."""
        if not self._is_over:
            self._leave()
            self._end(self, (None, ()))

    def _leave(self) -> None:
        self._is_over = True
        door, self._door = self._door, None
        if door is not None and self.call is not None:
            door.leave(self.call)


def cancel_begun(task: "asyncio.Task[None]") -> None:
    """Cancel a task after its first step, without which its `finally` never runs."""
    asyncio.get_running_loop().call_soon(task.cancel)

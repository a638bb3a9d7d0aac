"""What travels through the engine.

In: decoded arguments. Out: a reply. Nothing here knows HTTP.
"""

from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from ekiben.core.context import Context
from ekiben.core.running import Running


class Answer(Protocol):
    """Where an answer goes: a future of the event loop, or what takes its place."""

    def done(self) -> bool:
        """Say whether it is there, or nobody waits for it any more."""

    def set_result(self, result: Any, /) -> None:
        """Take the method's value."""

    def set_exception(self, exception: Exception, /) -> None:
        """Take what went wrong."""


@dataclass(slots=True, eq=False)
class Call:
    """One call of one endpoint."""

    endpoint: str
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    context: Context | None = None
    arrived: float = 0.0  # of time.monotonic
    deadline: float | None = None  # of time.monotonic: the caller's at first, then the earliest that holds
    items: int = 1  # that it adds to a batch
    answer: Answer | None = field(default=None, repr=False)
    about: Running | None = None  # whose it is, where a service asks for that

    @property
    def is_wanted(self) -> bool:
        """Whether somebody still waits for the answer."""
        return self.answer is None or not self.answer.done()


class Reply(NamedTuple):
    """What became of a call: a value, or what it raised."""

    value: Any = None
    error: BaseException | None = None


def told(error: BaseException) -> Exception:
    """Give an error that ends no task and no event loop when a caller is handed it."""
    if isinstance(error, Exception) and not isinstance(error, StopIteration | StopAsyncIteration):
        return error
    wrapped = RuntimeError(f"the endpoint raised {type(error).__name__}: {error}".removesuffix(": "))
    wrapped.__cause__ = error
    return wrapped

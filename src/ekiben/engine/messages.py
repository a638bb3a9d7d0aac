"""What travels through the engine.

In: decoded arguments. Out: a reply. Nothing here knows HTTP.
"""

import asyncio
from dataclasses import dataclass, field
from typing import Any

from ekiben.core.context import Context


@dataclass(slots=True, eq=False)
class Call:
    """One call of one endpoint."""

    endpoint: str
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    context: Context | None = None
    deadline: float | None = None  # of time.monotonic
    arrived: float = 0.0  # of time.monotonic
    answer: "asyncio.Future[Any] | None" = field(default=None, repr=False)

    @property
    def is_wanted(self) -> bool:
        """Whether somebody still waits for the answer."""
        return self.answer is None or not self.answer.done()


@dataclass(frozen=True, slots=True)
class Reply:
    """What became of a call: a value, or what it raised."""

    value: Any = None
    error: BaseException | None = None

"""Admit a call, or refuse it at once.

In: how many calls are inside, and what the service allows. Out: yes, or 429/503 with the time to wait.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from ekiben.core.errors import Overloaded, TooManyRequests, Unavailable

QUEUE = 10_000  # calls that may be in a service at once where it names no limit


@dataclass(slots=True)
class Admission:
    """Counts the calls that are inside."""

    limit: int | None
    inside: int = 0
    draining: bool = False
    soon: Callable[[], int] = lambda: 1  # seconds until those inside will be answered, as far as that is known
    _is_empty: asyncio.Event = field(default_factory=asyncio.Event, repr=False)

    def enter(self) -> None:
        """Let one call in.

        Raises:
            TooManyRequests: the service's own limit is reached.
            Overloaded: the bound of the queue is reached.
            Unavailable: the server is stopping.
        """
        if self.draining:
            raise Unavailable("the server is stopping", retry_after=1)
        if self.limit is not None and self.inside >= self.limit:
            raise TooManyRequests(
                f"more than {self.limit} calls at once (`traffic.max_concurrency`)",
                retry_after=self.soon(),
            )
        if self.inside >= QUEUE:
            raise Overloaded(f"more than {QUEUE} calls are waiting", retry_after=self.soon())
        self.inside += 1

    def leave(self) -> None:
        """Let one call out."""
        self.inside -= 1
        if self.draining and self.inside == 0:
            self._is_empty.set()

    async def drain(self, seconds: float) -> bool:
        """Let no call in, and wait for those inside; False: some are left after *seconds*."""
        self.draining = True
        if self.inside == 0:
            return True
        try:
            async with asyncio.timeout(seconds):
                await self._is_empty.wait()
        except TimeoutError:
            return False
        return True

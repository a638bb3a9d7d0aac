"""Admit a call, or refuse it at once.

In: how many calls run, and what the service allows. Out: yes, or 429/503 with the time to wait.
"""

from dataclasses import dataclass

from ekiben.core.errors import TooManyRequests, Unavailable

QUEUE = 10_000  # calls that may be in a service at once where it names no limit


@dataclass(slots=True)
class Admission:
    """Counts the calls that are inside."""

    limit: int | None
    inside: int = 0
    draining: bool = False

    def enter(self) -> None:
        """Let one call in.

        Raises:
            TooManyRequests: the service's own limit is reached.
            Unavailable: the bound of the queue is reached, or the server is stopping.
        """
        if self.draining:
            raise Unavailable("the server is stopping", retry_after=1)
        if self.limit is not None and self.inside >= self.limit:
            raise TooManyRequests(f"more than {self.limit} calls at once", retry_after=1)
        if self.inside >= QUEUE:
            raise Unavailable("too many calls are waiting", retry_after=1)
        self.inside += 1

    def leave(self) -> None:
        """Let one call out."""
        self.inside -= 1

"""Lend what one service has started to others beside it.

In: what runs, started and ended by its owner. Out: the same for a service that needs it, and must not end it.
"""

from collections.abc import Callable, Mapping
from typing import Any

from ekiben.engine.local import Needs


class Lent:
    """What runs already, for one of those that need it.

    Args:
        needs: what runs.
    """

    def __init__(self, needs: Needs) -> None:
        self._needs = needs
        self.on_failure: Callable[[BaseException], None] = lambda error: None  # its owner is told

    @property
    def is_ready(self) -> bool:
        """Whether it takes calls."""
        return self._needs.is_ready

    async def start(self) -> None:
        """Do nothing: its owner started it before."""

    async def stop(self, drain: float = 0.0) -> None:
        """Do nothing: its owner ends it after this."""

    async def measure(self, own: Mapping[str, Any]) -> dict[str, Any]:
        """Tell what all processes counted."""
        return await self._needs.measure(own)

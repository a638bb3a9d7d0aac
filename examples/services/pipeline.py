"""One service calls another."""

import asyncio

import ekiben


@ekiben.service
class Words:
    """Takes text apart."""

    @ekiben.api
    def split(self, text: str) -> list[str]:
        """Give the words."""
        return text.split()


@ekiben.service
class Counter:
    """Counts words."""

    words = ekiben.depends(Words)

    @ekiben.api
    async def count(self, text: str) -> int:
        """Count them; the sync method of the other service must not hold the event loop."""
        return len(await asyncio.to_thread(self.words.split, text))

"""One service calls another."""

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
        """Count them, and leave the event loop to others meanwhile."""
        return len(await self.words.to_async.split(text))

"""A service that answers piece by piece, and a client that reads as it goes."""

from collections.abc import AsyncIterator, Iterator

import ekiben


@ekiben.service
class Writer:
    """Writes word by word."""

    @ekiben.api
    def write(self, words: list[str]) -> Iterator[str]:
        """Give one word after the other, as a model gives its tokens."""
        for word in words:
            yield word + " "

    @ekiben.api
    def letters(self, word: str) -> Iterator[dict[str, str | int]]:
        """Give a record for each letter."""
        for place, letter in enumerate(word):
            yield {"place": place, "letter": letter}

    @ekiben.api(heartbeat=15)
    async def chat(self, text: str) -> AsyncIterator[ekiben.Event]:
        """Give events with names of their own."""
        words = text.split()
        for number, word in enumerate(words):
            yield ekiben.Event(word, event="token", id=str(number))
        yield ekiben.Event({"words": len(words)}, event="done")

"""Server-sent events as text, for a stream of `Text(content_type="text/event-stream")`.

In: what an event holds; or text of a stream, cut anywhere. Out: its text; or the events.
Source: the HTML standard, "Server-sent events".
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Self

from bentoml.exceptions import BentoMLException
from ekiben.schema.wire import events


@dataclass(frozen=True, slots=True)
class SSE:
    """One event.

    Args:
        data: its text.
        event: its name.
        id: by which a browser that connects again says what it had last.
        retry: milliseconds after which it connects again.
    """

    data: str
    event: str | None = None
    id: str | None = None
    retry: int | None = None

    def marshal(self) -> str:
        """Write the event.

        Raises:
            BentoMLException: its name or its id is not one line.
        """
        try:
            return events.write(events.Event(self.data, self.event, self.id, self.retry), self.data).decode()
        except ValueError as error:
            raise BentoMLException(str(error)) from error

    @classmethod
    async def from_iterator(cls, async_iterator: AsyncIterator[str]) -> AsyncIterator[Self]:
        """Read the events of a stream, each as soon as it is complete."""
        parser = events.Parser()
        async for chunk in async_iterator:
            for event in parser.feed(chunk.encode()):
                yield cls(str(event.data), event.event, event.id, event.retry_ms)

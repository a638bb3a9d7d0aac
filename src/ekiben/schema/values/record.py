"""Everything that JSON and pydantic carry themselves: numbers, text, lists, objects, models.

In: values that pydantic has made. Out: batches as lists. A list is a batch of its items; anything else is one item.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ekiben.core.spec import JsonSchema


@dataclass(frozen=True, slots=True)
class RecordLeaf:
    """Joins and splits plain values; pydantic does the rest."""

    kind: str = "record"
    media_types: tuple[str, ...] = ()

    def schema(self) -> JsonSchema:
        """Describe any value."""
        return {}

    def decode(self, raw: Any) -> Any:
        """Give *raw*: pydantic has validated it."""
        return raw

    def encode(self, value: Any) -> Any:
        """Give *value*: it is data already."""
        return value

    def to_json(self, value: Any) -> Any:
        """Give *value*: it is data already."""
        return value

    def join(self, values: Sequence[Any], axis: int) -> tuple[Any, list[int]]:
        """Chain lists; a value that is no list is one item of the batch."""
        lists = [list(value) if isinstance(value, list | tuple) else [value] for value in values]
        return [item for part in lists for item in part], [len(part) for part in lists]

    def split(self, batch: Any, sizes: Sequence[int], axis: int) -> list[Any]:
        """Cut a list, or anything that can be sliced, after each call's items."""
        parts, start = [], 0
        for size in sizes:
            parts.append(batch[start : start + size])
            start += size
        return parts

"""All that JSON and pydantic carry themselves: numbers, text, lists, objects.

In: values that pydantic has made. Out: batches as lists. A list is a batch of its items; anything else is one item,
so text is never taken apart into letters, nor an object into its keys.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ekiben.core.spec import JsonSchema
from ekiben.schema.content import JSON
from ekiben.schema.values.base import Encoder, ListBatches


@dataclass(frozen=True, slots=True)
class RecordLeaf(ListBatches):
    """Joins and splits plain values; pydantic does the rest."""

    kind: str = "record"
    media_types: tuple[str, ...] = ()
    output_media: str = JSON
    encoders: Mapping[str, Encoder] = field(default_factory=dict)

    def schema(self) -> JsonSchema:
        """Describe any value."""
        return {}

    def decode(self, raw: Any) -> Any:
        """Give *raw*: pydantic has validated it."""
        return raw

    def to_json(self, value: Any) -> Any:
        """Give *value*: it is data already."""
        return value

"""Join the calls of a runner that take several values each.

In: the values of each call that lie along the batch axis: rows of an array, items of a list. Out: one batch of each of
them, and the parts of an answer. What a call has beside these is compared by the engine: calls that differ in it run
apart.
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ekiben.core.spec import JsonSchema
from ekiben.schema.content import JSON
from ekiben.schema.open import OpenLeaf, leaf_of
from ekiben.schema.values.base import Encoder, Leaf

OPEN = OpenLeaf()


class Columns(tuple[Any, ...]):
    """The values of one call that are joined with others; all have as many items."""

    __slots__ = ()

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the first; empty where there is nothing to join."""
        if not self:
            return ()
        shape = getattr(self[0], "shape", None)
        return (len(self[0]),) if shape is None else tuple(shape)


@dataclass(frozen=True, slots=True)
class ColumnsLeaf:
    """Joins and splits `Columns`, each value by its own kind."""

    kind: str = "columns"
    media_types: tuple[str, ...] = ()
    output_media: str = JSON
    encoders: Mapping[str, Encoder] = field(default_factory=dict)

    def schema(self) -> JsonSchema:
        """Describe any values."""
        return {"type": "array"}

    def decode(self, raw: Any) -> Columns:
        """Take what came from another process."""
        return Columns(raw)

    def to_json(self, value: Any) -> Any:
        """Give data that JSON can hold."""
        return [OPEN.to_json(part) for part in value]

    def alike(self, value: Any, axis: int) -> Hashable:
        """Ask each value's own kind."""
        return tuple((type(part), kind_of(part).alike(part, axis)) for part in value)

    def join(self, values: Sequence[Any], axis: int) -> tuple[Columns, list[int]]:
        """Join the first values of all calls, then the second ones, and so on."""
        joined = [kind_of(parts[0]).join(parts, axis) for parts in zip(*values, strict=True)]
        return Columns(batch for batch, _ in joined), joined[0][1]

    def split(self, batch: Any, sizes: Sequence[int], axis: int) -> list[Any]:
        """Take each value apart."""
        return [Columns(parts) for parts in zip(*(kind_of(one).split(one, sizes, axis) for one in batch), strict=True)]


def kind_of(value: Any) -> Leaf:
    """Give the leaf of a value; a list is one of items."""
    return leaf_of(value) or OPEN

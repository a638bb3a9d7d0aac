"""Handle values whose type shows only when they are there.

In: a value. Out: its leaf by its type, planned once for each type, and by it JSON, a body, or the parts of a batch.
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ekiben.core.spec import JsonSchema
from ekiben.schema.content import JSON
from ekiben.schema.hints import find
from ekiben.schema.values.base import Encoder, Leaf, ListBatches
from ekiben.schema.wire import json as wire_json

TABULAR = ("ndarray", "tensor", "dataframe", "series")  # kinds whose values are batches
_leaves: dict[type, Leaf | None] = {}  # as many entries as there are types in answers


def leaf_of(value: Any) -> Leaf | None:
    """Give the leaf of a value's type; None where it is none of our kinds."""
    cls = type(value)
    try:
        return _leaves[cls]
    except KeyError:
        return _leaves.setdefault(cls, find(cls, ()))


def to_plain(value: Any) -> Any:
    """Give a stand-in, nearer to JSON, for a value that JSON does not know."""
    leaf = leaf_of(value)
    if leaf is None or leaf.kind in ("file", "bytes"):
        return wire_json.plain(value, to_lists)
    return leaf.to_json(value)


def to_lists(value: Any) -> Any:
    """Give the same, with an array as lists."""
    near = to_plain(value)
    return near.tolist() if hasattr(near, "tolist") else near


@dataclass(frozen=True, slots=True)
class OpenLeaf(ListBatches):
    """Splits an answer by what it is: rows of an array or frame, members, items."""

    kind: str = "open"
    media_types: tuple[str, ...] = ()
    output_media: str = JSON

    @property
    def encoders(self) -> Mapping[str, Encoder]:
        """JSON is the only form."""
        return {}

    def schema(self) -> JsonSchema:
        """Describe any value."""
        return {}

    def decode(self, raw: Any) -> Any:
        """Give *raw*."""
        return raw

    def to_json(self, value: Any) -> Any:
        """Give data that JSON can hold."""
        leaf = leaf_of(value)
        return value if leaf is None else leaf.to_json(value)

    def alike(self, value: Any, axis: int) -> Hashable:
        """Ask the value's own kind."""
        leaf = leaf_of(value)
        return type(value), None if leaf is None else leaf.alike(value, axis)

    def split(self, batch: Any, sizes: Sequence[int], axis: int) -> list[Any]:
        """Take a batch apart; an object of arrays becomes an object for each call."""
        leaf = leaf_of(batch)
        if leaf is not None and leaf.kind in TABULAR:
            return leaf.split(batch, sizes, axis)
        if isinstance(batch, str | bytes):
            raise ValueError(f"a batch must be answered by a list of its items, not {type(batch).__name__}")
        if isinstance(batch, Mapping):
            parts = {key: self.split(value, sizes, axis) for key, value in batch.items()}
            return [{key: part[index] for key, part in parts.items()} for index in range(len(sizes))]
        if isinstance(batch, tuple) and len(batch) != sum(sizes):
            members = [self.split(value, sizes, axis) for value in batch]
            return list(zip(*members, strict=True))
        return ListBatches.split(self, batch, sizes, axis)

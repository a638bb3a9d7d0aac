"""Write one answer of an inference API as 0.13 did: JSON, whatever was returned.

In: a value of the user's. Out: a leaf, by which Ekiben's codec writes it and its engine splits a batch of such.
"""

import json
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bentoml.front import STYLE_OF_BUNDLES
from ekiben.core.spec import JsonSchema
from ekiben.schema.content import JSON, Encoded
from ekiben.schema.open import OpenLeaf, leaf_of, to_lists, to_plain
from ekiben.schema.values.base import Encoder
from ekiben.schema.values.dataframe import FrameLeaf, list_of
from ekiben.schema.wire import json as wire_json

OPEN = OpenLeaf()
TAKES = {"dataframe": ("dataframe", "series"), "tensor": ("tensor", "ndarray")}
WORDS = {"dataframe": "a pandas DataFrame", "tensor": "a tensor"}


@dataclass(frozen=True, slots=True)
class AnswerLeaf:
    """What any function may return, as JSON."""

    takes: str | None = None  # the kind that it must be; None: any
    orient: str | None = None  # of frames; None: records
    is_ascii: bool = False
    kind: str = "open"
    media_types: tuple[str, ...] = ()
    output_media: str = JSON
    encoders: Mapping[str, Encoder] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Make the only form that an answer has."""
        object.__setattr__(self, "encoders", {JSON: self.write})

    def schema(self) -> JsonSchema:
        """Describe any value."""
        return {}

    def decode(self, raw: Any) -> Any:
        """Give the value."""
        return raw

    def to_json(self, value: Any) -> Any:
        """Give data that JSON can hold; raises TypeError."""
        leaf = leaf_of(value)
        if isinstance(value, list) and not value:  # of a request without rows, for which nothing was called
            return value
        if self.takes is not None and (leaf is None or leaf.kind not in TAKES[self.takes]):
            raise TypeError(f"the answer must be {WORDS[self.takes]}, not {type(value).__name__}")
        if leaf is None:
            return value
        if isinstance(leaf, FrameLeaf) and self.orient not in (None, "records"):
            return oriented(value, str(self.orient))
        return leaf.to_json(value)

    def write(self, value: Any) -> Encoded:
        """Write JSON as Python's own module does, by which 0.13 wrote it: `[0, 1]`, with a space."""
        data = self.to_json(value)
        try:
            return Encoded(json.dumps(data, default=to_lists, ensure_ascii=self.is_ascii).encode(), JSON)
        except (TypeError, ValueError, RecursionError):  # keys of other kinds, half of a letter; and to name a place
            return Encoded(slowly(data), JSON)

    def alike(self, value: Any, axis: int) -> Hashable:
        """Answers are never joined by what they are."""
        return OPEN.alike(value, axis)

    def join(self, values: Sequence[Any], axis: int) -> tuple[Any, list[int]]:
        """Join by what the values are."""
        return (leaf_of(values[0]) or OPEN).join(values, axis)

    def split(self, batch: Any, sizes: Sequence[int], axis: int) -> list[Any]:
        """Give each call its rows."""
        return OPEN.split(batch, sizes, axis)


slowly = wire_json.dumper(STYLE_OF_BUNDLES.nan_style, to_plain)


def oriented(frame: Any, orient: str) -> Any:
    """Give a frame as JSON data in one of pandas' orients other than records."""
    names = [str(name) for name in frame.columns]
    lists = [list_of(frame.iloc[:, place]) for place in range(len(names))]
    labels = [str(label) for label in frame.index]
    if orient == "columns":
        return {name: dict(zip(labels, items, strict=True)) for name, items in zip(names, lists, strict=True)}
    rows = [list(row) for row in zip(*lists, strict=True)]
    if orient == "values":
        return rows
    if orient == "index":
        return {label: dict(zip(names, row, strict=True)) for label, row in zip(labels, rows, strict=True)}
    return {"columns": names, "index": list_of(frame.index.to_series()), "data": rows}

"""What every kind of value offers, so that nobody else needs to know any.

In: a type hint with its annotations. Out: a `Leaf`, settled at start, which does the work of each request.
A kind is a module with `NOTES`, the annotations that it reads, and two functions, `claims(hint) -> bool` and
`plan(hint, notes) -> Leaf`. `claims` never imports the kind's library: a hint of it exists only once that is loaded.
"""

from collections.abc import Callable, Hashable, Mapping, Sequence
from itertools import accumulate
from typing import Any, Protocol

from ekiben.core.spec import JsonSchema
from ekiben.schema.content import Encoded

Encoder = Callable[[Any], Encoded]


class Leaf(Protocol):
    """One hint, settled: how its values are read, written, joined, split, described."""

    @property
    def kind(self) -> str:
        """The kind's name, such as `ndarray`; stands in the JSON Schema as `x-kind`."""

    @property
    def media_types(self) -> tuple[str, ...]:
        """Media types that `decode` reads as a body or upload; globs, empty for none."""

    @property
    def output_media(self) -> str:
        """The media type of an answer if the caller asks for none: JSON or an encoder's."""

    @property
    def encoders(self) -> Mapping[str, Encoder]:
        """How a value is written as a body other than JSON, by media type."""

    def schema(self) -> JsonSchema:
        """Give the JSON Schema (draft 2020-12) of the value as JSON."""

    def decode(self, raw: Any) -> Any:
        """Make the value from JSON data, an `Upload`, or a value that already is one.

        Raises:
            ValueError: with words for the caller; or pydantic's `ValidationError`, which has inner places.
        """

    def to_json(self, value: Any) -> Any:
        """Give data that JSON can hold.

        Raises:
            TypeError: the value is not of this kind.
        """

    def alike(self, value: Any, axis: int) -> Hashable:
        """Give what two values must have in common to be joined along *axis*."""

    def join(self, values: Sequence[Any], axis: int) -> tuple[Any, list[int]]:
        """Join the values of several calls, all alike, and say how many items each had."""

    def split(self, batch: Any, sizes: Sequence[int], axis: int) -> list[Any]:
        """Take a batch apart again.

        Raises:
            ValueError: it does not have as many items as went in.
        """


class ListBatches:
    """Join and split for kinds whose batch is a list of items."""

    __slots__ = ()

    def alike(self, value: Any, axis: int) -> Hashable:
        """Items of a list have nothing to agree on."""
        return None

    def join(self, values: Sequence[Any], axis: int) -> tuple[Any, list[int]]:
        """Chain lists; a value that is no list is one item of the batch."""
        parts = [value if isinstance(value, list | tuple) else (value,) for value in values]
        return [item for part in parts for item in part], [len(part) for part in parts]

    def split(self, batch: Any, sizes: Sequence[int], axis: int) -> list[Any]:
        """Cut a list after each call's items."""
        try:
            count = len(batch)
        except TypeError as error:
            raise ValueError(f"a batch must be answered by a list of its items, not {type(batch).__name__}") from error
        return [batch[start:end] for start, end in cuts(count, sizes)]


def cuts(count: int, sizes: Sequence[int]) -> list[tuple[int, int]]:
    """Give start and end of each call's items in a batch of *count*.

    Raises:
        ValueError: the sizes do not add up to *count*.
    """
    ends = list(accumulate(sizes))
    expected = ends[-1] if ends else 0
    if count != expected:
        raise ValueError(f"a batch of {expected} items must be answered by as many, not {count}")
    return [(end - size, end) for end, size in zip(ends, sizes, strict=True)]

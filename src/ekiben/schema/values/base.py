"""What every kind of value offers, so that the rest of the house needs to know none of them.

In: a type hint with its annotations. Out: a `Leaf`, settled at start, which does the work of each request.
A kind is a module with two functions, `claims(hint) -> bool` and `plan(hint, notes) -> Leaf`.
"""

from collections.abc import Sequence
from itertools import accumulate
from typing import Any, Protocol

from ekiben.core.spec import JsonSchema


class Leaf(Protocol):
    """One hint, settled: how its values are read, written, joined, split and described."""

    @property
    def kind(self) -> str:
        """The kind's name, such as `ndarray`; stands in the JSON Schema as `x-kind`."""

    @property
    def media_types(self) -> tuple[str, ...]:
        """Media types that `decode` reads as a raw body or an upload; globs allowed, empty for none."""

    @property
    def output_media(self) -> str:
        """The media type of what `encode` gives, where nothing else is asked."""

    def schema(self) -> JsonSchema:
        """Give the JSON Schema (draft 2020-12) of the value as JSON."""

    def decode(self, raw: Any) -> Any:
        """Make the value from JSON data, an `Upload`, or a value that already is one.

        Raises:
            ValueError: with words for the caller; or pydantic's `ValidationError`, which has inner places.
        """

    def encode(self, value: Any) -> Any:
        """Give the answer's body as `Encoded`, or data that JSON can hold."""

    def to_json(self, value: Any) -> Any:
        """Give data that JSON can hold, for a value inside another one."""

    def join(self, values: Sequence[Any], axis: int) -> tuple[Any, list[int]]:
        """Join the values of several calls into one batch, and say how many items each had."""

    def split(self, batch: Any, sizes: Sequence[int], axis: int) -> list[Any]:
        """Take a batch apart again."""


class ListBatches:
    """Join and split for kinds whose batch is a list of items."""

    __slots__ = ()

    def join(self, values: Sequence[Any], axis: int) -> tuple[Any, list[int]]:
        """Chain lists; a value that is no list is one item of the batch."""
        parts = [value if isinstance(value, list | tuple) else (value,) for value in values]
        return [item for part in parts for item in part], [len(part) for part in parts]

    def split(self, batch: Any, sizes: Sequence[int], axis: int) -> list[Any]:
        """Cut a list, or anything that can be sliced, after each call's items."""
        ends = list(accumulate(sizes))
        return [batch[end - size : end] for end, size in zip(ends, sizes, strict=True)]


def named(raw: Any) -> str:
    """Name a JSON value for a message, cut to a readable length."""
    names = {type(None): "null", dict: "an object", list: "a list", tuple: "a list"}
    return names.get(type(raw)) or shorten(repr(raw))


def shorten(text: str, limit: int = 60) -> str:
    """Cut *text* to a readable length."""
    return text if len(text) <= limit else text[: limit - 1] + "…"

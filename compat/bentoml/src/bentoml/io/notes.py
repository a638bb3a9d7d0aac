"""Hints that carry a kind of ours, or words for the documents.

In: a leaf (`ekiben.schema.values.base`), a schema, examples. Out: annotations that `ekiben.schema` plans codecs from.
"""

from dataclasses import dataclass, field
from typing import Annotated, Any

from ekiben.schema.content import Upload
from ekiben.schema.hints import LeafNote
from ekiben.schema.values.base import Leaf
from ekiben.schema.values.record import RecordLeaf

BINARY = {"type": "string", "format": "binary"}


@dataclass(frozen=True, slots=True, eq=False)
class Described:
    """Changes how a hint is described, and nothing else.

    Args:
        more: what is added to the schema.
        schema: what stands in its place.
    """

    more: dict[str, Any] = field(default_factory=dict)
    schema: dict[str, Any] | None = None

    def __get_pydantic_json_schema__(self, schema: Any, handler: Any) -> dict[str, Any]:
        """Describe the value."""
        found = handler(schema) if self.schema is None else self.schema
        return {**found, **self.more}


@dataclass(frozen=True, slots=True)
class RequestLeaf(RecordLeaf):
    """The whole body, as it came: whoever asked for the request reads it."""

    form: dict[str, Any] = field(default_factory=lambda: dict(BINARY))
    media_types: tuple[str, ...] = ("*/*",)
    is_whole: bool = True

    def schema(self) -> dict[str, Any]:
        """Give what the descriptor says of it."""
        return self.form

    def decode(self, raw: Any) -> Upload:
        """Give the upload."""
        if not isinstance(raw, Upload):
            raise ValueError("must be the body of a request")
        return raw


@dataclass(frozen=True, slots=True, eq=False)
class ModelNote(LeafNote):
    """A leaf that is described as a pydantic model."""

    model: Any = None

    def __get_pydantic_json_schema__(self, schema: Any, handler: Any) -> dict[str, Any]:
        """Describe the model, and what the leaf adds."""
        return {**handler(self.model.__pydantic_core_schema__), **self.leaf.schema()}


def hint_of(leaf: Leaf, model: Any = None) -> Any:
    """Make a hint of a leaf, which is described as a pydantic model where one is given."""
    return Annotated[Any, LeafNote(leaf) if model is None else ModelNote(leaf, model)]

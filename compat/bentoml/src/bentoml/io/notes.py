"""Hints that carry a kind of ours, or words for the documents.

In: a leaf (`ekiben.schema.values.base`), a schema, examples. Out: annotations that `ekiben.schema` plans codecs from.
"""

from dataclasses import dataclass, field
from typing import Annotated, Any

from ekiben.schema.content import Upload
from ekiben.schema.hints import LeafNote
from ekiben.schema.values.base import Leaf
from ekiben.validators import ContentType

REQUEST = Annotated[Upload, ContentType("*/*")]  # any body, as it came: whoever asks for the request reads it


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

"""A body that is made from a schema is one that the endpoint takes."""

from datetime import date
from typing import Annotated, Any, Literal
from uuid import UUID

import numpy as np
import pytest
from pydantic import BaseModel, Field

import ekiben
from ekiben.core.errors import ConfigError
from ekiben.schema.codec import plan
from ekiben.tools.bench.sample import make
from ekiben.validators import DType, Shape


class Record(BaseModel):
    """Fields with bounds."""

    count: int = Field(ge=3)
    share: float = Field(gt=0, lt=1)
    kind: Literal["x", "y"]
    tags: list[str] = Field(min_length=2)
    note: str | None
    day: date
    key: UUID
    name: str = Field(min_length=8)
    pair: tuple[int, str]
    step: int = Field(multiple_of=5, ge=7)
    most: float = Field(le=-2)
    more: dict[str, int]


@ekiben.service
class Many:
    """Endpoints of each kind."""

    @ekiben.api
    def record(self, r: Record, n: int = 3) -> str:
        return ""

    @ekiben.api
    def records(self, r: list[Record], /) -> str:
        return ""

    @ekiben.api
    def array(self, x: Annotated[np.ndarray, Shape((-1, 4)), DType("float32")]) -> str:
        return ""

    @ekiben.api
    def anything(self, x: Any, y: int | str, z: bool) -> str:
        return ""

    @ekiben.api
    def nothing(self) -> str:
        return ""


@pytest.mark.parametrize("name", ["record", "records", "array", "anything", "nothing"])
def test_made_bodies_are_taken(name: str) -> None:
    """What is made passes the endpoint's own checks."""
    import json

    codec = plan(Many.__ekiben_service__().signatures[name])  # type: ignore[attr-defined] # the decorator adds it
    codec.from_json(json.dumps(make(codec.input_schema)).encode())


def test_one_item() -> None:
    """Where the number of items is open there is one."""
    codec = plan(Many.__ekiben_service__().signatures["array"])  # type: ignore[attr-defined] # the decorator adds it
    assert make(codec.input_schema) == {"x": [[1.0] * 4]}


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({"const": 3}, 3),
        ({"default": None, "type": "string"}, None),
        ({"examples": ["a", "b"]}, "a"),
        ({"enum": [None, 1]}, None),
        ({"type": ["null", "integer"]}, 1),
        ({"type": "null"}, None),
        ({"anyOf": [{"type": "null"}, {"type": "boolean"}]}, True),
        ({"type": "string", "maxLength": 2}, "te"),
        ({"type": "integer", "exclusiveMinimum": 3}, 4),
        ({"type": "integer", "maximum": -3}, -3),
        ({"type": "integer", "exclusiveMaximum": 0}, -1),
        ({}, 1),
    ],
)
def test_make(schema: dict[str, Any], expected: Any) -> None:
    """Each word of a schema is kept to."""
    assert make(schema) == expected


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"type": "string", "pattern": "^a+$"}, "a text must fit the pattern '^a+$'"),
        ({"type": "string", "x-kind": "image"}, "it has a part that is a image"),
        ({"$defs": {"A": {"type": "array", "items": {"$ref": "#/$defs/A"}}}, "$ref": "#/$defs/A"}, "it holds itself"),
    ],
)
def test_what_nobody_can_guess(schema: dict[str, Any], words: str) -> None:
    """A file, a pattern or a schema without an end is not guessed at; the hint says how to give a body."""
    with pytest.raises(ConfigError, match="no body can be made from the schema") as caught:
        make(schema)
    assert words in caught.value.message
    assert "--body" in (caught.value.hint or "")

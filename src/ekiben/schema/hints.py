"""Turn type hints into hints that pydantic can validate, with our kinds of values as leaves.

In: a hint as the user wrote it. Out: the same hint, in which each array, frame, image, file or tensor
is an `Annotated[Any, LeafNote]`; everything else is pydantic's own business.
"""

import types
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.fields import FieldInfo
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from ekiben.schema.values import file, image, ndarray
from ekiben.schema.values.base import Leaf

KINDS = (ndarray, image, file)


@dataclass(frozen=True, slots=True)
class LeafNote:
    """Lets pydantic validate, describe and dump a leaf."""

    leaf: Leaf

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Validate by the leaf alone."""
        return core_schema.no_info_plain_validator_function(
            self.validate, serialization=core_schema.plain_serializer_function_ser_schema(self.leaf.to_json)
        )

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """Describe by the leaf alone."""
        return {**self.leaf.schema(), "x-kind": self.leaf.kind}

    def validate(self, raw: Any) -> Any:
        """Decode, and give a refusal the form that pydantic reports with its place."""
        try:
            return self.leaf.decode(raw)
        except PydanticCustomError:
            raise
        except (ValueError, TypeError) as error:
            if type(error).__module__.startswith("pydantic"):
                raise
            raise PydanticCustomError("invalid_" + self.leaf.kind, "{reason}", {"reason": str(error)}) from error


def settle(hint: Any) -> Any:
    """Replace every leaf in *hint*.

    Raises:
        ConfigError: a leaf's annotations contradict each other.
    """
    if get_origin(hint) is Annotated:
        inner, *notes = get_args(hint)
        leaf = find(inner, tuple(notes))
        if leaf is not None:
            return Annotated[(Any, LeafNote(leaf), *(note for note in notes if isinstance(note, FieldInfo)))]
        return Annotated[(settle(inner), *notes)]
    leaf = find(hint, ())
    if leaf is not None:
        return Annotated[Any, LeafNote(leaf)]
    origin, args = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return Union[tuple(settle(arg) for arg in args)]  # noqa: UP007 - built from a tuple
    if origin in (list, tuple, dict, set, frozenset):
        return origin[tuple(arg if arg is Ellipsis else settle(arg) for arg in args)]
    return hint


def find(hint: Any, notes: tuple[Any, ...]) -> Leaf | None:
    """Plan *hint* by the first kind that claims it."""
    for kind in KINDS:
        if kind.claims(hint):
            return kind.plan(hint, notes)
    return None


def leaves(hint: Any) -> Iterator[Leaf]:
    """Give every leaf of a settled hint, the outermost first."""
    if get_origin(hint) is Annotated:
        for note in get_args(hint)[1:]:
            if isinstance(note, LeafNote):
                yield note.leaf
    for arg in get_args(hint):
        yield from leaves(arg)


def only_leaf(hint: Any) -> Leaf | None:
    """Give the leaf that a settled hint consists of, also where it may be None."""
    if get_origin(hint) is Annotated:
        for note in get_args(hint)[1:]:
            if isinstance(note, LeafNote):
                return note.leaf
        return only_leaf(get_args(hint)[0])
    if get_origin(hint) in (Union, types.UnionType):
        some = [arg for arg in get_args(hint) if arg is not type(None)]
        return only_leaf(some[0]) if len(some) == 1 else None
    return None

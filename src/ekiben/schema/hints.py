"""Turn type hints into ones that pydantic validates, with our kinds as leaves.

In: a hint as the user wrote it. Out: the same hint, in which each array, frame, image, file or tensor
is an `Annotated[Any, LeafNote]`, also within the fields of classes; everything else is pydantic's own business.
An `Iterable` that is read becomes a `list`: pydantic would check its items only while the method runs.
"""

import sys
import types
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Generator, Iterable, Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Literal, NewType, Union, get_args, get_origin, is_typeddict

from pydantic import BaseModel, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.fields import FieldInfo
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from ekiben.core.errors import ConfigError
from ekiben.schema import structures
from ekiben.schema.annotations import ContentType, DataframeSchema, DType, Shape
from ekiben.schema.values import dataframe, file, image, ndarray, tensor
from ekiben.schema.values.base import Leaf
from ekiben.schema.values.record import RecordLeaf

KINDS: tuple[Any, ...] = (ndarray, dataframe, image, tensor, file)
OURS = (Shape, DType, ContentType, DataframeSchema)
PLAIN = ("record", "text")  # kinds of leaves whose values are those of JSON, so that a client needs not know them
BYTES = (bytes, bytearray)  # within pydantic models they are pydantic's, as the model's own settings say
SINGLE = ("Ge", "Gt", "Le", "Lt", "Interval", "MultipleOf", "_PydanticGeneralMetadata")  # rules of pydantic's `Field`
LISTS = (list, tuple, set, frozenset)
UNIONS = (Union, types.UnionType)
LAZY = (Generator, Iterator, AsyncGenerator, AsyncIterable, AsyncIterator)  # a caller's value is there at once
OLD_TYPED_DICT = sys.version_info < (3, 12)  # before, pydantic refuses the one of `typing`


@dataclass(frozen=True, slots=True, eq=False)
class LeafNote:
    """Lets pydantic validate, describe and dump a leaf."""

    leaf: Leaf

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Validate by the leaf alone."""
        return core_schema.no_info_plain_validator_function(
            self.validate, serialization=core_schema.plain_serializer_function_ser_schema(self.leaf.to_json)
        )

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """Describe by the leaf, and by what `Field(...)` around it says."""
        kind = {} if self.leaf.kind in PLAIN else {"x-kind": self.leaf.kind}
        return {**self.leaf.schema(), **kind, **handler(core_schema.any_schema())}

    def validate(self, raw: Any) -> Any:
        """Decode, and give a refusal the form that pydantic reports with its place."""
        try:
            return self.leaf.decode(raw)
        except (ValueError, TypeError) as error:
            if type(error).__module__.startswith("pydantic"):
                raise
            raise PydanticCustomError("invalid_value", "{reason}", {"reason": str(error)}) from error


def settle(hint: Any, *, is_input: bool = False) -> Any:
    """Replace every leaf in *hint*; give *hint* itself where there is none.

    Args:
        hint: as the user wrote it.
        is_input: values of it are read, so that an `Iterable` in it becomes a `list`.

    Raises:
        ConfigError: a leaf's annotations contradict each other, or say something of what is no leaf; an input
            is an iterator.
    """
    return Settling(is_input=is_input).settle(hint)


class Settling:
    """One walk through a hint, which knows the classes that it is inside of."""

    def __init__(self, *, is_input: bool) -> None:
        self._is_input = is_input
        self._inside: dict[type, structures.AgainNote] = {}
        self._models = 0  # pydantic models around what is being settled

    def settle(self, hint: Any, notes: tuple[Any, ...] = ()) -> Any:
        """Replace every leaf in *hint*; *notes* are our annotations from around it."""
        if get_origin(hint) is Annotated:
            return self._settle_annotated(hint, notes)
        if self._is_input:
            hint = as_list(hint)
        in_model = bool(self._models)
        leaf = None if in_model and hint in BYTES else find(hint, notes)
        if leaf is not None:
            return Annotated[Any, LeafNote(leaf)]
        if not holds_ours(hint, in_model=in_model, is_input=self._is_input):
            return hint
        if structures.is_structure(hint):
            is_model = issubclass(hint, BaseModel)
            self._models += is_model
            try:
                return structures.settle(hint, self.settle, self._inside)
            finally:
                self._models -= is_model
        inner = unwrapped(hint)
        if inner is not hint:
            return self.settle(inner, notes)
        args = tuple(arg if arg is Ellipsis else self.settle(arg, notes) for arg in get_args(hint))
        origin = get_origin(hint)
        return Union[args] if origin in UNIONS else origin[args]  # noqa: UP007 - built from a tuple

    def _settle_annotated(self, hint: Any, around: tuple[Any, ...]) -> Any:
        inner, *given = get_args(hint)
        found = [part for note in given for part in parts_of(note)]
        if self._is_input and as_list(inner) is not inner:
            inner = as_list(inner)
            hint = Annotated[(inner, *found)]
        ours = tuple(note for note in found if isinstance(note, OURS))
        settled = self.settle(inner, (*ours, *around))
        if settled is inner:
            wrong = [note for note in ours if not isinstance(note, ContentType)]
            if wrong:
                raise ConfigError(f"`{type(wrong[0]).__name__}` says nothing about this type: {inner!r}")
            return hint
        theirs = [note for note in found if not isinstance(note, OURS)]
        if get_origin(settled) is Annotated and isinstance(get_args(settled)[1], LeafNote):
            check_rules(theirs, inner)
        return Annotated[(settled, *theirs)] if theirs else settled


def parts_of(note: Any) -> list[Any]:
    """Give the annotations that one stands for, where some of them are ours.

    Source: `GroupedMetadata` of the distribution annotated-types.
    """
    is_group = getattr(note, "__is_annotated_types_grouped_metadata__", False)
    inner = list(note) if is_group else []
    return inner if any(isinstance(part, OURS) for part in inner) else [note]


def as_list(hint: Any) -> Any:
    """Give `list[T]` for `Iterable[T]`; any other *hint* as it is.

    Raises:
        ConfigError: it is an iterator, which no request can send.
    """
    target = get_origin(hint) or hint
    if any(target is lazy for lazy in LAZY):
        raise ConfigError(f"an iterator cannot be sent by a caller: {hint!r}", hint="take a `list` of the items")
    if target is not Iterable:
        return hint
    args = get_args(hint)
    return list[args] if args else list  # type: ignore[valid-type]


def check_rules(notes: list[Any], hint: Any) -> None:
    """Refuse rules for single numbers and texts where the value is one of our kinds."""
    for note in notes:
        rules = note.metadata if isinstance(note, FieldInfo) else [note]
        for rule in rules:
            if type(rule).__name__ in SINGLE:
                raise ConfigError(f"`{rule}` cannot be checked on this type: {hint!r}", hint="check it in the method")


def find(hint: Any, notes: tuple[Any, ...]) -> Leaf | None:
    """Plan *hint* by the kind that claims it.

    Raises:
        ConfigError: an annotation says something that this kind does not have.
    """
    for kind in KINDS:
        if kind.claims(hint):
            wrong = [note for note in notes if not isinstance(note, kind.NOTES)]
            if wrong:
                raise ConfigError(f"`{type(wrong[0]).__name__}` says nothing about this type: {hint!r}")
            found: Leaf = kind.plan(hint, notes)
            return found
    return None


def holds_ours(
    hint: Any, seen: frozenset[Any] = frozenset(), *, in_model: bool = False, is_input: bool = False
) -> bool:
    """Say whether *hint* has a leaf anywhere, or something that only we can read."""
    if in_model and hint in BYTES:
        return False
    if is_input and any((get_origin(hint) or hint) is target for target in (Iterable, *LAZY)):
        return True
    if any(kind.claims(hint) for kind in KINDS) or (OLD_TYPED_DICT and is_typeddict(hint)):
        return True
    if structures.is_structure(hint):
        within = seen | {hint}
        parts = () if hint in seen else structures.hints_of(hint).values()
        in_model = in_model or issubclass(hint, BaseModel)
        return any(holds_ours(part, within, in_model=in_model, is_input=is_input) for part in parts)
    inner = unwrapped(hint)
    if inner is not hint:
        return holds_ours(inner, seen, in_model=in_model, is_input=is_input)
    if get_origin(hint) is Literal:
        return False
    args = get_args(hint)[:1] if get_origin(hint) is Annotated else get_args(hint)
    args = tuple(arg for arg in args if arg is not Ellipsis and not isinstance(arg, list))
    return any(holds_ours(arg, seen, in_model=in_model, is_input=is_input) for arg in args)


def unwrapped(hint: Any) -> Any:
    """Give what a `NewType` or a `type` statement stands for; anything else as it is."""
    if isinstance(hint, NewType):
        return hint.__supertype__
    found = getattr(hint, "__value__", hint)
    open_ones = () if found is hint else getattr(found, "__parameters__", ())
    if not open_ones or not get_args(hint):
        return found
    given = dict(zip(get_origin(hint).__type_params__, get_args(hint), strict=False))  # pydantic tells a missing one
    return found[tuple(given.get(one, one) for one in open_ones)]


def members_of(hint: Any) -> tuple[Any, ...]:
    """Give the members of a union; of anything else, itself."""
    return get_args(hint) if get_origin(hint) in UNIONS else (hint,)


def leaves(hint: Any) -> Iterator[Leaf]:
    """Give every leaf of a settled hint, the outermost first."""
    if get_origin(hint) is Annotated:
        for note in get_args(hint)[1:]:
            if isinstance(note, LeafNote):
                yield note.leaf
            elif isinstance(note, structures.ObjectNote | structures.RestoreNote):
                for part in structures.parts_of(note, get_args(hint)[0]):
                    yield from leaves(part)
    for arg in get_args(hint):
        yield from leaves(arg)


def only_leaf(hint: Any) -> Leaf | None:
    """Give the leaf that a settled hint consists of, also where it may be None."""
    if get_origin(hint) is Annotated:
        for note in get_args(hint)[1:]:
            if isinstance(note, LeafNote):
                return note.leaf
        return only_leaf(get_args(hint)[0])
    if get_origin(hint) in UNIONS:
        some = [arg for arg in get_args(hint) if arg is not type(None)]
        return only_leaf(some[0]) if len(some) == 1 else None
    return None


def batch_leaf(hint: Any) -> Leaf | None:
    """Give the leaf by which values of *hint* are joined; None where none fits."""
    if get_origin(hint) is Annotated and not any(isinstance(note, LeafNote) for note in get_args(hint)[1:]):
        return batch_leaf(get_args(hint)[0])
    if (get_origin(hint) or hint) is list:
        return RecordLeaf()
    return only_leaf(hint)

"""Settle how the rows of files become the arguments of an endpoint.

In: the endpoint's signature, the first rows, and arguments that are the same for all rows. Out: a `Match`, which makes
the arguments of calls: of one call for many rows where a parameter takes many, else of a call for each row.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, get_args, get_origin

import numpy as np

from ekiben.core.errors import ConfigError, InvalidInput
from ekiben.core.spec import BatchSpec, Convention, EndpointSpec
from ekiben.schema.codec import Arguments, Codec, value_reader
from ekiben.schema.hints import only_leaf
from ekiben.schema.signature import Parameter, Signature
from ekiben.schema.values.base import Leaf
from ekiben.services.near import near_hint
from ekiben.tools.batch.cells import NONE, Asked
from ekiben.tools.batch.pieces import ArrayPiece, Piece, TextPiece, ValuePiece

FILES = ("image", "file", "bytes")  # kinds of parameters that take a file as a whole
ARRAYS = ("ndarray", "tensor")
BATCH = BatchSpec()
JOINED = ("array", "frame", "list")  # forms in which many rows are one call


@dataclass(frozen=True, slots=True)
class Match:
    """How rows become arguments."""

    form: str  # array | frame | list: many rows in one call; row | names: a call for each
    read: Callable[[Any], Arguments]  # by the endpoint's own rules
    asked: Asked  # of the parameter that takes rows, or of all
    parameter: str | None = None  # its name; None: the only value, or members by name
    axis: int = 0  # along which rows stand in a batch
    shape: tuple[int, ...] | None = None  # of an array, where the endpoint says it
    is_tensor: bool = False
    fixed: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_joined(self) -> bool:
        """Whether one call takes many rows."""
        return self.form in JOINED

    @property
    def takes(self) -> Sequence[str]:
        """The arguments that rows may give by name."""
        return [name for name in self.asked.whole().get("properties", ()) if name not in self.fixed]

    @property
    def width(self) -> int | None:
        """How many numbers a row must have, where the endpoint says that."""
        if self.shape is None or len(self.shape) != (2 if self.is_joined else 1) or self.axis != 0:
            return None
        return self.shape[-1] if self.shape[-1] >= 0 else None

    def check(self, piece: Piece, said: str) -> str | None:
        """Hold the columns of a file against what the endpoint takes.

        Returns:
            The columns that are not used, in words; None where all are.

        Raises:
            InvalidInput: a column is missing, or there is none of numbers.
        """
        names = piece.names
        if names is None:
            return None
        told = ", ".join(names)[:200]
        if self.form == "names":
            missing = [name for name in self.asked.required if name not in names and name not in self.fixed]
            if missing:
                raise InvalidInput(
                    f"{said} has no column `{missing[0]}`; it has {told}",
                    hint=near_hint(missing[0], names) or "`--input` gives arguments that are the same for all rows",
                )
            return ", ".join(name for name in names if name not in self.takes) or None
        if not isinstance(piece, TextPiece) or not (self.form == "array" or self.width is not None):
            return None
        numeric = piece.kinds.numeric(names)
        if not numeric:
            raise InvalidInput(f"{said} has no column of numbers; it has {told}")
        if self.width is not None and len(numeric) != self.width:
            raise InvalidInput(
                f"{said} must have {self.width} columns of numbers; it has {len(numeric)}: {', '.join(numeric)[:200]}",
                hint="choose them: --columns NAME,NAME",
            )
        return ", ".join(name for name in names if name not in numeric) or None

    def arguments(self, piece: Piece) -> Arguments:
        """Give the arguments of one call: for all rows of *piece*, or for its only one.

        Raises:
            InvalidInput: the endpoint does not take them.
        """
        try:
            value = self.value(piece)
        except ValueError as error:
            raise InvalidInput(str(error)) from error
        if self.form == "names":
            return self.read({**{name: inner for name, inner in value.items() if name in self.takes}, **self.fixed})
        return self.read(value if self.parameter is None else {**self.fixed, self.parameter: value})

    def value(self, piece: Piece) -> Any:
        """Give what the rows are for the parameter; raises ValueError."""
        if self.form == "array":
            return self.array(piece)
        if self.form == "frame":
            return piece.frame()
        if self.form == "list":
            return items(piece, self.asked.items())
        if self.form == "names":
            (row,) = piece.rows(self.asked)
            if not isinstance(row, Mapping):
                raise ValueError(f"must be an object with {', '.join(f'`{name}`' for name in self.takes)}")
            return row
        return items(piece, self.asked)[0]

    def array(self, piece: Piece) -> Any:
        """Give an array, or lists, whose rows stand along the batch's axis."""
        found = piece.array()
        if self.is_tensor and isinstance(found, np.ndarray) and not isinstance(piece, ArrayPiece):
            found = found.tolist()  # of which a tensor of the usual type is made
        if self.shape is not None and len(self.shape) == 1:  # a batch of single numbers
            found = (
                [row[0] if isinstance(row, list) and len(row) == 1 else row for row in found]
                if isinstance(found, list)
                else found.reshape(len(found))
                if found.size == len(found)
                else found
            )
        return found if self.axis == 0 else np.swapaxes(np.asarray(found), 0, self.axis)


def items(piece: Piece, asked: Asked) -> list[Any]:
    """Give each row as *asked*: an object, a list of its numbers, or its only cell.

    Raises:
        ValueError: a row has several cells where one value is asked for.
    """
    types = asked.types()
    if isinstance(piece, TextPiece):
        if "object" in types or (not types and len(piece.names) != 1):
            return piece.rows(asked)
        if "array" in types and len(piece.names) > 1:
            return [list(row) for row in piece.array()]
        (cells,) = zip(*piece.choose([only(piece.names)]).cells, strict=True)
        found = [asked.read(cell) for cell in cells]
        return [None if value is NONE else value for value in found]
    rows = piece.rows(asked)
    if not types or "object" in types:
        return rows
    return [fitted(row, types) for row in rows]


def fitted(row: Any, types: set[str]) -> Any:
    """Give an object's values where a list is asked for, else its only one."""
    if not isinstance(row, Mapping):
        return row
    if "array" in types and not (len(row) == 1 and isinstance(next(iter(row.values())), list)):
        return list(row.values())
    return row[only(tuple(row))]


def only(names: Sequence[str]) -> str:
    """Give the only name; raises ValueError where there are several."""
    if len(names) != 1:
        raise ValueError(f"must have one column, as the endpoint takes one value: {', '.join(names)[:200]}")
    return names[0]


def takes_files(signature: Signature, fixed: Mapping[str, Any]) -> bool:
    """Say whether each input file is one value of the endpoint."""
    parameter = rows_parameter(signature, fixed)
    return parameter is not None and any(leaf.kind in FILES for leaf in leaves_of(parameter.hint))


def leaves_of(hint: Any) -> Iterator[Leaf]:
    """Give the leaf of a hint, or that of the items of a list."""
    leaf = only_leaf(hint) or (only_leaf(get_args(bare(hint))[0]) if is_list(hint) and get_args(bare(hint)) else None)
    if leaf is not None:
        yield leaf


def bare(hint: Any) -> Any:
    """Take annotations off a hint that is no leaf."""
    return get_args(hint)[0] if get_origin(hint) is Annotated else hint


def is_list(hint: Any) -> bool:
    """Say whether a hint is a list, or a list of something."""
    return only_leaf(hint) is None and (get_origin(bare(hint)) or bare(hint)) is list


def rows_parameter(signature: Signature, fixed: Mapping[str, Any]) -> Parameter | None:
    """Find the parameter that takes rows; None where rows give arguments by name."""
    if signature.is_root:
        return signature.parameters[0]
    free = [each for each in signature.parameters if each.name not in fixed and not each.stars]
    if signature.whole is not None:
        return None
    named = next((each for each in free if each.name == signature.batched), None)
    if named is not None:
        return named
    many = [each for each in free if only_leaf(each.hint) is not None or is_list(each.hint)]
    needed = [each for each in many if each.is_required] or many
    if len(needed) == 1:
        return needed[0]
    return free[0] if len(free) == 1 else None


def plan(endpoint: EndpointSpec, signature: Signature, codec: Codec, fixed: Mapping[str, Any], first: Piece) -> Match:
    """Settle how rows like those of *first* become arguments.

    Args:
        endpoint: what is called.
        signature: what it takes.
        codec: how it is described.
        fixed: arguments that are the same for all rows.
        first: some rows.

    Raises:
        ConfigError: an argument is fixed that there is not, or one is needed that is neither fixed nor in the rows.
    """
    schema = Asked(codec.arguments_schema, codec.arguments_schema)
    check_fixed(endpoint, signature, fixed)
    read = value_reader(signature)
    by_name = Match("names", read, schema, fixed=fixed)
    parameter = rows_parameter(signature, fixed)
    if parameter is None or is_call(first, parameter, signature):
        return by_name
    asked = schema if signature.is_root else schema.inner(parameter.name)
    form = form_of(endpoint, parameter, asked, first)
    if form == "row" and not signature.is_root and parameter.name in (first.names or ()):
        return by_name
    scalar = form == "row" and bool(asked.types()) and not asked.types() & {"object", "array"}
    if scalar and not signature.is_root and len(first.names or ("",)) > 1:
        return by_name
    for other in signature.parameters:
        if other is not parameter and other.is_required and other.name not in fixed and not other.stars:
            raise ConfigError(
                f"`{endpoint.name}` needs `{other.name}` beside the rows",
                hint=f"give it by --input '{{\"{other.name}\": …}}'",
            )
    leaf = only_leaf(parameter.hint)
    return Match(
        form,
        read,
        asked,
        None if signature.is_root else parameter.name,
        (endpoint.batch or BATCH).in_axis if form == "array" else 0,
        leaf.form.shape if leaf is not None and leaf.kind in ARRAYS else None,  # type: ignore[attr-defined]  # of both
        leaf is not None and leaf.kind == "tensor",
        fixed,
    )


def check_fixed(endpoint: EndpointSpec, signature: Signature, fixed: Mapping[str, Any]) -> None:
    """Refuse fixed arguments that the endpoint does not take."""
    names = [each.name for each in signature.parameters]
    if fixed and signature.is_root:
        raise ConfigError(f"`{endpoint.name}` takes one value, so that `--input` goes without `--input-file`")
    for name in fixed:
        if name not in names:
            raise ConfigError(
                f"`{endpoint.name}` takes no `{name}`, which `--input` gives; it takes {', '.join(names)}",
                hint=near_hint(name, names),
            )


def is_call(first: Piece, parameter: Parameter, signature: Signature) -> bool:
    """Say whether rows of JSON are whole calls: objects of the arguments by name."""
    row = first.values[0] if isinstance(first, ValuePiece) and len(first) else None
    if signature.is_root or not isinstance(row, Mapping) or not isinstance(row.get(parameter.name), list | dict):
        return False
    return row.keys() <= {each.name for each in signature.parameters}


def form_of(endpoint: EndpointSpec, parameter: Parameter, asked: Asked, first: Piece) -> str:
    """Say in which form rows are given to the parameter that takes them."""
    leaf = only_leaf(parameter.hint)
    is_batch = endpoint.batch is not None and endpoint.convention is not Convention.LISTED
    if endpoint.convention is Convention.LISTED:
        return "row"
    if leaf is None:
        if not is_list(parameter.hint):
            return "row"
        types = asked.items().types()
        is_plain = bool(types) and not types & {"object", "array"} and not list(leaves_of(parameter.hint))
        return "row" if is_plain and not is_batch and is_wide(first) else "list"
    if leaf.kind == "dataframe":
        return "frame"
    if leaf.kind == "series":
        return "list"
    if leaf.kind in ARRAYS:
        shape = leaf.form.shape  # type: ignore[attr-defined]  # of both kinds
        is_row = not is_batch and shape is not None and (len(shape) < 2 or shape[0] >= 0)
        return "row" if is_row else "array"
    return "row"


def is_wide(piece: Piece) -> bool:
    """Say whether rows have several values each."""
    if piece.names is not None:
        return len(piece.names) > 1
    if isinstance(piece, ArrayPiece):
        return bool(piece.items.ndim > 1)
    return isinstance(piece, ValuePiece) and bool(len(piece)) and isinstance(piece.values[0], list)

"""Sort the arguments of a runner's call, and put them back in their places.

In: what the user's code passes, whatever that is. Out: `Sent`, which travels; and at the other end the same arguments.
A record becomes one again where the method's hint names its class: no class is named on the way.
"""

import inspect
import typing
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple, get_args

from bentoml.runners.columns import Columns
from ekiben.core.errors import ConfigError
from ekiben.engine.batch import count
from ekiben.engine.readers import result_reader
from ekiben.schema.signature import EMPTY, Signature, check
from ekiben.schema.structures import is_structure

POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
NAMED = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
Read = Callable[[Any], Any]


class Sent(NamedTuple):
    """The arguments of one call, on their way."""

    values: Columns  # those that are joined
    places: tuple[int | str, ...]  # where each of them belongs: a position or a name
    args: tuple[Any, ...]  # None in the places of the joined ones
    kwargs: dict[str, Any]


def nothing_joined(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Sent:
    """Send arguments of a method whose calls run one by one."""
    return Sent(Columns(), (), args, kwargs)


class Joining:
    """Finds what is joined in the calls of one method that batches.

    Only parameters without a default hold batches, all those that have as many items as the first one: a threshold
    with a default is never taken for a row.

    Args:
        function: the method, whose first parameter is its instance.
        axis: along which its values are batches.
    """

    def __init__(self, function: Callable[..., Any], axis: int) -> None:
        self._axis = axis
        parameters = parameters_of(function)
        self._has_hints = parameters is not None
        self._ahead = [p.default is EMPTY for p in parameters or () if p.kind in POSITIONAL]
        self._takes_more = any(p.kind is inspect.Parameter.VAR_POSITIONAL for p in parameters or ())
        self._named = {p.name for p in parameters or () if p.default is EMPTY and p.kind in NAMED}

    def __call__(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Sent:
        """Sort the arguments of a call."""
        given: dict[int | str, Any] = {place: value for place, value in enumerate(args) if self._may_join(place)}
        given |= {name: value for name, value in kwargs.items() if name in self._named}
        sizes = {place: count(value, self._axis) for place, value in given.items()}
        items = next((size for size in sizes.values() if size is not None), None)
        places = tuple(place for place, size in sizes.items() if size is not None and size == items)
        rest = tuple(None if place in places else value for place, value in enumerate(args))
        others = {name: value for name, value in kwargs.items() if name not in places}
        return Sent(Columns(given[place] for place in places), places, rest, others)

    def _may_join(self, place: int) -> bool:
        if not self._has_hints:
            return True
        return self._ahead[place] if place < len(self._ahead) else self._takes_more


def parameters_of(function: Callable[..., Any]) -> list[inspect.Parameter] | None:
    """List the parameters behind the instance; None where nothing tells them."""
    try:
        return list(inspect.signature(function).parameters.values())[1:]
    except (TypeError, ValueError):  # built in
        return None


def restored(sent: Sent) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Put the joined values back in their places."""
    args, kwargs = list(sent.args), dict(sent.kwargs)
    for place, value in zip(sent.places, sent.values, strict=True):
        if isinstance(place, int):
            args[place] = value
        else:
            kwargs[place] = value
    return tuple(args), kwargs


class Records:
    """Makes records again of one method's arguments, by its hints.

    Anything else stays as it came.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        hints = hints_of(function)
        names = [parameter.name for parameter in parameters_of(function) or ()]
        self._named: Mapping[str, Read] = {name: reader(hints[name]) for name in names if holds_record(hints.get(name))}
        self._placed = {place: self._named[name] for place, name in enumerate(names) if name in self._named}

    def __call__(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Give the arguments that the method takes."""
        if not self._named:
            return args, kwargs
        read = tuple(self._placed[place](value) if place in self._placed else value for place, value in enumerate(args))
        return read, {
            name: self._named[name](value) if name in self._named else value for name, value in kwargs.items()
        }


def hints_of(function: Callable[..., Any]) -> dict[str, Any]:
    """Give the hints of a function; none where they name what is not there."""
    try:
        return typing.get_type_hints(function, include_extras=True)
    except (NameError, AttributeError, TypeError, SyntaxError):
        return {}


def returned(function: Callable[..., Any]) -> Any:
    """Give the settled hint of what a method returns if records are in it, else EMPTY."""
    hint = hints_of(function).get("return")
    if not holds_record(hint):
        return EMPTY
    try:
        return check(hint, "the return value of a runner's method")
    except ConfigError:
        return EMPTY


def reader(hint: Any) -> Read:
    """Make what reads values by a hint; one that does not fit it stays as it is."""
    try:
        settled = check(hint, "a parameter of a runner's method", is_input=True)
    except ConfigError:
        return lambda value: value
    return result_reader(Signature((), returns=settled))


def holds_record(hint: Any) -> bool:
    """Say whether a class with fields stands somewhere in a hint."""
    return any(is_structure(part) for part in parts_of(hint))


def parts_of(hint: Any) -> Iterator[Any]:
    """Walk over a hint and what it is made of."""
    if isinstance(hint, list):
        for part in hint:
            yield from parts_of(part)
        return
    yield hint
    for part in get_args(hint):
        yield from parts_of(part)

"""Read what a function takes and gives, once, when its class is made.

In: a function. Out: a frozen `Signature` with settled hints. Annotations may be strings
(`from __future__ import annotations`).
"""

import inspect
import types
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    AsyncIterator,
    Callable,
    Generator,
    Iterable,
    Iterator,
    Mapping,
)
from dataclasses import dataclass
from typing import Any, get_origin, get_type_hints

from pydantic import PydanticUserError, TypeAdapter
from pydantic.errors import PydanticSchemaGenerationError, PydanticUndefinedAnnotation
from pydantic.fields import FieldInfo

from ekiben.core.context import Context
from ekiben.core.errors import ConfigError
from ekiben.schema.hints import settle

EMPTY: Any = inspect.Parameter.empty
CONTEXT_NAMES = ("ctx", "context")
STREAMS = (AsyncGenerator, AsyncIterable, AsyncIterator, Generator, Iterable, Iterator)


@dataclass(frozen=True, slots=True)
class Parameter:
    """One argument of an endpoint."""

    name: str
    hint: Any  # settled; `Any` where the user wrote none
    default: Any = EMPTY  # a value, a pydantic FieldInfo, or EMPTY

    @property
    def is_required(self) -> bool:
        """Whether a call must give it."""
        return self.default is EMPTY or (isinstance(self.default, FieldInfo) and self.default.is_required())


@dataclass(frozen=True, slots=True)
class Signature:
    """What an endpoint takes and gives."""

    parameters: tuple[Parameter, ...]
    returns: Any = EMPTY  # settled, or EMPTY
    is_root: bool = False  # the body is the value of the only parameter
    context: str | None = None  # the parameter that receives the running call's Context
    is_async: bool = False
    is_stream: bool = False


def read(function: Callable[..., Any], *, names: Mapping[str, Any] | None = None, skip: int = 1) -> Signature:
    """Read *function*.

    Args:
        function: a plain function, as it stands in a class body.
        names: more names that its annotations may use, such as the locals around the class.
        skip: leading parameters to leave out (`self`).

    Raises:
        ConfigError: a hint does not resolve or cannot be served; the parameter is named.
    """
    where = f"`{function.__qualname__}`"
    try:
        hints = get_type_hints(function, localns=dict(names or {}), include_extras=True)
    except (NameError, TypeError) as error:
        raise ConfigError(f"the annotations of {where} cannot be resolved: {error}") from error
    found = list(inspect.signature(function).parameters.values())[skip:]
    context, parameters = None, []
    for parameter in found:
        hint = hints.get(parameter.name, Any)
        if parameter.name in CONTEXT_NAMES or hint is Context:
            context = parameter.name
            continue
        parameters.append(read_parameter(parameter, hint, where))
    positional = [p for p in found if p.name != context and p.kind is inspect.Parameter.POSITIONAL_ONLY]
    if positional and len(parameters) > 1:
        raise ConfigError(
            f"{where} has a positional-only parameter beside others: `{positional[0].name}`",
            hint="a positional-only parameter is the whole body, so it must be the only one",
        )
    returns = hints.get("return", EMPTY)
    streams = inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function)
    return Signature(
        parameters=tuple(parameters),
        returns=EMPTY if returns is EMPTY else check(settle(returns), f"the return value of {where}"),
        is_root=bool(positional),
        context=context,
        is_async=inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function),
        is_stream=streams or get_origin(returns) in STREAMS,
    )


def read_parameter(parameter: inspect.Parameter, hint: Any, where: str) -> Parameter:
    """Settle one parameter; `*args` is a list, `**kwargs` an object."""
    name = parameter.name
    if parameter.kind is inspect.Parameter.VAR_POSITIONAL:
        hint, default = list[hint], []
    elif parameter.kind is inspect.Parameter.VAR_KEYWORD:
        hint, default = dict[str, hint], {}
    else:
        default = parameter.default
    settled = settle(hint)
    check(settled, f"parameter `{name}` of {where}")
    return Parameter(name, settled, default)


def check(hint: Any, where: str) -> Any:
    """Give *hint* back if pydantic can validate it; raise ConfigError that names *where* if not."""
    origin = get_origin(hint)
    if hint is None or hint is Any or origin in STREAMS:
        return hint
    try:
        TypeAdapter(hint)
    except PydanticUndefinedAnnotation as error:
        raise ConfigError(f"{where} has a hint that names something unknown: {error.name}") from error
    except (PydanticSchemaGenerationError, PydanticUserError, TypeError) as error:
        shown = hint.__name__ if isinstance(hint, type) and not isinstance(hint, types.GenericAlias) else hint
        raise ConfigError(
            f"{where} has a type that cannot be served: {shown}",
            hint="use JSON types, pydantic models, dataclasses, arrays, frames, images or files",
        ) from error
    return hint

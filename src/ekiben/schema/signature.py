"""Read what a function takes and gives, once, when its class is made.

In: a function. Out: a frozen `Signature` with settled hints. Annotations may be strings
(`from __future__ import annotations`).
"""

import inspect
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
from copy import copy
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

from pydantic import PydanticUserError, TypeAdapter
from pydantic.errors import PydanticInvalidForJsonSchema, PydanticSchemaGenerationError, PydanticUndefinedAnnotation
from pydantic.fields import FieldInfo

from ekiben.core.context import Context
from ekiben.core.errors import ConfigError
from ekiben.schema import structures
from ekiben.schema.describe import Describer
from ekiben.schema.hints import LISTS, UNIONS, leaves, only_leaf, settle
from ekiben.schema.words import shorten

EMPTY: Any = inspect.Parameter.empty
CONTEXT_NAMES = ("ctx", "context")
STREAMS = (AsyncGenerator, AsyncIterable, AsyncIterator, Generator, Iterable, Iterator)
REFUSED = (PydanticSchemaGenerationError, PydanticInvalidForJsonSchema, PydanticUserError, TypeError)


@dataclass(frozen=True, slots=True)
class Parameter:
    """One argument of an endpoint."""

    name: str
    hint: Any  # settled; `Any` where the user wrote none
    default: Any = EMPTY  # a value, a pydantic FieldInfo, or EMPTY
    stars: Literal["", "*", "**"] = ""  # `*args` travels as a list, `**kwargs` as an object

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
    batched: str | None = None  # the parameter whose values are joined; None: the only one, or nothing batches
    whole: Any = None  # a settled pydantic model that reads all parameters at once
    in_path: tuple[str, ...] = ()  # parameters that stand in the URL's path
    in_query: tuple[str, ...] = ()  # those that stand in its query
    has_body: bool = True
    passes_over: bool = False  # what the caller sends beside the parameters is left unread, not refused

    @property
    def in_url(self) -> tuple[str, ...]:
        """The parameters that stand in the URL."""
        return (*self.in_path, *self.in_query)


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
    hints = resolve(function, names or {}, where)
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
    inner = inspect.unwrap(function)
    streams = inspect.isgeneratorfunction(inner) or inspect.isasyncgenfunction(inner)
    return Signature(
        parameters=tuple(parameters),
        returns=EMPTY if returns is EMPTY else check_answer(returns, where),
        is_root=bool(positional),
        context=context,
        is_async=inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function),
        is_stream=streams or is_stream(returns),
    )


def resolve(function: Callable[..., Any], names: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Give the hints of *function*, with strings evaluated.

    Raises:
        ConfigError: one cannot be evaluated; the parameter is named.
    """
    inner = inspect.unwrap(function)
    within = getattr(inner, "__globals__", {})
    hints = {}
    for name, annotation in getattr(inner, "__annotations__", {}).items():
        one = SimpleNamespace(__annotations__={name: annotation})
        try:
            hints[name] = get_type_hints(one, globalns=within, localns=dict(names), include_extras=True)[name]
        except (NameError, AttributeError, TypeError, SyntaxError) as error:
            what = "the return value" if name == "return" else f"parameter `{name}`"
            raise ConfigError(
                f"the annotation of {what} of {where} cannot be resolved: {error}",
                hint="import the name at the top of the file, outside of `if TYPE_CHECKING:`",
            ) from error
    return hints


def read_parameter(parameter: inspect.Parameter, hint: Any, where: str) -> Parameter:
    """Settle one parameter; `*args` is a list, `**kwargs` an object."""
    name, what = parameter.name, f"parameter `{parameter.name}` of {where}"
    if parameter.kind is inspect.Parameter.VAR_POSITIONAL:
        return Parameter(name, check(list[hint], what, is_input=True), [], "*")
    if parameter.kind is inspect.Parameter.VAR_KEYWORD:
        return Parameter(name, check(dict[str, hint], what, is_input=True), {}, "**")
    hint, default = lift(hint, parameter.default)
    if isinstance(default, FieldInfo) and default.metadata:
        hint = Annotated[(hint, *default.metadata)]  # its rules are the hint's; the rest of it stays the default's
        default = without_rules(default)
    return Parameter(name, check(hint, what, is_input=True), default)


def lift(hint: Any, default: Any) -> tuple[Any, Any]:
    """Make a `Field` with a default or an alias, within `Annotated`, the default."""
    if get_origin(hint) is not Annotated:
        return hint, default
    inner, *notes = get_args(hint)
    fields = [note for note in notes if isinstance(note, FieldInfo)]
    if not any(info.validation_alias or not info.is_required() for info in fields):
        return hint, default
    rest = [note for note in notes if not isinstance(note, FieldInfo)]
    whole = copy(fields[-1]) if len(fields) == 1 else FieldInfo.merge_field_infos(*fields)
    if isinstance(default, FieldInfo):
        whole = FieldInfo.merge_field_infos(whole, default)
    elif default is not EMPTY:
        whole.default, whole.default_factory = default, None
    return Annotated[(inner, *rest)] if rest else inner, whole


def without_rules(info: FieldInfo) -> FieldInfo:
    """Give *info* without what restricts the value."""
    rest = copy(info)
    rest.metadata = []
    return rest


def is_stream(returns: Any) -> bool:
    """Say whether a return hint is one of pieces."""
    target = get_args(returns)[0] if get_origin(returns) is Annotated else returns
    return (get_origin(target) or target) in STREAMS


def check_answer(returns: Any, where: str) -> Any:
    """Settle what a method returns; of a stream, a piece of it too."""
    settled = check(returns, f"the return value of {where}")
    pieces = get_args(get_args(settled)[0] if get_origin(settled) is Annotated else settled)
    if is_stream(settled) and pieces:
        check(pieces[0], f"a piece of the stream of {where}")
    return settled


def check(hint: Any, where: str, *, is_input: bool = False) -> Any:
    """Settle *hint*, and see that pydantic can read and describe it.

    Raises:
        ConfigError: it cannot, or a file stands where no upload can go; *where* is named.
    """
    mode: Literal["validation", "serialization"] = "validation" if is_input else "serialization"
    try:
        settled = settle(hint, is_input=is_input)
        if is_input or not is_stream(settled):
            TypeAdapter(settled).json_schema(schema_generator=Describer, mode=mode)
    except ConfigError as error:
        raise ConfigError(f"{where}: {error}", hint=error.hint) from error
    except PydanticUndefinedAnnotation as error:
        raise ConfigError(f"{where} has a hint that names something unknown: {error.name}") from error
    except REFUSED as error:
        raise ConfigError(
            f"{where} has a type that cannot be served: {culprit(hint)}",
            hint="use JSON types, pydantic models, dataclasses, arrays, frames, images or files",
        ) from error
    if is_input and not files_can_come(settled):
        raise ConfigError(
            f"{where} holds a file within another value, where no upload can go: {spell(hint)}",
            hint="make it a parameter of its own, or a list of files; `bytes` and images can be base64 within JSON",
        )
    return settled


def culprit(hint: Any) -> str:
    """Name the type that cannot be served, and the field where it stands."""
    if structures.is_structure(hint):
        for name, part in structures.hints_of(hint).items():
            try:
                TypeAdapter(settle(part)).json_schema(schema_generator=Describer)
            except REFUSED:
                return f"field `{name}` of `{hint.__name__}`: {spell(part)}"
    for arg in get_args(hint):
        if structures.is_structure(arg):
            return culprit(arg)
    return spell(hint)


def spell(hint: Any) -> str:
    """Write a hint as its author did."""
    return hint.__name__ if isinstance(hint, type) and not get_args(hint) else shorten(str(hint), 120)


def files_can_come(settled: Any) -> bool:
    """Say whether each file in a hint is the parameter, or an item of its list."""
    if all(leaf.kind != "file" for leaf in leaves(settled)):
        return True
    if only_leaf(settled) is not None:
        return True
    origin, args = get_origin(settled), get_args(settled)
    if origin is Annotated:
        is_structure = any(isinstance(note, structures.ObjectNote | structures.RestoreNote) for note in args[1:])
        return not is_structure and files_can_come(args[0])
    if origin in UNIONS:
        return all(arg is type(None) or files_can_come(arg) for arg in args)
    return origin in LISTS and all(only_leaf(arg) is not None for arg in args if arg is not Ellipsis)

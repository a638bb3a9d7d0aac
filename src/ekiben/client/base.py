"""What both clients share without a socket: routes, names, bound arguments.

In: the `/schema.json` document of a service. Out: `Route`s, and what a notebook shows of them.
A value that is not plain JSON bears `x-kind` in its schema (`ndarray`, `dataframe`, `image`, `file` …).
"""

import difflib
import inspect
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from ekiben.core.deadline import remaining, shorter
from ekiben.core.errors import ConfigError, DeadlineExceeded, ServerError
from ekiben.core.running import running
from ekiben.core.token import bearer

Schema = Mapping[str, Any]

FIRST = 30.0  # seconds for a server to say what it offers
PATIENCE = "x-request-timeout-ms"  # the header that tells the server how long the caller waits
READYZ = "/readyz"  # where a server tells whether it is ready, unless its schema says otherwise
JSON_TYPES = {
    "array": "list",
    "boolean": "bool",
    "integer": "int",
    "number": "float",
    "object": "dict",
    "string": "str",
}


@dataclass(frozen=True, slots=True)
class Kind:
    """What a schema says of a value: its kind, and whether it is a list of such."""

    name: str = ""  # of `x-kind`; empty for plain JSON
    is_list: bool = False
    media: str = ""  # what a file or an image should be
    dtype: str = ""  # of an array

    @classmethod
    def of(cls, schema: Schema, definitions: Mapping[str, Schema]) -> Self:
        """Read a schema, also one that allows null or refers to a definition."""
        found = resolve(schema, definitions)
        if "x-kind" in found:
            return cls(found["x-kind"], False, found.get("contentMediaType", ""), found.get("x-dtype", ""))
        inner = cls.of(found["items"], definitions) if isinstance(found.get("items"), Mapping) else cls()
        return cls(inner.name, bool(inner.name), inner.media, inner.dtype)


@dataclass(frozen=True, slots=True)
class Parameter:
    """One argument of an endpoint."""

    name: str
    schema: Schema
    kind: Kind
    is_required: bool
    default: Any = None


@dataclass(frozen=True, slots=True)
class Route:
    """One endpoint, as the schema tells it."""

    name: str
    path: str
    method: str
    doc: str
    reads: tuple[str, ...]  # content types that it takes, the best one first
    is_root: bool  # the body is the one value
    parameters: Mapping[str, Parameter]
    root: Kind
    output: Schema
    definitions: Mapping[str, Schema] = field(default_factory=dict)  # of the output
    is_stream: bool = False  # the answer comes in pieces, each of which is of `output`
    is_task: bool = False
    places: Mapping[str, str] = field(default_factory=dict)  # path | query, of the arguments that stand in the URL

    @property
    def answer(self) -> Kind:
        """What the answer is."""
        return Kind.of(self.output, self.definitions)


def resolve(schema: Schema, definitions: Mapping[str, Schema]) -> Schema:
    """Follow a `$ref`, and pass by what only allows null."""
    if "$ref" in schema:
        return definitions.get(schema["$ref"].rpartition("/")[2], {})
    if "x-kind" not in schema and isinstance(schema.get("anyOf"), list):
        some = [part for part in schema["anyOf"] if part.get("type") != "null"]
        return resolve(some[0], definitions) if len(some) == 1 else schema
    return schema


def read_probe(document: Any) -> str:
    """Read from a `/schema.json` document where readiness is told.

    READYZ where it does not say; never an address of another server.
    """
    told = document.get("readyz") if isinstance(document, Mapping) else None
    is_path = isinstance(told, str) and told.startswith("/") and not told.startswith("//")
    return str(told) if is_path else READYZ


def read_routes(document: Any) -> dict[str, Route]:
    """Read a `/schema.json` document.

    Raises:
        ServerError: it is none.
    """
    try:
        return {told["name"]: read_route(told) for told in document["routes"]}
    except (KeyError, TypeError, AttributeError) as error:
        raise ServerError("what is served there is no service: its /schema.json has another form") from error


def read_route(told: Schema) -> Route:
    """Read one route of the document."""
    given, output = told["input"], told["output"]
    definitions = given.get("$defs", {})
    is_root = bool(told.get("root_input"))
    required = given.get("required", ())
    properties = {} if is_root else given.get("properties", {})
    methods = told.get("methods", ["POST"])
    return Route(
        name=told["name"],
        path=told["route"],
        method="POST" if "POST" in methods else methods[0],
        doc=told.get("description", ""),
        reads=tuple(told.get("reads", ["application/json"])),
        is_root=is_root,
        parameters={
            name: Parameter(name, schema, Kind.of(schema, definitions), name in required, schema.get("default"))
            for name, schema in properties.items()
        },
        root=Kind.of(given, definitions) if is_root else Kind(),
        output=output,
        definitions=output.get("$defs", {}),
        is_stream=bool(output.get("is_stream")),
        is_task=bool(told.get("is_task")),
        places=told.get("in") or {},
    )


def bind(route: Route, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
    """Bind a call's arguments: the one value of a root endpoint, else a dict by name.

    Raises:
        TypeError: an argument is missing, unknown or given twice, as Python says it of a function.
    """
    if route.is_root:
        if len(args) == 1 and not kwargs:
            return args[0]
        if not args and len(kwargs) == 1:
            return next(iter(kwargs.values()))
        raise TypeError(f"{route.name}() takes one argument, the body: {len(args) + len(kwargs)} were given")
    if len(args) > len(route.parameters):
        raise TypeError(f"{route.name}() takes {len(route.parameters)} arguments: {len(args)} were given")
    bound = dict(zip(route.parameters, args, strict=False))
    for name, value in kwargs.items():
        if name in bound:
            raise TypeError(f"{route.name}() got the argument `{name}` twice")
        if name not in route.parameters:
            raise TypeError(f"{route.name}() takes no argument `{name}`{suggest(name, route.parameters)}")
        bound[name] = value
    missing = [name for name, parameter in route.parameters.items() if parameter.is_required and name not in bound]
    if missing:
        raise TypeError(f"{route.name}() needs the argument `{missing[0]}`")
    return bound


def patience(timeout: float | None) -> float | None:
    """Give the seconds for one call: *timeout*, or less.

    A call made within another one has no more than what that one has left.

    Raises:
        DeadlineExceeded: nothing is left.
    """
    seconds = shorter(timeout)
    if seconds == 0.0:
        raise DeadlineExceeded("the running call has no time left for another one")
    return seconds


def first_patience(timeout: float | None) -> float | None:
    """Give the seconds for the question what a server offers, which never takes long."""
    return patience(FIRST if timeout is None else timeout)


def seconds_of(options: Mapping[str, Any], usual: float | None) -> float | None:
    """Say how long the answer to one request may take by its *options*, for an error."""
    told = options.get("timeout", usual)
    return float(told) if isinstance(told, int | float) else None if told is None else usual


def passed_on() -> dict[str, str]:
    """Give the headers by which a call made within another one belongs to its trace."""
    return dict(running().outgoing())


def stream_header() -> dict[str, str]:
    """Tell the server how long a stream may last: as the call that asks for it does."""
    return patience_header(remaining())


def patience_header(seconds: float | None) -> dict[str, str]:
    """Tell the server how long its caller waits."""
    return {} if seconds is None else {PATIENCE: str(max(1, min(10**10 - 1, math.ceil(seconds * 1000))))}


def suggest(name: str, names: Iterable[str]) -> str:
    """Give `: did you mean …?`, or what there is."""
    known = list(names)
    near = difflib.get_close_matches(name, known, 1)
    if near:
        return f": did you mean `{near[0]}`?"
    return f"; there is {', '.join(f'`{one}`' for one in known)}" if known else ""


def method_names(routes: Mapping[str, Route], taken: Iterable[str]) -> dict[str, Route]:
    """Name the methods of a client, with `api_` before a name that it has itself."""
    own = set(taken)
    return {f"api_{name}" if name in own else name: route for name, route in routes.items()}


def signature(route: Route) -> inspect.Signature:
    """Give what a notebook shows behind the name of a method."""
    if route.is_root:
        shown = Word(route.root.name) or inspect.Parameter.empty
        return inspect.Signature([inspect.Parameter("value", inspect.Parameter.POSITIONAL_ONLY, annotation=shown)])
    order = sorted(route.parameters.values(), key=lambda parameter: not parameter.is_required)
    return inspect.Signature(
        [
            inspect.Parameter(
                parameter.name,
                inspect.Parameter.POSITIONAL_OR_KEYWORD,
                default=inspect.Parameter.empty if parameter.is_required else parameter.default,
                annotation=type_name(parameter) or inspect.Parameter.empty,
            )
            for parameter in order
        ]
    )


class Word(str):
    """A type's name, shown without quotation marks."""

    __slots__ = ()
    __repr__ = str.__str__


def type_name(parameter: Parameter) -> Word:
    """Name the type of an argument in a word."""
    if parameter.kind.name:
        return Word(f"list[{parameter.kind.name}]" if parameter.kind.is_list else parameter.kind.name)
    told = resolve(parameter.schema, {}).get("type")
    return Word(JSON_TYPES.get(told, "")) if isinstance(told, str) else Word()


def checked_url(url: str) -> str:
    """Give *url* without a trailing slash.

    Raises:
        ConfigError: it is no address of a server.
    """
    if not str(url).startswith(("http://", "https://")):
        raise ConfigError(f"`url` must begin with http:// or https://: {url!r}", hint="write http://localhost:3000")
    return url.rstrip("/")


def bearing(headers: Mapping[str, str] | None, token: str | None) -> Mapping[str, str] | None:
    """Give headers with a token, in place of another that they bear."""
    if token is None:
        return headers
    others = {name: value for name, value in (headers or {}).items() if name.lower() != "authorization"}
    return {**others, "authorization": bearer(token)}

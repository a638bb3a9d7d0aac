"""What both clients share, without a socket: routes from `/schema.json`, arguments to bodies, answers to values.

In: a service's schema and a call's arguments. Out: the parts of an HTTP request; a Python value or an error.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from ekiben.core.errors import EkibenError, InvalidInput, NotFound, Problem, ServerError, TooManyRequests, Unavailable
from ekiben.schema.wire.json import dump


@dataclass(frozen=True, slots=True)
class Route:
    """One endpoint, as the schema tells it."""

    name: str
    path: str
    input: Mapping[str, Any]
    output: Mapping[str, Any]
    is_root: bool
    parameters: tuple[str, ...]


def routes(schema: Mapping[str, Any]) -> dict[str, Route]:
    """Read the routes of a `/schema.json` document."""
    found = {}
    for route in schema["routes"]:
        given = route["input"]
        found[route["name"]] = Route(
            name=route["name"],
            path=route["route"],
            input=given,
            output=route["output"],
            is_root=bool(route.get("root_input")),
            parameters=tuple(given.get("properties", {})),
        )
    return found


def arguments(route: Route, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
    """Bind a call's arguments: the one value of a root endpoint, else a dict by name.

    Raises:
        TypeError: too many arguments, or one given twice.
    """
    if route.is_root:
        if len(args) != 1 or kwargs:
            raise TypeError(f"{route.name}() takes exactly one positional argument")
        return args[0]
    if len(args) > len(route.parameters):
        raise TypeError(f"{route.name}() takes {len(route.parameters)} arguments, not {len(args)}")
    bound = dict(zip(route.parameters, args, strict=False))
    for name, value in kwargs.items():
        if name in bound:
            raise TypeError(f"{route.name}() got the argument `{name}` twice")
        bound[name] = value
    return bound


def body(route: Route, value: Any) -> dict[str, Any]:
    """Give the keywords of an httpx request."""
    return {"content": dump(value), "headers": {"content-type": "application/json"}}


def answer(status: int, headers: Mapping[str, str], content: bytes) -> Any:
    """Turn an answer into a value, or raise what the server said."""
    if status >= 400:
        raise error_of(status, headers, content)
    media = headers.get("content-type", "").partition(";")[0].strip()
    if media == "application/json":
        return orjson.loads(content)
    return content.decode() if media.startswith("text/") else content


def error_of(status: int, headers: Mapping[str, str], content: bytes) -> EkibenError:
    """Give the exception that an answer stands for."""
    try:
        told = orjson.loads(content)
    except orjson.JSONDecodeError:
        told = {}
    told = told if isinstance(told, dict) else {}
    text = str(told.get("detail") or told.get("error") or content[:200].decode(errors="replace") or f"status {status}")
    retry = float(headers["retry-after"]) if headers.get("retry-after", "").isdigit() else None
    if status == 429:
        return TooManyRequests(text, retry_after=retry)
    if status == 503:
        return Unavailable(text, retry_after=retry)
    if status == 404:
        return NotFound(text)
    if status < 500:
        errors = told.get("errors") or []
        problems = [Problem(str(e.get("path", "")), str(e.get("message", ""))) for e in errors if isinstance(e, dict)]
        return InvalidInput(text, problems=problems)
    return ServerError(text, answered=status)

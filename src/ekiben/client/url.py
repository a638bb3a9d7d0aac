"""Write the arguments of a call that stand in the URL.

In: a route and its bound arguments. Out: the path, the query, and the arguments that are left for the body.
Source: RFC 3986, 2.1 and 3.3: a segment is percent-encoded whole, so that no value can change the path.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from ekiben.client.base import Route
from ekiben.client.bodies import as_json
from ekiben.core.errors import InvalidInput
from ekiben.schema.places import SEGMENT
from ekiben.schema.wire import json as wire_json

Query = list[tuple[str, str]]


def split(route: Route, bound: Any) -> tuple[str, Query, Any]:
    """Take out of *bound* what stands in the URL.

    Raises:
        InvalidInput: a value of the path is empty, or a value cannot be sent.
    """
    if not route.places:
        return route.path, [], bound
    query: Query = []
    for name, value in bound.items():
        if route.places.get(name) == "query" and value is not None:
            many = value if isinstance(value, list | tuple | set | frozenset) else [value]
            query += [(name, spell(one)) for one in many]
    parts = [(part, SEGMENT.fullmatch(part)) for part in route.path.split("/")]
    path = "/".join([part if match is None else segment(match[1], bound) for part, match in parts])
    return path, query, {name: value for name, value in bound.items() if name not in route.places}


def segment(name: str, bound: Mapping[str, Any]) -> str:
    """Write one value of a path."""
    text = spell(bound[name]) if name in bound else ""
    if not text:
        raise InvalidInput(f"`{name}` stands in the path and must not be empty")
    return quote(text, safe="") if text.strip(".") else text.replace(".", "%2E")


def spell(value: Any) -> str:
    """Write a value as text: as JSON has it, without quotation marks."""
    if isinstance(value, str):
        return value
    content = as_json(value).content
    assert isinstance(content, bytes)
    told = wire_json.load(content)
    return told if isinstance(told, str) else content.decode()

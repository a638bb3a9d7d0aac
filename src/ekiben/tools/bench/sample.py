"""Make a body that an endpoint takes, from its schema.

In: a JSON Schema. Out: plain data, small: one item wherever the schema lets the number open. Pure.
Source: JSON Schema 2020-12, validation vocabulary.
"""

from collections.abc import Mapping
from typing import Any

from ekiben.core.errors import ConfigError

DEEP = 20  # levels, from which on a schema is one that holds itself
FILES = ("file", "image", "bytes")
FORMATS = {
    "date": "2024-01-01",
    "date-time": "2024-01-01T00:00:00Z",
    "time": "12:00:00",
    "duration": "PT1S",
    "uuid": "00000000-0000-4000-8000-000000000000",
    "email": "someone@example.org",
    "uri": "http://example.org/",
    "ipv4": "127.0.0.1",
    "ipv6": "::1",
}


def make(schema: Mapping[str, Any], definitions: Mapping[str, Any] | None = None, depth: int = 0) -> Any:
    """Make a value of *schema*.

    Args:
        schema: a JSON Schema.
        definitions: what its `$ref`s name; its own `$defs` by default.
        depth: how deep it stands.

    Raises:
        ConfigError: the schema asks for a file, or for a text that fits a pattern, which nobody can guess.
    """
    known = schema.get("$defs", {}) if definitions is None else definitions
    if depth > DEEP:
        raise ConfigError("no body can be made from the schema, as it holds itself", hint="give one by `--body`")
    if "$ref" in schema:
        return make(known.get(str(schema["$ref"]).rpartition("/")[2], {}), known, depth + 1)
    for key in ("const", "default"):
        if key in schema:
            return schema[key]
    for key in ("examples", "enum"):
        if schema.get(key):
            return schema[key][0]
    if schema.get("x-kind") in FILES:
        raise ConfigError(
            f"no body can be made from the schema: it has a part that is a {schema['x-kind']}",
            hint="give one by `--body @FILE --content-type TYPE`",
        )
    for key in ("anyOf", "oneOf", "allOf"):
        if schema.get(key):
            choices = [each for each in schema[key] if each.get("type") != "null"] or schema[key]
            return make(choices[0], known, depth + 1)
    return of_type(schema, known, depth)


def of_type(schema: Mapping[str, Any], known: Mapping[str, Any], depth: int) -> Any:
    """Make a value of a schema that says no more than its type and bounds."""
    kind = schema.get("type")
    kind = next((each for each in kind if each != "null"), "null") if isinstance(kind, list) else kind
    if kind == "object" or "properties" in schema:
        required = schema.get("required", ())
        return {name: make(schema["properties"][name], known, depth + 1) for name in required}
    if kind == "array":
        first = [make(each, known, depth + 1) for each in schema.get("prefixItems", ())]
        count = max(1, len(first), schema.get("minItems", 0))
        item = schema["items"] if isinstance(schema.get("items"), Mapping) else {}
        return first + [make(item, known, depth + 1) for _ in range(len(first), count)]
    if kind == "string":
        return of_text(schema)
    if kind in ("integer", "number"):
        return of_number(schema, kind)
    return {"boolean": True, "null": None}.get(str(kind), 1)


def of_text(schema: Mapping[str, Any]) -> str:
    """Make a text."""
    if "pattern" in schema:
        raise ConfigError(
            f"no body can be made from the schema: a text must fit the pattern {schema['pattern']!r}",
            hint="give one by `--body`",
        )
    found = FORMATS.get(schema.get("format", ""), "text")
    return found.ljust(schema.get("minLength", 0), "x")[: schema.get("maxLength", len(found) + 10**6)]


def of_number(schema: Mapping[str, Any], kind: str) -> int | float:
    """Make a number within its bounds."""
    least, most = schema.get("minimum"), schema.get("maximum")
    if "exclusiveMinimum" in schema:
        least = schema["exclusiveMinimum"] + 1
    if "exclusiveMaximum" in schema and "exclusiveMinimum" in schema and kind == "number":
        return float((schema["exclusiveMinimum"] + schema["exclusiveMaximum"]) / 2)
    if "exclusiveMaximum" in schema:
        most = schema["exclusiveMaximum"] - 1
    value = least if least is not None else min(1, most) if most is not None else 1
    step = schema.get("multipleOf")
    if step:
        value = -(-value // step) * step
    return int(value) if kind == "integer" else float(value)

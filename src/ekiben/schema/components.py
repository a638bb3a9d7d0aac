"""Gather definitions of many JSON Schemas, under names that do not clash.

In: schemas with a `$defs` each, as pydantic makes them. Out: the same schemas, referring to `#/components/schemas/`,
and that mapping. Two definitions share a name only where they are equal, all that they refer to included.
Source: OpenAPI 3.1, Components Object.
"""

import re
from collections.abc import Mapping
from typing import Any

HOME = "#/components/schemas/"
LOCAL = "#/$defs/"
UNFIT = re.compile(r"[^A-Za-z0-9._-]")


class Components:
    """The shared definitions of one document."""

    def __init__(self) -> None:
        self.schemas: dict[str, Any] = {}

    def hoist(self, schema: Mapping[str, Any]) -> dict[str, Any]:
        """Take the definitions out of *schema*; refer to where they went."""
        definitions: Mapping[str, Any] = schema.get("$defs", {})
        names = self._choose(definitions)
        for name, definition in definitions.items():
            self.schemas[names[name]] = renamed(definition, names)
        rest = {key: value for key, value in schema.items() if key != "$defs"}
        return dict(renamed(rest, names))

    def _choose(self, definitions: Mapping[str, Any]) -> dict[str, str]:
        """Find a name for each definition; two that differ get two names."""
        names = {name: UNFIT.sub("_", name) for name in definitions}
        while True:
            chosen = list(names.values())
            wrong = [
                name
                for name, definition in definitions.items()
                if chosen.count(names[name]) > 1
                or (names[name] in self.schemas and self.schemas[names[name]] != renamed(definition, names))
            ]
            if not wrong:
                return names
            names[wrong[-1]] = following(names[wrong[-1]])


def following(name: str) -> str:
    """Count on: `Row`, `Row2`, `Row3`."""
    found = re.fullmatch(r"(.*?)(\d*)", name)
    assert found is not None  # it matches any text
    return f"{found[1]}{int(found[2] or 1) + 1}"


def renamed(schema: Any, names: Mapping[str, str]) -> Any:
    """Give a copy of *schema* whose references to `$defs` go to the components.

    A property or an enumeration value that only looks like a reference is left as it is.
    """
    if isinstance(schema, list):
        return [renamed(item, names) for item in schema]
    if not isinstance(schema, dict):
        return schema
    copy: dict[str, Any] = {}
    for key, value in schema.items():
        if key == "$ref" and isinstance(value, str):
            copy[key] = moved(value, names)
        elif key == "mapping" and isinstance(value, dict) and "propertyName" in schema:
            copy[key] = {tag: moved(target, names) for tag, target in value.items()}
        elif key in ("default", "const", "enum", "examples", "example"):
            copy[key] = value
        else:
            copy[key] = renamed(value, names)
    return copy


def moved(reference: str, names: Mapping[str, str]) -> str:
    """Give the new address of a definition."""
    name = reference.removeprefix(LOCAL)
    return HOME + names[name] if reference.startswith(LOCAL) and name in names else reference

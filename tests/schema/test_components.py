"""Definitions share a name only where they are equal, all that they refer to included."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ekiben.schema.components import HOME, Components

NAMES = ["A", "B", "C", "A_B", "A-B", "A B"]


def reference(name: str) -> dict[str, str]:
    """Refer to a definition."""
    return {"$ref": f"#/$defs/{name}"}


DEFINITIONS = st.dictionaries(
    st.sampled_from(NAMES),
    st.tuples(st.sampled_from(["integer", "string"]), st.lists(st.sampled_from(NAMES), max_size=2)),
    max_size=4,
)


def schema_of(drawn: dict[str, tuple[str, list[str]]]) -> dict[str, Any]:
    """Make a schema that refers to its definitions, which refer to each other."""
    definitions = {
        name: {"type": kind, "anyOf": [reference(to) for to in others if to in drawn]}
        for name, (kind, others) in drawn.items()
    }
    return {"properties": {name: reference(name) for name in drawn}, "$defs": definitions}


def unfolded(schema: Any, definitions: Any, home: str, depth: int = 4) -> Any:
    """Put in place of each reference what it leads to, some levels deep."""
    if isinstance(schema, list):
        return [unfolded(item, definitions, home, depth) for item in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        target = definitions[schema["$ref"].removeprefix(home)]
        return unfolded(target, definitions, home, depth - 1) if depth else "..."
    return {key: unfolded(value, definitions, home, depth) for key, value in schema.items() if key != "$defs"}


@given(st.lists(DEFINITIONS, max_size=4))
def test_meaning_is_kept(drawn: list[dict[str, tuple[str, list[str]]]]) -> None:
    """However names clash, each schema means in the document what it meant alone."""
    components = Components()
    schemas = [schema_of(one) for one in drawn]
    hoisted = [components.hoist(schema) for schema in schemas]
    for schema, moved in zip(schemas, hoisted, strict=True):
        alone = unfolded(schema, schema["$defs"], "#/$defs/")
        assert unfolded(moved, components.schemas, HOME) == alone
    assert all(name.replace("_", "").replace("-", "").isalnum() for name in components.schemas)


def test_equal_definitions_are_shared() -> None:
    """The same class in two endpoints is one component."""
    components = Components()
    schema = schema_of({"A": ("integer", ["B"]), "B": ("string", [])})
    assert components.hoist(schema) == components.hoist(schema)
    assert set(components.schemas) == {"A", "B"}


def test_discriminators_are_moved() -> None:
    """The mapping of a discriminator leads to the components; a property of that name is left alone."""
    components = Components()
    moved = components.hoist(
        {
            "discriminator": {"propertyName": "kind", "mapping": {"a": "#/$defs/A"}},
            "properties": {"mapping": {"const": "#/$defs/A"}, "$ref": {"type": "string"}},
            "$defs": {"A": {"type": "object"}},
        }
    )
    assert moved["discriminator"]["mapping"] == {"a": HOME + "A"}
    assert moved["properties"] == {"mapping": {"const": "#/$defs/A"}, "$ref": {"type": "string"}}

"""A service's document becomes routes; anything else is said to be none."""

from typing import Any

import pytest

from ekiben.client.base import Kind, method_names, read_routes
from ekiben.core.errors import ServerError

ARRAY = {"type": "array", "items": {}, "x-kind": "ndarray", "x-dtype": "float32"}


@pytest.mark.parametrize("document", [None, [], {}, {"routes": 3}, {"routes": [{}]}, "text"], ids=repr)
def test_no_service(document: Any) -> None:
    """A document of another form is not a service's."""
    with pytest.raises(ServerError, match="no service"):
        read_routes(document)


def test_an_older_document() -> None:
    """What an older server leaves out has its usual meaning."""
    route = read_routes({"routes": [{"name": "f", "route": "/f", "input": {"properties": {"a": {}}}, "output": {}}]})[
        "f"
    ]
    assert (route.method, route.reads, route.is_root, list(route.parameters)) == (
        "POST",
        ("application/json",),
        False,
        ["a"],
    )


@pytest.mark.parametrize(
    ("schema", "kind"),
    [
        pytest.param({"type": "string"}, Kind(), id="plain"),
        pytest.param(ARRAY, Kind("ndarray", dtype="float32"), id="an array, whatever its items"),
        pytest.param({"anyOf": [ARRAY, {"type": "null"}]}, Kind("ndarray", dtype="float32"), id="or null"),
        pytest.param({"type": "array", "items": ARRAY}, Kind("ndarray", True, dtype="float32"), id="a list of them"),
        pytest.param({"anyOf": [ARRAY, {"type": "string"}]}, Kind(), id="one of several types is left as it is"),
        pytest.param({"$ref": "#/$defs/A"}, Kind("ndarray", dtype="float32"), id="behind a reference"),
        pytest.param({"$ref": "#/$defs/Nowhere"}, Kind(), id="behind a broken reference"),
    ],
)
def test_kinds(schema: dict[str, Any], kind: Kind) -> None:
    """The kind of a value is found wherever the schema tells it."""
    assert Kind.of(schema, {"A": ARRAY}) == kind


def test_names_that_clash() -> None:
    """An endpoint with the name of a client's own method gets another; the others keep theirs."""
    told = {"route": "/", "input": {}, "output": {}}
    routes = read_routes({"routes": [{"name": "call", **told}, {"name": "predict", **told}]})
    assert {name: route.name for name, route in method_names(routes, ["call"]).items()} == {
        "api_call": "call",
        "predict": "predict",
    }

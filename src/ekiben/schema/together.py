"""Describe several services by one OpenAPI document.

In: the documents of services, by name. Out: one in which nothing of one service is taken for another's: components and
operations bear the service's name before their own, and its name is the tag of its endpoints.
Source: OpenAPI 3.1.1, Components Object (letters of names), Security Requirement Object (an operation's goes first).
"""

from collections.abc import Mapping
from typing import Any

COMPONENTS = "#/components/"
SHARED = "securitySchemes"  # one token is asked for, and sent to each


def document(frame: Mapping[str, Any], each: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Put the documents of services into that of their server.

    Args:
        frame: the server's own, whose title and paths stay.
        each: those of the services, by name; no two have a path in common.
    """
    found = {**frame, "paths": dict(frame["paths"]), "components": dict(frame["components"]), "tags": []}
    for name, one in each.items():
        about = one["info"].get("description", "").strip()
        found["tags"].append({"name": name, **({"description": about} if about else {})})
        moved = renamed(one, name)
        for path, operations in moved["paths"].items():
            found["paths"][path] = {
                method: with_name(operation, name, moved.get("security")) for method, operation in operations.items()
            }
        for kind, parts in moved["components"].items():
            own = parts if kind == SHARED else {f"{name}.{part}": value for part, value in parts.items()}
            found["components"][kind] = {**found["components"].get(kind, {}), **own}
    found["tags"] += [tag for tag in frame["tags"] if tag["name"] == "operation"]
    return found


def with_name(operation: Mapping[str, Any], name: str, security: Any) -> dict[str, Any]:
    """Give an operation of a service its name, and what the whole document said of it."""
    tags = [name if tag == "service" else tag for tag in operation["tags"]]
    asked = {} if security is None else {"security": security}
    return {**asked, **operation, "operationId": f"{name}.{operation['operationId']}", "tags": tags}


def renamed(value: Any, name: str, *, is_reference: bool = False) -> Any:
    """Let references to components follow these to their new names."""
    if isinstance(value, Mapping):
        return {
            key: renamed(inner, name, is_reference=key == "$ref" or is_mapping(value)) for key, inner in value.items()
        }
    if isinstance(value, list):
        return [renamed(inner, name) for inner in value]
    if is_reference and isinstance(value, str) and value.startswith(COMPONENTS):
        kind, _, part = value.removeprefix(COMPONENTS).partition("/")
        return f"{COMPONENTS}{kind}/{name}.{part}"
    return value


def is_mapping(value: Mapping[str, Any]) -> bool:
    """Say whether a dict is the `mapping` of a discriminator: references alone."""
    return bool(value) and all(isinstance(each, str) and each.startswith(COMPONENTS) for each in value.values())

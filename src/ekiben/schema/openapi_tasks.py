"""Describe the routes of a task, beside its plain one.

In: a task's endpoint and the operation of its plain route. Out: paths of an OpenAPI document.
"""

from typing import Any

from ekiben.core.errors import NotFound, Unprocessable, WrongState
from ekiben.core.spec import ERROR_MEDIA, TASK_ROUTES, EndpointSpec, Style
from ekiben.schema.content import essence

NAME = "Task"
STATES = ("pending", "in_progress", "completed", "failed", "canceled")
SUMMARIES = {
    "submit": "Submit a task, and leave.",
    "status": "Say where a task is.",
    "get": "Give the answer of a finished task.",
    "retry": "Run the request of a finished task again, as a new task.",
    "cancel": "End a task, and answer once it has ended.",
}
CONFLICTS = {"get": "It has not finished, or was canceled.", "retry": "It has not finished.", "cancel": "It has ended."}


def paths(endpoint: EndpointSpec, plain: dict[str, Any], prefix: str, style: Style) -> dict[str, Any]:
    """Describe the routes of a task.

    Args:
        endpoint: the task.
        plain: the operation of its plain route, whose body `submit` takes and whose answer `get` gives.
        prefix: stands before every path.
        style: says with which status what cannot be done now is refused.
    """
    found: dict[str, Any] = {}
    for name, methods in TASK_ROUTES.items():
        described = operation(endpoint, name, plain, style)
        found[f"{prefix}{endpoint.route}/{name}"] = {
            method.lower(): {**described, "operationId": operation_id(endpoint, name, method, methods)}
            for method in methods
        }
    return found


def operation_id(endpoint: EndpointSpec, name: str, method: str, methods: tuple[str, ...]) -> str:
    """Name an operation; each has its own name."""
    first = f"{endpoint.name}_{name}"
    return first if method == methods[0] else f"{first}_{method.lower()}"


def operation(endpoint: EndpointSpec, name: str, plain: dict[str, Any], style: Style) -> dict[str, Any]:
    """Describe one of the routes."""
    answers: dict[str, Any] = {
        "200": plain["responses"]["200"] if name == "get" else {"description": "The task.", "content": content()},
        **{status: plain["responses"][status] for status in ("400", "500", "503") if status in plain["responses"]},
    }
    if name == "submit":
        answers |= {status: plain["responses"][status] for status in ("413", "415") if status in plain["responses"]}
        answers[str(style.status_of(Unprocessable))] = problem(
            "This `Idempotency-Key` was sent with another request.", style
        )
    else:
        answers[str(style.status_of(NotFound))] = problem("There is no such task, or no longer.", style)
    if name in CONFLICTS:
        answers.setdefault(str(style.status_of(WrongState)), problem(CONFLICTS[name], style))
    described = {"tags": ["service"], "summary": SUMMARIES[name], "parameters": parameters(name), "responses": answers}
    return {**described, "requestBody": plain["requestBody"]} if name == "submit" else described


def parameters(name: str) -> list[dict[str, Any]]:
    """List what a route reads beside its body."""
    if name == "submit":
        text = {"type": "string", "minLength": 1, "maxLength": 255}
        return [
            {"name": "Idempotency-Key", "in": "header", "description": "The same key is the same task.", "schema": text}
        ]
    found: list[dict[str, Any]] = [{"name": "task_id", "in": "query", "required": True, "schema": {"type": "string"}}]
    if name == "status":
        words = "Seconds to wait for the task's end, at most."
        seconds = {"type": "number", "minimum": 0, "maximum": 60, "default": 0}
        found.append({"name": "wait", "in": "query", "description": words, "schema": seconds})
    return found


def problem(words: str, style: Style) -> dict[str, Any]:
    """Describe an error that only tasks have."""
    media = essence(ERROR_MEDIA[style.error_style])
    return {"description": words, "content": {media: {"schema": {"$ref": "#/components/schemas/Problem"}}}}


def content() -> dict[str, Any]:
    """Describe the body that tells of a task."""
    return {"application/json": {"schema": {"$ref": f"#/components/schemas/{NAME}"}}}


def schema() -> dict[str, Any]:
    """Describe what is told of a task."""
    text, moment = {"type": "string"}, {"type": ["string", "null"], "format": "date-time"}
    fraction = {"type": "number", "minimum": 0, "maximum": 1}
    progress = {"type": "object", "properties": {"fraction": fraction, "message": text}, "required": ["fraction"]}
    return {
        "type": "object",
        "properties": {
            "task_id": text,
            "status": {"type": "string", "enum": list(STATES)},
            "created_at": {"type": "string", "format": "date-time"},
            "executed_at": moment,
            "finished_at": moment,
            "attempts": {"type": "integer", "minimum": 0},
            "max_attempts": {"type": "integer", "minimum": 1},
            "progress": {"anyOf": [progress, {"type": "null"}]},
            "error": {"type": ["string", "null"]},
        },
        "required": ["task_id", "status", "created_at", "attempts", "max_attempts"],
    }

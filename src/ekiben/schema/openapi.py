"""Describe a service to browsers, generators and proxies: one OpenAPI document.

In: a `ServiceSpec` and its codecs. Out: a dict, fit for JSON.
Source: OpenAPI 3.1.1; errors as in RFC 9457.
"""

from collections.abc import Collection, Mapping
from typing import Any

from ekiben.core import errors
from ekiben.core.spec import ERROR_MEDIA, EndpointSpec, ServiceSpec, Style
from ekiben.schema import openapi_tasks as tasks
from ekiben.schema.codec import Codec
from ekiben.schema.components import Components
from ekiben.schema.content import FORM, JSON, UPLOADS, URLENCODED, essence
from ekiben.schema.pieces import LINES, LINES_TOO

BINARY: Mapping[str, Any] = {"type": "string", "format": "binary"}
STRUCTURED = ("ndarray", "dataframe", "series", "tensor")  # kinds that a form carries as JSON text
ERRORS: Mapping[type[errors.EkibenError], str] = {
    errors.InvalidInput: "A value is wrong; every wrong place is named.",
    errors.BodyTooLarge: "The body is too large.",
    errors.UnsupportedMediaType: "The content type is not one that this endpoint reads.",
    errors.TooManyRequests: "Too many calls at once.",
    errors.EkibenError: "The service failed; its log says why.",
    errors.Unavailable: "The service is not ready.",
    errors.DeadlineExceeded: "The answer did not come in time.",
}
REFUSALS = {"401": "A token is missing or unknown.", "403": "The token is not for this."}
RUNS, TAKES, COUNTS = "Say whether it runs.", "Say whether calls are taken.", "Give the metrics, for Prometheus."


def document(
    spec: ServiceSpec, codecs: Mapping[str, Codec], *, prefix: str | None = None, guarded: bool = False
) -> dict[str, Any]:
    """Make the OpenAPI document of a service.

    Args:
        spec: the service.
        codecs: by endpoint name.
        prefix: stands before every path; None takes the spec's.
        guarded: calls need a token.
    """
    prefix = spec.http.path_prefix if prefix is None else prefix
    components = Components()
    components.schemas["Problem"] = problem_schema(spec.style.error_style)
    failures = failures_of(spec.style)
    paths: dict[str, Any] = {}
    for endpoint in spec.endpoints:
        operations = paths.setdefault(prefix + endpoint.route, {})
        for method in endpoint.methods:
            name = endpoint.name if method == endpoint.methods[0] else f"{endpoint.name}_{method.lower()}"
            operations[method.lower()] = operation(endpoint, codecs[endpoint.name], components, name, failures)
        if endpoint.task:
            paths |= tasks.paths(endpoint, operations["post"], prefix, spec.style)
            components.schemas[tasks.NAME] = tasks.schema()
    for path, summary in probes(spec).items():
        paths.setdefault(prefix + path, {"get": probe(path, summary)})
    problem = {essence(ERROR_MEDIA[spec.style.error_style]): {"schema": {"$ref": "#/components/schemas/Problem"}}}
    found: dict[str, Any] = {
        "openapi": "3.1.0",
        "info": {"title": spec.name, "version": spec.version or spec.style.unbuilt or "0"} | described(spec.doc),
        "tags": [
            {"name": "service", "description": "What the service answers."},
            {"name": "operation", "description": "What watches over it."},
        ],
        "paths": paths,
        "components": {
            "schemas": components.schemas,
            "responses": {status: {"description": words, "content": problem} for status, words in failures.items()},
        },
    }
    if guarded:
        guard(
            found, problem, opened={prefix + path for path in probes(spec) if path != "/metrics" or not is_asked(spec)}
        )
    return found


def is_asked(spec: ServiceSpec) -> bool:
    """Say whether the metrics need a token too."""
    return spec.http.auth is not None and spec.http.auth.metrics


def guard(document: dict[str, Any], problem: Mapping[str, Any], opened: Collection[str]) -> None:
    """Say in *document* that all but what is *opened* needs a token."""
    components = document["components"]
    components["securitySchemes"] = {"bearer": {"type": "http", "scheme": "bearer"}}
    document["security"] = [{"bearer": []}]
    for status, words in REFUSALS.items():
        components["responses"][status] = {"description": words, "content": problem}
    for path, operations in document["paths"].items():
        for each in operations.values():
            if path in opened:
                each["security"] = []
            else:
                each["responses"] |= {status: {"$ref": f"#/components/responses/{status}"} for status in REFUSALS}


def failures_of(style: Style) -> dict[str, str]:
    """Say what each status of an error means."""
    found: dict[str, str] = {}
    for kind, words in ERRORS.items():
        status = str(style.status_of(kind))
        found[status] = f"{found[status]} {words}" if status in found else words
    return found


def operation(
    endpoint: EndpointSpec, codec: Codec, components: Components, name: str, failures: Collection[str]
) -> dict[str, Any]:
    """Describe one method of one endpoint; *failures* are the statuses of its errors."""
    first = endpoint.doc.strip().partition("\n")[0]
    return {
        "operationId": name,
        "tags": ["service"],
        **({"summary": first} if first else {}),
        **described(endpoint.doc),
        **({"parameters": parameters(codec, components)} if codec.url else {}),
        **({"requestBody": request_body(codec, components)} if codec.has_body else {}),
        "responses": {
            "200": answer(endpoint, codec, components),
            **{status: {"$ref": f"#/components/responses/{status}"} for status in failures},
        },
    }


def parameters(codec: Codec, components: Components) -> list[dict[str, Any]]:
    """List the arguments that stand in the URL."""
    assert codec.url is not None
    schema = components.hoist(codec.url.input_schema)
    required = schema.get("required", ())
    found = []
    for name, part in schema.get("properties", {}).items():
        is_path = name in codec.in_path
        words = {"description": part["description"]} if "description" in part else {}
        place = "path" if is_path else "query"
        found.append({"name": name, "in": place, "required": is_path or name in required, **words, "schema": part})
    return found


def request_body(codec: Codec, components: Components) -> dict[str, Any]:
    """List every content type that the endpoint reads, file forms first for files."""
    schema = components.hoist(codec.input_schema)
    properties: dict[str, Any] = {} if codec.is_root else schema.get("properties", {})
    content: dict[str, Any] = {}
    for media in codec.input_media:
        if media == JSON:
            content[media] = {"schema": schema}
        elif media == FORM:
            content[media] = {"schema": form_schema(schema, properties), "encoding": encodings(properties)}
        elif media == URLENCODED or (media.startswith("text/") and schema.get("type") == "string"):
            content[media] = {"schema": schema}
        else:
            content[media] = {"schema": dict(BINARY)}
    return {"required": bool(codec.is_root or schema.get("required")), "content": content}


def form_schema(schema: Mapping[str, Any], properties: Mapping[str, Any]) -> dict[str, Any]:
    """Give the schema of a form: what JSON carries as base64 is a file part there."""
    return {**schema, "properties": {name: form_part(part) for name, part in properties.items()}}


def form_part(part: Mapping[str, Any]) -> dict[str, Any]:
    """Describe one part of a form."""
    words: dict[str, Any] = {
        key: part[key] for key in ("title", "description", "examples", "deprecated") if key in part
    }
    if part.get("x-kind") in UPLOADS:
        return {**words, **BINARY}
    if part.get("type") == "array" and isinstance(part.get("items"), Mapping):
        return {**part, "items": form_part(part["items"])}
    some = [choice for choice in part.get("anyOf", ()) if choice.get("type") != "null"]
    if len(some) == 1 and len(some) < len(part.get("anyOf", ())):
        return {**form_part(some[0]), **words}
    return dict(part)


def encodings(properties: Mapping[str, Any]) -> dict[str, Any]:
    """Say the content type of every part that is not plain text."""
    found = {name: media for name, part in properties.items() if (media := part_media(part))}
    return {name: {"contentType": media} for name, media in found.items()}


def part_media(part: Mapping[str, Any]) -> str | None:
    """Give the content type of one part: a file's, JSON's, or none for plain text."""
    kind = part.get("x-kind")
    if kind in UPLOADS:
        return str(part["contentMediaType"])
    if kind in STRUCTURED or "$ref" in part or part.get("type") == "object":
        return JSON
    for inner in (part.get("items"), *part.get("anyOf", ())):
        if isinstance(inner, Mapping) and (found := part_media(inner)):
            return found
    return None


def answer(endpoint: EndpointSpec, codec: Codec, components: Components) -> dict[str, Any]:
    """Describe the answer of an endpoint."""
    schema = components.hoist(codec.output_schema)
    forms = () if codec.pieces is None else codec.pieces.forms
    medias = dict.fromkeys(essence(media) for media in (codec.output_media, *codec.encoders, *forms))
    content = {media: {"schema": body_schema(media, schema)} for media in medias}
    what = "The answer, in pieces as they are made." if endpoint.stream else "The answer."
    return {"description": what, "content": content}


def body_schema(media: str, schema: dict[str, Any]) -> dict[str, Any]:
    """Describe a body of one content type, whose value as JSON is of *schema*."""
    if media in (LINES, LINES_TOO):
        return {"type": "string", "contentMediaType": media, "contentSchema": schema}  # of each line
    if media == JSON or media.endswith("+json"):
        return schema
    return {"type": "string"} if media.startswith("text/") else dict(BINARY)


def probes(spec: ServiceSpec) -> dict[str, str]:
    """Give the routes that watch over the service, with what they do."""
    healthz = TAKES if spec.style.healthz == "readyz" else RUNS
    found = {spec.http.livez: RUNS, "/healthz": healthz, spec.http.readyz: TAKES}
    return {**found, "/metrics": COUNTS} if spec.http.metrics.enabled else found


def probe(path: str, summary: str) -> dict[str, Any]:
    """Describe one of the routes that watch over the service."""
    text = {"text/plain": {"schema": {"type": "string"}}}
    responses: dict[str, Any] = {"200": {"description": "Yes.", "content": text}}
    if path != "/metrics":
        responses["503"] = {"description": "No.", "content": text}
    return {
        "operationId": path.strip("/").replace("/", "_"),
        "tags": ["operation"],
        "summary": summary,
        "responses": responses,
    }


def problem_schema(error_style: str) -> dict[str, Any]:
    """Describe the body of an error."""
    text = {"type": "string"}
    if error_style in ("string", "text"):
        return text
    if error_style == "object":
        step = {"anyOf": [text, {"type": "integer"}]}
        place = {
            "type": "object",
            "properties": {"loc": {"type": "array", "items": step}, "msg": text},
            "required": ["loc", "msg"],
        }
        detail = {"type": "array", "items": place}
        return {"type": "object", "properties": {"error": text, "detail": detail}, "required": ["error"]}
    place = {"type": "object", "properties": {"path": text, "message": text}, "required": ["path", "message"]}
    return {
        "type": "object",
        "properties": {
            "type": {"type": "string", "format": "uri-reference"},
            "title": text,
            "status": {"type": "integer"},
            "detail": text,
            "error": text,
            "hint": text,
            "errors": {"type": "array", "items": place},
        },
        "required": ["type", "title", "status", "detail", "error"],
    }


def described(doc: str) -> dict[str, str]:
    """Give the description, where there is one."""
    return {"description": doc.strip()} if doc.strip() else {}

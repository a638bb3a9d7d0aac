"""What every service of 0.13 has beside its inference APIs: `/metadata`, `/feedback`, `/static`.

In: a service. Out: endpoints, methods and mounts of them. Docs, probes and metrics are those of any service.
"""

import inspect
import json
import logging
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from starlette.staticfiles import StaticFiles

from bentoml.bundles.apis import InferenceAPI
from ekiben.core.context import Context
from ekiben.core.errors import ConfigError
from ekiben.core.spec import EndpointSpec, MountSpec
from ekiben.schema.signature import Parameter, Signature, check

feedback_log = logging.getLogger("ekiben.feedback")

STATIC = "/static"
CONTENT = "web_static_content"  # the service's attribute that names the folder
LONG = 64 * 1024  # letters of a feedback
CONTROL = re.compile(r"[\x7f-\x9f\u2028\u2029]")  # what JSON leaves as it is, and terminals and readers of logs obey

SIGNATURES = {
    "metadata": Signature((), returns=check(dict[str, Any], "metadata"), is_async=True, has_body=False),
    "feedback": Signature(
        (Parameter("value", check(dict[str, Any], "feedback", is_input=True)),),
        returns=check(str, "feedback"),
        is_root=True,
        context="context",
        is_async=True,
    ),
}
ENDPOINTS = (
    EndpointSpec("metadata", "/metadata", methods=("GET",), doc="Describe the service: its APIs, artifacts, packages."),
    EndpointSpec("feedback", "/feedback", doc="Log what became of a prediction: any JSON object."),
)


def methods(service: Any, apis: Sequence[InferenceAPI]) -> dict[str, Callable[..., Any]]:
    """Give the methods of the endpoints, by name."""

    async def metadata() -> dict[str, Any]:
        return describe(service, apis)

    async def feedback(value: dict[str, Any], context: Context) -> str:
        note = json.dumps(value, ensure_ascii=False, default=str)[:LONG]
        note = CONTROL.sub(lambda found: f"\\u{ord(found[0]):04x}", note)
        feedback_log.info("feedback (request %s): %s", context.request_id, note)
        return "success"

    return {"metadata": metadata, "feedback": feedback}


def describe(service: Any, apis: Sequence[InferenceAPI]) -> dict[str, Any]:
    """Describe a service: by its own `describe()` where it has one."""
    own = getattr(service, "describe", None)
    if callable(own):
        found: dict[str, Any] = own()
        return found
    return {
        "name": getattr(service, "name", type(service).__name__),
        "version": getattr(service, "version", None),
        "apis": [api.describe() for api in apis],
    }


def mounts(service: Any) -> tuple[MountSpec, ...]:
    """Serve the service's static content; raises ConfigError where its folder is missing."""
    folder = getattr(service, CONTENT, None)
    if folder is None or callable(folder):
        return ()
    path = Path(folder)
    if not path.is_absolute():
        path = Path(inspect.getfile(service if inspect.isclass(service) else type(service))).parent / path
    if not path.is_dir():
        raise ConfigError(f"`web_static_content` must be a folder: {str(folder)!r}")
    return (MountSpec(StaticFiles(directory=path, html=True, follow_symlink=False), STATIC, "static"),)

"""Describe a service to clients: the `/schema.json` document.

In: a `ServiceSpec` and its codecs. Out: a dict, fit for JSON. Each value that is not plain JSON bears `x-kind`
(`ndarray`, `tensor`, `dataframe`, `series`, `image`, `file`, `bytes`), by which a client knows how to send and read it.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from ekiben.core.spec import EndpointSpec, ServiceSpec
from ekiben.schema.codec import Codec


def document(
    spec: ServiceSpec, codecs: Mapping[str, Codec], *, prefix: str | None = None, mounts: Sequence[str] = ()
) -> dict[str, Any]:
    """Make the schema document of a service.

    Args:
        spec: the service.
        codecs: by endpoint name.
        prefix: stands before every route; None takes the spec's.
        mounts: paths of mounted apps, without the prefix.

    Returns:
        The document; its `paths` are all that the service answers at, those of mounted apps too, and `readyz` is where
        it tells whether it is ready.
    """
    prefix = spec.http.path_prefix if prefix is None else prefix
    return {
        "name": spec.name,
        "type": "service",
        "description": spec.doc,
        "routes": [route(endpoint, codecs[endpoint.name], prefix) for endpoint in spec.endpoints],
        "readyz": prefix + spec.http.readyz,
        "paths": [prefix + path for path in (*(each.route for each in spec.endpoints), *mounts)],
    }


def route(endpoint: EndpointSpec, codec: Codec, prefix: str = "") -> dict[str, Any]:
    """Describe one endpoint; `reads` lists what its body may be, the best one first."""
    return {
        "name": endpoint.name,
        "route": prefix + endpoint.route,
        "methods": list(endpoint.methods),
        "description": endpoint.doc,
        "batchable": endpoint.batch is not None,
        "root_input": codec.is_root,
        "reads": list(codec.input_media),
        "input": codec.arguments_schema,
        "in": {**dict.fromkeys(codec.in_path, "path"), **dict.fromkeys(codec.in_query, "query")},
        "output": {**codec.output_schema, "is_stream": endpoint.stream, "media_type": codec.output_media},
        "is_task": endpoint.task,
    }

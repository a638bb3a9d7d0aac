"""Make a service that Ekiben can serve of a `BentoService`.

In: a class with inference APIs, or an instance that was packed or loaded. Out: a `BoundService`: an endpoint for each
API, by POST and by GET, and what every service of 0.13 has beside them.
"""

import inspect
from dataclasses import replace
from typing import Any

from bentoml.bundles import beside
from bentoml.bundles.apis import InferenceAPI, collect
from bentoml.bundles.served import CONTEXT, Served, attribute, sees_requests
from bentoml.front import STYLE_OF_BUNDLES
from ekiben.core.errors import ServiceLoadError
from ekiben.core.spec import BatchSpec, BoundService, Convention, EndpointSpec, ServiceSpec
from ekiben.schema.codec import plan
from ekiben.schema.signature import Signature
from ekiben.services.endpoints import check_mounts, check_routes

METHODS = ("POST", "GET")


def bind(service: Any) -> BoundService:
    """Make a service of a `BentoService`: its class, or an instance with its artifacts.

    Args:
        service: of a class, an instance is made when the service starts.

    Raises:
        ServiceLoadError: it has no inference API.
        ConfigError: two of them cannot stand side by side.
    """
    cls = service if inspect.isclass(service) else type(service)
    apis = collect(cls)
    if not apis:
        raise ServiceLoadError(
            f"`{cls.__name__}` has no inference API", hint="mark a method by `@api(input=DataframeInput(), batch=True)`"
        )
    name = name_of(service, cls)
    signatures = {api.name: signature_of(api) for api in apis}
    spec = ServiceSpec(
        name=name,
        endpoints=(*(endpoint(api, signatures[api.name]) for api in apis), *beside.ENDPOINTS),
        style=STYLE_OF_BUNDLES,
        version=version_of(service),
        doc=inspect.getdoc(cls) or "" if cls.__doc__ else "",
    )
    check_routes(spec, cls.__name__)
    bound = BoundService(
        spec=spec,
        create=lambda handles: create(service, apis),
        signatures={**signatures, **beside.SIGNATURES},
        methods={api.name: attribute(api) for api in apis},
        mounts=beside.mounts(service),
        origin=f"{cls.__module__}:{cls.__qualname__}",
    )
    check_mounts(bound)
    return bound


def rebatched(bound: BoundService, size: int | None = None, latency_ms: float | None = None) -> BoundService:
    """Give a service whose batches have other limits, as `--mb-max-batch-size` asks for.

    Args:
        bound: the service.
        size: items of a batch; None leaves each API its own.
        latency_ms: milliseconds in which a call has to be answered; the same.
    """

    def change(each: EndpointSpec) -> EndpointSpec:
        if each.batch is None:
            return each
        batch = replace(each.batch, max_size=size or each.batch.max_size)
        return replace(each, batch=replace(batch, max_latency=latency_ms / 1000) if latency_ms else batch)

    return replace(bound, spec=replace(bound.spec, endpoints=tuple(map(change, bound.spec.endpoints))))


def create(service: Any, apis: list[InferenceAPI]) -> Served:
    """Make what answers calls."""
    made = service() if inspect.isclass(service) else service
    return Served(made, apis, beside.methods(made, apis))


def signature_of(api: InferenceAPI) -> Signature:
    """Give what an endpoint takes: the input, or the whole request."""
    returns = api.output_adapter.hint()
    if not sees_requests(api):
        return replace(api.input_adapter.signature(), returns=returns)
    return replace(api.input_adapter.whole(), returns=returns, context=CONTEXT)


def endpoint(api: InferenceAPI, signature: Signature) -> EndpointSpec:
    """Describe the endpoint of an API."""
    codec = plan(signature)
    convention = Convention.ONE_VALUE
    if api.batch:
        is_joined = api.input_adapter.IS_JOINED and not sees_requests(api)
        convention = Convention.STACKED if is_joined else Convention.LISTED
    return EndpointSpec(
        name=api.name,
        route=api.route,
        methods=METHODS,
        input=codec.input_schema,
        output=codec.output_schema,
        convention=convention,
        batch=BatchSpec(api.mb_max_batch_size, max_latency=api.mb_max_latency / 1000) if api.batch else None,
        doc=api.doc,
    )


def name_of(service: Any, cls: type) -> str:
    """Give the service's name: what it says of itself, else its class's."""
    name = getattr(service, "name", None)
    return name if isinstance(name, str) and name else cls.__name__


def version_of(service: Any) -> str | None:
    """Give the version of an instance, once it has one."""
    version = None if inspect.isclass(service) else getattr(service, "version", None)
    return version if isinstance(version, str) and version else None

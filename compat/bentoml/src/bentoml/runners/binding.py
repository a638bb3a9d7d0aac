"""Make a service of a runner, which others depend on.

In: a `Runner`. Out: a `BoundService` without routes for anybody outside: its calls come from the service that names it,
are batched by the engine, and are answered by workers of its own.
"""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Annotated, Any

from bentoml.front import STYLE_OF_A_RUNNER
from bentoml.runners.arguments import returned
from bentoml.runners.columns import ColumnsLeaf
from bentoml.runners.runnable import RunnableMethod
from bentoml.runners.runner import Runner, RunnerMethod
from bentoml.runners.strategy import count_workers, resources, worker_env
from ekiben.core.spec import BatchSpec, BoundService, EndpointSpec, ServiceSpec
from ekiben.schema.codec import plan
from ekiben.schema.hints import LeafNote
from ekiben.schema.signature import Parameter, Signature
from ekiben.services.configure import BUILT_IN
from ekiben.services.members import model_ref
from ekiben.services.options import apply, read_options

PATIENCE = 900.0  # seconds for one call of a runner
PARAMETERS = (
    Parameter("values", Annotated[Any, LeafNote(ColumnsLeaf())]),
    Parameter("places", Any),
    Parameter("args", Any),
    Parameter("kwargs", Any),
)


def bind(runner: Runner, name: str) -> BoundService:
    """Make the service of *runner*.

    Args:
        runner: the runner.
        name: of the service, by which nothing else in the same server may be called.
    """
    methods = {method.name: method for method in runner.runner_methods}
    signatures = {endpoint: signature_of(method) for endpoint, method in runner.offered.items()}
    described = tuple(
        describe(endpoint, methods[method.name], method, signatures[endpoint])
        for endpoint, method in runner.offered.items()
    )
    kind = runner.runnable_class
    spec = ServiceSpec(
        name=name,
        endpoints=described,
        models=tuple(model_ref(model.tag.name, model) for model in runner.models),
        style=STYLE_OF_A_RUNNER,
        doc=f"The runner {runner.name}.",
    )
    options = {"workers": 1, "traffic": {"timeout": PATIENCE}}
    bound = BoundService(
        spec=apply(spec, read_options(options)),
        create=runner.create,
        signatures=signatures,
        on_loop=any(method.is_async for method in runner.offered.values()),
        origin=f"{kind.__module__}:runner {runner.name}",
        options=options,
        sources={"workers": BUILT_IN, "traffic.timeout": BUILT_IN},
        settled=partial(staffed, runner),
    )
    return staffed(runner, bound)


def staffed(runner: Runner, bound: BoundService) -> BoundService:
    """Give a runner the workers that its strategy wants of the resources that it has.

    A number of workers that somebody has set stays.
    """
    strategy, kind, per_resource = runner.scheduling_strategy, runner.runnable_class, runner.workers_per_resource
    asked = resources(bound.spec.resources)
    bound = replace(bound, environ=partial(worker_env, strategy, kind, asked, per_resource))
    if bound.sources.get("workers") != BUILT_IN:
        return bound
    workers = count_workers(strategy, kind, asked, per_resource)
    return replace(bound, spec=replace(bound.spec, workers=workers), options={**bound.options, "workers": workers})


def signature_of(method: RunnableMethod) -> Signature:
    """Say what travels: the joined values, their places, and the other arguments."""
    return Signature(
        PARAMETERS,
        returns=returned(method.function),
        is_async=method.is_async,
        is_stream=method.is_stream,
        batched="values" if method.options.batchable else None,
    )


def describe(endpoint: str, limits: RunnerMethod, method: RunnableMethod, signature: Signature) -> EndpointSpec:
    """Settle one endpoint."""
    codec, axes = plan(signature), method.options.batch_dim
    batch = BatchSpec(
        max_size=limits.max_batch_size,
        max_latency=limits.max_latency_ms / 1000,
        in_axis=axes[0],
        out_axis=axes[1],
    )
    return EndpointSpec(
        name=endpoint,
        route=f"/{endpoint}",
        input=codec.arguments_schema,
        output=codec.output_schema,
        batch=batch if method.options.batchable else None,
        isolate=method.options.batchable,
        stream=method.is_stream,
        doc=(method.function.__doc__ or "").strip(),
    )


def names_of(service: str, runners: Mapping[str, Runner]) -> dict[str, str]:
    """Name the services of runners, none like the service that they belong to."""
    return {name: f"{name}-runner" if name == service else name for name in runners}

"""Read the endpoints of a service's class, and see that each has its own place.

In: a class with marked methods. Out: an `Endpoint` each, or a ConfigError that names the method.
"""

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from pydantic import BaseModel, RootModel

from ekiben.core.errors import ConfigError
from ekiben.core.front import front
from ekiben.core.spec import TASK_ROUTES, BoundService, Convention, EndpointSpec, HttpSpec, ServiceSpec
from ekiben.schema.codec import plan
from ekiben.schema.hints import batch_leaf, leaves, settle
from ekiben.schema.places import SEGMENT, names_in, place
from ekiben.schema.signature import EMPTY, Parameter, Signature, check, read
from ekiben.schema.structures import whole_hint
from ekiben.services.members import Marked, marked
from ekiben.services.methods import API_NOTE, ApiOptions

AXES = ("record", "ndarray", "dataframe", "series", "tensor")  # kinds whose values are batches of items themselves


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One endpoint of a class."""

    attribute: str
    spec: EndpointSpec
    signature: Signature
    policy: Any = None  # decides when its batches leave


def describe(cls: type, names: Mapping[str, Any]) -> list[Endpoint]:
    """Read every endpoint.

    Args:
        cls: the class.
        names: what annotations may name beside the globals of their module.

    Raises:
        ConfigError: a hint, a name or a combination cannot be served.
    """
    nested = {name: value for owner in cls.__mro__ for name, value in vars(owner).items() if inspect.isclass(value)}
    known = {**nested, **names, cls.__name__: cls}
    return [describe_one(one, known) for one in marked(cls, API_NOTE)]


def describe_one(found: Marked, names: Mapping[str, Any]) -> Endpoint:
    """Settle one endpoint."""
    options: ApiOptions = found.note
    where = f"`{found.function.__qualname__}`"
    name = options.name or found.name
    if name.startswith("__"):
        raise ConfigError(
            f"{where} cannot be an endpoint under its own name, which belongs to Python",
            hint=f'name it: `@{front().program}.api(name="call")`',
        )
    signature = read_signature(found, options, names, where)
    if signature.is_stream and options.is_task:
        raise ConfigError(
            f"{where} is a generator and cannot be a task, whose answer is whole",
            hint="return a list, and tell how far it is by `ctx.progress(0.4)`",
        )
    route = options.route or f"/{name}"
    signature = place(signature, route, options.method, where)
    if options.is_task and (signature.in_url or not signature.has_body):
        raise ConfigError(
            f"{where} is a task and takes its arguments in a body: {route}", hint="give it a plain `route`"
        )
    check_stream(signature, options, where)
    if options.batch is not None:
        signature = replace(signature, batched=batched_of(signature, options.batch_on, where))
    codec = plan(signature)
    spec = EndpointSpec(
        name=name,
        route=route,
        methods=(options.method,),
        input=codec.arguments_schema,
        output=codec.output_schema,
        convention=Convention.ONE_VALUE if signature.is_root else Convention.KEYWORDS,
        batch=options.batch,
        stream=signature.is_stream,
        heartbeat=options.heartbeat,
        timeout=options.timeout,
        isolate=options.isolate,
        task=options.is_task,
        max_attempts=options.max_attempts,
        doc=inspect.getdoc(found.function) or "",
    )
    return Endpoint(found.name, spec, signature, options.policy)


def check_self(function: Any, where: str) -> None:
    """Hold a method to have a first parameter for its instance; raises ConfigError."""
    first = next(iter(inspect.signature(function).parameters.values()), None)
    empty = inspect.Parameter.empty
    if first is None or (first.name not in ("self", "cls") and first.annotation is not empty):
        raise ConfigError(f"{where} must take its instance first", hint="write `self` as the first parameter")


def read_signature(found: Marked, options: ApiOptions, names: Mapping[str, Any], where: str) -> Signature:
    """Read a method's signature, or the models that were given in its place."""
    if found.is_bound:
        check_self(found.function, where)
    signature = read(found.function, skip=int(found.is_bound), names=names)
    if not signature.is_async and inspect.iscoroutinefunction(inspect.unwrap(found.function)):
        signature = replace(signature, is_async=True)  # a decorator hides it, and its wrapper gives the coroutine
    if options.output_spec is not None:
        signature = replace(signature, returns=check(options.output_spec, f"the `output_spec` of {where}"))
    if options.input_spec is not None:
        signature = with_model(signature, options.input_spec, where)
    return signature


def with_model(signature: Signature, model: type[BaseModel], where: str) -> Signature:
    """Let *model* read the arguments: each field is a parameter; its validators hold.

    Raises:
        ConfigError: the method does not take just these fields.
    """
    if issubclass(model, RootModel):
        raise ConfigError(
            f"the `input_spec` of {where} must have fields: {model.__name__} is a `RootModel`",
            hint="write a positional-only parameter instead, which is the whole body: `def predict(self, x, /)`",
        )
    fields, taken = model.model_fields, {parameter.name: parameter for parameter in signature.parameters}
    takes_more = any(parameter.stars == "**" for parameter in signature.parameters)
    odd = [name for name in fields if name not in taken and not takes_more]
    odd += [name for name, parameter in taken.items() if parameter.is_required and name not in fields]
    if odd:
        raise ConfigError(f"{where} and its `input_spec` must name the same parameters: `{odd[0]}` is in one only")
    whole = check(model, f"the `input_spec` of {where}", is_input=True)
    parameters = tuple(
        Parameter(name, settle(whole_hint(info), is_input=True), EMPTY if info.is_required() else info)
        for name, info in fields.items()
    )
    return replace(signature, parameters=parameters, is_root=False, whole=whole)


def batched_of(signature: Signature, named: str | None, where: str) -> str | None:
    """Give the parameter whose values are joined with those of other calls.

    Args:
        signature: of the method.
        named: what `batch_on` says.
        where: the method, for errors.

    Returns:
        Its name; None where it is the only one.

    Raises:
        ConfigError: there is none, several could be it, or the method cannot batch.
    """
    if signature.in_url or not signature.has_body:
        raise ConfigError(f"{where} is batchable and cannot take arguments from its URL", hint="take them in a body")
    if signature.context is not None:
        raise ConfigError(
            f"{where} is batchable and cannot take the context `{signature.context}`, as it answers several calls",
            hint="leave the parameter out",
        )
    stars = next((parameter for parameter in signature.parameters if parameter.stars), None)
    if stars is not None:
        raise ConfigError(
            f"{where} is batchable and cannot take `{stars.stars}{stars.name}`", hint="write its parameters one by one"
        )
    found = [parameter for parameter in signature.parameters if can_batch(parameter)]
    if named is not None:
        chosen = [parameter for parameter in found if parameter.name == named]
        if not chosen:
            raise ConfigError(
                f"`batch_on` of {where} must name a parameter that is an array, a frame, a tensor or a list: {named!r}",
                hint=f"its parameters are: {', '.join(p.name for p in signature.parameters) or 'none'}",
            )
        return named if len(signature.parameters) > 1 else None
    found = [parameter for parameter in found if parameter.is_required] or found
    found = [parameter for parameter in found if parameter.hint is not Any] or found
    if not found:
        name = signature.parameters[0].name if len(signature.parameters) == 1 else None
        raise ConfigError(
            f"{where} is batchable, and its parameter `{name}` must be an array, a frame, a tensor or a list"
            if name is not None
            else f"{where} is batchable and must take an array, a frame, a tensor or a list",
            hint="write `list[...]`: a call gives some items, a batch has those of several calls",
        )
    if len(found) > 1:
        raise ConfigError(
            f"{where} is batchable, and its items could be those of `{found[0].name}` or of `{found[1].name}`",
            hint=f'say which by `batch_on="{found[0].name}"`, or join them into one list of records',
        )
    return found[0].name if len(signature.parameters) > 1 else None


def can_batch(parameter: Parameter) -> bool:
    """Say whether values of a parameter are batches of items."""
    leaf = batch_leaf(parameter.hint)
    return parameter.hint is Any or (leaf is not None and leaf.kind in AXES)


def check_stream(signature: Signature, options: ApiOptions, where: str) -> None:
    """Refuse what cannot stream, and what only means something for a stream."""
    if not signature.is_stream:
        if options.heartbeat is not None:
            raise ConfigError(
                f"`heartbeat` of {where} means nothing where nothing streams: {options.heartbeat:g}",
                hint="make the method a generator, or leave `heartbeat` out",
            )
        return
    if options.batch is not None:
        raise ConfigError(f"{where} streams and cannot be batchable", hint="leave `batchable` out")
    if any(leaf.kind == "file" for leaf in leaves(signature.returns)):
        raise ConfigError(f"{where} cannot stream files", hint="give their content, as `Iterator[bytes]`")


def check_routes(spec: ServiceSpec, cls: str) -> None:
    """Refuse two endpoints in one place, and one in a place that is taken.

    Raises:
        ConfigError: two names are the same, or two routes could answer the same request.
    """
    routes = dict(reserved(spec.http))
    named: set[str] = set()
    places: dict[str, str] = {}
    before: list[tuple[str, EndpointSpec]] = []
    for endpoint in spec.endpoints:
        where = f"the endpoint `{cls}.{endpoint.name}`"
        if endpoint.name in named:
            raise ConfigError(f"{where} is there twice", hint="give one of the two methods another `name`")
        at = spec.http.path_prefix + endpoint.route
        taken = routes.get(at) or next((what for path, what in routes.items() if below(at, path, what)), None)
        for what, other in before:
            if clash(endpoint, other):
                taken = what
        if taken is not None:
            raise ConfigError(f"{where} has the route of {taken}: {at}", hint="give it another `route`")
        named.add(endpoint.name)
        before.append((where, endpoint))
        places[at] = where
        for name in TASK_ROUTES if endpoint.task else ():
            taken = places.get(f"{at}/{name}") or routes.setdefault(f"{at}/{name}", f"`{name}` of {where}")
            if taken != f"`{name}` of {where}":
                raise ConfigError(f"{where} is a task and needs the route of {taken}: {at}/{name}")


def clash(one: EndpointSpec, other: EndpointSpec) -> bool:
    """Say whether a request could be for either of two endpoints.

    A route without parameters goes before one with some, so these two never clash.
    """
    if not set(one.methods) & set(other.methods) or bool(names_in(one.route)) != bool(names_in(other.route)):
        return False
    left, right = one.route.split("/"), other.route.split("/")
    return len(left) == len(right) and all(
        a == b or SEGMENT.fullmatch(a) or SEGMENT.fullmatch(b) for a, b in zip(left, right, strict=True)
    )


PAGES = "the pages of the docs"


def reserved(http: HttpSpec) -> dict[str, str]:
    """Say which places every service has, and what is there."""
    prefix = http.path_prefix
    return {
        prefix + http.livez: "the liveness probe",
        prefix + http.readyz: "the readiness probe",
        prefix + "/healthz": "the liveness probe",
        prefix + "/metrics": "the metrics",
        prefix + "/docs.json": "the OpenAPI document",
        "/schema.json": "the schema",
        prefix + "/docs": PAGES,
    }


def below(place: str, path: str, what: str) -> bool:
    """Say whether *place* lies below the docs, whose pages need files there."""
    return what == PAGES and place.startswith(path + "/")


def check_mounts(bound: BoundService) -> None:
    """Refuse a mounted app in a place that is taken."""
    http = bound.spec.http
    taken = reserved(http) | {
        http.path_prefix + endpoint.route: f"the endpoint `{endpoint.name}`" for endpoint in bound.spec.endpoints
    }
    if bound.spec.command is not None:
        taken[http.path_prefix] = "the command behind the service"
    for mount in bound.mounts:
        place = http.path_prefix + mount.path
        if place in taken:
            raise ConfigError(
                f"an ASGI app is mounted at the place of {taken[place]}: {place or '/'}",
                hint="mount it at another `path`",
            )
        taken[place] = "another mounted app"

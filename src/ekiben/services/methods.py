"""Mark methods: endpoints, and hooks around the life of an instance.

In: a method of a class. Out: the same method, with a note that `services/classes` reads.
"""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypedDict, TypeVar, Unpack, overload

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from ekiben.core.errors import ConfigError
from ekiben.core.spec import BatchSpec
from ekiben.schema.places import SEGMENT, names_in
from ekiben.services.checks import block, flag, number, text, url_path, whole

Function = TypeVar("Function", bound=Callable[..., Any])

API_NOTE = "__ekiben_api__"
HOOK_NOTE = "__ekiben_hook__"

BATCHING = ("batch_on", "batch_dim", "max_batch_size", "max_latency_ms", "max_wait_ms", "isolate", "policy")
POLICY = ("wait", "observe", "expect", "welcome")  # what `ekiben.batching.Policy` has
ALLOWED = ("route", "method", "name", "input_spec", "output_spec", "timeout", "heartbeat", "batchable", *BATCHING)
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
REFUSED = {
    "methods": "an endpoint has one `method`",
    "is_stream": "a generator streams by itself",
    "media_type": "annotate the answer with `ContentType`",
}


class ApiKeywords(TypedDict, total=False):
    """The options of `@api`."""

    route: str | None
    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
    name: str | None
    input_spec: type[BaseModel] | None
    output_spec: Any
    timeout: float | None  # seconds
    heartbeat: float | None  # seconds
    batchable: bool
    batch_dim: int | tuple[int, int]
    max_batch_size: int  # items
    max_latency_ms: float
    max_wait_ms: float
    isolate: bool
    batch_on: str | None
    policy: Any  # ekiben.batching.Policy


@dataclass(frozen=True, slots=True)
class ApiOptions:
    """What `@api` was given, checked."""

    name: str | None = None
    route: str | None = None
    method: str = "POST"
    batch: BatchSpec | None = None
    timeout: float | None = None  # seconds; None: the service's; 0: no limit
    heartbeat: float | None = None  # seconds
    isolate: bool = False
    batch_on: str | None = None  # the parameter whose values are joined
    policy: Any = None
    input_spec: type[BaseModel] | None = None
    output_spec: Any = None
    is_task: bool = False
    max_attempts: int = 1


@overload
def api(function: Function, /) -> Function: ...


@overload
def api(**options: Unpack[ApiKeywords]) -> Callable[[Function], Function]: ...


def api(function: Any = None, /, **options: Any) -> Any:
    """Make a method an endpoint.

    Args:
        function: the method, when the decorator stands without parentheses.
        options: `route` (default `/` + the name; `/items/{item_id}` has the parameter `item_id` in it), `method`
            (default POST; GET and DELETE take all else from the query), `name` (default: the method's), `input_spec`
            (a pydantic model whose fields replace the hints of the parameters), `output_spec` (a type that replaces
            the hint of the answer), `timeout` (seconds; None: as long as it takes; left out: that of the service),
            `heartbeat` (seconds without a piece after which a stream of events sends a comment), `batchable` with
            `batch_dim`, `max_batch_size` (items), `max_latency_ms`, `max_wait_ms`, `isolate` (run a failed batch
            again by halves), `batch_on` (the parameter that is joined) and `policy` (an `ekiben.batching.Policy`).

    Raises:
        ConfigError: an option is unknown, or not of its type.
    """
    return decorator("api", read_options, function, options)


def decorator(name: str, read: Callable[[Mapping[str, Any]], ApiOptions], function: Any, options: Any) -> Any:
    """Do the work of `api` and of its kin, whose options *read* checks."""
    if function is not None and not callable(function) and not isinstance(function, classmethod):
        raise ConfigError(f"`@{name}` takes options by keyword only: {function!r}", hint=f'write `@{name}(route="/x")`')
    note = read(options)

    def mark(target: Function) -> Function:
        inner = target.__func__ if isinstance(target, staticmethod | classmethod) else target
        if not inspect.isroutine(inner):
            raise ConfigError(f"`@{name}` takes a method: {target!r}")
        setattr(inner, API_NOTE, note)
        keep_defaults(inspect.unwrap(inner))
        return target

    return mark if function is None else mark(function)


def read_options(options: Mapping[str, Any]) -> ApiOptions:
    """Check what `@api` was given."""
    given = block(options, "", ALLOWED, REFUSED)
    is_batchable = flag(given.get("batchable", False), "batchable")
    alone = [key for key in BATCHING if key in given]
    if alone and not is_batchable:
        raise ConfigError(f"`{alone[0]}` means nothing without `batchable=True`: {given[alone[0]]!r}")
    name, model = given.get("name"), given.get("input_spec")
    if name is not None and not (isinstance(name, str) and name.isidentifier()):
        raise ConfigError(
            f"`name` must be a Python name, as clients have a method of it: {name!r}",
            hint="`route` is free to differ from it",
        )
    if model is not None and not (isinstance(model, type) and issubclass(model, BaseModel)):
        raise ConfigError(f"`input_spec` must be a pydantic model: {model!r}")
    return ApiOptions(
        name=name,
        route=None if given.get("route") is None else read_route(given["route"]),
        method=read_method(given.get("method", "POST")),
        batch=read_batch(given) if is_batchable else None,
        timeout=read_timeout(given),
        heartbeat=None if given.get("heartbeat") is None else number(given["heartbeat"], "heartbeat", "seconds"),
        isolate=flag(given.get("isolate", False), "isolate"),
        batch_on=None if given.get("batch_on") is None else text(given["batch_on"], "batch_on", "a parameter's name"),
        policy=read_policy(given.get("policy")),
        input_spec=model,
        output_spec=given.get("output_spec"),
    )


def read_route(route: Any) -> str:
    """Check `route`; a segment in braces stands for a parameter."""
    names = names_in(route) if isinstance(route, str) else ()
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise ConfigError(f"`route` must name each parameter once: {route!r}")
    plain = "/".join("x" if SEGMENT.fullmatch(part) else part for part in route.split("/")) if names else route
    url_path(plain, "route", "/items/{item_id}" if names or "{" in str(route) else "/predict")
    return str(route).rstrip("/") or "/"


def read_method(method: Any) -> str:
    """Check `method`."""
    if method not in METHODS:
        raise ConfigError(f"`method` must be one of {', '.join(METHODS)}: {method!r}", hint='write `method="GET"`')
    return str(method)


def read_timeout(options: Mapping[str, Any]) -> float | None:
    """Check `timeout`: None stands for no limit, and leaving it out for the service's."""
    if "timeout" not in options:
        return None
    return 0.0 if options["timeout"] is None else number(options["timeout"], "timeout", "seconds")


def read_policy(policy: Any) -> Any:
    """Check that a policy has the methods of one; a class is none."""
    if policy is None:
        return None
    missing = [name for name in POLICY if not callable(getattr(policy, name, None))]
    if missing or isinstance(policy, type):
        raise ConfigError(
            f"`policy` must be an `ekiben.batching.Policy`: {policy!r}",
            hint=f"give it a method `{missing[0]}`" if missing else f"write `policy={policy.__name__}()`",
        )
    return policy


def read_batch(options: Mapping[str, Any]) -> BatchSpec:
    """Check the options of batching, and turn milliseconds into seconds."""
    axis = options.get("batch_dim", 0)
    axes = (axis, axis) if isinstance(axis, int) else tuple(axis) if isinstance(axis, list | tuple) else ()
    if len(axes) != 2 or not all(isinstance(item, int) and not isinstance(item, bool) for item in axes):
        raise ConfigError(f"`batch_dim` must be one axis, or one for input and one for output: {axis!r}")
    latency = number(options.get("max_latency_ms", 60_000), "max_latency_ms", "milliseconds", example=1000)
    wait = number(options.get("max_wait_ms", 0), "max_wait_ms", "milliseconds", above=None, example=5)
    if wait >= latency:
        raise ConfigError(f"`max_wait_ms` must be below `max_latency_ms` ({latency:g}): {wait:g}")
    return BatchSpec(
        max_size=whole(options.get("max_batch_size", 100), "max_batch_size", "items"),
        max_wait=wait / 1000,
        max_latency=latency / 1000,
        in_axis=axes[0],
        out_axis=axes[1],
    )


def keep_defaults(function: Any) -> None:
    """Let plain calls see 3 where the signature says `Field(3)`.

    The signature stays as it was written.
    A `Field` without a default makes the parameter required, in plain calls too.
    """
    defaults, keywords = getattr(function, "__defaults__", None), getattr(function, "__kwdefaults__", None)
    if not any(isinstance(value, FieldInfo) for value in (*(defaults or ()), *(keywords or {}).values())):
        return
    function.__signature__ = inspect.signature(function)
    if defaults:
        last = max((i for i, value in enumerate(defaults) if is_required(value)), default=-1)
        function.__defaults__ = tuple(plain(value) for value in defaults[last + 1 :]) or None
    if keywords:
        kept = {key: plain(value) for key, value in keywords.items() if not is_required(value)}
        function.__kwdefaults__ = kept or None


def is_required(value: Any) -> bool:
    """Say whether a default is a `Field` that has none."""
    return isinstance(value, FieldInfo) and value.is_required()


def plain(value: Any) -> Any:
    """Give the value of a `Field`; anything else as it is."""
    return value.get_default(call_default_factory=True, validated_data={}) if isinstance(value, FieldInfo) else value


def hook(kind: str) -> Callable[[Function], Function]:
    """Make a decorator that notes *kind* on a method."""

    def mark(function: Function) -> Function:
        target = function.__func__ if isinstance(function, staticmethod | classmethod) else function
        if not inspect.isroutine(target):
            raise ConfigError(f"`@on_{kind}` takes a method: {function!r}", hint=f"write `@on_{kind}` above `def`")
        setattr(target, HOOK_NOTE, kind)
        return function

    return mark


def on_startup(function: Function) -> Function:
    """Call a method once a worker, after `__init__` and before it is ready."""
    return hook("startup")(function)


def on_shutdown(function: Function) -> Function:
    """Call a method once a worker, after its last answer."""
    return hook("shutdown")(function)


def on_deployment(function: Function) -> Function:
    """Call a static method once a deployment, before the first instance is made."""
    return hook("deployment")(function)

"""Mark methods: endpoints, and hooks around the life of an instance.

In: a method of a class. Out: the same method, with a note that `services/classes` reads.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar, overload

from pydantic.fields import FieldInfo

from ekiben.core.errors import ConfigError
from ekiben.core.spec import BatchSpec

Function = TypeVar("Function", bound=Callable[..., Any])

API_NOTE = "__ekiben_api__"
HOOK_NOTE = "__ekiben_hook__"


@dataclass(frozen=True, slots=True)
class ApiOptions:
    """What `@api` was given."""

    name: str | None = None
    route: str | None = None
    batch: BatchSpec | None = None
    timeout: float | None = None  # seconds
    isolate: bool = False
    input_spec: Any = None
    output_spec: Any = None


@overload
def api(function: Function, /) -> Function: ...


@overload
def api(
    *,
    route: str | None = ...,
    name: str | None = ...,
    input_spec: type | None = ...,
    output_spec: type | None = ...,
    batchable: bool = ...,
    batch_dim: int | tuple[int, int] = ...,
    max_batch_size: int = ...,
    max_latency_ms: float = ...,
    max_wait_ms: float = ...,
    timeout: float | None = ...,
    isolate: bool = ...,
) -> Callable[[Function], Function]: ...


def api(function: Any = None, /, **options: Any) -> Any:
    """Make a method an endpoint.

    Args:
        function: the method, when the decorator stands without parentheses.
        options: `route` (default `/` + the name), `name`, `input_spec` and `output_spec` (pydantic models
            that replace the hints), `batchable` with `batch_dim`, `max_batch_size` (items),
            `max_latency_ms`, `max_wait_ms`; `timeout` (seconds); `isolate` (run a failed batch again by halves).

    Raises:
        ConfigError: an option is unknown, or not of its type.
    """
    if function is not None and not callable(function):
        raise ConfigError(f"`@api` takes options by keyword only: {function!r}", hint='write `@api(route="/x")`')
    note = read_options(options)

    def mark(target: Function) -> Function:
        setattr(target, API_NOTE, note)
        unwrap_defaults(target)
        return target

    return mark if function is None else mark(function)


ALLOWED = (
    "route", "name", "input_spec", "output_spec", "batchable", "batch_dim",
    "max_batch_size", "max_latency_ms", "max_wait_ms", "timeout", "isolate",
)  # fmt: skip


def read_options(options: Mapping[str, Any]) -> ApiOptions:
    """Check what `@api` was given."""
    for key in options:
        if key not in ALLOWED:
            raise ConfigError(f"`@api` has no option `{key}`", hint="its options are: " + ", ".join(ALLOWED))
    route = options.get("route")
    if route is not None and not (isinstance(route, str) and route.startswith("/")):
        raise ConfigError(f"`route` must be a path that begins with a slash: {route!r}")
    timeout = options.get("timeout")
    if timeout is not None and not (isinstance(timeout, int | float) and timeout > 0):
        raise ConfigError(f"`timeout` must be a number of seconds above 0: {timeout!r}")
    return ApiOptions(
        name=options.get("name"),
        route=route,
        batch=read_batch(options) if options.get("batchable") else None,
        timeout=timeout,
        isolate=bool(options.get("isolate", False)),
        input_spec=options.get("input_spec"),
        output_spec=options.get("output_spec"),
    )


def read_batch(options: Mapping[str, Any]) -> BatchSpec:
    """Check the options of batching, and turn milliseconds into seconds."""
    size = options.get("max_batch_size", 100)
    if not isinstance(size, int) or isinstance(size, bool) or size < 1:
        raise ConfigError(f"`max_batch_size` must be a whole number of items above 0: {size!r}")
    times = {}
    for key, default in (("max_latency_ms", 60_000), ("max_wait_ms", 0)):
        value = options.get(key, default)
        if not isinstance(value, int | float) or value < 0:
            raise ConfigError(f"`{key}` must be a number of milliseconds: {value!r}")
        times[key] = value / 1000
    axis = options.get("batch_dim", 0)
    axes = (axis, axis) if isinstance(axis, int) else tuple(axis)
    if len(axes) != 2 or not all(isinstance(item, int) for item in axes):
        raise ConfigError(f"`batch_dim` must be one axis, or one for input and one for output: {axis!r}")
    return BatchSpec(
        max_size=size,
        max_wait=times["max_wait_ms"],
        max_latency=times["max_latency_ms"],
        in_axis=axes[0],
        out_axis=axes[1],
    )


def unwrap_defaults(function: Any) -> None:
    """Keep `Field(3)` as the documented default; plain calls of the method see 3."""
    defaults = getattr(function, "__defaults__", None)
    keywords = getattr(function, "__kwdefaults__", None)
    function.__ekiben_defaults__ = (defaults, dict(keywords) if keywords else None)
    if defaults:
        function.__defaults__ = tuple(plain(value) for value in defaults)
    if keywords:
        function.__kwdefaults__ = {key: plain(value) for key, value in keywords.items()}


def plain(value: Any) -> Any:
    """Give the value of a Field that has one."""
    if isinstance(value, FieldInfo) and not value.is_required():
        return value.get_default(call_default_factory=True, validated_data={})
    return value


def hook(kind: str) -> Callable[[Function], Function]:
    """Make a decorator that notes *kind* on a method."""

    def mark(function: Function) -> Function:
        target = function.__func__ if isinstance(function, staticmethod | classmethod) else function
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
    """Call a function (static) once a deployment, before the first worker."""
    return hook("deployment")(function)

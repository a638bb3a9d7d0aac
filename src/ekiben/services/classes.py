"""Make a service of a class.

In: a class with marked methods, and the options of `@service`. Out: the same class, which now also
answers `__ekiben_service__() -> BoundService`.
"""

import inspect
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, TypeVar, overload

from ekiben.core.errors import ConfigError
from ekiben.core.spec import (
    BoundService,
    Convention,
    Dependency,
    EndpointSpec,
    Hooks,
    ModelRef,
    MountSpec,
    ServiceSpec,
)
from ekiben.schema.codec import plan
from ekiben.schema.signature import Signature, read
from ekiben.services.depends import Depends
from ekiben.services.methods import API_NOTE, HOOK_NOTE, ApiOptions
from ekiben.services.options import ServiceOptions, read_options
from ekiben.store.models import StoredModel

Class = TypeVar("Class", bound=type)

SERVICE = "__ekiben_service__"  # the method that makes any object a service


@overload
def service(cls: Class, /) -> Class: ...


@overload
def service(**options: Any) -> Callable[[Class], Class]: ...


def service(cls: Any = None, /, **options: Any) -> Any:
    """Make a class a service; the class itself is returned.

    Args:
        cls: the class, when the decorator stands without parentheses.
        options: `name` (default: the class's), `description`, `labels`, `envs`, `resources`, `threads`,
            `traffic={"timeout": seconds, "max_concurrency": calls}`, `http`, `ssl`, `metrics`, `logging`,
            `path_prefix`, `endpoints`: see `docs/services.md`.

    Raises:
        ConfigError: an option, a hint or a combination cannot be served.
    """
    return decorate(cls, options, names=dict(sys._getframe(1).f_locals))


def decorate(cls: Any, options: Mapping[str, Any], *, names: Mapping[str, Any]) -> Any:
    """Do the work of `service`, also for decorators that wrap it.

    Args:
        cls: the class, or None where a decorator is to be made.
        options: those of `service`.
        names: what is local where the decorator stands, so that annotations may name it.
    """
    settled = read_options(options)

    def make(target: Class) -> Class:
        if not inspect.isclass(target):
            raise ConfigError(f"`@service` takes a class: {target!r}", hint="put your `@api` methods into a class")
        builder = ServiceBuilder(target, settled, names)
        setattr(target, SERVICE, staticmethod(builder.bind))
        for name in ("mount_asgi_app", "add_asgi_middleware"):
            if name not in vars(target):
                setattr(target, name, staticmethod(getattr(builder, name)))
        return target

    return make if cls is None else make(cls)


class ServiceBuilder:
    """A decorated class: its bound service; apps and middleware can be added."""

    def __init__(self, cls: type, options: ServiceOptions, names: Mapping[str, Any]) -> None:
        self.cls = cls
        self.bound = describe(cls, options, names)

    def bind(self) -> BoundService:
        """Give the service with all that was added so far."""
        mounts, middleware = collect_mounts(self.cls)
        return replace(
            self.bound,
            mounts=(*mounts, *self.bound.mounts),
            middleware=(*middleware, *self.bound.middleware),
        )

    def mount_asgi_app(self, app: Any, path: str = "/", name: str | None = None) -> None:
        """Serve an ASGI app below *path*, beside the endpoints."""
        self.bound = replace(self.bound, mounts=(*self.bound.mounts, MountSpec(app, checked_path(path), name or "")))

    def add_asgi_middleware(self, middleware: Any, **options: Any) -> None:
        """Put an ASGI middleware class around the whole server."""
        self.bound = replace(self.bound, middleware=(*self.bound.middleware, (middleware, options)))


MOUNT_NOTE = "__ekiben_mounts__"
MIDDLEWARE_NOTE = "__ekiben_middleware__"


def asgi_app(app: Any, *, path: str = "/", name: str | None = None) -> Callable[[Class], Class]:
    """Serve an ASGI app below *path* of a service; stands above or below `@service`."""
    spec = MountSpec(app, checked_path(path), name or "")

    def mark(cls: Class) -> Class:
        setattr(cls, MOUNT_NOTE, (*vars(cls).get(MOUNT_NOTE, ()), spec))
        return cls

    return mark


def asgi_middleware(middleware: Any, **options: Any) -> Callable[[Class], Class]:
    """Put an ASGI middleware class around a service; stands above or below `@service`."""

    def mark(cls: Class) -> Class:
        setattr(cls, MIDDLEWARE_NOTE, (*vars(cls).get(MIDDLEWARE_NOTE, ()), (middleware, options)))
        return cls

    return mark


def collect_mounts(cls: type) -> tuple[tuple[MountSpec, ...], tuple[tuple[Any, Mapping[str, Any]], ...]]:
    """Read what the class decorators noted."""
    return vars(cls).get(MOUNT_NOTE, ()), vars(cls).get(MIDDLEWARE_NOTE, ())


def checked_path(path: str) -> str:
    """Give *path* without a trailing slash; raise ConfigError if it is none."""
    if not path.startswith("/"):
        raise ConfigError(f"`path` must begin with a slash: {path!r}")
    return path.rstrip("/")


def describe(cls: type, options: ServiceOptions, names: Mapping[str, Any]) -> BoundService:
    """Read a class: its endpoints, hooks, models and dependencies."""
    endpoints: list[EndpointSpec] = []
    signatures: dict[str, Signature] = {}
    for attribute, function in marked(cls, API_NOTE):
        signature = read(with_field_defaults(function), names={**names, cls.__name__: cls})
        endpoint = describe_endpoint(attribute, getattr(function, API_NOTE), function, signature)
        taken = next((other for other in endpoints if other.route == endpoint.route), None)
        if taken is not None:
            raise ConfigError(f"`{cls.__name__}.{attribute}` has the route of `{taken.name}`: {endpoint.route}")
        endpoints.append(endpoint)
        signatures[endpoint.name] = signature
    hooks = describe_hooks(cls)
    spec = ServiceSpec(
        name=options.name or cls.__name__,
        endpoints=tuple(endpoints),
        dependencies=tuple(describe_dependencies(cls)),
        models=tuple(describe_models(cls)),
        threads=options.threads,
        resources=options.resources,
        limits=options.limits,
        http=options.http,
        style=options.style,
        labels=options.labels,
        envs=options.envs,
        doc=options.description or inspect.cleandoc(cls.__doc__ or ""),
    )
    functions = [function for _, function in marked(cls, API_NOTE)]
    starts = [inspect.getattr_static(cls, name) for name in hooks.startup]
    return BoundService(
        spec=spec,
        create=lambda handles: create(cls, handles),
        signatures=signatures,
        methods={
            endpoint.name: attribute for endpoint, (attribute, _) in zip(endpoints, marked(cls, API_NOTE), strict=True)
        },
        dependencies={name: value.on.__ekiben_service__ for name, value in depends_of(cls) if value.on is not None},
        hooks=hooks,
        on_loop=any(inspect.iscoroutinefunction(function) for function in (*functions, *starts)),
        origin=f"{cls.__module__}:{cls.__qualname__}",
    )


def create(cls: Any, handles: Mapping[str, Any]) -> Any:
    """Make an instance whose dependencies are there before `__init__` runs."""
    instance = cls.__new__(cls)
    for name, handle in handles.items():
        vars(instance)[name] = handle
    instance.__init__()
    return instance


def marked(cls: type, note: str) -> list[tuple[str, Any]]:
    """List the methods that bear *note*, as they are defined, base classes first."""
    found: dict[str, Any] = {}
    for owner in reversed(cls.__mro__):
        for name, value in vars(owner).items():
            function = value.__func__ if isinstance(value, staticmethod | classmethod) else value
            if hasattr(function, note) and callable(function):
                found[name] = function
            else:
                found.pop(name, None)
    return list(found.items())


def with_field_defaults(function: Any) -> Any:
    """Give *function* with the defaults of its source, `Field(...)` included."""
    defaults, keywords = getattr(function, "__ekiben_defaults__", (function.__defaults__, function.__kwdefaults__))
    twin = type(function)(function.__code__, function.__globals__, function.__name__, defaults, function.__closure__)
    twin.__kwdefaults__ = keywords
    twin.__annotations__ = function.__annotations__
    twin.__qualname__ = function.__qualname__
    twin.__module__ = function.__module__
    return twin


def describe_endpoint(attribute: str, options: ApiOptions, function: Any, signature: Signature) -> EndpointSpec:
    """Settle one endpoint; raises ConfigError for what cannot be served."""
    where = f"`{function.__qualname__}`"
    if signature.is_stream:
        raise ConfigError(f"{where} is a generator, and streamed answers are not supported by this version")
    if options.batch is not None and len(signature.parameters) != 1:
        raise ConfigError(
            f"{where} is batchable and must take one parameter, not {len(signature.parameters)}",
            hint="join the parameters into one array or one record",
        )
    codec = plan(signature)
    return EndpointSpec(
        name=options.name or attribute,
        route=options.route or f"/{options.name or attribute}",
        input=codec.input_schema,
        output=codec.output_schema,
        convention=Convention.ONE_VALUE if signature.is_root else Convention.KEYWORDS,
        batch=options.batch,
        timeout=options.timeout,
        isolate=options.isolate,
        doc=inspect.cleandoc(function.__doc__ or ""),
    )


def describe_hooks(cls: type) -> Hooks:
    """Find the hooks by their notes and by the two names that the field knows."""
    kinds: dict[str, list[str]] = {"startup": [], "shutdown": [], "deployment": []}
    for name, function in marked(cls, HOOK_NOTE):
        kinds[getattr(function, HOOK_NOTE)].append(name)
    return Hooks(
        startup=tuple(kinds["startup"]),
        shutdown=tuple(kinds["shutdown"]),
        deployment=tuple(kinds["deployment"]),
        ready="__is_ready__" if hasattr(cls, "__is_ready__") else None,
        alive="__is_alive__" if hasattr(cls, "__is_alive__") else None,
    )


def attributes(cls: type) -> list[tuple[str, Any]]:
    """List class attributes, base classes first, without running descriptors."""
    found: dict[str, Any] = {}
    for owner in reversed(cls.__mro__[:-1]):
        found.update(vars(owner))
    return list(found.items())


def depends_of(cls: type) -> list[tuple[str, Depends]]:
    """List the attributes made by `depends()`."""
    return [(name, value) for name, value in attributes(cls) if isinstance(value, Depends)]


def describe_dependencies(cls: type) -> list[Dependency]:
    """Say which other services are called."""
    return [
        Dependency(name, None if value.on is None else value.on.__ekiben_service__().spec.name, value.url)
        for name, value in depends_of(cls)
    ]


def describe_models(cls: type) -> list[ModelRef]:
    """Say which stored models are held as class attributes."""
    return [
        ModelRef(name, str(value.tag), resolved=str(value.tag))
        for name, value in attributes(cls)
        if isinstance(value, StoredModel)
    ]

"""Make a service of a class.

In: a class with marked methods, and the options of `@service`. Out: the same class, which now also
answers `__ekiben_service__() -> BoundService`.
"""

import inspect
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, TypeVar, Unpack, overload

from ekiben.core.command import COMMAND
from ekiben.core.errors import ConfigError, ServiceLoadError
from ekiben.core.front import front
from ekiben.core.spec import BoundService, CommandSpec, MountSpec, ServiceSpec
from ekiben.schema.signature import Signature
from ekiben.services import endpoints, members
from ekiben.services.batches import join_by
from ekiben.services.checks import url_path
from ekiben.services.depends import SERVICE
from ekiben.services.options import ServiceKeywords, ServiceOptions, apply, read_options

Class = TypeVar("Class", bound=type)

MOUNT_NOTE = "__ekiben_mounts__"
MIDDLEWARE_NOTE = "__ekiben_middleware__"


@overload
def service(cls: Class, /) -> Class: ...


@overload
def service(**options: Unpack[ServiceKeywords]) -> Callable[[Class], Class]: ...


def service(cls: Any = None, /, **options: Any) -> Any:
    """Make a class a service; the class itself is returned.

    Args:
        cls: the class, when the decorator stands without parentheses.
        options: `name` (default: the class's), `description`, `labels`, `envs`, `resources`, `workers`, `layout`,
            `watch_models`, `threads`, `inline`, `traffic={"timeout": seconds, "max_concurrency": calls}`, `http`,
            `ssl`, `metrics`, `logging`, `path_prefix`, `endpoints`, `backlog`, `tasks`, `cmd`: see `docs/services.md`.

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
        setattr(target, SERVICE, Face(builder, "bind"))
        for name in ("mount_asgi_app", "add_asgi_middleware"):
            if isinstance(inspect.getattr_static(target, name, None), Face | None):
                setattr(target, name, Face(builder, name))
        return target

    return make if cls is None else make(cls)


class ServiceBuilder:
    """One decorated class; apps and middleware can still be added to its service."""

    def __init__(self, cls: type, options: ServiceOptions, names: Mapping[str, Any]) -> None:
        self.cls = cls
        self.bound = describe(cls, options, names)

    def bind(self) -> BoundService:
        """Give the service with what was added so far, and the models of now."""
        bound = replace(
            self.bound,
            spec=replace(self.bound.spec, models=tuple(members.models(self.cls))),
            mounts=(*getattr(self.cls, MOUNT_NOTE, ()), *self.bound.mounts),
            middleware=(*getattr(self.cls, MIDDLEWARE_NOTE, ()), *self.bound.middleware),
        )
        endpoints.check_mounts(bound)
        return bound

    def mount_asgi_app(self, app: Any, path: str = "/", name: str | None = None) -> None:
        """Serve an ASGI app below *path*, beside the endpoints."""
        self.bound = replace(self.bound, mounts=(*self.bound.mounts, mount(app, path, name)))

    def add_asgi_middleware(self, middleware: Any, **options: Any) -> None:
        """Put an ASGI middleware class around the whole server."""
        self.bound = replace(self.bound, middleware=(*self.bound.middleware, (middleware, options)))


class Face:
    """A method of the builder, as an attribute of the decorated class and of no other."""

    def __init__(self, builder: ServiceBuilder, name: str) -> None:
        self.builder = builder
        self._name = name

    def __get__(self, instance: object | None, owner: type) -> Callable[..., Any]:
        """Give the method; a subclass or a copy gets one that says what is missing."""
        if instance is not None:
            raise AttributeError(f"an instance of {owner.__name__} has no `{self._name}`; its class has")
        if owner is self.builder.cls:
            method: Callable[..., Any] = getattr(self.builder, self._name)
            return method
        return refuser(owner, self.builder.cls)


def refuser(owner: type, decorated: type) -> Callable[..., Any]:
    """Make a method that says why *owner* is no service, though *decorated* is."""

    def refuse(*_: Any, **__: Any) -> Any:
        if issubclass(owner, decorated):
            raise ServiceLoadError(
                f"`{owner.__name__}` inherits from the service `{decorated.__name__}` and is none itself",
                hint=f"write `@{front().program}.service` above `class {owner.__name__}`",
            )
        raise ServiceLoadError(
            f"`{owner.__name__}` is a copy that another class decorator made of the service",
            hint=f"write `@{front().program}.service` above the other decorators",
        )

    return refuse


def asgi_app(app: Any, *, path: str = "/", name: str | None = None) -> Callable[[Class], Class]:
    """Serve an ASGI app below *path* of a service; stands above or below `@service`."""
    spec = mount(app, path, name)

    def mark(cls: Class) -> Class:
        setattr(cls, MOUNT_NOTE, (*getattr(cls, MOUNT_NOTE, ()), spec))
        return cls

    return mark


def asgi_middleware(middleware: Any, **options: Any) -> Callable[[Class], Class]:
    """Put an ASGI middleware class around a service; stands above or below `@service`."""

    def mark(cls: Class) -> Class:
        setattr(cls, MIDDLEWARE_NOTE, (*getattr(cls, MIDDLEWARE_NOTE, ()), (middleware, options)))
        return cls

    return mark


def mount(app: Any, path: str, name: str | None) -> MountSpec:
    """Check what is mounted."""
    if not callable(app):
        raise ConfigError(f"an ASGI app must be callable: {app!r}", hint="give the app itself, such as `FastAPI()`")
    return MountSpec(app, url_path(path, "path", "/ui"), name or "")


def describe(cls: type, options: ServiceOptions, names: Mapping[str, Any]) -> BoundService:
    """Read a class: its endpoints, hooks and dependencies."""
    members.check_class(cls)
    found = endpoints.describe(cls, names)
    signatures: dict[str, Signature] = {one.spec.name: one.signature for one in found}
    spec = ServiceSpec(
        name=options.name or cls.__name__,
        endpoints=tuple(one.spec for one in found),
        dependencies=tuple(members.dependencies(cls)),
        style=options.style,
        command=CommandSpec() if hasattr(cls, COMMAND) else None,
        doc=inspect.cleandoc(vars(cls).get("__doc__") or ""),
    )
    spec = apply(spec, options)
    endpoints.check_routes(spec, cls.__name__)
    bound = BoundService(
        spec=spec,
        create=lambda handles: create(cls, handles),
        signatures=signatures,
        methods={one.spec.name: one.attribute for one in found},
        dependencies={name: getattr(value.on, SERVICE) for name, value in members.depends_of(cls) if value.on},
        hooks=members.hooks(cls),
        on_deployment=members.deployment_hooks(cls),
        on_loop=any(signature.is_async for signature in signatures.values()),
        origin=f"{cls.__module__}:{cls.__qualname__}",
        policies={one.spec.name: one.policy for one in found if one.policy is not None},
        options=options.given,
        tokens={name: value.token for name, value in members.depends_of(cls) if value.token is not None},
    )
    return join_by(bound, options.batching)


def create(cls: Any, handles: Mapping[str, Any]) -> Any:
    """Make an instance whose dependencies are there before `__init__` runs."""
    instance = cls.__new__(cls)
    for name, handle in handles.items():
        vars(instance)[name] = handle
    instance.__init__()
    return instance

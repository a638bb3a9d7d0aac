"""Services of 1.2 to 1.4: a class, and the object that stands for it.

In: a class, as for `ekiben.service`. Out: a `Service`, which makes instances when it is called, and whose spec carries
BentoML's habits on the wire.
"""

import functools
import importlib
import inspect
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Generic, TypeVar, overload

import ekiben
from bentoml.front import FRONT, STYLE, entered
from bentoml.methods import Method
from bentoml.options import service_options
from bentoml.routes import give_self
from ekiben.core.errors import ConfigError
from ekiben.core.front import enter
from ekiben.core.spec import BoundService, EndpointSpec
from ekiben.engine.near import Faces, as_coroutine, as_plain
from ekiben.schema import openapi, routes
from ekiben.schema.codec import plan
from ekiben.services.classes import ServiceBuilder, decorate
from ekiben.services.configure import configured
from ekiben.services.depends import SERVICE
from ekiben.services.load import load as load_bound
from ekiben.services.members import marked
from ekiben.services.methods import API_NOTE

T = TypeVar("T")


@overload
def service(cls: type[T], /) -> "Service[T]": ...


@overload
def service(**options: Any) -> "Callable[[type[T]], Service[T]]": ...


def service(cls: Any = None, /, **options: Any) -> Any:
    """Make a class a service that answers as BentoML's do.

    Args:
        cls: the class, when the decorator stands without parentheses.
        options: those of `bentoml.service`, and of `ekiben.service`.

    Raises:
        ConfigError: an option, a hint or a combination cannot be served.
    """
    names = dict(sys._getframe(1).f_locals)  # so that annotations may name what is local to a function
    with enter(FRONT):
        decorator = decorate(None, service_options(options), names=names)

    def make(target: Any) -> "Service[Any]":
        if isinstance(target, Service) or not inspect.isclass(target):
            raise ConfigError(f"`@bentoml.service` takes a class: {target!r}", hint="write it once, above `class`")
        with enter(FRONT):
            made: Any = decorator(target)
        builder: ServiceBuilder = vars(made)[SERVICE].builder
        for each in marked(target, API_NOTE):
            if inspect.isfunction(inspect.getattr_static(target, each.name)):
                setattr(target, each.name, Method(each.function))
        return Service(lambda: restyle(builder.bind()), made, lambda: restyle(builder.bound))

    return make if cls is None else make(cls)


class Service(Generic[T]):
    """A service: called, it makes an instance of its class.

    Args:
        bind: gives the service as the engine takes it.
        inner: its class; None where it has none, as that of a stored model.
        known: gives the same without a look at the store, so that a model may come later.
    """

    def __init__(
        self, bind: Callable[[], BoundService], inner: Any = None, known: Callable[[], BoundService] | None = None
    ) -> None:
        self._bind = bind
        self._known = known or bind
        self._inner = inner
        self._is_configured = False
        if inner is not None:
            functools.update_wrapper(self, inner, updated=())

    def __ekiben_service__(self) -> BoundService:
        """Give the service as the engine takes it; raises NotFound where a model is not there."""
        with enter(FRONT):
            bound = self._bind()
            return configured(bound, Path.cwd()) if self._is_configured else bound

    def __call__(self) -> T:
        """Make an instance, with `to_async` and `to_sync`, whose methods all are coroutines, or all plain."""
        made = self.__ekiben_service__().create({}) if self._inner is None else self._inner()
        beside = getattr(made, "__dict__", {})
        find = functools.partial(getattr, made)
        for name, face in (("to_async", as_coroutine), ("to_sync", functools.partial(as_plain, loop=None))):
            if not hasattr(made, name) and isinstance(beside, dict):
                beside[name] = Faces(find, face)
        found: T = made
        return found

    @property
    def name(self) -> str:
        """The name of the service, and of its bento."""
        return self._known().spec.name

    @property
    def inner(self) -> type[T]:
        """The class; raises ConfigError where there is none."""
        if self._inner is None:
            raise ConfigError(f"the service `{self.name}` has no class: it is a stored model")
        found: type[T] = self._inner
        return found

    @property
    def apis(self) -> dict[str, EndpointSpec]:
        """What it offers, by name."""
        return {endpoint.name: endpoint for endpoint in self._known().spec.endpoints}

    @property
    def dependencies(self) -> dict[str, Any]:
        """The services that it calls, by attribute, as `depends` made them."""
        return {each.attribute: vars_of(self._inner, each.attribute) for each in self._known().spec.dependencies}

    @property
    def models(self) -> list[str]:
        """The models that it holds as attributes, by their exact tags."""
        return [model.resolved or model.tag for model in self.__ekiben_service__().spec.models]

    @property
    def config(self) -> Mapping[str, Any]:
        """The options that were given."""
        return self.__ekiben_service__().options

    @property
    def url(self) -> str:
        """Where it is served unless a command says otherwise."""
        http = self._known().spec.http
        return f"{'http' if http.tls is None else 'https'}://{self.get_hosts()[0]}{http.path_prefix}"

    def get_hosts(self) -> list[str]:
        """Give host and port where it is served unless a command says otherwise."""
        http = self._known().spec.http
        host = http.host or FRONT.host
        shown = "localhost" if host in ("0.0.0.0", "::") else host  # noqa: S104 - an address to compare with
        return [f"{shown}:{STYLE.default_port if http.port is None else http.port}"]

    def all_services(self) -> "dict[str, Service[Any]]":
        """List this service and all that it calls, by name."""
        found: dict[str, Service[Any]] = {self.name: self}
        for each in self.dependencies.values():
            if isinstance(each.on, Service):
                found.update(each.on.all_services())
        return found

    def to_asgi(self, is_main: bool = True, init: bool = True) -> Any:
        """Give an ASGI app that any server can run; its instance is made when the app starts.

        Raises:
            ConfigError: *is_main* or *init* is False, which no app has here.
        """
        for name, value, why in (("is_main", is_main, "a dependency has no app of its own"),
                                 ("init", init, "the app's lifespan makes the instance")):  # fmt: skip
            if not value:
                raise ConfigError(f"`{name}` must be True, as {why}: {value!r}", hint="leave it out")
        with enter(FRONT):
            return ekiben.to_asgi(self)

    def mount_asgi_app(self, app: Any, path: str = "/", name: str | None = None) -> None:
        """Serve an ASGI app below *path*, beside the endpoints."""
        self.inner.mount_asgi_app(give_self(app, self.inner), path, name)  # type: ignore[attr-defined]  # it is decorated

    def mount_wsgi_app(self, app: Any, path: str = "/", name: str | None = None) -> None:
        """Serve a WSGI app below *path*, each request on a thread."""
        self.mount_asgi_app(ekiben.wsgi_app(app), path, name)

    def add_asgi_middleware(self, middleware: Any, **options: Any) -> None:
        """Put an ASGI middleware class around the whole server."""
        self.inner.add_asgi_middleware(middleware, **options)  # type: ignore[attr-defined]  # it is decorated

    def schema(self) -> dict[str, Any]:
        """Give what `/schema.json` tells clients."""
        bound = self.__ekiben_service__()
        codecs = {name: plan(one, bound.spec.style) for name, one in bound.signatures.items()}
        return routes.document(bound.spec, codecs, mounts=[each.path for each in bound.mounts])

    @property
    def openapi_spec(self) -> dict[str, Any]:
        """The OpenAPI document, as plain data."""
        bound = self.__ekiben_service__()
        return openapi.document(
            bound.spec, {name: plan(one, bound.spec.style) for name, one in bound.signatures.items()}
        )

    def serve_http(self, **options: Any) -> None:
        """Serve until the program is interrupted; *options* are those of `bentoml.serve`."""
        importlib.import_module("bentoml.serving").serve(self, **options, blocking=True)

    def inject_config(self) -> None:
        """Lay what a file and the environment set over the options, from now on, as serving does."""
        self._is_configured = True

    def __repr__(self) -> str:
        return f"<service {self.name}>"


@entered
def load(target: Any, working_dir: str | None = None, reload: bool = False) -> Any:
    """Load a service: by `module:NAME`, a folder, a bento or its tag.

    Args:
        target: what `bentoml serve` takes.
        working_dir: the folder to look in; None is the one that the program stands in.
        reload: refused: a module is imported once.

    Raises:
        ServiceLoadError: there is no such thing, or its code cannot be imported.
    """
    if reload:
        raise ConfigError("`reload` must be False: a module is imported once by a program")
    if isinstance(target, Service):
        return target
    folder = None if working_dir is None else Path(working_dir)
    bound = load_bound(target if hasattr(target, "__ekiben_service__") else str(target), folder=folder)
    module, _, name = (bound.origin or "").partition(":")
    known: Any = sys.modules.get(module)
    for step in name.split("."):
        known = getattr(known, step, None)
    if not isinstance(known, type | Service) and hasattr(known, "__ekiben_service__"):
        return known  # declared by functions, as in 1.0
    inner = known.inner if isinstance(known, Service) else known if inspect.isclass(known) else None
    return Service(lambda: bound, inner)


def asgi_app(app: Any, path: str = "/", name: str | None = None) -> Callable[[Any], Any]:
    """Serve an ASGI app below *path* of a service; stands above or below `@bentoml.service`.

    Routes of a FastAPI app may be methods of the class, with `self`.
    """

    def mark(target: Any) -> Any:
        if isinstance(target, Service):
            target.mount_asgi_app(app, path, name)
            return target
        return ekiben.asgi_app(give_self(app, target), path=path, name=name)(target)

    return mark


mount_asgi_app = asgi_app  # its older name


def vars_of(cls: Any, name: str) -> Any:
    """Give a class attribute as it stands there."""
    return inspect.getattr_static(cls, name, None)


def restyle(bound: BoundService) -> BoundService:
    """Give the service in BentoML's style."""
    return replace(bound, spec=replace(bound.spec, style=STYLE))

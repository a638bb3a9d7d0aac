"""Declare a service by an object and functions, as BentoML 1.0 to 1.3 do.

In: a name, runners, and functions that `svc.api` is written above. Out: an object that Ekiben serves: each function is
an endpoint, each runner a service of its own that it depends on.
"""

import sys
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property, partial
from typing import Any, NoReturn, TypeVar

from bentoml.bentos import Bento
from bentoml.front import STYLE_OF_RUNNERS
from bentoml.runners import apis
from bentoml.runners.apis import InferenceAPI
from bentoml.runners.binding import bind, names_of
from bentoml.runners.runner import Runner
from ekiben.core.errors import ConfigError, NotFound
from ekiben.core.spec import BoundService, Dependency, Hooks, MountSpec, ServiceSpec
from ekiben.core.tag import Tag
from ekiben.http.wsgi import wsgi_app
from ekiben.services.classes import mount
from ekiben.services.configure import BUILT_IN
from ekiben.services.endpoints import check_mounts, check_routes
from ekiben.services.members import model_ref
from ekiben.services.options import apply, read_options
from ekiben.store.bentos import bento_store
from ekiben.store.carried import carried_by_caller
from ekiben.store.models import StoredModel
from ekiben.tools.asgi import to_asgi

Function = TypeVar("Function", bound=Callable[..., Any])

THREADS = 40  # for functions that are not `async`; as many run side by side in BentoML
NO_GRPC = "gRPC is not served: HTTP answers every API"


class Service:
    """A service whose APIs are functions.

    Args:
        name: at most 63 of `a-z 0-9 - . _`; capitals are lowered.
        runners: those that its functions call.
        models: stored models that it needs beside those of its runners.

    Raises:
        InvalidInput: the name breaks these rules.
        ValueError: two runners have one name.
        ConfigError: something else is no runner, or no model.
    """

    def __init__(
        self, name: str, *, runners: Sequence[Runner] | None = None, models: Sequence[StoredModel] | None = None
    ) -> None:
        frame = sys._getframe(1)
        self.__module__ = frame.f_globals.get("__name__", "__main__")
        self.__doc__ = None
        self.name = Tag(name).name
        self.runners = check_runners(runners or ())
        self.models = check_models(models or ())
        self.apis: dict[str, InferenceAPI] = {}
        self.tag = tag_of_caller(self.name)
        self._state: dict[str, Any] = {}  # `ctx.state` of this process
        self._hooks: dict[str, list[Callable[..., Any]]] = {"startup": [], "shutdown": [], "deployment": []}
        self._mounts: list[MountSpec] = []
        self._middleware: list[tuple[Any, Mapping[str, Any]]] = []
        self._create = self._connect  # the same object each time

    @property
    def bento(self) -> Bento | None:
        """The bento that its code came from, where that is in the store."""
        try:
            return bento_store().get(self.tag) if self.tag.is_exact else None
        except NotFound:  # it lies in a folder
            return None

    @property
    def doc(self) -> str:
        """What the page says of it: that of its bento."""
        bento = self.bento
        return "" if bento is None else bento.info.description

    def api(
        self,
        input: Any,
        output: Any,
        *,
        name: str | None = None,
        doc: str | None = None,
        route: str | None = None,
    ) -> Callable[[Function], Function]:
        """Make a function an endpoint; the function itself is returned.

        Args:
            input: describes what is sent.
            output: describes what comes back.
            name: the function's by default.
            doc: the function's by default.
            route: `/` and the name by default.

        Raises:
            ConfigError: the name is taken, or the function does not take its input.
        """

        def mark(function: Function) -> Function:
            made = apis.make(function, (input, output), name=name, doc=doc, route=route)
            if made.name in self.apis:
                raise ConfigError(f"the API `{made.name}` is there twice", hint="give one of the two another `name`")
            self.apis[made.name] = made
            return function

        return mark

    def on_startup(self, function: Function) -> Function:
        """Call a function in each process before its first call; it is given a context."""
        return self._hook("startup", function)

    def on_shutdown(self, function: Function) -> Function:
        """Call a function in each process after its last call; it is given a context."""
        return self._hook("shutdown", function)

    def on_deployment(self, function: Function) -> Function:
        """Call a function once, before anything else starts."""
        return self._hook("deployment", function)

    def mount_asgi_app(self, app: Any, path: str = "/", name: str | None = None) -> None:
        """Serve an ASGI app below *path*, beside the APIs."""
        self._mounts.append(mount(app, path, name))

    def mount_wsgi_app(self, app: Any, path: str = "/", name: str | None = None) -> None:
        """Serve a WSGI app, such as Flask's, below *path*."""
        self._mounts.append(mount(wsgi_app(app), path, name))

    def add_asgi_middleware(self, middleware_cls: Any, **options: Any) -> None:
        """Put an ASGI middleware class around the whole server."""
        self._middleware.append((middleware_cls, options))

    @cached_property
    def asgi_app(self) -> Any:
        """The whole server as an ASGI app."""
        return to_asgi(self)

    def mount_grpc_servicer(self, *_: Any, **__: Any) -> NoReturn:
        """Refuse: gRPC is not served."""
        raise ConfigError(NO_GRPC, hint="leave `mount_grpc_servicer` out")

    def add_grpc_interceptor(self, *_: Any, **__: Any) -> NoReturn:
        """Refuse: gRPC is not served."""
        raise ConfigError(NO_GRPC, hint="use `add_asgi_middleware`")

    def add_grpc_handlers(self, *_: Any, **__: Any) -> NoReturn:
        """Refuse: gRPC is not served."""
        raise ConfigError(NO_GRPC, hint="leave `add_grpc_handlers` out")

    def __ekiben_service__(self) -> BoundService:
        """Give the service with all that it was told so far."""
        signatures = {name: apis.signature_of(api) for name, api in self.apis.items()}
        names = names_of(self.name, {runner.name: runner for runner in self.runners if not runner.embedded})
        models = {str(model.tag): model for model in (*self.models, *self._embedded_models())}
        spec = ServiceSpec(
            name=self.name,
            endpoints=tuple(apis.describe(api, signatures[name]) for name, api in self.apis.items()),
            dependencies=tuple(Dependency(attribute, service) for attribute, service in names.items()),
            models=tuple(model_ref(model.tag.name, model) for model in models.values()),
            style=STYLE_OF_RUNNERS,
            doc=self.doc,
        )
        options = self._options(names)
        spec = apply(spec, read_options(options))
        check_routes(spec, self.name)
        bound = BoundService(
            spec=spec,
            create=self._create,
            signatures=signatures,
            dependencies={attribute: partial(self._bind, attribute, service) for attribute, service in names.items()},
            hooks=Hooks(startup=self._hook_names("startup"), shutdown=self._hook_names("shutdown")),
            on_deployment=tuple(apis.hook(function, self._state) for function in self._hooks["deployment"]),
            mounts=tuple(self._mounts),
            middleware=tuple(self._middleware),
            on_loop=any(api.is_async for api in self.apis.values()),
            origin=self._origin(),
            options=options,
            sources=dict.fromkeys(options, BUILT_IN),
        )
        check_mounts(bound)
        return bound

    def _options(self, runners: Mapping[str, str]) -> dict[str, Any]:
        """Give what BentoML sets where nobody does: as many processes as CPUs.

        An app that is mounted may call a runner, and has to be in the one process that listens then.
        """
        is_sync = any(not api.is_async for api in self.apis.values())
        return {"workers": 1 if self._mounts and runners else "cpu_count", "threads": THREADS if is_sync else 1}

    def _hook(self, kind: str, function: Function) -> Function:
        if not callable(function):
            raise ConfigError(f"`on_{kind}` takes a function: {function!r}", hint=f"write `@svc.on_{kind}` above it")
        self._hooks[kind].append(function)
        return function

    def _hook_names(self, kind: str) -> tuple[str, ...]:
        return tuple(f"{kind} {place}" for place in range(len(self._hooks[kind])))

    def _bind(self, attribute: str, service: str) -> BoundService:
        return bind(next(runner for runner in self.runners if runner.name == attribute), service)

    def _embedded_models(self) -> list[StoredModel]:
        return [model for runner in self.runners if runner.embedded for model in runner.models]

    def _connect(self, handles: Mapping[str, Any]) -> "Functions":
        """Say to the runners where they run, and give the functions."""
        for runner in self.runners:
            if runner.embedded:
                runner.init_local(quiet=True)
            else:
                runner.attach(handles[runner.name])
        found = {name: apis.called(api, self._state) for name, api in self.apis.items()}
        for kind in ("startup", "shutdown"):
            hooks = zip(self._hook_names(kind), self._hooks[kind], strict=True)
            found |= {name: apis.hook(function, self._state) for name, function in hooks}
        return Functions(found)

    def _origin(self) -> str:
        """Say by which name its module has it, so that another process finds it."""
        module = sys.modules.get(self.__module__)
        held = {} if module is None else vars(module)
        name = next((name for name, value in held.items() if value is self), "<locals>")
        return f"{self.__module__}:{name}"

    def __repr__(self) -> str:
        return f"<service {self.tag}>"


class Functions:
    """The functions of a service, in place of an instance's methods."""

    def __init__(self, functions: Mapping[str, Callable[..., Any]]) -> None:
        vars(self).update(functions)


def check_runners(runners: Sequence[Runner]) -> tuple[Runner, ...]:
    """Hold runners to be such, each with a name of its own.

    Raises:
        ConfigError: one is none.
        ValueError: two have one name.
    """
    for runner in runners:
        if not isinstance(runner, Runner):
            raise ConfigError(
                f"`runners` must be a list of runners: {runner!r}",
                hint="write `bentoml.models.get(…).to_runner()`" if isinstance(runner, StoredModel) else None,
            )
    names = [runner.name for runner in runners]
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise ValueError(f"two runners are called `{twice[0]}`: give one of them another `name`")
    return tuple(runners)


def check_models(models: Sequence[StoredModel]) -> list[StoredModel]:
    """Hold models to be stored ones; raises ConfigError."""
    for model in models:
        if not isinstance(model, StoredModel):
            raise ConfigError(
                f"`models` must be a list of stored models: {model!r}", hint="write `bentoml.models.get(…)`"
            )
    return list(models)


def tag_of_caller(name: str) -> Tag:
    """Give a service its tag: with a version where its code is that of a bento."""
    carried = carried_by_caller()
    is_packed = carried is not None and not carried.is_open
    return carried.bento if carried is not None and is_packed else Tag(name)

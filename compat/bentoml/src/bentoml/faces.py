"""Make the functions that every module of a framework has, with BentoML's names of arguments.

In: a public module of Ekiben's. Out: `save_model`, `load_model`, `get`, `get_service`, that work in BentoML's home. An
argument that the framework does not have here is refused by its name.
"""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType, ModuleType
from typing import Any

from bentoml.front import entered
from bentoml.options import service_options
from bentoml.services import Service, restyle
from ekiben.core.errors import ConfigError
from ekiben.core.spec import BoundService
from ekiben.frameworks.handle import Model
from ekiben.services.options import apply, read_options
from ekiben.services.stored import bind_model

Words = Mapping[str, str]  # why an argument that BentoML has is not taken here
NONE: Mapping[str, Any] = MappingProxyType({})


def saver(module: ModuleType, argument: str = "model", refused: Words = NONE, **fixed: Any) -> Callable[..., Model]:
    """Make `save_model` of a framework.

    Args:
        module: Ekiben's.
        argument: what BentoML calls the model.
        refused: arguments that only BentoML has, with the reason.
        fixed: options of Ekiben's that differ from its defaults.
    """

    @entered
    def save_model(name: Any, *given: Any, **options: Any) -> Model:
        """Save a model; the arguments are BentoML's, and those of Ekiben's `save_model`."""
        told = {"model" if key == argument else key: value for key, value in options.items() if value is not None}
        checked(module, module.save_model, told, refused)
        saved: Model = module.save_model(name, *given, **{**fixed, **told})
        return saved

    return save_model


def loader(module: ModuleType, refused: Words = NONE, idle: Mapping[str, Any] = NONE) -> Callable[..., Any]:
    """Make `load_model` of a framework.

    Args:
        module: Ekiben's.
        refused: arguments that only BentoML has, with the reason.
        idle: arguments whose one value says what is so anyway.
    """

    @entered
    def load_model(bento_model: Any, *given: Any, **options: Any) -> Any:
        """Load what was saved under a tag; the arguments are BentoML's and Ekiben's."""
        told = {key: value for key, value in options.items() if not (key in idle and value == idle[key])}
        checked(module, module.load_model, {key: value for key, value in told.items() if value is not None}, refused)
        return module.load_model(bento_model, *given, **told)

    return load_model


def getter(module: ModuleType) -> Callable[[Any], Model]:
    """Make `get` of a framework."""

    @entered
    def get(tag_like: Any) -> Model:
        """Give the stored model without loading it; raises NotFound."""
        found: Model = module.get(tag_like)
        return found

    return get


def server(module: ModuleType) -> Callable[..., Service[Any]]:
    """Make `get_service` of a framework."""

    @entered
    def get_service(model: Any, /, **options: Any) -> Service[Any]:
        """Make a service of a stored model; the options are those of `bentoml.service`.

        Raises:
            NotFound: there is no such model, or another framework saved it.
            ConfigError: an option is unknown, or not of its type.
        """
        stored, settled = module.get(model), read_options(service_options(options))

        def bind() -> BoundService:
            bound = bind_model(stored)
            spec = apply(bound.spec, settled)
            named = replace(spec, name=settled.name or spec.name)
            return restyle(replace(bound, spec=named, options=settled.given))

        bind()
        return Service(bind)

    return get_service


def checked(module: ModuleType, verb: Callable[..., Any], told: Mapping[str, Any], refused: Words) -> None:
    """Refuse arguments that a function does not have.

    Raises:
        ConfigError: the error names the argument, and why it is not taken, or those that are.
    """
    parameters = inspect.signature(verb).parameters.values()
    known = [each.name for each in parameters if each.kind in (each.KEYWORD_ONLY, each.POSITIONAL_OR_KEYWORD)]
    is_open = any(each.kind is each.VAR_KEYWORD for each in parameters)
    where = f"bentoml.{module.__name__.rpartition('.')[2]}.{verb.__name__}"
    for key, value in told.items():
        if key in refused:
            raise ConfigError(f"`{key}` is not taken by `{where}` here: {refused[key]}: {value!r}", hint="leave it out")
        if key not in known and not is_open:
            raise ConfigError(f"`{where}` has no option `{key}`", hint=f"its options are: {', '.join(known[1:])}")

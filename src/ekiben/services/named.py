"""Find the service that a module holds, by its name or as the only one.

In: an object, a module, or what settings name. Out: a `BoundService`, with the options of its decorator.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ekiben.core.errors import ServiceLoadError
from ekiben.core.front import front
from ekiben.core.paths import join_below
from ekiben.core.spec import BoundService
from ekiben.services import modules
from ekiben.services.depends import is_service
from ekiben.services.modules import Module
from ekiben.services.near import near_hint
from ekiben.services.stored import bind_model
from ekiben.store.models import StoredModel


def read_object(target: Any) -> BoundService:
    """Give the service that an object is.

    Raises:
        ServiceLoadError: it is none.
    """
    if hasattr(target, "__ekiben_service__"):  # a class that only inherits it says why it is no service
        bound: BoundService = target.__ekiben_service__()
        return bound
    if isinstance(target, StoredModel):
        return bind_model(target)
    raise ServiceLoadError(
        f"a service, a stored model or text that names one is needed: {target!r}",
        hint=f"give the class `{type(target).__name__}` itself" if is_service(type(target)) else None,
    )


def load_named(named: str, roots: Sequence[Path], *, is_whole: bool = False) -> BoundService:
    """Load a service that settings name: `module:NAME` or `file.py:NAME`.

    Args:
        named: the target.
        roots: folders that imports start from; the first is the project's own.
        is_whole: an installed module does not count; the code has to be in *roots*.

    Raises:
        ServiceLoadError: it is not there, or its code cannot be imported.
        InvalidInput: it is a path that leads out of the first of *roots*, which has to be whole.
    """
    path, _, attribute = named.partition(":")
    if path.endswith(".py"):
        return pick(modules.at(join_below(roots[0], path) if is_whole else roots[0] / path), attribute)
    known = [module for root in roots if (module := modules.find(path, root)) is not None]
    own = [module for module in known if module.file is not None]
    found = next(iter(own if is_whole else [*own, *known]), None)
    if found is None:
        raise ServiceLoadError(
            f"the service of {roots[0]} is not there: {named!r}", hint="name a file: `service.py:NAME`"
        )
    return pick(found, attribute)


def pick(module: Module, attribute: str) -> BoundService:
    """Import a module, and give the service in it: the named one, or the only one."""
    imported = modules.load(module)
    services = {
        name: value
        for name, value in vars(imported).items()
        if is_service(value) and getattr(value, "__module__", imported.__name__) == imported.__name__
    }
    if not attribute:
        if not services:
            raise ServiceLoadError(
                f"`{module.written}` has no service", hint=f"write `@{front().program}.service` above a class"
            )
        if len(services) > 1:
            raise ServiceLoadError(
                f"`{module.written}` has {len(services)} services: {', '.join(services)}",
                hint=f"name one: `{module.written}:{next(iter(services))}`",
            )
        return read_object(next(iter(services.values())))
    found: Any = imported
    for step in attribute.split("."):
        if not hasattr(found, step):
            hint = near_hint(step, [name for name in dir(found) if not name.startswith("__")])
            if hint is None and len(services) == 1:
                hint = f"its only service is `{module.written}:{next(iter(services))}`"
            raise ServiceLoadError(f"`{module.written}` has no attribute `{attribute}`", hint=hint)
        found = getattr(found, step)
    if not hasattr(found, "__ekiben_service__") and not isinstance(found, StoredModel):
        raise ServiceLoadError(
            f"`{module.written}:{attribute}` is no service: it is {described(found)}",
            hint=f"write `@{front().program}.service` above `class {found.__name__}`"
            if isinstance(found, type)
            else None,
        )
    return read_object(found)


def described(value: Any) -> str:
    """Name what something is, in a few words."""
    return "a class" if isinstance(value, type) else f"a {type(value).__module__}.{type(value).__qualname__}"

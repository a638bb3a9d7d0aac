"""Find the service that a target names.

In: an object, `module:attr`, `file.py:attr`, a folder or a tag. Out: a `BoundService`.
This is the only door for dialects. An object with `__ekiben_service__()` is a service; a target that is no such object
may be read by a function of the entry-point group `ekiben.targets`, called with the text and the folder: it gives a
`BoundService`, or None where the target is not of its dialect.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from ekiben.core.errors import InvalidInput, NotFound, ServiceLoadError
from ekiben.core.spec import BoundService
from ekiben.frameworks.api import model_store
from ekiben.frameworks.handle import Model
from ekiben.services import modules, project
from ekiben.services.classes import is_service
from ekiben.services.configure import configured
from ekiben.services.modules import Module
from ekiben.services.near import near_hint
from ekiben.services.stall import Stand, join, stands
from ekiben.services.stored import bind_model
from ekiben.store.models import StoredModel

GROUP = "ekiben.targets"


@dataclass(frozen=True, slots=True)
class Reading:
    """One way to understand a target."""

    words: str  # what it would be
    instead: str  # what names only this
    load: Callable[[], BoundService]


def same(bound: BoundService) -> BoundService:
    """Give what was loaded already."""
    return bound


def load(
    target: Any, *, folder: Path | None = None, change: Callable[[BoundService], BoundService] = same
) -> BoundService:
    """Load what *target* names.

    Args:
        target: a service, a stored model, or text that names one; a list of such, or a dict of them by name.
        folder: where modules and files are looked for; the current one by default.
        change: what has to be changed of each service.

    Returns:
        The service, with the options that a file and the environment set (`configure`); of a list or a dict a stall.

    Raises:
        ServiceLoadError: there is no such thing, or more than one, or its code cannot be imported.
        ConfigError: an option that a file or a variable sets is unknown or not of its type.
    """
    place = (folder or Path.cwd()).resolve()
    if not isinstance(target, Mapping | Sequence) or isinstance(target, str):
        return change(configured(read(target, place), place))
    given = [Stand(name, one, read(one, place)) for name, one in stands(target, place)]
    beside = [stand.bound for stand in given]
    return join([replace(stand, bound=change(configured(stand.bound, place, beside))) for stand in given])


def read(target: Any, folder: Path) -> BoundService:
    """Give what *target* names, with the options of its decorator; raises as `load`."""
    if hasattr(target, "__ekiben_service__"):  # a class that only inherits it says why it is no service
        bound: BoundService = target.__ekiben_service__()
        return bound
    if isinstance(target, StoredModel):
        return bind_model(target)
    if not isinstance(target, str):
        raise ServiceLoadError(
            f"a service, a stored model or text that names one is needed: {target!r}",
            hint=f"give the class `{type(target).__name__}` itself" if is_service(type(target)) else None,
        )
    return load_text(target, folder)


def load_text(target: str, folder: Path) -> BoundService:
    """Load a target that was typed, by the only reading it has.

    Raises:
        ServiceLoadError: it has no reading, or two.
    """
    kind, _, rest = target.partition(":")
    if kind == "model" and rest:
        return bind_model(model_store().get(rest))
    if kind == "bento" and rest:
        raise ServiceLoadError(f"bentos cannot be served by this version: {target!r}", hint="serve the service itself")
    found = list(readings(target, folder))
    if len(found) == 1:
        return found[0].load()
    if found:
        raise ServiceLoadError(
            f"`{target}` can be read in {len(found)} ways: " + ", and ".join(reading.words for reading in found),
            hint="write " + ", or ".join(reading.instead for reading in found),
        )
    raise nothing(target, folder)


def readings(target: str, folder: Path) -> Iterator[Reading]:
    """Give every way to understand *target*; nothing of the user's is imported for it."""
    path, _, attribute = target.partition(":")
    if path.endswith(".py"):
        module = modules.at(folder / path)
        yield Reading(f"the file {path}", target, lambda: pick(module, attribute))
        return
    if not attribute and project.is_project(folder / path):
        yield Reading(f"the folder {path}", f"`./{path}`", lambda: load_project(folder / path))
        if path in ("", ".") or path.startswith(("/", "./", "../")):
            return
    model = find_model(target)
    if model is not None:
        stored = model
        yield Reading(f"the stored model {model.tag}", f"`model:{target}` for the model", lambda: bind_model(stored))
    found = modules.find(path, folder)
    if found is not None:
        named = f"`{found.written}:{attribute or 'NAME'}` for the module"
        yield Reading(f"the module {found.written}", named, lambda: pick(found, attribute))
    for point in entry_points(group=GROUP):
        bound = point.load()(target, folder)
        if bound is not None:
            words = f"what `{point.name}` reads from it"
            yield Reading(words, f"a target that only `{point.name}` reads", partial(same, bound))


def load_project(folder: Path) -> BoundService:
    """Load a project: the service that its settings name, else that of `service.py`."""
    named = project.service_of(folder)
    path, _, attribute = named.partition(":")
    module = modules.at(folder / path) if path.endswith(".py") else modules.find(path, folder)
    if module is None:
        raise ServiceLoadError(
            f"the service of {folder} is not there: {named!r}", hint="name a file: `service.py:NAME`"
        )
    return pick(module, attribute)


def find_model(target: str) -> Model | None:
    """Find the stored model that *target* names, if it is a tag and there is one."""
    try:
        return model_store().get(target.lower())  # as a tag does, without its warning: this may be a module
    except (NotFound, InvalidInput):
        return None


def nothing(target: str, folder: Path) -> ServiceLoadError:
    """Say that a target names nothing, and what is near."""
    path = target.partition(":")[0]
    if (folder / path).is_dir():
        return ServiceLoadError(
            f"there is no service in the folder {folder / path}: it has neither service.py nor settings that name one",
            hint="name the file: `file.py:NAME`",
        )
    here = [file.stem for file in sorted(folder.glob("*.py"))]
    stored = sorted({model.tag.name for model in model_store().list()})
    return ServiceLoadError(
        f"`{target}` is neither a module in {folder} nor a stored model",
        hint=near_hint(path, [*here, *stored])
        or "`ekiben models list` shows the stored models; a module is named as `file:NAME`",
    )


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
            raise ServiceLoadError(f"`{module.written}` has no service", hint="write `@ekiben.service` above a class")
        if len(services) > 1:
            raise ServiceLoadError(
                f"`{module.written}` has {len(services)} services: {', '.join(services)}",
                hint=f"name one: `{module.written}:{next(iter(services))}`",
            )
        return read(next(iter(services.values())), Path.cwd())
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
            hint=f"write `@ekiben.service` above `class {found.__name__}`" if isinstance(found, type) else None,
        )
    return read(found, Path.cwd())


def described(value: Any) -> str:
    """Name what something is, in a few words."""
    return "a class" if isinstance(value, type) else f"a {type(value).__module__}.{type(value).__qualname__}"

"""Read the members of a service's class, without running any of them.

In: a class. Out: its marked methods, hooks, dependencies and models. Properties and other descriptors are
looked at, never called.
"""

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from ekiben.core.command import COMMAND
from ekiben.core.errors import ConfigError
from ekiben.core.front import front
from ekiben.core.spec import Dependency, Hooks, ModelRef
from ekiben.frameworks.references import BentoModel, HuggingFaceModel
from ekiben.services.depends import Depends
from ekiben.services.methods import HOOK_NOTE
from ekiben.store.digest import read_manifest
from ekiben.store.models import StoredModel

READY, ALIVE, METRICS = "__is_ready__", "__is_alive__", "__metrics__"


@dataclass(frozen=True, slots=True)
class Marked:
    """A method that bears a note."""

    name: str
    function: Any  # the plain function
    note: Any
    is_bound: bool  # the first parameter is the instance or the class


def marked(cls: type, note: str) -> list[Marked]:
    """List the methods that bear *note*, base classes first.

    A method that overrides a marked one stands in its place, with the same note unless it bears one of its own;
    anything else by that name, such as None, takes it away.
    """
    found: dict[str, Marked] = {}
    for owner in reversed(cls.__mro__):
        for name, value in vars(owner).items():
            function = value.__func__ if isinstance(value, staticmethod | classmethod) else value
            own = getattr(function, note, None) if inspect.isroutine(function) else None
            if own is not None or (name in found and inspect.isroutine(function)):
                found[name] = Marked(name, function, own or found[name].note, not isinstance(value, staticmethod))
            else:
                found.pop(name, None)
    return list(found.values())


def check_class(cls: type) -> None:
    """Refuse a class whose instances cannot be made or served."""
    needed = required(cls)
    if needed:
        raise ConfigError(
            f"`{cls.__name__}` must be made without arguments; its `__init__` needs `{needed[0]}`",
            hint=f"give `{needed[0]}` a default, or read it from an environment variable",
        )
    if cls.__dictoffset__ == 0 and depends_of(cls):
        raise ConfigError(
            f"`{cls.__name__}` has `__slots__` and no room for `{depends_of(cls)[0][0]}`",
            hint='add "__dict__" to `__slots__`, or leave them out',
        )
    for name in (READY, ALIVE, COMMAND):
        if hasattr(cls, name) and (not callable(getattr(cls, name)) or required(getattr(cls, name), skip=1)):
            raise ConfigError(f"`{cls.__name__}.{name}` must be a method without parameters: {getattr(cls, name)!r}")
    found = getattr(cls, METRICS, None)
    if hasattr(cls, METRICS) and (not callable(found) or len(required(found, skip=1)) != 1):
        raise ConfigError(f"`{cls.__name__}.{METRICS}` must be a method that takes one text: {found!r}")


def required(function: Any, skip: int = 0) -> list[str]:
    """Name the parameters that a call has to give."""
    try:
        found = list(inspect.signature(function).parameters.values())[skip:]
    except ValueError:  # built in, with no signature to look at
        return []
    loose = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return [one.name for one in found if one.default is inspect.Parameter.empty and one.kind not in loose]


def hooks(cls: type) -> Hooks:
    """Find the hooks by their notes, and the two health methods by their names."""
    kinds: dict[str, list[str]] = {"startup": [], "shutdown": [], "deployment": []}
    for one in marked(cls, HOOK_NOTE):
        needed = required(one.function, skip=int(one.is_bound))
        if needed:
            raise ConfigError(
                f"`{cls.__name__}.{one.name}` is a hook and must take no parameter: `{needed[0]}`",
                hint="a hook knows nothing but `self`"
                if one.note != "deployment"
                else f"make it static: write `@staticmethod` below `@{front().program}.on_deployment`",
            )
        kinds[one.note].append(one.name)
    return Hooks(
        startup=tuple(kinds["startup"]),
        shutdown=tuple(kinds["shutdown"]),
        ready=READY if hasattr(cls, READY) else None,
        alive=ALIVE if hasattr(cls, ALIVE) else None,
        metrics=METRICS if hasattr(cls, METRICS) else None,
    )


def deployment_hooks(cls: type) -> tuple[Callable[[], Any], ...]:
    """Give what is called before there is any instance."""
    found = [one for one in marked(cls, HOOK_NOTE) if one.note == "deployment"]
    for one in found:
        if not isinstance(inspect.getattr_static(cls, one.name), staticmethod | classmethod):
            raise ConfigError(
                f"`{cls.__name__}.{one.name}` runs before there is an instance and must be static",
                hint=f"write `@staticmethod` below `@{front().program}.on_deployment`",
            )
    return tuple(getattr(cls, one.name) for one in found)


def attributes(cls: type) -> Iterator[tuple[str, Any]]:
    """Give the class attributes, base classes first, each as its last definition."""
    found: dict[str, Any] = {}
    for owner in reversed(cls.__mro__[:-1]):
        found.update(vars(owner))
    yield from found.items()


def depends_of(cls: type) -> list[tuple[str, Depends]]:
    """List the attributes made by `depends()`."""
    return [(name, value) for name, value in attributes(cls) if isinstance(value, Depends)]


def dependencies(cls: type) -> list[Dependency]:
    """Say which other services are called.

    Raises:
        ConfigError: one of them has a command, which only a server of its own runs.
    """
    found = []
    for name, value in depends_of(cls):
        spec = None if value.on is None else value.on.__ekiben_service__().spec
        if spec is not None and spec.command is not None:
            raise ConfigError(
                f"`{cls.__name__}.{name}` depends on `{spec.name}`, whose command needs a server of its own",
                hint="serve that one by itself, and write `depends(url=...)`",
            )
        found.append(Dependency(name, None if spec is None else spec.name, value.url))
    return found


def models(cls: type) -> list[ModelRef]:
    """Say which models are held as class attributes, or named by them.

    Raises:
        NotFound: a stored model that is named is not there.
    """
    found = []
    for name, value in attributes(cls):
        if isinstance(value, StoredModel | BentoModel):
            found.append(model_ref(name, value.resolve() if isinstance(value, BentoModel) else value))
        elif isinstance(value, HuggingFaceModel):
            found.append(value.ref(name))
    return found


def model_ref(attribute: str, model: StoredModel) -> ModelRef:
    """Name a stored model: as it was asked for, by its exact tag, by its content.

    The content is left out where the manifest does not tell it.
    """
    manifest = read_manifest(model.path)
    return ModelRef(
        attribute, str(model.wanted), resolved=str(model.tag), digest=None if manifest is None else manifest.digest
    )

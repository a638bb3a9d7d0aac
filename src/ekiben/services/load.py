"""Find the service that a target names.

In: an object, `module:attr`, `file.py:attr`, a folder or a tag. Out: a `BoundService`.
This is the only door for dialects: any object with `__ekiben_service__()` is a service.
"""

import difflib
import importlib
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from ekiben.core.errors import ServiceLoadError
from ekiben.core.spec import BoundService
from ekiben.services.stored import bind_model
from ekiben.store.models import StoredModel


def load(target: Any, *, folder: Path | None = None) -> BoundService:
    """Load what *target* names.

    Args:
        target: a service, a stored model, or text that names one.
        folder: where modules and files are looked for; the current one by default.

    Raises:
        ServiceLoadError: there is no such thing, or more than one.
    """
    if hasattr(target, "__ekiben_service__"):
        bound: BoundService = target.__ekiben_service__()
        return bound
    if isinstance(target, StoredModel):
        return bind_model(target)
    if not isinstance(target, str):
        raise ServiceLoadError(f"a service, a model or text that names one is needed: {target!r}")
    return load_text(target, (folder or Path.cwd()).resolve())


def load_text(target: str, folder: Path) -> BoundService:
    """Load a target that was typed."""
    name, _, attribute = target.partition(":")
    if name.endswith(".py"):
        return pick(import_file(folder / name), attribute)
    return pick(import_module(name, folder), attribute)


def import_module(name: str, folder: Path) -> ModuleType:
    """Import a module of the user's, with *folder* first on the path."""
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
    return importlib.import_module(name)


def import_file(path: Path) -> ModuleType:
    """Import a Python file by its path."""
    return import_module(path.stem, path.parent)


def pick(module: ModuleType, attribute: str) -> BoundService:
    """Find the service in a module: the named one, or the only one."""
    if attribute:
        found: Any = module
        for step in attribute.split("."):
            if not hasattr(found, step):
                near = difflib.get_close_matches(step, dir(found), 1)
                raise ServiceLoadError(
                    f"`{module.__name__}` has no attribute `{attribute}`",
                    hint=f"did you mean `{near[0]}`?" if near else None,
                )
            found = getattr(found, step)
        return load(found)
    services = {
        name: value
        for name, value in vars(module).items()
        if hasattr(value, "__ekiben_service__") and getattr(value, "__module__", module.__name__) == module.__name__
    }
    if len(services) != 1:
        raise ServiceLoadError(
            f"`{module.__name__}` has {len(services)} services: {', '.join(services) or 'none'}",
            hint=f"name one: `{module.__name__}:NAME`",
        )
    return load(next(iter(services.values())))

"""Find the service that a target names.

In: an object, `module:attr`, `file.py:attr`, a folder or a tag. Out: a `BoundService`.
This is the only door for dialects: any object with `__ekiben_service__()` is a service.
"""

import difflib
import importlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from ekiben.core.errors import InvalidInput, NotFound, ServiceLoadError
from ekiben.core.spec import BoundService
from ekiben.frameworks.api import model_store
from ekiben.frameworks.handle import Model
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
    """Load a target that was typed, by the only reading it has.

    Raises:
        ServiceLoadError: it has no reading, or two.
    """
    kind, _, rest = target.partition(":")
    if kind == "model" and rest:
        return bind_model(model_store().get(rest))
    path, _, attribute = target.partition(":")
    if path.endswith(".py"):
        return pick(import_file(folder / path), attribute)
    if (folder / path).is_dir() and not attribute:
        return load_folder(folder / path)
    model = find_model(target)
    module = find_module(path, folder)
    if model is not None and module:
        raise ServiceLoadError(
            f"`{target}` can be read in two ways: the stored model {model.tag}, and the module `{path}` in {folder}",
            hint=f"write `model:{target}` for the model, or `{path}.py:NAME` for the module",
        )
    if model is not None:
        return bind_model(model)
    if module:
        return pick(import_module(path, folder), attribute)
    raise ServiceLoadError(
        f"`{target}` is neither a module in {folder} nor a stored model",
        hint="`ekiben models list` shows the stored models; a module is named as `file:attribute`",
    )


def load_folder(folder: Path) -> BoundService:
    """Load a project folder: the service in its `service.py`.

    Raises:
        ServiceLoadError: there is no such file.
    """
    path = folder / "service.py"
    if not path.is_file():
        raise ServiceLoadError(f"there is no service.py in {folder}", hint="name a target, such as `module:Service`")
    return pick(import_file(path), "")


def find_model(target: str) -> Model | None:
    """Find the stored model that *target* names, if it is a tag and there is one."""
    try:
        return model_store().get(target)
    except (NotFound, InvalidInput):
        return None


def find_module(name: str, folder: Path) -> bool:
    """Say whether *folder* holds a module called *name*, or the environment does."""
    parts = name.split(".")
    if not all(part.isidentifier() for part in parts):
        return False
    top = folder / parts[0]
    if top.with_suffix(".py").is_file() or top.is_dir():
        return True
    return importlib.util.find_spec(parts[0]) is not None and parts[0] not in sys.stdlib_module_names


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

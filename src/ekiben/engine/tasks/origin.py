"""Find a service again in another process.

In: a bound service; later, in a fresh interpreter, what was written down of it. Out: the same service, imported anew.
"""

import importlib.util
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ekiben.core.errors import ConfigError, ServiceLoadError
from ekiben.core.spec import BoundService
from ekiben.services import modules
from ekiben.services.load import load
from ekiben.services.quiet import keep_clean

HINT = "write the class at the top of a file, and serve it from there"


def describe(bound: BoundService) -> dict[str, Any]:
    """Write down where a service's class stands.

    Raises:
        ConfigError: no other process could import it.
    """
    module, _, name = (bound.origin or "").partition(":")
    if not name or "<locals>" in name:
        raise ConfigError(
            f"tasks run in a process of their own, which cannot import `{bound.spec.name}`: {bound.origin!r}", hint=HINT
        )
    file = getattr(sys.modules.get(module), "__file__", None)
    if module == "__main__" and file is None:
        raise ConfigError(
            f"tasks run in a process of their own, which cannot import `{bound.spec.name}`: it stands in no file",
            hint=HINT,
        )
    return {"module": module, "file": None if file is None else str(Path(file).resolve()), "name": name}


def find(place: Mapping[str, Any]) -> BoundService:
    """Import the service that `describe` wrote down.

    Raises:
        ServiceLoadError: its code cannot be imported, or the class is gone.
    """
    module, file = place["module"], place["file"]
    if file is None or is_importable(module, Path(file)):
        if file is not None:
            keep_clean(Path(file).parent)
        imported = modules.load(modules.Module(module, module))
    else:
        imported = modules.load(modules.at(Path(file)))
    found: Any = imported
    for step in place["name"].split("."):
        found = getattr(found, step, None)
    if found is None:
        raise ServiceLoadError(f"`{module}` has no `{place['name']}` when it is imported afresh", hint=HINT)
    return load(found)


def is_importable(name: str, file: Path) -> bool:
    """Say whether importing *name* gives that file."""
    if name == "__main__" or not all(part.isidentifier() for part in name.split(".")):
        return False
    try:
        spec = importlib.util.find_spec(name)
    except (ImportError, ValueError, AttributeError):
        return False
    return spec is not None and spec.origin is not None and Path(spec.origin).resolve() == file

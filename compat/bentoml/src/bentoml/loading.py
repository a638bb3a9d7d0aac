"""Load a service of any generation, by what names it.

In: a path, a tag, `module:NAME`. Out: an instance of a `BentoService` for a bundle of 0.13, otherwise the service.
"""

from pathlib import Path
from typing import Any

from bentoml.bundles import targets
from bentoml.bundles.loading import find_bundle, load_bundle
from bentoml.front import entered
from bentoml.services import load as load_service

__all__ = ["load"]


@entered
def load(target: Any, working_dir: str | None = None, reload: bool = False) -> Any:
    """Load a service.

    Args:
        target: a bundle of 0.13 as a folder, an archive or its address, or `Name:version`; or a project, a bento or
            `module:NAME`, as `bentoml serve` takes it.
        working_dir: the folder to look in; None is the one that the program stands in.
        reload: refused: a module is imported once.

    Raises:
        ServiceLoadError: there is no such thing, or its code cannot be imported.
    """
    if hasattr(target, "__ekiben_service__"):
        return load_service(target, working_dir, reload)
    text = str(getattr(target, "tag", target))
    is_address = "://" in text
    bundle = find_bundle(text) if is_address else targets.find(text, Path(working_dir or ".").resolve())
    return load_service(text, working_dir, reload) if bundle is None else load_bundle(bundle)

"""Import a library that is not always there, or say how to install it.

In: the name of a module. Out: the module, or `MissingLibrary` with the command to type.
"""

import importlib
import importlib.util
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

from ekiben.core.errors import MissingLibrary

# Where the name to import is not the name to install.
DISTRIBUTIONS = {
    "PIL": "pillow",
    "sklearn": "scikit-learn",
    "cv2": "opencv-python",
    "paddle": "paddlepaddle",
    "yaml": "PyYAML",
}


def need(module: str, why: str, *, extra: str | None = None) -> ModuleType:
    """Import *module*, or name the command that installs it.

    Args:
        module: the name to import, such as `PIL.Image`.
        why: what needs it, as the subject of a sentence: "an image parameter".
        extra: the extra of ekiben that brings it.

    Raises:
        MissingLibrary: it is not installed, or one of its own imports is not.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        top = module.partition(".")[0]
        absent = error.name or top
        is_own = absent.partition(".")[0] == top  # it, or a module in it
        raise _missing(top if is_own else absent, why, extra if is_own else None) from error


@contextmanager
def importing() -> Iterator[None]:
    """Import libraries in this block; say how to install one that is missing.

        with ekiben.importing():
            import torch

    Raises:
        MissingLibrary: a library is not installed where the service is loaded.
    """
    try:
        yield
    except ImportError as error:
        if not isinstance(error, ModuleNotFoundError) or error.name is None:
            raise MissingLibrary(f"a library of the service cannot be imported: {error}") from error
        raise _missing(error.name.partition(".")[0], "the service", None) from error


def check_installed(module: str, why: str, *, extra: str | None = None) -> None:
    """Raise the error of `need` if *module* is not installed, without importing it.

    Raises:
        MissingLibrary: it is not installed.
    """
    if not is_installed(module):
        raise _missing(module, why, extra)


def is_installed(module: str) -> bool:
    """Say whether *module*, a top-level name, could be imported; it is not."""
    if module in sys.modules:
        return sys.modules[module] is not None
    return importlib.util.find_spec(module) is not None


def loaded(module: str) -> ModuleType | None:
    """Give *module* if something has imported it already; never import it.

    A value of a library's type can only exist once that library is imported.
    """
    return sys.modules.get(module)


def _missing(module: str, why: str, extra: str | None) -> MissingLibrary:
    package = DISTRIBUTIONS.get(module, module)
    command = f"pip install 'ekiben[{extra}]'" if extra else f"pip install {package}"
    return MissingLibrary(f"{why} needs the library `{package}`, which is not installed", hint=command)

"""Read programs of TorchScript, and tell them from pickles.

In: a `.pt` file. Out: a module that is ready to predict.
"""

import warnings
import zipfile
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from ekiben.core.errors import StoreError
from ekiben.core.front import command
from ekiben.store.pickles import check_unpickling

PROGRAM = "run the program that it is"


def is_script(file: Path) -> bool:
    """Say whether a file is a program of TorchScript."""
    if not file.is_file() or not zipfile.is_zipfile(file):
        return False
    with zipfile.ZipFile(file) as archive:
        return any(name.endswith("/constants.pkl") for name in archive.namelist())


def read_script(
    torch: ModuleType, file: Path, tag: str, device: Any, extra: MutableMapping[str, Any] | None = None
) -> Any:
    """Read a file of TorchScript, and fill *extra* with what it asks for.

    Raises:
        StoreError: the file is missing or damaged, or running programs is forbidden.
    """
    if not file.is_file():
        raise StoreError(f"{tag} must hold {file.name}, and does not")
    check_unpickling(tag, must=PROGRAM)
    asked = dict.fromkeys(extra or {}, "")
    try:
        with without_farewell():
            model = torch.jit.load(str(file), map_location=device, _extra_files=asked)
    except (RuntimeError, ValueError) as error:
        words = str(error).strip().partition("\n")[0]
        raise StoreError(f"{tag} cannot be read by PyTorch: {words}", hint=f"ask {command('models verify')}") from error
    if extra is not None:
        extra.update(asked)
    return model.eval()


@contextmanager
def without_farewell() -> Iterator[None]:
    """Leave out that PyTorch plans to end TorchScript; whoever saves it knows."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=r"`?torch\.jit", category=DeprecationWarning)
        yield

"""Any Python object that cloudpickle can write: a function, a class of your own.

In: an object. Out: one pickle. Functions and classes of `__main__` are written whole, others by the name of their
module. Loading runs code of whoever wrote the file, and is refused where EKIBEN_FORBID_UNPICKLING is set.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from ekiben.core.paths import write_whole
from ekiben.frameworks.base import Method, Saved
from ekiben.store.info import ModelInfo
from ekiben.store.pickles import dump_bytes, load_pickle

NAME = "picklable_model"
LIBRARY = "cloudpickle"
PACKAGES = ("cloudpickle",)
FILE = "saved_model.pkl"


def owns(model: Any) -> bool:
    """Say yes: whether it can be pickled shows when it is."""
    return True


def save(model: Any, folder: Path, *, by_value: Sequence[ModuleType] = ()) -> Saved:
    """Write *model* as a pickle.

    Raises:
        InvalidInput: it cannot be pickled.
    """
    write_whole(folder / FILE, dump_bytes(model, by_value, "model"))
    return Saved("cloudpickle", needs_unpickling=True)


def load(folder: Path, info: ModelInfo) -> Any:
    """Read a pickle.

    Raises:
        StoreError: unpickling is forbidden, or fails.
    """
    return load_pickle(folder / FILE, str(info.tag))


def methods(model: Any) -> Mapping[str, Method]:
    """Serve the call itself, one input at a time: nothing is known of batches."""
    return {"__call__": Method()} if callable(model) else {}

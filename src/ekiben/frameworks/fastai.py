"""Learners of fastai.

In: a `Learner`. Out: what its `export` writes, a pickle without data and optimizer. There is no other format.
"""

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from ekiben.core.errors import InvalidInput, StoreError
from ekiben.core.optional import loaded, need
from ekiben.frameworks.base import Method, Saved
from ekiben.store.info import ModelInfo
from ekiben.store.pickles import check_unpickling, unpickling, written_whole

NAME = "fastai"
LIBRARY = "fastai"
PACKAGES = ("fastai", "torch")
FILE = "saved_model.pkl"


def owns(model: Any) -> bool:
    """Say whether *model* is a learner."""
    learner = loaded("fastai.learner")
    return learner is not None and isinstance(model, learner.Learner)


def save(model: Any, folder: Path, *, by_value: Sequence[ModuleType] = ()) -> Saved:
    """Export a learner; it stays as it is.

    Raises:
        InvalidInput: it cannot be pickled.
    """
    with written_whole(by_value) as cloudpickle, quiet():
        try:
            model.export((folder / FILE).absolute(), pickle_module=cloudpickle)
        except Exception as error:
            raise InvalidInput(f"`model` cannot be pickled: {error}") from error
    return Saved("fastai", needs_unpickling=True)


def load(folder: Path, info: ModelInfo, *, cpu: bool = True) -> Any:
    """Read a learner, ready to predict.

    Args:
        folder: the stored model's.
        info: what is known of it.
        cpu: False puts it where fastai finds a GPU.

    Raises:
        StoreError: the file is missing or damaged, or unpickling is forbidden.
    """
    learner = need("fastai.learner", "loading a learner of fastai", extra="fastai")
    tag = str(info.tag)
    if not (folder / FILE).is_file():
        raise StoreError(f"{tag} must hold {FILE}, and does not")
    check_unpickling(tag)
    with unpickling(tag), quiet():
        return learner.load_learner(folder / FILE, cpu=cpu)


def methods(model: Any) -> Mapping[str, Method]:
    """Serve `predict`, one item at a time, as fastai has it."""
    return {"predict": Method(call=predict)}


def predict(learner: Any, value: Any) -> dict[str, Any]:
    """Predict for one item.

    Args:
        learner: of fastai.
        value: what its `predict` takes; a mapping is one row of a table.

    Returns:
        `prediction`, as text or numbers, and `values`: probabilities, or what the model gave.
    """
    pandas = need("pandas", "a learner of fastai", extra="pandas")
    with learner.no_bar(), learner.no_logging(), quiet():
        row = pandas.Series(value) if isinstance(value, Mapping) else value
        decoded, index, values = learner.predict(row)
    target = index if isinstance(value, Mapping) else decoded
    vocabulary = getattr(learner.dls, "vocab", None)
    if isinstance(value, Mapping) and vocabulary is not None and not isinstance(vocabulary, Mapping):
        target = vocabulary[int(index)] if getattr(index, "ndim", 1) == 0 else index
    return {"prediction": to_plain(target), "values": to_plain(values)}


def to_plain(value: Any) -> Any:
    """Give numbers for a tensor, text for anything else that is no number."""
    if hasattr(value, "tolist"):
        return value.tolist()
    return value if isinstance(value, bool | int | float | str | list) else str(value)


@contextmanager
def quiet() -> Iterator[None]:
    """Leave out that pickles are not safe, which the marks in the store say."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*pickle")
        warnings.filterwarnings("ignore", category=DeprecationWarning)
        warnings.filterwarnings("ignore", category=FutureWarning)
        yield

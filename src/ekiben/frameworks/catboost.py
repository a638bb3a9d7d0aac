"""CatBoost models.

In: a fitted `CatBoostClassifier` and its like, or a `CatBoost`. Out: one `.cbm` file, which holds no Python: trees,
classes, names of features and the parameters of the training. Read too: the same file as BentoML writes it.
CatBoost checks the form of a file itself, and not where its trees lead: one that somebody forged may end the process.
Source: `save_model` of CatBoost with the format `cbm`.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from ekiben.core.errors import ConfigError, StoreError
from ekiben.core.front import command
from ekiben.core.optional import loaded, need
from ekiben.frameworks.base import Method, Saved
from ekiben.store.info import ModelInfo

NAME = "catboost"
LIBRARY = "catboost"
PACKAGES = ("catboost",)
FILE = "saved_model.cbm"
CLASSES = ("CatBoost", "CatBoostClassifier", "CatBoostRegressor", "CatBoostRanker")
CLASS = "training_class_name"  # the option, as BentoML names it


def owns(model: Any) -> bool:
    """Say whether *model* is one of CatBoost."""
    library = loaded("catboost")
    return library is not None and isinstance(model, library.CatBoost)


def save(model: Any, folder: Path, *, by_value: Sequence[ModuleType] = ()) -> Saved:
    """Write *model* as `.cbm`.

    Raises:
        ConfigError: it is not fitted, or its class is the user's own.
    """
    name = type(model).__name__
    if type(model).__module__.partition(".")[0] != "catboost" or name not in CLASSES:
        raise ConfigError(
            f"`model` must be of a class of catboost itself, one of {', '.join(CLASSES)}: "
            f"it is a {type(model).__module__}.{type(model).__qualname__}",
            hint="pickle it with `picklable_model.save_model`",
        )
    if not model.is_fitted():
        raise ConfigError(f"`model` must be fitted: it is a {name} that is not", hint="call its `fit` first")
    model.save_model(str(folder / FILE), format="cbm")
    return Saved("cbm", needs_unpickling=False, options={CLASS: name})


def load(folder: Path, info: ModelInfo) -> Any:
    """Read a model, of the class that was saved.

    Raises:
        StoreError: the file is missing or damaged, or model.yaml asks for another class.
    """
    library = need("catboost", "loading a CatBoost model", extra="catboost")
    name = info.options.get(CLASS, CLASSES[0])
    if name not in CLASSES:
        raise StoreError(f"{info.tag} must be one of {', '.join(CLASSES)}: {name!r}")
    if not (folder / FILE).is_file():
        raise StoreError(f"{info.tag} must hold {FILE}, and does not")
    try:
        model = getattr(library, name)().load_model(str(folder / FILE), format="cbm")
    except library.CatBoostError as error:
        said = str(error).strip().partition("\n")[0].partition(": ")[2] or str(error).strip()
        raise StoreError(
            f"{info.tag} cannot be read by CatBoost: {said}", hint=f"ask {command('models verify')}"
        ) from error
    vars(model)["_n_features_in"] = len(model.feature_names_)  # which CatBoost leaves at 0
    return model


def methods(model: Any) -> Mapping[str, Method]:
    """Serve `predict`, and `predict_proba` where there is one, row by row."""
    refusals = (need("catboost", "a CatBoost model", extra="catboost").CatBoostError,)
    return {
        name: Method(batchable=True, refusals=refusals) for name in ("predict", "predict_proba") if hasattr(model, name)
    }

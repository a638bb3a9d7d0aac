"""LightGBM boosters, and its estimators in the style of scikit-learn.

In: a `Booster`, or a fitted `LGBMClassifier` and its like. Out: one text file in LightGBM's format, which holds no
code, and in model.yaml the class, its parameters and its labels. Read too: the file of BentoML, whose name ends with
`.ubj` and which is the same text. LightGBM predicts on the CPU only.
Source: the model file that `Booster.save_model` of LightGBM writes, version v4.
"""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from ekiben.core.errors import ConfigError, StoreError
from ekiben.core.front import command
from ekiben.core.optional import loaded, need
from ekiben.core.paths import disk_errors
from ekiben.frameworks.base import Method, Saved
from ekiben.frameworks.lightgbm_trees import check_file
from ekiben.frameworks.wrappers import find_class, make_wrapper, read_classes, split_parameters, write_classes
from ekiben.store.info import ModelInfo

NAME = "lightgbm"
LIBRARY = "lightgbm"
PACKAGES = ("lightgbm", "scikit-learn")
FILES = ("saved_model.txt", "saved_model.ubj")  # ours, BentoML's
BOOSTER = "Booster"
WRAPPERS = ("LGBMClassifier", "LGBMRegressor", "LGBMRanker", "LGBMModel")
# What an estimator knows since it was fitted, beside its booster and its labels.
FITTED = ("_n_features", "_n_features_in", "_objective", "_best_iteration", "_fitted_with_feature_names")

log = logging.getLogger("ekiben")


def owns(model: Any) -> bool:
    """Say whether *model* is a booster of LightGBM or one of its estimators."""
    library = loaded("lightgbm")
    return library is not None and isinstance(model, (library.Booster, library.LGBMModel))


def save(model: Any, folder: Path, *, by_value: Sequence[ModuleType] = ()) -> Saved:
    """Write *model* as text, up to its best iteration; keep what an estimator adds.

    Raises:
        ConfigError: it is not fitted, its class is the user's own, or its answers need the user's code.
    """
    library = need("lightgbm", "saving a LightGBM model", extra="lightgbm")
    is_booster = isinstance(model, library.Booster)
    options: dict[str, Any] = {"model_class": BOOSTER} if is_booster else describe(model)
    booster = model if is_booster else model.booster_
    options["best_iteration"] = int(booster.best_iteration)
    booster.save_model(folder / FILES[0])
    return Saved("text", needs_unpickling=False, options=options)


def describe(model: Any) -> dict[str, Any]:
    """Give what model.yaml has to say of an estimator."""
    name = find_class(model, WRAPPERS, "lightgbm", "its `booster_`")
    labels = getattr(model, "classes_", None)
    if labels is not None and callable(model.objective_):
        raise ConfigError(
            f"`model` must be trained for a named objective, as its answers need it: {model.objective_!r}",
            hint="save its `booster_`, or pickle it with `picklable_model.save_model`",
        )
    kept, left_out = split_parameters(model)
    if left_out:
        log.warning("the parameters %s are not kept, as they are no plain data", ", ".join(left_out))
    known = {key: vars(model)[key] for key in FITTED if not callable(vars(model).get(key, len))}
    options: dict[str, Any] = {"model_class": name, "params": kept, "fitted": known}
    if labels is not None:
        options["classes"] = write_classes(labels)
    return options


def load(folder: Path, info: ModelInfo) -> Any:
    """Read a booster or an estimator.

    Raises:
        StoreError: the file is missing, damaged or forged.
    """
    library = need("lightgbm", "loading a LightGBM model", extra="lightgbm")
    tag = str(info.tag)
    file = next((folder / name for name in FILES if (folder / name).is_file()), None)
    if file is None:
        raise StoreError(f"{tag} must hold {' or '.join(FILES)}, and holds neither")
    with disk_errors(f"cannot read {file}"):
        data = file.read_bytes()
    check_file(data, tag)
    try:
        booster = library.Booster(model_str=data.decode())  # what was checked, and not the file again
    except (library.basic.LightGBMError, ValueError) as error:
        raise StoreError(
            f"{tag} cannot be read by LightGBM: {error}", hint=f"ask {command('models verify')}"
        ) from error
    best = info.options.get("best_iteration")
    if isinstance(best, int):
        booster.best_iteration = best
    name = info.options.get("model_class", BOOSTER)
    return booster if name == BOOSTER else wrap(library, booster, name, info)


def wrap(library: ModuleType, booster: Any, name: Any, info: ModelInfo) -> Any:
    """Make the estimator again that *booster* was taken from.

    Raises:
        StoreError: model.yaml asks for another class, or for what this class has not.
    """
    if name not in WRAPPERS:
        raise StoreError(f"{info.tag} must be a {BOOSTER} or one of {', '.join(WRAPPERS)}: {name!r}")
    need("sklearn", f"loading an {name}", extra="lightgbm")
    parameters, known = info.options.get("params") or {}, info.options.get("fitted") or {}
    if not isinstance(parameters, Mapping) or not isinstance(known, Mapping) or not known.keys() <= set(FITTED):
        raise StoreError(f"{info.tag} must have mappings as `params` and `fitted` in model.yaml", hint="save it again")
    model = make_wrapper(getattr(library, name), parameters, str(info.tag))
    vars(model).update(_Booster=booster, fitted_=True, _evals_result={}, _best_score={}, **known)
    if "classes" in info.options:
        classes = read_classes(info.options["classes"], str(info.tag))
        encoder = need("sklearn.preprocessing", f"loading an {name}", extra="lightgbm").LabelEncoder().fit(classes)
        numbers = {label: index for index, label in enumerate(classes)}
        vars(model).update(_classes=classes, _n_classes=len(classes), _le=encoder, _class_map=numbers)
    return model


def methods(model: Any) -> Mapping[str, Method]:
    """Serve `predict`, and `predict_proba` where there is one, row by row."""
    library = need("lightgbm", "a LightGBM model", extra="lightgbm")
    refusals = (library.basic.LightGBMError,)
    return {
        name: Method(batchable=True, refusals=refusals) for name in ("predict", "predict_proba") if hasattr(model, name)
    }

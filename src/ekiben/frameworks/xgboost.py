"""XGBoost boosters, and its estimators in the style of scikit-learn.

In: a `Booster`, or a fitted `XGBClassifier` and its like. Out: one UBJSON file, which holds no code, and in model.yaml
the class and its parameters. Read too: the `.ubj` and `.json` files of BentoML.
Source: the model format of XGBoost ("Introduction to Model IO").
"""

import json
import logging
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from ekiben.core.errors import ConfigError, StoreError
from ekiben.core.front import command
from ekiben.core.optional import loaded, need
from ekiben.core.paths import disk_errors
from ekiben.frameworks.base import Method, Saved
from ekiben.frameworks.wrappers import find_class, make_wrapper, split_parameters
from ekiben.frameworks.xgboost_trees import check_file
from ekiben.store.info import ModelInfo

NAME = "xgboost"
LIBRARY = "xgboost"
PACKAGES = ("xgboost", "xgboost-cpu", "scikit-learn")
FILES = ("saved_model.ubj", "saved_model.json")  # the first is ours, both are BentoML's
BOOSTER = "Booster"
WRAPPERS = ("XGBClassifier", "XGBRegressor", "XGBRanker", "XGBRFClassifier", "XGBRFRegressor")

log = logging.getLogger("ekiben")


def owns(model: Any) -> bool:
    """Say whether *model* is a booster of XGBoost or one of its estimators."""
    library = loaded("xgboost")
    return library is not None and isinstance(model, (library.Booster, library.XGBModel))


def save(model: Any, folder: Path, *, by_value: Sequence[ModuleType] = ()) -> Saved:
    """Write *model* as UBJSON; of an estimator, keep class and parameters too.

    Raises:
        ConfigError: it is not fitted, or its class is the user's own.
    """
    library = need("xgboost", "saving an XGBoost model", extra="xgboost")
    if isinstance(model, library.Booster):
        options: dict[str, Any] = {"model_class": BOOSTER}
    else:
        name = find_class(model, WRAPPERS, "xgboost", "its `get_booster()`")
        kept, left_out = split_parameters(model)
        options = {"model_class": name, "params": kept}
        if left_out:
            log.warning("the parameters %s are not kept, as they are no plain data", ", ".join(left_out))
    model.save_model(folder / FILES[0])
    return Saved("ubj", needs_unpickling=False, options=options)


def load(folder: Path, info: ModelInfo, *, device: str | None = None) -> Any:
    """Read a booster or an estimator.

    Args:
        folder: the stored model's.
        info: what is known of it.
        device: where it predicts, such as `cpu` or `cuda:0`; None leaves it to XGBoost.

    Raises:
        StoreError: the file is missing, damaged or forged.
        ConfigError: XGBoost finds no such device.
    """
    library = need("xgboost", "loading an XGBoost model", extra="xgboost")
    tag = str(info.tag)
    file = next((folder / name for name in FILES if (folder / name).is_file()), None)
    if file is None:
        raise StoreError(f"{tag} must hold {' or '.join(FILES)}, and holds neither")
    with disk_errors(f"cannot read {file}"):
        data = file.read_bytes()
    check_file(data, tag)
    model = make(library, info)
    try:
        parameters = model.get_params() if "params" in info.options else {}
        model.load_model(bytearray(data))  # what was checked, and not the file again
        if parameters:
            model.set_params(**parameters)  # XGBoost has put there what it settled while it was trained
    except (library.core.XGBoostError, UnicodeDecodeError, TypeError) as error:
        raise StoreError(
            f"{tag} cannot be read by XGBoost: {first_line(error)}", hint=f"ask {command('models verify')}"
        ) from error
    if device is not None:
        move(library, model, device)
    return model


def make(library: ModuleType, info: ModelInfo) -> Any:
    """Make an empty model of the class that was saved."""
    name = info.options.get("model_class", BOOSTER)
    if name == BOOSTER:
        return library.Booster()
    if name not in WRAPPERS:
        raise StoreError(f"{info.tag} must be a {BOOSTER} or one of {', '.join(WRAPPERS)}: {name!r}")
    need("sklearn", f"loading an {name}", extra="xgboost")
    return make_wrapper(getattr(library, name), info.options.get("params") or {}, str(info.tag))


def move(library: ModuleType, model: Any, device: str) -> None:
    """Let *model* predict on *device*.

    Raises:
        ConfigError: XGBoost knows no such device, or there is none here.
    """
    booster = model if isinstance(model, library.Booster) else model.get_booster()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that it takes the CPU instead, which is an error here
            booster.set_param({"device": device})
            settled = json.loads(booster.save_config())["learner"]["generic_param"]["device"]
    except (library.core.XGBoostError, TypeError) as error:
        raise ConfigError(
            f"`device` must be one that XGBoost knows: {device!r}", hint="`cpu`, `cuda` or `cuda:0`"
        ) from error
    if settled == "cpu" != device:
        raise ConfigError(
            f"`device` must be one that XGBoost finds here: {device!r}", hint="leave it out, or say `cpu`"
        )
    if booster is not model:
        model.set_params(device=device)


def methods(model: Any) -> Mapping[str, Method]:
    """Serve `predict`, and `predict_proba` where there is one, row by row."""
    library = need("xgboost", "an XGBoost model", extra="xgboost")
    if isinstance(model, library.Booster):
        return {"predict": Method(batchable=True, call=predict)}
    return {name: Method(batchable=True) for name in ("predict", "predict_proba") if hasattr(model, name)}


def predict(booster: Any, rows: Any) -> Any:
    """Predict for rows, which `Booster.predict` itself does not take."""
    library = need("xgboost", "an XGBoost model", extra="xgboost")
    numpy = need("numpy", "an XGBoost model")
    return booster.predict(library.DMatrix(numpy.asarray(rows) if isinstance(rows, list) else rows))


def first_line(error: Exception) -> str:
    """Give what XGBoost says, without its stack trace and the time of day."""
    return str(error).strip().partition("\n")[0].partition("] ")[2] or str(error).partition("\n")[0]

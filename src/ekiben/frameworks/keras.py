"""Keras 3 models, on whichever of its back ends is installed.

In: a Keras model. Out: one `.keras` file. Read too: HDF5 of Keras 2, and the folder that BentoML 1.4 writes.
Saving leaves the model as it was; a loaded model has its own class and is compiled as before.
Source: the saving guide of Keras 3.
"""

import functools
import json
import logging
import os
import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from types import ModuleType
from typing import Any

from ekiben.core.errors import ConfigError, StoreError
from ekiben.core.front import command
from ekiben.core.optional import loaded, need
from ekiben.frameworks.base import Method, Saved
from ekiben.frameworks.keras_file import FILE, HDF5, drop_optimizer, find_file, has_foreign, holds_code, read_config
from ekiben.frameworks.keras_two import read_training, translate
from ekiben.frameworks.trust import TRUSTED_VARIABLE, is_trusted
from ekiben.store.info import ModelInfo
from ekiben.store.pickles import CUSTOM_OBJECTS, CustomObjects, check_unpickling

NAME = "keras"
LIBRARY = "keras"
PACKAGES = ("keras", "tensorflow", "tensorflow-cpu", "h5py")
LAMBDA = "keras.layers.Lambda"  # the one layer whose file holds code
NATIVE_LOG_LEVEL = "TF_CPP_MIN_LOG_LEVEL"  # of TensorFlow's C++ part: 0 says everything, 2 warnings and up

log = logging.getLogger("ekiben")


def owns(model: Any) -> bool:
    """Say whether *model* is a Keras 3 model."""
    keras = loaded("keras")
    return keras is not None and hasattr(keras, "Model") and isinstance(model, keras.Model)


def save(model: Any, folder: Path, *, by_value: Sequence[ModuleType] = (), include_optimizer: bool = False) -> Saved:
    """Write *model* as `.keras`.

    Args:
        model: built or not, compiled or not.
        folder: where the file goes.
        by_value: of no meaning here, as nothing of the model is pickled.
        include_optimizer: keep the optimizer's state, so that training can go on; it makes an Adam model's file
            three times as large. Without it, a loaded model is compiled all the same and begins with a fresh one.
    """
    file = folder / FILE
    model.save(file)
    if not include_optimizer:
        drop_optimizer(file)
    has_code = '"__lambda__"' in read_config(file)
    return Saved("keras", needs_unpickling=has_code, options={"include_optimizer": include_optimizer})


def load(
    folder: Path,
    info: ModelInfo,
    *,
    device_name: str | None = None,
    custom_objects: Mapping[str, Any] | None = None,
    compile: bool = True,
    safe_mode: bool = True,
) -> Any:
    """Read a model, ready to predict, evaluate and train.

    Its `predict` shows no progress bar unless it is called with `verbose=1`.

    Args:
        folder: the stored model's.
        info: what is known of it.
        device_name: where its weights live, such as `cpu:0` or `gpu:1`; None leaves it to Keras.
        custom_objects: classes and functions of your own that it needs, by name; those that were saved with it are
            found by themselves.
        compile: compile it with the loss, metrics and optimizer it was saved with.
        safe_mode: False runs the code that a `Lambda` layer keeps in its file.

    Raises:
        StoreError: the files are missing or damaged, or hold code that is not trusted.
        ConfigError: it needs a class that is not known here.
    """
    keras = import_keras("loading a Keras model")
    file = find_file(folder, str(info.tag))
    if not safe_mode or is_trusted(LAMBDA):
        check_unpickling(str(info.tag))
        safe_mode = False
    config = read_config(file)
    known = stored_objects(folder, str(info.tag)) if has_foreign(config) else {}
    known |= custom_objects or {}
    is_bare = file.suffix == ".keras" and not info.options.get("include_optimizer", True)
    with keras.device(device_name) if device_name else nullcontext(), without_optimizer_warnings():
        with explained(str(info.tag), config, safe_mode):
            model = open_file(keras, file, custom_objects=known, compile=compile and not is_bare, safe_mode=safe_mode)
        if compile and is_bare:
            compile_again(keras, model, json.loads(config).get("compile_config"), known)
    return without_progress_bar(keras, model)


def methods(model: Any) -> Mapping[str, Method]:
    """Serve `predict`, row by row."""
    return {"predict": Method(batchable=True, quiet={"verbose": 0})}


def read_file(path: Path) -> Any:
    """Read a `.keras` or HDF5 file of the user's own.

    Raises:
        ConfigError: it is neither.
    """
    if path.suffix not in (".keras", *HDF5) or not path.is_file():
        raise ConfigError(f"`model` must be a Keras model or the path of a .keras, .h5 or .hdf5 file: {str(path)!r}")
    keras = import_keras("reading a Keras file")
    with without_optimizer_warnings(), explained(str(path), "" if path.suffix in HDF5 else read_config(path), True):
        return open_file(keras, path, compile=True)


def open_file(keras: ModuleType, file: Path, *, compile: bool, **options: Any) -> Any:
    """Let Keras read a file; compile one of HDF5 where Keras cannot.

    That is each one of Keras 2, and of Keras 3 one whose loss or metric is a short name: it writes `mse`, and stumbles
    over it. Keras before 3.11.3 would run the code of a `Lambda` layer in HDF5 whatever `safe_mode` says.

    Raises:
        ValueError: there is code in HDF5, which `safe_mode` forbids; and what Keras raises.
    """
    if file.suffix in HDF5 and options.get("safe_mode", True) and holds_code(file):
        raise ValueError("it has a `Lambda` layer, whose code is run with `safe_mode=False` only")
    if file.suffix not in HDF5 or not compile:
        return keras.saving.load_model(file, compile=compile, **options)
    version, training = read_training(file)
    if not version.startswith("2"):
        try:
            return keras.saving.load_model(file, compile=True, **options)
        except (TypeError, ValueError) as error:
            log.debug("Keras cannot compile %s as it was: %s", file.name, error)
    model = keras.saving.load_model(file, compile=False, **options)
    if training is None:
        return model
    try:
        with keras.saving.custom_object_scope(options.get("custom_objects") or {}):
            model.compile(**translate(keras, training))
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        log.warning("%s is not compiled, as Keras cannot read how it was: %s", file.name, error)
    return model


def import_keras(why: str) -> ModuleType:
    """Import Keras and its back end, without TensorFlow's greetings."""
    if loaded("keras") is not None or NATIVE_LOG_LEVEL in os.environ:
        keras = need("keras", why, extra="keras")
    else:
        os.environ[NATIVE_LOG_LEVEL] = "2"  # read once, when the library is loaded
        try:
            keras = need("keras", why, extra="keras")
        finally:
            del os.environ[NATIVE_LOG_LEVEL]
    if int(keras.__version__.partition(".")[0]) < 3:
        raise ConfigError(f"{why} needs Keras 3, and this is {keras.__version__}", hint="pip install 'ekiben[keras]'")
    return keras


def stored_objects(folder: Path, tag: str) -> dict[str, Any]:
    """Give the classes and functions that were saved with the model."""
    return {name: value for name, value in CustomObjects(folder / CUSTOM_OBJECTS, tag).items() if callable(value)}


def compile_again(keras: ModuleType, model: Any, config: Mapping[str, Any] | None, known: Mapping[str, Any]) -> None:
    """Compile a model without its optimizer, which takes no memory before `fit`."""
    if not config:
        return
    with keras.saving.custom_object_scope(known):
        if type(model).compile is keras.Model.compile:
            model.compile(**keras.saving.deserialize_keras_object(config))
        else:
            model.compile_from_config(config)


def without_progress_bar(keras: ModuleType, model: Any) -> Any:
    """Let the model's `predict` draw no progress bar unless it is asked to.

    Keras keeps its own switch for each thread, so it cannot be set for those of a server.
    """
    if type(model).predict is not keras.Model.predict:
        return model  # the user's own `predict` decides by itself
    original = model.predict

    @functools.wraps(original)
    def predict(*args: Any, **kwargs: Any) -> Any:
        if len(args) < 3:  # x, batch_size, verbose
            kwargs.setdefault("verbose", 0)
        return original(*args, **kwargs)

    model.predict = predict
    return model


@contextmanager
def without_optimizer_warnings() -> Iterator[None]:
    """Leave out Keras's warning that an optimizer which never ran has no state."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Skipping variable loading for optimizer")
        yield


@contextmanager
def explained(tag: str, config: str, safe_mode: bool) -> Iterator[None]:
    """Say in our words why Keras cannot load a model."""
    try:
        yield
    except (TypeError, ValueError, ImportError, OSError, KeyError) as error:
        if safe_mode and "__lambda__" in config:
            raise StoreError(
                f"{tag} has a Lambda layer, whose code is kept in the file",
                hint=f"if you trust who made it: `load_model(..., safe_mode=False)`, or {TRUSTED_VARIABLE}={LAMBDA}",
            ) from error
        unknown = re.search(r"(?:Could not locate|Unknown) (?:class|function|layer)[^']*'([^']+)'", str(error))
        if unknown:
            raise ConfigError(
                f"{tag} needs a class or function that is not known here: {unknown[1]}",
                hint=f"save it with `custom_objects={{{unknown[1]!r}: {unknown[1]}}}`, or import what registers it",
            ) from error
        raise StoreError(f"{tag} cannot be loaded by Keras: {error}", hint=f"ask {command('models verify')}") from error

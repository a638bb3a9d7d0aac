"""scikit-learn estimators and pipelines.

In: a fitted estimator. Out: a skops file, which is read without unpickling, or a pickle where skops does not fit.
Which it is depends on the model alone, never on how fast this machine is; `docs/frameworks.md` has the numbers.
Source: the skops persistence format (a zip whose `schema.json` describes the object).
"""

import logging
import zipfile
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

from ekiben.core.errors import ConfigError, StoreError
from ekiben.core.front import command
from ekiben.core.optional import is_installed, loaded, need
from ekiben.core.paths import write_whole
from ekiben.frameworks.base import Method, Saved
from ekiben.frameworks.parts import parts
from ekiben.frameworks.trees import check_trees
from ekiben.frameworks.trust import TRUSTED_VARIABLE, split_trusted
from ekiben.store.info import ModelInfo
from ekiben.store.pickles import check_unpickling, dump_bytes, unpickling

NAME = "sklearn"
LIBRARY = "sklearn"
PACKAGES = ("scikit-learn", "skops", "joblib")
SKOPS_FILE = "saved_model.skops"
PICKLE_FILE = "saved_model.pkl"  # as BentoML names it
METHODS = ("predict", "predict_proba", "decision_function", "score_samples", "transform")
# Reading a larger description takes skops seconds, and joblib a tenth of that.
LARGEST_SCHEMA = 8 * 1024 * 1024  # bytes

log = logging.getLogger("ekiben")


class Unfit(Exception):
    """Why skops cannot hold a model well."""


def owns(model: Any) -> bool:
    """Say whether *model* is an estimator."""
    base = loaded("sklearn.base")
    return base is not None and isinstance(model, base.BaseEstimator)


def save(model: Any, folder: Path, *, by_value: Sequence[ModuleType] = (), format: str | None = None) -> Saved:
    """Write *model* as skops; as a pickle where skops does not fit, and say so.

    Args:
        model: an estimator.
        folder: where the file goes.
        by_value: modules that are written whole, which only a pickle can.
        format: `skops` or `joblib`; None chooses.

    Raises:
        ConfigError: the asked format cannot hold this model.
    """
    if format not in (None, "skops", "joblib"):
        raise ConfigError(f"`format` must be 'skops' or 'joblib': {format!r}")
    if format == "joblib":
        return save_pickle(model, folder, by_value)
    try:
        return save_skops(model, folder / SKOPS_FILE, by_value, is_asked=format == "skops")
    except Unfit as reason:
        (folder / SKOPS_FILE).unlink(missing_ok=True)
        if format == "skops":
            raise ConfigError(f"`format` cannot be 'skops' for this model: {reason}", hint="leave it out") from reason
        saved = save_pickle(model, folder, by_value)
        log.warning("saved with %s, so that loading it means unpickling: %s", saved.format, reason)
        return saved


def save_skops(model: Any, file: Path, by_value: Sequence[ModuleType], *, is_asked: bool) -> Saved:
    """Write a skops file, and list the types that will need consent.

    Raises:
        Unfit: another process could not read it, or only slowly.
    """
    homeless = find_homeless(model, by_value)
    if homeless:
        raise Unfit(f"{', '.join(homeless)} can be kept by value only")
    if not is_installed("skops"):
        raise Unfit("skops is not installed (pip install 'ekiben[sklearn]')")
    skops = need("skops.io", "saving a scikit-learn model", extra="sklearn")
    try:
        skops.dump(model, file)
    except Exception as error:
        raise Unfit(f"skops cannot hold it: {error}") from error
    with zipfile.ZipFile(file) as archive:
        size = archive.getinfo("schema.json").file_size
    if size > LARGEST_SCHEMA and not is_asked:
        raise Unfit(f"its description in skops takes {size / 2**20:.0f} MiB, which is slow to read")
    types = skops.get_untrusted_types(file=file)
    _, foreign = split_trusted(types)
    if foreign:
        log.warning(
            "the model holds types that loading it will ask consent for: %s (`load_model(..., trusted=[...])`, or %s)",
            ", ".join(foreign),
            TRUSTED_VARIABLE,
        )
    return Saved("skops", needs_unpickling=False, options={"types": types, "untrusted": foreign} if types else {})


def find_homeless(model: Any, by_value: Sequence[ModuleType]) -> list[str]:
    """Name the classes and functions that no other process could import."""
    given = {"__main__", *(getattr(module, "__name__", "") for module in by_value)}
    found = set()
    for part in parts(model):
        home = part if isinstance(part, type | FunctionType) else type(part)
        if home.__module__ in given or "<" in home.__qualname__:
            found.add(f"{home.__module__}.{home.__qualname__}")
    return sorted(found)


def save_pickle(model: Any, folder: Path, by_value: Sequence[ModuleType]) -> Saved:
    """Write a pickle by joblib, whose arrays can be shared; by value if need be."""
    file = folder / PICKLE_FILE
    if find_homeless(model, by_value):
        write_whole(file, dump_bytes(model, by_value, "model"))
        return Saved("cloudpickle", needs_unpickling=True)
    need("joblib", "saving a scikit-learn model", extra="sklearn").dump(model, file)
    return Saved("joblib", needs_unpickling=True)


def load(folder: Path, info: ModelInfo, *, trusted: Collection[str] = (), mmap_mode: str | None = None) -> Any:
    """Read what `save` wrote, or BentoML's `saved_model.pkl`.

    Args:
        folder: the stored model's.
        info: what is known of it.
        trusted: full names of types that may be made beside those of scikit-learn itself.
        mmap_mode: for joblib files: `r` leaves large arrays on disk, where processes share them.

    Raises:
        StoreError: it holds types that need consent, or must be unpickled and may not, or is damaged.
        ConfigError: an option does not fit the file.
    """
    if not isinstance(trusted, list | tuple | set | frozenset) or not all(isinstance(name, str) for name in trusted):
        raise ConfigError(f"`trusted` must be a list of full names of types: {trusted!r}")
    if (folder / SKOPS_FILE).is_file():
        if mmap_mode is not None:
            raise ConfigError(
                f"`mmap_mode` must be left out, as {info.tag} is a skops file: {mmap_mode!r}",
                hint="save it with `format='joblib'`",
            )
        return load_skops(folder / SKOPS_FILE, info, trusted)
    if not (folder / PICKLE_FILE).is_file():
        raise StoreError(f"{info.tag} must hold {SKOPS_FILE} or {PICKLE_FILE}, and holds neither")
    check_unpickling(str(info.tag))
    with unpickling(str(info.tag)):
        return need("joblib", "loading a scikit-learn model", extra="sklearn").load(folder / PICKLE_FILE, mmap_mode)


def load_skops(file: Path, info: ModelInfo, trusted: Iterable[str]) -> Any:
    """Read a skops file, if every type in it is trusted and its trees are sound."""
    skops = need("skops.io", "loading a scikit-learn model", extra="sklearn")
    exceptions = need("skops.io.exceptions", "loading a scikit-learn model", extra="sklearn")
    may, _ = split_trusted(info.options.get("types") or (), trusted)
    try:
        try:
            model = skops.load(file, trusted=may)
        except exceptions.UntrustedTypesFoundException:  # the list in model.yaml is a hint, the file decides
            may, foreign = split_trusted(skops.get_untrusted_types(file=file), trusted)
            if foreign:
                raise StoreError(
                    f"{info.tag} holds types that are not trusted: {', '.join(foreign)}",
                    hint=f"if you trust them: `load_model(..., trusted={foreign!r})`, or "
                    f"{TRUSTED_VARIABLE}={','.join(foreign)}",
                ) from None
            model = skops.load(file, trusted=may)
    except StoreError:
        raise
    except Exception as error:
        raise StoreError(
            f"{info.tag} cannot be read by skops: {error}", hint=f"ask {command('models verify')}"
        ) from error
    check_trees(model, str(info.tag))
    return model


def methods(model: Any) -> Mapping[str, Method]:
    """List what this estimator can do with rows."""
    return {name: Method(batchable=True) for name in METHODS if hasattr(model, name)}

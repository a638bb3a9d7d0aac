"""The folders that hold objects of Transformers.

In: a pipeline or a pretrained object. Out: what `save_pretrained` writes, and the names of the classes that read it.
Weights are safetensors, the rest is JSON. Classes of the user's own are pickled by value into `classes.pkl`.
"""

import json
import logging
from collections.abc import Mapping, Sequence
from enum import Enum
from pathlib import Path
from types import ModuleType
from typing import Any

from ekiben.core.errors import StoreError
from ekiben.core.front import command
from ekiben.core.paths import write_whole
from ekiben.store.info import ModelInfo
from ekiben.store.pickles import dump_bytes, load_pickle

CLASSES = "classes.pkl"
LIBRARY = "transformers"
# The roots of what can be stored; an object is one of these if a class of such a name is among its own.
PIPELINE, MODEL = "Pipeline", "PreTrainedModel"
KINDS = (
    PIPELINE, MODEL, "PreTrainedTokenizerBase", "ProcessorMixin", "FeatureExtractionMixin", "ImageProcessingMixin",
)  # fmt: skip
PARTS = ("tokenizer", "feature_extractor", "image_processor", "processor")
SETTINGS = ("_preprocess_params", "_forward_params", "_postprocess_params")

log = logging.getLogger("ekiben")


def kind_of(kind: type) -> str | None:
    """Name the root of Transformers that a class stands on, or None."""
    for each in kind.__mro__:
        if each.__module__.partition(".")[0] == LIBRARY and each.__name__ in KINDS:
            return each.__name__
    return None


def write(model: Any, folder: Path, by_value: Sequence[ModuleType]) -> tuple[dict[str, Any], bool]:
    """Write a pipeline or a pretrained object.

    Returns:
        What reading it needs, as plain data, and whether a class is pickled.

    Raises:
        InvalidInput: a class of the user's own cannot be pickled.
    """
    model.save_pretrained(folder)
    own: dict[str, type] = {}
    options: dict[str, Any] = {"class": note(model, own)}
    if kind_of(type(model)) == PIPELINE:
        options |= {"task": model.task, "model_class": note(model.model, own)}
        held = {name: getattr(model, name, None) for name in PARTS}
        options["parts"] = {name: note(part, own) for name, part in held.items() if part is not None}
        options["settings"] = settings_of(model)
    if own:
        write_whole(folder / CLASSES, dump_bytes(own, by_value, "model"))
    return options, bool(own)


def note(value: Any, own: dict[str, type]) -> str:
    """Name a value's class, and keep one that is not of Transformers."""
    kind = type(value)
    if kind.__module__.partition(".")[0] != LIBRARY:
        own[kind.__name__] = kind
    return kind.__name__


def settings_of(pipeline: Any) -> dict[str, Any]:
    """Give what a pipeline was told, such as `top_k`, as far as it is plain data."""
    kept: dict[str, Any] = {}
    for name in SETTINGS:
        for key, given in getattr(pipeline, name, {}).items():
            value = given.value if isinstance(given, Enum) else given
            try:
                kept.setdefault(name, {})[key] = json.loads(json.dumps(value))
            except TypeError:
                log.warning("the pipeline's option `%s` is not kept, as it is no plain data", key)
    return kept


def read(library: ModuleType, folder: Path, tag: str, options: Mapping[str, Any], more: Mapping[str, Any]) -> Any:
    """Read a pipeline or a pretrained object, on the CPU.

    Args:
        library: Transformers.
        folder: the stored model's.
        tag: the stored model, for errors.
        options: what `write` gave.
        more: arguments for reading a model, such as its dtype.

    Raises:
        StoreError: files are missing or damaged, or a class is unknown or must be unpickled and may not.
    """
    if "class" not in options and options.get("task"):
        return read_pipeline(library, folder, tag, str(options["task"]), more)
    own = load_pickle(folder / CLASSES, tag) if (folder / CLASSES).is_file() else {}
    kind = find(library, options.get("class"), own, tag)
    if kind_of(kind) != PIPELINE:
        return load(kind, folder, tag, more)
    model = load(find(library, options.get("model_class"), own, tag), folder, tag, more)
    named = dict(options.get("parts") or {})
    parts = {name: load(find(library, named[name], own, tag), folder, tag, {}) for name in PARTS if name in named}
    made = kind(model=model, task=options.get("task") or "", **parts)
    for name in SETTINGS:
        getattr(made, name).update((options.get("settings") or {}).get(name) or {})
    return made


def options_of(info: ModelInfo) -> dict[str, Any]:
    """Give what reading a model needs, also of one that BentoML saved."""
    theirs = info.metadata.get("_pretrained_class")
    if "class" not in info.options and theirs is not None:
        return {"class": theirs}
    return dict(info.options)


def read_pipeline(library: ModuleType, folder: Path, tag: str, task: str, more: Mapping[str, Any]) -> Any:
    """Read a pipeline of BentoML's by its task; its pickled class is left alone."""
    safe = {"use_safetensors": True}
    try:
        return library.pipeline(
            task, model=str(folder), device="cpu", trust_remote_code=False, model_kwargs=safe, **more
        )
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        words = " ".join(str(error).split())
        raise StoreError(
            f"{tag} cannot be read by Transformers: {words}", hint=f"ask {command('models verify')}"
        ) from error


def find(library: ModuleType, name: Any, own: Mapping[str, type], tag: str) -> type:
    """Give a class by name: the user's own, or one of Transformers."""
    found = own.get(name) or (getattr(library, name, None) if isinstance(name, str) else None)
    if not isinstance(found, type) or kind_of(found) is None:
        raise StoreError(f"{tag} needs a class that this version of Transformers does not have: {name!r}")
    return found


def load(kind: Any, folder: Path, tag: str, more: Mapping[str, Any]) -> Any:
    """Read one object from local files, weights from safetensors only."""
    safe = {"use_safetensors": True} if kind_of(kind) == MODEL else {}
    try:
        return kind.from_pretrained(str(folder), local_files_only=True, **safe, **more)
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        words = " ".join(str(error).split())
        raise StoreError(
            f"{tag} cannot be read by Transformers: {words}", hint=f"ask {command('models verify')}"
        ) from error
    except Exception as error:
        if type(error).__name__ != "SafetensorError":
            raise
        raise StoreError(
            f"{tag} cannot be read by safetensors: {error}", hint=f"ask {command('models verify')}"
        ) from error

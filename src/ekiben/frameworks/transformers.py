"""Pipelines and pretrained objects of Transformers.

In: a pipeline, a model, a tokenizer or a processor. Out: what `save_pretrained` writes, which is read without
unpickling unless a class is the user's own. Nothing is fetched: a name on a hub is looked up by `import_model` only.
"""

import functools
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from ekiben.core.errors import ConfigError
from ekiben.core.optional import need
from ekiben.frameworks import torch_call
from ekiben.frameworks.base import Method, Saved
from ekiben.frameworks.torch_file import find_device
from ekiben.frameworks.transformers_file import MODEL, PIPELINE, kind_of, options_of, read, write
from ekiben.store.info import ModelInfo

NAME = "transformers"
LIBRARY = "transformers"
PACKAGES = ("transformers", "torch", "safetensors", "tokenizers")


def owns(model: Any) -> bool:
    """Say whether *model* is a pipeline or a pretrained object."""
    return kind_of(type(model)) is not None


def save(model: Any, folder: Path, *, by_value: Sequence[ModuleType] = ()) -> Saved:
    """Write *model* as Transformers does.

    Raises:
        InvalidInput: a class of the user's own cannot be pickled.
    """
    options, is_pickled = write(model, folder, by_value)
    return Saved("pretrained", needs_unpickling=is_pickled, options=options)


def load(folder: Path, info: ModelInfo, *, device_id: Any = "cpu", dtype: str | None = None) -> Any:
    """Read a pipeline or a pretrained object, ready to predict.

    Args:
        folder: the stored model's.
        info: what is known of it.
        device_id: where its weights go, such as `cpu` or `cuda:0`.
        dtype: of its weights, such as `bfloat16`; None is as they were saved.

    Raises:
        StoreError: files are missing or damaged, or must be unpickled and may not.
        ConfigError: there is no such device or dtype.
    """
    why = "loading a model of Transformers"
    library, torch = need("transformers", why, extra="transformers"), need("torch", why, extra="transformers")
    device = find_device(torch, device_id)
    found = getattr(torch, dtype, None) if isinstance(dtype, str) else None
    if dtype is not None and not isinstance(found, torch.dtype):
        raise ConfigError(f"`dtype` must be one of PyTorch's, such as 'bfloat16': {dtype!r}")
    more = {} if found is None else {"dtype": found}
    model = read(library, folder, str(info.tag), options_of(info), more)
    if kind_of(type(model)) == PIPELINE:
        model.model.to(device).eval()
        model.device = device
    elif kind_of(type(model)) == MODEL:
        model.to(device).eval()
    return model


def methods(model: Any) -> Mapping[str, Method]:
    """Serve the call of a pipeline or a model, `generate` of one that can."""
    kind = kind_of(type(model))
    if kind == PIPELINE:
        return {"__call__": Method(batchable=None)}
    if kind != MODEL:
        return {}
    name = "generate" if model.can_generate() else "__call__"
    return {name: any_method(name)}


def any_method(name: str) -> Method:
    """Call a method of a model with tensors, of anything else with what came."""
    return Method(batchable=None, call=functools.partial(run, name))


def run(name: str, model: Any, value: Any) -> Any:
    """Call one method."""
    return torch_call.run(name, model, value) if kind_of(type(model)) == MODEL else getattr(model, name)(value)


def fetch(source: str, task: str | None, revision: str | None, kind: str) -> Any:
    """Read a pipeline or a model from a folder, or by its name on a hub.

    Args:
        source: a folder, or a name such as `owner/model`.
        task: of the pipeline; None gives the object of *kind* alone.
        revision: on the hub.
        kind: a class of Transformers, such as `AutoModel`.

    Raises:
        ConfigError: it cannot be had, or there is no such class.
    """
    library = need("transformers", "importing a model of Transformers", extra="transformers")
    named = {} if revision is None else {"revision": revision}
    try:
        if task is not None:
            return library.pipeline(task, model=source, device="cpu", trust_remote_code=False, **named)
        found = getattr(library, kind, None)
        if not isinstance(found, type) or not hasattr(found, "from_pretrained"):
            raise ConfigError(f"`model_class` must be a class of Transformers with `from_pretrained`: {kind!r}")
        return found.from_pretrained(source, trust_remote_code=False, **named)
    except (OSError, ValueError, KeyError) as error:
        words = " ".join(str(error).split())
        raise ConfigError(f"`source` must be a folder or a name that the hub knows: {source!r}: {words}") from error

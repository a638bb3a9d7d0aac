"""The store of trained models: save, find, delete, carry.

Every function works in the home of the moment of the call: what `use_home` set, else EKIBEN_HOME, else `~/.ekiben`.
"""

import builtins
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from types import ModuleType
from typing import Any, Unpack

from ekiben.core.paths import home, known_homes, use_home
from ekiben.core.tag import Tag
from ekiben.frameworks.handle import Model
from ekiben.store.info import Described, MethodSignature, ModelInfo
from ekiben.store.models import ModelStore

__all__ = [
    "MethodSignature",
    "Model",
    "ModelInfo",
    "Tag",
    "create",
    "delete",
    "get",
    "list",
    "store",
    "use_home",
]


def store() -> ModelStore[Model]:
    """Give the store of models in the home of this moment."""
    return ModelStore(home() / "models", Model, others=[other / "models" for other in known_homes()])


def create(
    name: str | Tag,
    *,
    custom_objects: Mapping[str, Any] | None = None,
    external_modules: Sequence[ModuleType] = (),
    **described: Unpack[Described],
) -> AbstractContextManager[Model]:
    """Save a model of your own making: write files below `model.path`; the model is stored when the block ends.

        with ekiben.models.create("tokens", labels={"team": "nlp"}) as model:
            (model.path / "vocabulary.txt").write_text(text)
        print(model.tag)

    Args:
        name: the name, or `name:version` with a version of your own.
        custom_objects: Python objects to keep with it, by name.
        external_modules: modules of yours whose functions and classes are kept by value.
        described: `labels`, `metadata`, `options`, `signatures`, `module`, `context`, `api_version`, `format`,
            `needs_unpickling`, `sample`.

    Raises:
        AlreadyExists: this version is there already.
        InvalidInput: the name or a value is wrong.
        StoreError: the disk is full or read-only; nothing is left behind.
    """
    return store().create(name, custom_objects=custom_objects, external_modules=external_modules, **described)


def get(tag: str | Tag) -> Model:
    """Find a model by `name:version`, or the newest by `name` or `name:latest`.

    Raises:
        NotFound: it is not here; the error says what is near.
    """
    return store().get(tag)


def list(tag: str | Tag | None = None, *, labels: Mapping[str, str] | None = None) -> builtins.list[Model]:
    """List models, newest first.

    Args:
        tag: only those of this name.
        labels: only those that carry all of these.

    Raises:
        NotFound: there is no model of this name.
    """
    return store().list(tag, labels=labels)


def delete(tag: str | Tag, *, all: bool = False) -> builtins.list[Tag]:
    """Delete one version; with *all*, every version of a name.

    Returns:
        The tags that are gone.

    Raises:
        NotFound: there is no such model.
        InvalidInput: a bare name without *all*.
    """
    return store().delete(tag, all=all)

"""Save and load a model of any framework: what all of them share, written once.

In: a framework's name and a model object. Out: a stored `Model`; or, from a tag, the object again.
"""

import logging
from collections.abc import Mapping, Sequence
from importlib import metadata as distributions
from types import ModuleType
from typing import Any

from ekiben.core.errors import ConfigError, InvalidInput, NotFound
from ekiben.core.front import front
from ekiben.core.paths import home, known_homes
from ekiben.core.tag import Tag
from ekiben.frameworks import sample as samples
from ekiben.frameworks.base import Framework
from ekiben.frameworks.handle import Model
from ekiben.frameworks.table import FRAMEWORKS, framework, owner
from ekiben.store.info import MethodSignature
from ekiben.store.models import ModelStore

log = logging.getLogger("ekiben")


def model_store() -> ModelStore[Model]:
    """Give the store of models in the home of this moment."""
    return ModelStore(home() / "models", Model, others=[other / "models" for other in known_homes()])


def save_model(
    name: str,
    tag: str | Tag,
    model: Any,
    *,
    signatures: Mapping[str, Any] | None = None,
    labels: Mapping[str, str] | None = None,
    metadata: Mapping[str, Any] | None = None,
    custom_objects: Mapping[str, Any] | None = None,
    external_modules: Sequence[ModuleType] = (),
    sample: Any = None,
    **options: Any,
) -> Model:
    """Save *model* with the framework *name*; the public faces bind *name*.

    Args:
        name: a framework of `frameworks.table`.
        tag: a name, which gets a new version, or `name:version`.
        model: an object of that framework.
        signatures: which methods are served, as `{"predict": {"batchable": True, "batch_dim": 0}}`.
        labels: text by text, kept with the model.
        metadata: plain data, kept with the model.
        custom_objects: Python objects kept with the model, pickled by value.
        external_modules: modules whose code is kept with the custom objects.
        sample: a few input rows; types, documents and warms up the served endpoints.
        options: the framework's own.

    Raises:
        ConfigError: *model* is not an object of this framework.
        StoreError: the store cannot be written; nothing is left behind.
    """
    verbs = framework(name)
    if not verbs.owns(model):
        other = owner(model)
        raise ConfigError(
            f"`model` is not one of {name}: it is a {type(model).__module__}.{type(model).__name__}",
            hint=f"save it with `{front().program}.{other or 'picklable_model'}.save_model`",
        )
    described = signatures if signatures is not None else {n: m.to_yaml() for n, m in verbs.methods(model).items()}
    store = model_store()
    with store.create(
        tag,
        module=f"{front().program}.{name}",
        labels=labels or {},
        metadata=metadata or {},
        signatures=described,
        context=context_of(verbs),
        custom_objects=custom_objects,
        external_modules=external_modules,
    ) as stored:
        saved = verbs.save(model, stored.path, **options)
        kept = None
        if sample is not None:
            kept = {"input": samples.write(sample, stored.path), "outputs": try_methods(model, stored, sample)}
        stored.describe(
            format=saved.format,
            needs_unpickling=saved.needs_unpickling or bool(custom_objects),
            options=saved.options,
            sample=kept,
        )
    log.info('saved model: Model(tag="%s")', stored.tag)
    return stored


def load_model(name: str, tag: str | Tag | Model, **options: Any) -> Any:
    """Load the object that was saved with the framework *name*.

    Raises:
        NotFound: there is no such model, or another framework saved it.
    """
    return get(name, tag).load_model(**options)


def get(name: str, tag: str | Tag | Model) -> Model:
    """Give the stored model, after a look at which framework saved it.

    Raises:
        NotFound: there is no such model, or another framework saved it.
    """
    stored = tag if isinstance(tag, Model) else model_store().get(tag)
    saved_by = stored.info.module.rpartition(".")[2]
    if saved_by != name:
        raise NotFound(
            f"the model {stored.tag} was saved with {saved_by or 'no framework'}, not with {name}",
            hint=f"use `{front().program}.{saved_by}.load_model`" if saved_by in FRAMEWORKS else None,
        )
    return stored


def save(tag: str | Tag, model: Any, **options: Any) -> Model:
    """Save *model* with the framework that it belongs to.

    Raises:
        ConfigError: no framework knows it; the error names the choices.
    """
    name = owner(model)
    if name is None:
        raise ConfigError(
            f"no framework knows a {type(model).__module__}.{type(model).__name__}",
            hint=f"pickle it with `{front().program}.picklable_model.save_model`; the frameworks are: "
            + ", ".join(FRAMEWORKS),
        )
    return save_model(name, tag, model, **options)


def context_of(verbs: Framework) -> dict[str, Any]:
    """Say which libraries wrote the files."""
    versions = {}
    for package in verbs.PACKAGES:
        try:
            versions[package] = distributions.version(package)
        except distributions.PackageNotFoundError:
            continue
    return {"framework_name": verbs.NAME, "framework_versions": versions}


def try_methods(model: Any, stored: Model, sample: Any) -> dict[str, Any]:
    """Call the served methods with the sample, and describe what they give.

    Raises:
        InvalidInput: a method does not take the sample.
    """
    outputs = {}
    for name, signature in stored.info.signatures.items():
        try:
            outputs[name] = samples.describe(call(model, name, signature, sample))
        except Exception as error:
            raise InvalidInput(f"`sample` is not taken by the model's `{name}`: {error}") from error
    return outputs


def call(model: Any, name: str, signature: MethodSignature, sample: Any) -> Any:
    """Call one method of the model with the sample."""
    return getattr(model, name)(sample)

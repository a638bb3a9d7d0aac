"""Save and load a model of any framework: what all of them share, written once.

In: a framework's name and a model object. Out: a stored `Model`; or, from a tag, the object again.
"""

import difflib
import importlib
from collections.abc import Iterable, Mapping, Sequence
from importlib import metadata as distributions
from pathlib import Path
from types import ModuleType
from typing import Any

from ekiben.core.errors import ConfigError, InvalidInput, NotFound
from ekiben.core.front import front
from ekiben.core.log import announce
from ekiben.core.optional import check_installed
from ekiben.core.paths import home, known_homes
from ekiben.core.tag import Tag
from ekiben.frameworks import sample as samples
from ekiben.frameworks.base import Framework, Method, check_options, method_of
from ekiben.frameworks.handle import Model
from ekiben.frameworks.table import FRAMEWORKS, framework, owner
from ekiben.store.info import MethodSignature
from ekiben.store.models import ModelStore


def model_store() -> ModelStore[Model]:
    """Give the store in the home of this moment; its models are what the front says."""
    module, _, name = front().model_class.partition(":")
    kind: type[Model] = getattr(importlib.import_module(module), name)
    return ModelStore(home() / "models", kind, others=[other / "models" for other in known_homes()])


def save_model(
    name: str,
    tag: str | Tag,
    model: Any,
    *,
    signatures: Mapping[str, Any] | Sequence[str] | None = None,
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
        signatures: which methods are served, as `{"predict": {"batchable": True, "batch_dim": 0}}`, or their names.
        labels: text by text, kept with the model.
        metadata: plain data, kept with the model.
        custom_objects: Python objects kept with the model, pickled by value.
        external_modules: modules whose code is kept with whatever is pickled.
        sample: a few input rows; types, documents and warms up the served endpoints.
        options: the framework's own.

    Raises:
        ConfigError: *model* is not an object of this framework, or lacks a method of *signatures*.
        InvalidInput: *sample* is of no known form, or a method does not take it.
        StoreError: the store cannot be written; nothing is left behind.
    """
    verbs = framework(name)
    check_owner(verbs, model)
    check_options(verbs.save, name, options)
    described = describe_methods(verbs, model, signatures, sample)
    with model_store().create(
        tag,
        module=f"{front().program}.{name}",
        labels=labels or {},
        metadata=metadata or {},
        signatures=described,
        custom_objects=custom_objects,
        external_modules=external_modules,
    ) as stored:
        saved = verbs.save(model, stored.path, by_value=external_modules, **options)
        kept = None
        if sample is not None:
            kept, shown = keep_sample(verbs, model, described, sample, stored.path)
            described |= shown if signatures is None else {}
        stored.describe(
            signatures=described,
            format=saved.format,
            needs_unpickling=saved.needs_unpickling or bool(custom_objects),
            options=saved.options,
            sample=kept,
            context=context_of(verbs, saved.versions),
        )
    announce("%s saved model: %r", front().program, stored)
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

    Args:
        tag: a name, which gets a new version, or `name:version`.
        model: a model of any framework that is known here.
        options: what the framework's own `save_model` takes.

    Raises:
        ConfigError: no framework knows it; the error names the choices.
    """
    name = owner(model)
    if name is None:
        program = front().program
        raise ConfigError(
            f"no framework knows this `model`, whose type must be one of {', '.join(FRAMEWORKS)}: {type_name(model)}",
            hint=f"pickle it with `{program}.picklable_model.save_model`, or write its files with "
            f"`{program}.models.create`",
        )
    return save_model(name, tag, model, **options)


def check_owner(verbs: Framework, model: Any) -> None:
    """Refuse an object of another library.

    Raises:
        MissingLibrary: the framework's own is not even installed.
        ConfigError: the error names the framework that takes it.
    """
    if verbs.owns(model):
        return
    check_installed(verbs.LIBRARY, f"{front().program}.{verbs.NAME}", extra=verbs.NAME)
    other = owner(model) or "picklable_model"
    raise ConfigError(
        f"`model` must be an object of {verbs.LIBRARY}: it is a {type_name(model)}",
        hint=f"save it with `{front().program}.{other}.save_model`",
    )


def describe_methods(
    verbs: Framework, model: Any, asked: Mapping[str, Any] | Iterable[str] | None, sample: Any
) -> dict[str, Any]:
    """Settle which methods are served: those asked for, or the framework's.

    Args:
        verbs: the framework.
        model: the object.
        asked: options by method, or only the methods' names.
        sample: rows can be joined with those of other calls; one text or one record cannot.

    Raises:
        ConfigError: the model has no such method, or its calls cannot be joined.
    """
    default = verbs.methods(model)
    rows = sample is None or samples.is_rows(sample)
    if asked is None:
        return {name: method.to_yaml() | ({} if rows else {"batchable": False}) for name, method in default.items()}
    if isinstance(asked, str):
        raise ConfigError(f"`signatures` must map methods to options, or list methods: {asked!r}")
    given = asked if isinstance(asked, Mapping) else {name: default.get(name, Method()).to_yaml() for name in asked}
    described = {}
    for name, options in given.items():
        if name not in default and not callable(getattr(model, str(name), None)):
            public = [n for n in dir(model) if not n.startswith("_") and callable(getattr(type(model), n, None))]
            near = difflib.get_close_matches(str(name), public, 1)
            raise ConfigError(
                f"`signatures` must name methods of the model, a {type_name(model)}: {name!r}",
                hint=f"did you mean {near[0]!r}?" if near else f"it serves {', '.join(default) or 'none by default'}",
            )
        described[name] = MethodSignature.parse(options, f"signatures.{name}").to_plain()
        if described[name]["batchable"] and not rows and isinstance(asked, Mapping):
            raise ConfigError(
                f"`signatures.{name}.batchable` must be false where `sample` is one value: {samples.describe(sample)}",
                hint="give a list of them, if the method takes lists",
            )
    return described


def keep_sample(
    verbs: Framework, model: Any, described: Mapping[str, Any], sample: Any, folder: Path
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Write and try the sample.

    Returns:
        Its description, and the signatures of methods of which it shows that calls can be joined.
    """
    schema = samples.write(sample, folder)
    results = try_methods(verbs, model, described, sample)
    outputs = {name: samples.describe(result) for name, result in results.items()}
    return {"input": schema, "outputs": outputs}, joined_as_shown(verbs, model, sample, results)


def try_methods(verbs: Framework, model: Any, described: Mapping[str, Any], sample: Any) -> dict[str, Any]:
    """Call the served methods with the sample, and give what they answer.

    Raises:
        InvalidInput: a method does not take the sample.
    """
    results = {}
    for name in described:
        method = method_of(verbs, model, name)
        try:
            results[name] = method.of(model, name)(sample, **method.quiet)
        except Exception as error:
            raise InvalidInput(
                f"`sample` must be an input of the model's `{name}`, which says: {error}",
                hint="give a few rows, such as X[:3]",
            ) from error
    return results


def joined_as_shown(verbs: Framework, model: Any, sample: Any, results: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Let calls be joined where a sample of several rows came back as rows."""
    rows = samples.count_rows(sample) or 0
    return {
        name: method.to_yaml() | {"batchable": True}
        for name, method in verbs.methods(model).items()
        if method.batchable is None and name in results and rows > 1 and samples.count_rows(results[name]) == rows
    }


def context_of(verbs: Framework, more: Mapping[str, str]) -> dict[str, Any]:
    """Say which libraries wrote the files, and what *more* this model needs."""
    versions = dict(more)
    for package in verbs.PACKAGES:
        try:
            versions[package] = distributions.version(package)
        except distributions.PackageNotFoundError:
            continue
    return {"framework_name": verbs.NAME, "framework_versions": versions}


def type_name(value: Any) -> str:
    """Give the full name of a value's type."""
    return f"{type(value).__module__}.{type(value).__qualname__}"

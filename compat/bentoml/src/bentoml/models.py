"""The store of models in BentoML's home, with BentoML's arguments."""

import os
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, field, is_dataclass
from typing import Any

from bentoml.front import entered
from bentoml.places import check_format, take_place
from bentoml.runners.models import Model
from bentoml.words import say
from ekiben import models as ekiben_models
from ekiben.core.errors import ConfigError
from ekiben.core.tag import Tag

__all__ = [
    "BentoModel",
    "HuggingFaceModel",
    "Model",
    "ModelContext",
    "ModelSignature",
    "create",
    "delete",
    "export_model",
    "get",
    "import_model",
    "list",
    "pull",
    "push",
]

HuggingFaceModel = ekiben_models.HuggingFaceModel
ModelSignature = ekiben_models.MethodSignature
list = entered(ekiben_models.list)
delete = entered(ekiben_models.delete)


@dataclass(frozen=True)
class ModelContext:
    """Which library made a model, and in which version."""

    framework_name: str
    framework_versions: Mapping[str, str] = field(default_factory=dict)


class BentoModel(ekiben_models.BentoModel):
    """A stored model of BentoML's home, as an attribute of a service's class."""

    @entered
    def resolve(self) -> Model:
        """Find the stored model; raises NotFound."""
        found: Any = super().resolve()
        stored: Model = found
        return stored


@entered
def create(
    name: str | Tag,
    *,
    custom_objects: Mapping[str, Any] | None = None,
    external_modules: Sequence[Any] | None = None,
    **described: Any,
) -> AbstractContextManager[Any]:
    """Save what you write below `model.path`; it is stored when the block ends.

    Args:
        name: the name, or `name:version` with a version of your own.
        custom_objects: Python objects to keep with it, by name.
        external_modules: modules of yours whose code is kept by value.
        described: `module` (the framework's, as `bentoml.sklearn`), `api_version`, `signatures`, `labels`, `metadata`,
            `options` (a mapping or a dataclass) and `context` (a `ModelContext` or a mapping).

    Raises:
        AlreadyExists: this version is there already.
        InvalidInput: the name or a value is wrong.
    """
    given = {key: plain(value) for key, value in described.items() if value is not None}
    return ekiben_models.create(
        name, custom_objects=custom_objects, external_modules=tuple(external_modules or ()), **given
    )


@entered
def get(tag: str | Tag, *, _model_aliases: Mapping[str, str] | None = None) -> Any:
    """Find a model by its tag, or by a name of *_model_aliases*; raises NotFound."""
    return ekiben_models.get((_model_aliases or {}).get(str(tag), tag))


@entered
def export_model(tag: str | Tag, path: str | os.PathLike[str], output_format: str | None = None, **beside: Any) -> str:
    """Write a model to a file, a folder or a URL; as `ekiben.models.export_model`.

    Args:
        tag: which model.
        path: a path or a URL; without a scheme `protocol` may give one.
        output_format: whatever the ending says.
        beside: `protocol` (such as `s3`), `user` and `passwd` of its server, `params` of its file system for fsspec,
            `subpath` (is put behind the path), and what Ekiben's function has.

    Raises:
        NotFound: there is no such model.
        InvalidInput: the path or the format is none.
    """
    place, options = take_place(path, beside)
    return ekiben_models.export_model(tag, place, output_format=output_format, storage_options=options, **beside)


@entered
def import_model(path: str | os.PathLike[str], input_format: str | None = None, **beside: Any) -> Any:
    """Put an exported model into the store; nothing is unpickled.

    The arguments are those of `export_model`; the format is told from the content.

    Raises:
        NotFound: there is nothing at *path*.
        AlreadyExists: the tag is taken.
    """
    check_format(input_format)
    place, options = take_place(path, beside)
    return ekiben_models.import_model(place, storage_options=options, **beside)


@entered
def push(
    tag: str | Tag, registry: str | None = None, *, force: bool = False, threads: int | None = None, **more: Any
) -> str:
    """Push a model to an OCI registry; as `ekiben.models.push`."""
    tell_threads(threads)
    return ekiben_models.push(tag, registry, force=force, **more)


@entered
def pull(tag: str | Tag, registry: str | None = None, *, force: bool = False, **more: Any) -> Any:
    """Pull a model from an OCI registry; as `ekiben.models.pull`.

    Raises:
        ConfigError: *force* is True, as nothing that is stored is overwritten.
    """
    refuse_force(force)
    return ekiben_models.pull(tag, registry, **more)


def plain(value: Any) -> Any:
    """Give a mapping for a dataclass."""
    return asdict(value) if is_dataclass(value) and not isinstance(value, type) else value


def tell_threads(threads: int | None) -> None:
    """Say that pieces are sent one after the other."""
    if threads is not None:
        say("`threads` changes nothing: what a registry has is not sent again, and the rest goes piece by piece")


def refuse_force(force: bool) -> None:
    """Refuse to overwrite what is stored; raises ConfigError."""
    if force:
        raise ConfigError(
            "`force` must be False, as nothing that is stored is overwritten: True", hint="delete the tag first"
        )

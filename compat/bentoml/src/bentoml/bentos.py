"""The store of bentos in BentoML's home, with BentoML's arguments."""

import os
from typing import Any

from bentoml.container import build as build_image
from bentoml.front import entered
from bentoml.models import refuse_force, tell_threads
from bentoml.places import check_format, take_place
from ekiben import bentos as ekiben_bentos
from ekiben.core.errors import ConfigError
from ekiben.core.tag import Tag

__all__ = [
    "Bento",
    "build",
    "build_bentofile",
    "containerize",
    "delete",
    "export_bento",
    "get",
    "import_bento",
    "list",
    "pull",
    "push",
]

Bento = ekiben_bentos.Bento
delete = entered(ekiben_bentos.delete)
get = entered(ekiben_bentos.get)
list = entered(ekiben_bentos.list)
containerize = build_image

REFUSED = {
    "bare": "a bento always holds its code",
    "reload": "a project is loaded by a process of its own each time",
}


@entered
def build(service: str | None = None, **options: Any) -> Bento:
    """Pack a project into a bento.

    Args:
        service: a target in the project.
        options: `name`, `version`, `description`, `labels`, `include`, `exclude`, `models`, `envs`, `args`, `python`,
            `docker`, `build_ctx`, `bentofile` and `platform`, as `ekiben.build` has them.

    Raises:
        ConfigError: a setting is wrong or does not work here, or the service cannot be loaded.
        NotFound: a model is not in the store.
        AlreadyExists: the version is there already.
    """
    told = {key: value for key, value in options.items() if value is not None}
    for name, why in REFUSED.items():
        if told.pop(name, False):
            raise ConfigError(f"`{name}` must be False: {why}: True", hint=f"leave `{name}` out")
    return ekiben_bentos.build(service, **told)


def build_bentofile(bentofile: str | os.PathLike[str] | None = None, **options: Any) -> Bento:
    """Pack a project as a file of settings says; otherwise as `build`."""
    return build(bentofile=bentofile, **options)


@entered
def export_bento(tag: str | Tag, path: str | os.PathLike[str], output_format: str | None = None, **beside: Any) -> str:
    """Write a bento with its models to a file, a folder or a URL; as `models.export_model`."""
    place, options = take_place(path, beside)
    return ekiben_bentos.export_bento(tag, place, output_format=output_format, storage_options=options, **beside)


@entered
def import_bento(path: str | os.PathLike[str], input_format: str | None = None, **beside: Any) -> Bento:
    """Put an exported bento and its models into the stores; as `models.import_model`."""
    check_format(input_format)
    place, options = take_place(path, beside)
    return ekiben_bentos.import_bento(place, storage_options=options, **beside)


@entered
def push(
    tag: str | Tag, registry: str | None = None, *, force: bool = False, threads: int | None = None, **more: Any
) -> Any:
    """Push a bento with its models to an OCI registry; as `ekiben.bentos.push`."""
    tell_threads(threads)
    return ekiben_bentos.push(tag, registry, force=force, **more)


@entered
def pull(
    tag: str | Tag, registry: str | None = None, *, force: bool = False, with_models: bool = True, **more: Any
) -> Bento:
    """Pull a bento with its models from an OCI registry; as `ekiben.bentos.pull`.

    Raises:
        ConfigError: *force* is True, or *with_models* is False.
    """
    refuse_force(force)
    if not with_models:
        raise ConfigError("`with_models` must be True, as a bento without its models cannot be served: False")
    return ekiben_bentos.pull(tag, registry, **more)

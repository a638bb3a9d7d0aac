"""Make container images, by BentoML's names.

In: a bento. Out: an image, or the Dockerfile that it would be made from.
"""

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import ekiben
from bentoml.front import entered
from bentoml.refusals import Refused
from ekiben.core.errors import ConfigError
from ekiben.core.paths import disk_errors
from ekiben.images.engines import ENGINES, answers
from ekiben.images.image import write_context_of

__all__ = ["build", "get_containerfile", "health"]

register_backend = Refused(
    "container.register_backend", "the engines that there are stand in the code", "name one of them by `backend`"
)
PLACES = {"platform": "platform", "build_arg": "build_args", "no_cache": "no_cache", "push": "push"}
BUILDX = ("buildx", "buildctl")


@entered
def build(
    bento_tag: Any,
    backend: str = "docker",
    image_tag: str | Sequence[str] | None = None,
    features: Sequence[str] | None = None,
    **options: Any,
) -> str:
    """Build a container image of a bento.

    Args:
        bento_tag: the bento, or its tag.
        backend: docker, buildx, podman, buildah or nerdctl; or `oci`, which needs no engine.
        image_tag: names for the image; None is name and version of the bento.
        features: refused: what a bento needs stands in it.
        options: of the engine, by their names with underscores: `platform`, `build_arg`, `no_cache`, `push` …

    Returns:
        The name of the image.

    Raises:
        ConfigError: a value is none that an image can have, or there is no such engine, or it failed.
        NotFound: there is no such bento.
    """
    check_features(features)
    told: dict[str, Any] = {PLACES[name]: value for name, value in options.items() if name in PLACES}
    args = told.get("build_args")
    if args is not None and not isinstance(args, Mapping):
        given = [args] if isinstance(args, str) else args
        told["build_args"] = dict(pair(each) for each in given)
    flags = [flag for name, value in options.items() if name not in PLACES for flag in flags_of(name, value)]
    engine = "docker" if backend in BUILDX else backend
    tags = () if image_tag is None else image_tag
    image = ekiben.containerize(getattr(bento_tag, "tag", bento_tag), tags, engine=engine, options=flags, **told)
    return image.names[0]


@entered
def get_containerfile(
    bento_tag: Any,
    output_path: str | None = None,
    enable_buildkit: bool = True,
    features: Sequence[str] | None = None,
) -> str | None:
    """Give the Dockerfile that an image of a bento is made from, or write it to a file.

    Args:
        bento_tag: the bento, or its tag.
        output_path: the file; None gives the text.
        enable_buildkit: True: there is one Dockerfile, and BuildKit is not needed for it.
        features: refused: what a bento needs stands in it.

    Raises:
        ConfigError: `features` are given, or `enable_buildkit` is not True.
        NotFound: there is no such bento.
        StoreError: the file cannot be written.
    """
    check_features(features)
    if enable_buildkit is not True:
        raise ConfigError(
            f"`enable_buildkit` must be True, as there is one Dockerfile for all engines: {enable_buildkit!r}"
        )
    with tempfile.TemporaryDirectory(prefix="ekiben-context-") as folder:
        text = (
            write_context_of(getattr(bento_tag, "tag", bento_tag), Path(folder) / "context") / "Dockerfile"
        ).read_text("utf-8")
    if output_path is None:
        return text
    with disk_errors(f"cannot write {output_path}", is_home=False):
        Path(output_path).write_text(text, "utf-8")
    return None


def health(backend: str) -> bool:
    """Say whether an engine answers; raises ConfigError for one that is not known."""
    engine = "docker" if backend in BUILDX else backend
    if engine not in ENGINES:
        raise ConfigError(f"`backend` must be one of {', '.join((*ENGINES, *BUILDX))}: {backend!r}")
    return answers(engine)


def check_features(features: Sequence[str] | None) -> None:
    """Refuse `features`; raises ConfigError."""
    if features:
        raise ConfigError(
            f"`features` must be left out, as a bento says itself what it needs: {list(features)}",
            hint="write it into `python.packages` of its bentofile.yaml",
        )


def pair(told: Any) -> tuple[str, str]:
    """Part `NAME=VALUE`; raises ConfigError, which does not show what may be secret."""
    name, equals, value = str(told).partition("=")
    if not name or not equals:
        raise ConfigError("`build_arg` must be NAME=VALUE, and one has no name or no `=`")
    return name, value


def flags_of(name: str, value: Any) -> list[str]:
    """Write an option of an engine as it takes it, without dashes; one that is off is none."""
    flag = name.replace("_", "-")
    if value is None or value is False:
        return []
    if value is True:
        return [flag]
    return [f"{flag}={each}" for each in (value if isinstance(value, list | tuple) else [value])]

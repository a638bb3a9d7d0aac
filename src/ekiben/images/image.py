"""Make a container image of a bento.

In: a tag, and what the caller says. Out: an `Image`, by its names.
"""

import os
import platform as machine
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypedDict, Unpack

from ekiben.core.errors import ConfigError
from ekiben.core.front import front
from ekiben.core.log import announce
from ekiben.core.tag import Tag
from ekiben.images.context import write_context
from ekiben.images.engines import RUNNERS, Build, build_image, choose_engine, push_image
from ekiben.images.oci.image import Order
from ekiben.images.oci.make import ENGINE, make
from ekiben.images.plan import Packable, Parts, read_parts
from ekiben.images.spec import IMAGE
from ekiben.store.bentos import Bento, bento_store
from ekiben.store.remotes.oci.documents import Platform
from ekiben.store.staging import stage

Tell = Callable[[str], None]

PROCESSORS = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}


class ImageKeywords(TypedDict, total=False):
    """What an engine may be told."""

    engine: str | None
    platform: str | None
    build_args: Mapping[str, str] | None
    options: Sequence[str]
    no_cache: bool
    push: bool
    base: str | None
    run_as_root: bool


@dataclass(frozen=True, slots=True)
class Image:
    """An image that was built."""

    bento: Any  # its tag
    names: tuple[str, ...]
    engine: str
    port: int  # that it listens on
    place: str = ""  # where podman finds it, if not by its name

    @property
    def run(self) -> str:
        """The line that starts a container."""
        runner = RUNNERS.get(self.engine, self.engine)
        return f"{runner} run -it --rm -p {self.port}:{self.port} {self.place or self.names[0]} {front().serving}"


def containerize(
    bento: str | Tag | Bento | Packable,
    image_tags: str | Sequence[str] = (),
    *,
    output: str | os.PathLike[str] | None = None,
    tell: Tell | None = None,
    show: bool = True,
    **told: Unpack[ImageKeywords],
) -> Image:
    """Build a container image of a bento.

    Args:
        bento: its tag, the bento, or what another dialect saved.
        image_tags: names for the image; one without a tag gets `:latest`. None at all: name and version of the bento.
        output: an empty folder for the context, which stays; None takes one in the home, and removes it. For the engine
            `oci` it is where the image goes: an empty folder, or a file that ends in `.tar`.
        tell: gets each line that a person should read; None writes them to the log.
        show: let the engine write to stderr as it works.
        told: `engine` (None: the first that answers), `platform`, `build_args`, `options` of the engine without their
            dashes, `no_cache`, `push` for pushing each name, `run_as_root` in place of a user without rights, and for
            the engine `oci` (none at all) `base`: the image to start from, by its name, a folder or a file.

    Returns:
        The image, by its names.

    Raises:
        ConfigError: a value is none that an image can have, there is no engine, or it failed.
        NotFound: there is no such bento, or a model of it is not there.
        CorruptItem: a model is not that of the build.
    """
    tell = tell or announce
    args = dict(told.get("build_args") or {})
    parts = find_parts(bento, args, run_as_root=told.get("run_as_root", False))
    tag = parts.bento.tag
    names = image_names(tag, image_tags)
    platform = platform_of(parts, told.get("platform"))
    if told.get("engine") == ENGINE:
        place = make_alone(parts, names, platform, None if output is None else Path(output), tell, show, told)
        return Image(tag, names, ENGINE, parts.plan.server.port, place)
    if told.get("base") is not None:
        hint = "name a `docker.base_image` in bentofile.yaml, and build the bento again"
        raise ConfigError(f"`--base` is for `--engine {ENGINE}` alone: {told['base']!r}", hint=hint)
    with context_folder(output) as folder:
        options, no_cache = tuple(told.get("options", ())), told.get("no_cache", False)
        build = Build(folder, names, platform, args, options, no_cache)
        engine = choose_engine(told.get("engine"))
        tell(f"Building OCI-compliant image for {tag} with {engine}")
        write_context(parts, folder)
        build_image(engine, build, show=show)
    for name in names if told.get("push") else ():
        tell(f"Pushing {name}")
        push_image(engine, name, show=show)
    return Image(tag, names, engine, parts.plan.server.port)


def make_alone(
    parts: Parts,
    names: Sequence[str],
    platform: str | None,
    output: Path | None,
    tell: Tell,
    show: bool,
    told: ImageKeywords,
) -> str:
    """Make an image without an engine; give where it is. Raises as `containerize`."""
    if told.get("options"):
        raise ConfigError(f"`--opt` is for container engines, and `{ENGINE}` is none: {told['options'][0]!r}")
    wanted = Platform.here() if platform is None else Platform.parse(platform)
    tell(f"Building OCI-compliant image for {parts.bento.tag} without an engine")
    order = Order(told.get("base") or parts.plan.base, wanted, no_cache=told.get("no_cache", False), show=show)
    place = None if output is None else output.expanduser().absolute()
    return make(parts, order, names, output=place, push=told.get("push", False), tell=tell)


def write_context_of(
    bento: str | Tag | Bento | Packable,
    folder: str | os.PathLike[str],
    args: Sequence[str] = (),
    *,
    run_as_root: bool = False,
) -> Path:
    """Write the folder that an image is built from, and build nothing.

    Args:
        bento: its tag, or the bento.
        folder: empty, or not there.
        args: names of variables that only the build knows.
        run_as_root: the container serves as root.

    Raises:
        ConfigError, NotFound, CorruptItem: as `containerize`.
    """
    parts = find_parts(bento, args, run_as_root=run_as_root)
    return write_context(parts, Path(folder).expanduser().absolute())


def find_parts(bento: str | Tag | Bento | Packable, args: Iterable[str], *, run_as_root: bool) -> Parts:
    """Find a bento, and give what its image is made of; raises as `read_parts`."""
    if isinstance(bento, Packable):
        return bento.image_parts(args, run_as_root=run_as_root)
    found = bento if isinstance(bento, Bento) else bento_store().get(bento)
    return read_parts(found, args, run_as_root=run_as_root)


def image_names(tag: Any, asked: str | Sequence[str]) -> tuple[str, ...]:
    """Give the names of the image.

    Raises:
        ConfigError: one is none that an image can have.
    """
    told = [asked] if isinstance(asked, str) else list(asked)
    for name in told or [str(tag)]:
        if not IMAGE.fullmatch(name) or "@" in name:
            hint = "write `-t name:tag`" if told else "name it by `-t`; images have stricter names than bentos"
            raise ConfigError(f"`-t` must be the name of an image, perhaps with a tag: {name!r}", hint=hint)
    named = (name if ":" in name.rpartition("/")[2] else f"{name}:latest" for name in told)
    return tuple(dict.fromkeys(named)) or (str(tag),)


def platform_of(parts: Parts, asked: str | None) -> str | None:
    """Say for which platform an image is built; None leaves it to the engine.

    Raises:
        ConfigError: the packages are locked for another one.
    """
    locked = parts.packages.platform
    if asked is not None and locked not in (None, asked):
        raise ConfigError(
            f"`--platform` must be that of the bento's packages, {locked}: {asked!r}",
            hint=f"build the bento with `--platform {asked}`",
        )
    ours = f"linux/{PROCESSORS.get(machine.machine().lower(), machine.machine())}"
    return asked or (locked if locked != ours else None)


@contextmanager
def context_folder(output: str | os.PathLike[str] | None) -> Iterator[Path]:
    """Give a folder for the context; one of our own is removed after."""
    if output is not None:
        yield Path(output).expanduser().absolute()
        return
    with stage(bento_store().root) as folder:  # on one disk with what it shares with the store
        yield folder

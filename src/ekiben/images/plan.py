"""Settle what the image of a bento is made of.

In: a bento, which anyone may have written, and what the caller says over it. Out: an `ImagePlan`, and where the files
of its context lie.
"""

import datetime
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename

from ekiben.core.errors import ConfigError, CorruptItem, InvalidInput
from ekiben.core.front import EKIBEN, front
from ekiben.images.spec import MINOR, PLATFORM, PYTHON, ImagePlan, Server, Step, check_packages, is_writable, match
from ekiben.store.bentos import DESCRIPTION, SOURCE, Bento
from ekiben.store.models import StoredModel

FOLDER = "env/python"  # in the bento
LOCKED, ASKED, VERSION, WHEELS = "requirements.lock.txt", "requirements.txt", "version.txt", "wheels"
DEBIAN_PYTHON = "docker.io/library/python"
Told = tuple[tuple[str | None, str | None], Path | None]
SUMMARY = 200  # letters of the description that a label holds


@dataclass(frozen=True, slots=True)
class Packages:
    """The packages of a bento, as files."""

    requirements: Path
    has_hashes: bool  # each of them
    wheels: tuple[Path, ...]
    names: frozenset[str]  # of all packages, normal form
    version: str  # of Python, as far as it was said
    platform: str | None  # that they were locked for


class Packed(Protocol):
    """A folder that is served in an image: a bento, or what another dialect saved."""

    @property
    def tag(self) -> Any:
        """Its name and version; text says both."""

    @property
    def path(self) -> Path:
        """The folder."""

    @property
    def creation_time(self) -> datetime.datetime:
        """When it was made, with its time zone."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What an image is made of: the plan, and the files."""

    bento: Packed
    plan: ImagePlan
    packages: Packages
    models: Mapping[str, StoredModel]  # by their folder in the context
    setup: Path | None  # the project's script
    scripts: Mapping[str, Path] = field(default_factory=dict)  # of steps, by their place in the context
    include: Mapping[str, Path] = field(default_factory=dict)  # files that steps find beside them, by their path


@runtime_checkable
class Packable(Protocol):
    """What knows by itself what its image is made of."""

    def image_parts(self, args: Iterable[str] = (), *, run_as_root: bool = False) -> Parts:
        """Give the parts; arguments and errors are those of `read_parts`."""


def read_parts(bento: Bento, args: Iterable[str] = (), *, run_as_root: bool = False) -> Parts:
    """Read what the image of *bento* is made of.

    Args:
        bento: with its models in reach.
        args: names of variables that only the build knows.
        run_as_root: the container serves as root.

    Raises:
        ConfigError: a value is none that an image can have, or the bento has no environment.
        NotFound: a model is not there.
        CorruptItem: a model is not that of the build, or a path leads out of the bento.
    """
    docker, packages = bento.info.docker, read_packages(bento)
    if docker.get("distro", "debian") != "debian":
        raise ConfigError(f"`docker.distro` must be debian: {docker['distro']!r}", hint="name a `docker.base_image`")
    models = {f"models/{each.tag.name}/{each.tag.version}": each for each in bento.find_models()}
    setup, include = find_setup(bento), find_include(bento)
    before, after = (read_steps(bento, key) for key in ("commands", "post_commands"))
    args, defaults = tuple(dict.fromkeys(args)), build_envs(bento, set(args))
    plan = ImagePlan(
        base=base_image(docker, packages.version),
        python=".".join(packages.version.split(".")[:2]),
        cuda=cuda_version(docker.get("cuda_version")),
        system_packages=check_packages(docker.get("system_packages", ()), "docker.system_packages"),
        has_setup=setup is not None,
        args=args,
        env=docker.get("env", {}),
        labels=labels_of(bento),
        models=tuple(sorted(models)),
        server=server_of(bento, packages),
        is_root=run_as_root,
        before=tuple(Step(*each) for each, _ in before),
        after=tuple(Step(*each) for each, _ in after),
        has_files=bool(include),
        defaults=defaults,
    )
    scripts = {each[1]: path for each, path in (*before, *after) if each[1] is not None and path is not None}
    return Parts(bento, plan, packages, models, setup, scripts, include)


def base_image(docker: Mapping[str, Any], version: str) -> Any:
    """Name the image to start from: the user's, else slim Debian with Python.

    The plan checks the name.
    """
    if docker.get("base_image") is not None:
        return docker["base_image"]
    told = docker.get("python_version", version)
    checked = match(PYTHON, told, "docker.python_version", "a version of Python in quotes", '"3.12"')
    return f"{DEBIAN_PYTHON}:{checked}-slim"


def read_packages(bento: Bento) -> Packages:
    """Find the packages of *bento*; raises as `read_parts`."""
    folder = bento.path_of(FOLDER)
    file = next((folder / name for name in (LOCKED, ASKED) if (folder / name).is_file()), None)
    version = folder / VERSION
    if file is None or not version.is_file():
        raise ConfigError(
            f"the bento {bento.tag} has no environment: there is no {FOLDER}/{ASKED}", hint="build it again"
        )
    wheels = tuple(sorted((folder / WHEELS).glob("*.whl")))
    lines = read_text(file).splitlines()
    names = {name_of_wheel(each) for each in wheels} | {name_of(line) for line in lines}
    if EKIBEN.distribution not in names:
        raise ConfigError(
            f"the environment of the bento {bento.tag} has no Ekiben to serve it",
            hint="build it again with this Ekiben",
        )
    told = read_text(version).strip()
    minor = match(MINOR, ".".join(told.split(".")[:2]), VERSION, "a version of Python", '"3.12"')
    platform = bento.info.environment.get("platform")
    if platform is not None:
        match(PLATFORM, platform, "environment.platform", "a platform", "linux/amd64")
    has_hashes = bento.info.environment.get("locked") == "hashes" and file.name == LOCKED
    return Packages(file, has_hashes, wheels, frozenset(names), minor, platform)


def read_text(path: Path) -> str:
    """Read a file of the bento's environment; raises CorruptItem for what is no text."""
    try:
        return path.read_text("utf-8")
    except UnicodeDecodeError as error:
        raise CorruptItem(f"the bento holds a file that is no text: {path.name!r}") from error


def name_of(line: str) -> str:
    """Give the package that a line of requirements names; empty text for another line."""
    told = line.partition(" #")[0].partition(" --hash")[0].rstrip(" \\")
    try:
        return canonicalize_name(Requirement(told).name)
    except InvalidRequirement:
        return ""


def name_of_wheel(wheel: Path) -> str:
    """Give the package of a wheel; raises CorruptItem for a name that no wheel has."""
    try:
        return parse_wheel_filename(wheel.name)[0]
    except InvalidWheelFilename as error:
        raise CorruptItem(f"the bento holds a wheel without a wheel's name: {wheel.name!r}") from error


def find_setup(bento: Bento) -> Path | None:
    """Find the project's script; raises CorruptItem where it is not in the bento."""
    path = bento.info.docker.get("setup_script")
    return None if path is None else file_of(bento, path, "docker.setup_script")


def read_steps(bento: Bento, key: str) -> list[Told]:
    """Read what is run while the image is built.

    Each is a command, or the place of a script and its file.

    Raises:
        CorruptItem: it is neither, or not in the bento.
    """
    told = bento.info.docker.get(key, ())
    found: list[Told] = []
    if not isinstance(told, list | tuple):
        raise CorruptItem(f"{DESCRIPTION}: `docker.{key}` must be a list of commands: {told!r}")
    for each in told:
        if isinstance(each, Mapping):
            file = file_of(bento, each.get("script"), f"docker.{key}")
            found.append(((None, f"scripts/{file.name}"), file))
        else:
            found.append(((each, None), None))
    return found


def find_include(bento: Bento) -> dict[str, Path]:
    """Find the files of the project that steps are given.

    Raises CorruptItem where one is not in the bento.
    """
    told = bento.info.docker.get("build_include", ())
    if not isinstance(told, list | tuple) or not all(isinstance(each, str) for each in told):
        raise CorruptItem(f"{DESCRIPTION}: `docker.build_include` must be a list of files: {told!r}")
    return {each: file_of(bento, f"{SOURCE}/{each}", "docker.build_include") for each in told}


def file_of(bento: Bento, path: Any, name: str) -> Path:
    """Give a file of the bento; raises CorruptItem for anything else."""
    try:
        found = bento.path_of(path) if isinstance(path, str) else None
    except InvalidInput as error:
        raise CorruptItem(f"{DESCRIPTION}: `{name}` must be a file of the bento: {path!r}") from error
    if found is None or not found.is_file() or found.is_symlink():
        raise CorruptItem(f"{DESCRIPTION}: `{name}` must be a file of the bento: {path!r}")
    return found


def build_envs(bento: Bento, given: Collection[str]) -> dict[str, str]:
    """Give the variables that the service asks for while its image is built.

    Those for its run are set there.

    Raises:
        ConfigError: one that only the build is about has no value.
    """
    spec: Any = bento.info.services[-1].get("spec", {}) if bento.info.services else {}
    told = [*(mapping(spec).get("envs") or ()), *bento.info.envs]
    found: dict[str, str] = {}
    for env in map(mapping, told):
        name, value, stage = env.get("name"), env.get("value"), env.get("stage", "all")
        if stage == "build" and value is None and name not in given:
            raise ConfigError(
                f"the image of {bento.tag} needs a value of `{name}` while it is built",
                hint=f"say `--build-arg {name}=…`",
            )
        if stage in ("build", "all") and value is not None:
            found[str(name)] = value
    return found


def cuda_version(told: Any) -> str | None:
    """Give a version of CUDA with its three numbers, as NVIDIA's images have it."""
    return f"{told}.0" if isinstance(told, str) and told.count(".") == 1 else told


def labels_of(bento: Bento) -> dict[str, str]:
    """Give the labels: those of the bento, the usual ones, and which bento it is."""
    usual = {
        "org.opencontainers.image.title": bento.info.name,
        "org.opencontainers.image.version": bento.info.version,
        "org.opencontainers.image.created": bento.creation_time.isoformat(timespec="seconds"),
        "org.opencontainers.image.description": summary(bento.info.description),
    }
    ours = {"ekiben.bento": str(bento.tag), "ekiben.bento.digest": bento.digest}
    return {key: value for key, value in {**usual, **bento.info.labels, **ours}.items() if value or key not in usual}


def summary(description: str) -> str:
    """Give the first line that says something."""
    lines = (line.strip("# \t") for line in description.splitlines())
    first = next((line for line in lines if line), "")
    return "".join(filter(is_writable, first))[:SUMMARY]


def server_of(bento: Bento, packages: Packages) -> Server:
    """Say how the container serves, by what the bento says of its service."""
    spec: Any = bento.info.services[-1].get("spec", {}) if bento.info.services else {}
    http, style = (mapping(mapping(spec).get(key)) for key in ("http", "style"))
    entered = front()
    is_ours = canonicalize_name(entered.distribution) not in packages.names
    chosen = EKIBEN if is_ours else entered
    return Server(
        program=chosen.program,
        prefix=chosen.home_variable.removesuffix("_HOME"),
        port=http.get("port") or style.get("default_port") or chosen.style.default_port,
        path=f"{http.get('path_prefix') or ''}{http.get('readyz') or '/readyz'}",
        is_tls=http.get("tls") is not None,
    )


def mapping(value: Any) -> Mapping[str, Any]:
    """Give a mapping, or an empty one in place of anything else."""
    return value if isinstance(value, Mapping) else {}

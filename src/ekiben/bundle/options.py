"""Check how a project is to be built, key by key.

In: a plain mapping, as `bentofile.yaml` holds it, and the project's folder. Out: `BuildOptions`.
A key works or is refused with its path; no text holds a control character, and no path leads out of the project, so
that whoever writes a requirements file or a Dockerfile from these values need not ask again.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from ekiben.bundle.values import (
    SYSTEM_PACKAGE,
    URL,
    below,
    check_letters,
    known,
    matched,
    optional,
    read_cuda_version,
    read_description,
    read_file,
    read_image,
    read_pip_args,
    read_python_version,
    read_tag,
    read_tag_part,
    read_url,
    texts,
    unquoted,
)
from ekiben.core.errors import ConfigError
from ekiben.services import arguments
from ekiben.services.checks import flag, text
from ekiben.services.options import VARIABLE, read_envs, read_labels

REFUSED = {
    "conda": "environments are made of Python packages; name a `docker.base_image` that has what conda would bring",
    "image": "the keys of `docker` and `python` say what goes into an image",
}
REFUSED_DOCKER = {"dockerfile_template": "no template is filled with what a bento holds; name a `base_image`"}
REFUSED_MODEL = {"filter": "a tag names one model", "registry": "models come from the store of this home"}
DISTROS = ("debian",)


@dataclass(frozen=True, slots=True)
class PythonOptions:
    """`python`: which packages the bento needs, and where they come from."""

    requirements_txt: str | None = None  # path in the project
    packages: tuple[str, ...] = ()  # requirements (PEP 508)
    lock_packages: bool = True
    pack_git_packages: bool = True  # what comes by git travels as a wheel
    index_url: str | None = None
    extra_index_url: tuple[str, ...] = ()
    find_links: tuple[str, ...] = ()  # URLs, or paths in the project
    no_index: bool = False
    trusted_host: tuple[str, ...] = ()
    pip_args: tuple[str, ...] = ()  # of `values.PIP_FLAGS` and `PIP_VALUES`, each value after its option
    wheels: tuple[str, ...] = ()  # paths in the project
    is_src_layout: bool | None = None  # modules lie in `src/`; None: where there is a pyproject.toml beside it


@dataclass(frozen=True, slots=True)
class DockerOptions:
    """`docker`: what the image of the bento is made from."""

    distro: str = "debian"
    python_version: str | None = None  # of the environment too; None: that of this process
    cuda_version: str | None = None
    base_image: str | None = None
    system_packages: tuple[str, ...] = ()
    setup_script: str | None = None  # path in the project
    env: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ModelOptions:
    """One of `models`: a model that travels with the bento."""

    tag: str
    alias: str | None = None  # the name by which the service asks for it


@dataclass(frozen=True, slots=True)
class Steps:
    """What the service's image runs while it is built.

    They are said in code alone (`services/image`).

    Each is `run` with a command, or `run_script` with a path in the project.
    """

    before: tuple[tuple[str, str], ...] = ()  # the Python packages
    after: tuple[tuple[str, str], ...] = ()
    include: tuple[str, ...] = ()  # paths in the project, which they find beside them


@dataclass(frozen=True, slots=True)
class BuildOptions:
    """All that `bentofile.yaml` can say."""

    service: str | None = None  # None: `service.py`
    name: str | None = None  # None: the service's
    version: str | None = None  # None: a fresh one
    description: str = ""  # Markdown; empty: the service's
    labels: Mapping[str, str] = field(default_factory=dict)
    include: tuple[str, ...] = ("*",)  # patterns of gitignore
    exclude: tuple[str, ...] = ()
    models: tuple[ModelOptions, ...] = ()
    envs: tuple[Mapping[str, str], ...] = ()  # name, perhaps value, stage
    args: Mapping[str, Any] = field(default_factory=dict)  # what `use_arguments` gives
    python: PythonOptions = PythonOptions()
    docker: DockerOptions = DockerOptions()
    steps: Steps = Steps()


def read_options(options: Mapping[str, Any], context: Path) -> BuildOptions:
    """Check what a build is told.

    Args:
        options: as the user wrote them.
        context: the folder of the project, which every path is relative to.

    Raises:
        ConfigError: a key is unknown, not of its type, or leads out of the project; the error has its path.
    """
    given = known(options, "", [each for each in BuildOptions.__dataclass_fields__ if each != "steps"], REFUSED)
    check_letters(given)
    return BuildOptions(
        service=optional(given, "service", text),
        name=optional(given, "name", read_tag_part),
        version=optional(given, "version", read_tag_part),
        description=read_description(given.get("description"), context),
        labels=read_labels(given.get("labels")),
        include=texts(given.get("include", ["*"]), "include"),
        exclude=texts(given.get("exclude", []), "exclude"),
        models=read_models(given.get("models", [])),
        envs=read_envs(given.get("envs")),
        args=arguments.check(given.get("args")),
        python=read_python(given.get("python"), context),
        docker=read_docker(given.get("docker"), context),
    )


def read_python(options: Any, context: Path) -> PythonOptions:
    """Check the keys of `python`; raises as `read_options`."""
    given = known(options, "python", list(PythonOptions.__dataclass_fields__))
    in_project = partial(read_file, context=context)
    links = texts(given.get("find_links", []), "python.find_links")
    return PythonOptions(
        requirements_txt=optional(given, "requirements_txt", in_project, "python"),
        packages=texts(given.get("packages", []), "python.packages"),
        lock_packages=flag(given.get("lock_packages", True), "python.lock_packages"),
        pack_git_packages=flag(given.get("pack_git_packages", True), "python.pack_git_packages"),
        index_url=optional(given, "index_url", read_url, "python"),
        extra_index_url=tuple(
            read_url(each, "python.extra_index_url")
            for each in texts(given.get("extra_index_url", []), "python.extra_index_url")
        ),
        find_links=tuple(
            each if URL.fullmatch(each) else below(each, "python.find_links", context=context) for each in links
        ),
        no_index=flag(given.get("no_index", False), "python.no_index"),
        trusted_host=texts(given.get("trusted_host", []), "python.trusted_host"),
        pip_args=read_pip_args(given.get("pip_args")),
        wheels=tuple(in_project(each, "python.wheels") for each in texts(given.get("wheels", []), "python.wheels")),
        is_src_layout=optional(given, "is_src_layout", flag, "python"),
    )


def read_docker(options: Any, context: Path) -> DockerOptions:
    """Check the keys of `docker`; raises as `read_options`."""
    given = known(options, "docker", list(DockerOptions.__dataclass_fields__), REFUSED_DOCKER)
    distro = text(given.get("distro", "debian"), "docker.distro")
    if distro not in DISTROS:
        raise ConfigError(
            f"`docker.distro` must be {' or '.join(DISTROS)}: {distro!r}", hint="name another system by `base_image`"
        )
    for key in ("cuda_version", "distro"):
        if given.get(key) is not None and given.get("base_image") is not None:
            raise ConfigError(
                f"`docker.{key}` cannot be said together with `docker.base_image`: {given[key]!r}",
                hint=f"leave `{key}` out: the base image says it",
            )
    packages = texts(given.get("system_packages", []), "docker.system_packages")
    for index, each in enumerate(packages):
        matched(each, f"docker.system_packages[{index}]", SYSTEM_PACKAGE, "the name of a Debian package", "libgomp1")
    return DockerOptions(
        distro=distro,
        python_version=optional(given, "python_version", read_python_version, "docker"),
        cuda_version=optional(given, "cuda_version", read_cuda_version, "docker"),
        base_image=optional(given, "base_image", read_image, "docker"),
        system_packages=packages,
        setup_script=optional(given, "setup_script", partial(read_file, context=context), "docker"),
        env=read_env(given.get("env"), context),
    )


def read_models(models: Any) -> tuple[ModelOptions, ...]:
    """Check `models: [iris:latest, {tag: "fraud:v2", alias: scorer}]`."""
    if not isinstance(models, list | tuple):
        raise ConfigError(f"`models` must be a list of tags: {models!r}", hint="write `- iris:latest`")
    found: list[ModelOptions] = []
    for index, each in enumerate(models):
        path = f"models[{index}]"
        given = {"tag": each} if isinstance(each, str) else known(each, path, ("tag", "alias"), REFUSED_MODEL)
        alias = optional(given, "alias", read_tag_part, path)
        if alias is not None and alias.lower() in (other.alias for other in found):
            raise ConfigError(f"`{path}.alias` must be a name of one model: {alias!r}")
        found.append(ModelOptions(read_tag(given.get("tag"), f"{path}.tag"), alias and alias.lower()))
    return tuple(found)


def read_env(env: Any, context: Path) -> dict[str, str]:
    """Check `docker.env`: a mapping, a list of `NAME=value`, or a file of such lines."""
    if isinstance(env, str):
        place = context / read_file(env, "docker.env", context=context)
        try:
            lines = [line.strip() for line in place.read_text("utf-8").splitlines()]
        except UnicodeDecodeError as error:
            raise ConfigError(f"`docker.env` must name a text in UTF-8: {env!r}") from error
        env = [line.removeprefix("export ") for line in lines if line and not line.startswith("#")]
        check_letters(env, "docker.env")
    if isinstance(env, list | tuple):
        pairs = [text(each, f"docker.env[{index}]").partition("=") for index, each in enumerate(env)]
        for name, equals, value in pairs:
            if not equals:
                raise ConfigError(f"`docker.env` must be lines `NAME=value`: {name + value!r}")
        env = {name: unquoted(value) for name, _, value in pairs}
    if not isinstance(env, Mapping | None):
        raise ConfigError(f"`docker.env` must be a mapping, a list or the path of a file: {env!r}")
    for name, value in (env or {}).items():
        if not isinstance(name, str) or not VARIABLE.fullmatch(name):
            raise ConfigError(f"`docker.env` must name environment variables: {name!r}", hint="write `NAME: value`")
        text(value, f"docker.env.{name}", "text, in quotes where it looks like a number")
    return dict(env or {})

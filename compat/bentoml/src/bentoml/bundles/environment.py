"""Say what a bundle runs in: packages, indexes, conda, a script, an image.

In: the options of `@env`. Out: an `EnvironmentOptions`, each value held to its form when the decorator stands, so that
no line of a file that is written from it holds more than one thing.
"""

import dataclasses
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement

from ekiben.bundle.indexes import Indexes, check_secrets
from ekiben.bundle.requirements import check_letters
from ekiben.core.errors import ConfigError
from ekiben.images.spec import check_image

log = logging.getLogger("ekiben")

CONDA = ("conda_channels", "conda_dependencies")
INFERRED = "infer_pip_packages"
OLDER = {"pip_dependencies": "pip_packages", "auto_pip_dependencies": INFERRED}


@dataclass(frozen=True, slots=True)
class EnvironmentOptions:
    """The options of `@env`, checked."""

    pip_packages: tuple[str, ...] = ()
    pip_index_url: str | None = None
    pip_trusted_host: str | None = None
    pip_extra_index_url: str | None = None
    infer_pip_packages: bool = False
    requirements_txt_file: str | None = None
    conda_channels: tuple[str, ...] = ()
    conda_override_channels: bool = False
    conda_dependencies: tuple[str, ...] = ()
    conda_env_yml_file: str | None = None
    setup_sh: str | None = None  # a file, or the script itself
    docker_base_image: str | None = None
    zipimport_archives: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Hold each value to its form; raises ConfigError."""
        for index, line in enumerate(self.pip_packages):
            read_requirement(line, f"`pip_packages[{index}]`")
        self.indexes(Path.cwd())
        for name in (INFERRED, "conda_override_channels"):
            if not isinstance(getattr(self, name), bool):
                raise ConfigError(f"`{name}` must be True or False: {getattr(self, name)!r}")
        for name in ("requirements_txt_file", "conda_env_yml_file", "setup_sh"):
            told = getattr(self, name)
            if told is not None and (not isinstance(told, str) or not told.strip() or "\0" in told):
                raise ConfigError(f"`{name}` must be text: {told!r}", hint="name a file")
        for name in CONDA:
            for index, word in enumerate(getattr(self, name)):
                check_word(word, f"`{name}[{index}]`")
        if self.docker_base_image is not None:
            check_image(self.docker_base_image, "docker_base_image")
        for index, told in enumerate(self.zipimport_archives):
            if not told.endswith(".zip"):
                raise ConfigError(f"`zipimport_archives[{index}]` must be a .zip file: {told!r}")

    def indexes(self, context: Path) -> Indexes:
        """Give where packages come from; raises ConfigError for what is no address or holds a password."""
        told = {
            "--index-url": self.pip_index_url,
            "--extra-index-url": self.pip_extra_index_url,
            "--trusted-host": self.pip_trusted_host,
        }
        found = Indexes()
        for option, value in told.items():
            place = f"`pip_{option[2:].replace('-', '_')}`"
            if value is not None and not isinstance(value, str):
                raise ConfigError(f"{place} must be text: {value!r}")
            for each in (value or "").split():
                found = found.plus(Indexes.read({option: [each]}, place, context))
        return found

    @property
    def wants_conda(self) -> bool:
        """Whether anything was said that only conda can do."""
        return bool(self.conda_channels or self.conda_dependencies or self.conda_env_yml_file)

    def describe(self) -> dict[str, Any]:
        """Give what bentoml.yml says of it."""
        told = dataclasses.asdict(self)
        return {key: list(value) if isinstance(value, tuple) else value for key, value in told.items() if value}


class BentoServiceEnv:
    """The environment of a service: `service.env`, to which artifacts add their packages."""

    def __init__(self, options: EnvironmentOptions) -> None:
        self.options = options
        self._added: dict[str, None] = {}

    @property
    def infer_pip_packages(self) -> bool:
        """Whether packages are found by what the code imports."""
        return self.options.infer_pip_packages

    @property
    def _infer_pip_packages(self) -> bool:
        """Be there for artifacts that were written for 0.13."""
        return self.options.infer_pip_packages

    def add_pip_package(self, package: str) -> None:
        """Ask for one more package; raises ConfigError."""
        self.add_pip_packages([package])

    def add_pip_packages(self, packages: Sequence[str]) -> None:
        """Ask for more packages; raises ConfigError for what is no requirement."""
        for package in packages:
            read_requirement(package, "a package of an artifact")
            self._added[package] = None

    def add_conda_channels(self, channels: Sequence[str]) -> None:
        """Ask for more channels of conda."""
        self._more("conda_channels", channels)

    def add_conda_dependencies(self, packages: Sequence[str]) -> None:
        """Ask for more packages of conda."""
        self._more("conda_dependencies", packages)

    @property
    def added(self) -> tuple[str, ...]:
        """What was asked for beside the options."""
        return tuple(self._added)

    def _more(self, name: str, words: Sequence[str]) -> None:
        more: dict[str, Any] = {name: tuple(dict.fromkeys((*getattr(self.options, name), *words)))}
        self.options = dataclasses.replace(self.options, **more)


def read_options(told: Mapping[str, Any]) -> EnvironmentOptions:
    """Read the options of `@env`, those of older releases too; raises ConfigError."""
    options = dict(told)
    for older, name in OLDER.items():
        if older in options:
            value = options.pop(older)
            if options.get(name):
                raise ConfigError(f"`{older}` is the older name of `{name}`, and both are given")
            log.warning("`@env(%s=…)` is the older name of `%s`", older, name)
            options[name] = value
    known = {field.name for field in dataclasses.fields(EnvironmentOptions)}
    for name in options:
        if name not in known:
            raise ConfigError(f"`@env` has no option `{name}`", hint=f"it has: {', '.join(sorted(known))}")
    for name in ("pip_packages", "zipimport_archives", *CONDA):
        if name in options:
            options[name] = read_list(options[name], name)
    return EnvironmentOptions(**{name: value for name, value in options.items() if value is not None})


def read_list(told: Any, name: str) -> tuple[str, ...]:
    """Give a list of texts; raises ConfigError."""
    if told is None:
        return ()
    if isinstance(told, str) or not isinstance(told, Sequence) or not all(isinstance(each, str) for each in told):
        raise ConfigError(f"`{name}` must be a list of text: {told!r}")
    return tuple(told)


def read_requirement(line: Any, place: str) -> Requirement:
    """Give a requirement of an index, a web server or git.

    Raises:
        ConfigError: it is none, holds a password, or names a path of this machine.
    """
    if not isinstance(line, str):
        raise ConfigError(f"{place} must be a requirement such as 'pandas>=2': {line!r}")
    check_letters(line, place)
    check_secrets(line, place)
    try:
        found = Requirement(line)
    except InvalidRequirement as error:
        raise ConfigError(f"{place} must be a requirement such as 'pandas>=2': {line!r}") from error
    if found.url is not None and not found.url.startswith(("https://", "http://", "git+https://")):
        raise ConfigError(f"{place} must be had from elsewhere than this machine: {line!r}")
    return found


def check_word(word: Any, place: str) -> None:
    """Refuse what is no single line of text; raises ConfigError."""
    if not isinstance(word, str) or not word.strip():
        raise ConfigError(f"{place} must be text: {word!r}")
    check_letters(word, place)

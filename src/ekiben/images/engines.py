"""Tell a container engine to build and push images, in its own words.

In: an engine's name, a context, names of images. Out: its exit as an error or none. Words go to the engine as a list,
and no shell reads them.
"""

import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ekiben.core.errors import ConfigError
from ekiben.images.spec import PLATFORM, VARIABLE, check_image, check_text, match

# In the order in which they are asked; each with its words for "build" and for "are you there".
ENGINES: Mapping[str, tuple[Sequence[str], Sequence[str]]] = {
    "docker": (("build",), ("version", "--format", "{{.Server.Version}}")),
    "podman": (("build", "--format", "docker"), ("info", "--format", "{{.Version.Version}}")),
    "nerdctl": (("build",), ("version",)),
    # The health check is of Docker's format; layers are kept for the next build.
    "buildah": (("build", "--format", "docker", "--layers"), ("info",)),
}
SHORTENING = frozenset({"podman", "buildah"})  # take `iris` for any image that ends so, `team.example/x/iris` too
RUNNERS = {"buildah": "podman", "oci": "podman"}  # who runs what another builds
OURS = (
    "build-arg",
    "file",
    "format",
    "no-cache",
    "platform",
    "push",
    "tag",
)  # options that have a name of their own here
OPTION = re.compile(r"[a-z][a-z0-9-]*")
PATIENCE = 30.0  # seconds for an engine to say that it is there
LONGEST = 4000  # letters of what it says; the reason stands last


@dataclass(frozen=True, slots=True)
class Build:
    """What an engine is told; making one raises ConfigError for a word that is none."""

    context: Path
    names: tuple[str, ...]  # of the image, at least one
    platform: str | None = None  # linux/arm64
    args: Mapping[str, str] = field(default_factory=dict)
    options: tuple[str, ...] = ()  # name, or name=value, of the engine's own
    no_cache: bool = False

    def __post_init__(self) -> None:
        """Hold each word against its grammar."""
        for name in self.names:
            check_image(name, "-t")
        if self.platform is not None:
            match(PLATFORM, self.platform, "--platform", "one platform", "linux/amd64")
        for name, value in self.args.items():
            match(VARIABLE, name, "--build-arg", "the name of a variable and its value", "TOKEN=x")
            check_text(value, f"--build-arg {name}")
        for option in self.options:
            name = option.partition("=")[0]
            match(OPTION, name, "--opt", "the name of an option of the engine, perhaps with a value", "squash")
            if name in OURS:
                raise ConfigError(f"`--opt` must be an option that has no name of its own here: {name!r}")
            check_text(option, "--opt")


def build_words(engine: str, build: Build) -> list[str]:
    """Give the command line that builds."""
    words = [engine, *ENGINES[engine][0], "--file", str(build.context / "Dockerfile")]
    for name in build.names:
        words += ["--tag", full_name(engine, name)]
    if build.platform is not None:
        words += ["--platform", build.platform]
    for name, value in build.args.items():
        words += ["--build-arg", f"{name}={value}"]
    words += ["--no-cache"] if build.no_cache else []
    words += [f"--{option}" for option in build.options]
    return [*words, str(build.context)]


def full_name(engine: str, name: str) -> str:
    """Give a name that an engine takes for no other image's.

    One without a registry is of this machine.
    """
    registry, _, rest = name.partition("/")
    is_full = bool(rest) and (registry == "localhost" or "." in registry or ":" in registry)
    return name if is_full or engine not in SHORTENING else f"localhost/{name}"


def choose_engine(asked: str | None = None) -> str:
    """Say which engine is used: the one asked for, else the first that answers.

    Raises:
        ConfigError: it is not known, not installed or does not answer; none does.
    """
    if asked is not None:
        if asked not in ENGINES:
            raise ConfigError(f"`engine` must be one of {', '.join(ENGINES)}: {asked!r}")
        if shutil.which(asked) is None:
            raise ConfigError(f"the engine `{asked}` is not installed", hint=others(asked))
        return asked
    silent = []
    for name in ENGINES:
        if shutil.which(name) is not None:
            if answers(name):
                return name
            silent.append(name)
    if silent:
        raise ConfigError(
            f"no container engine answers; installed: {', '.join(silent)}", hint=f"try `{silent[0]} info`"
        )
    raise ConfigError(f"no container engine is installed: {', '.join(ENGINES)}", hint=others(None))


def others(asked: str | None) -> str:
    """Say which engines are there, or what can be done without one."""
    found = [name for name in ENGINES if name != asked and shutil.which(name) is not None]
    if found:
        return f"found here: {', '.join(found)}"
    return "install one, or write the context by `--dry-run -o FOLDER` and build it elsewhere"


def answers(engine: str) -> bool:
    """Say whether an engine can work: a client without its server cannot."""
    command = [engine, *ENGINES[engine][1]]
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=PATIENCE, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def build_image(engine: str, build: Build, *, show: bool) -> None:
    """Build an image.

    Args:
        engine: its name.
        build: what it is told.
        show: let it write to stderr as it works.

    Raises:
        ConfigError: it could not.
    """
    run(build_words(engine, build), f"building the image with {engine}", show=show)


def push_image(engine: str, name: str, *, show: bool) -> None:
    """Push an image by its name; raises ConfigError."""
    run([engine, "push", check_image(name, "-t")], f"pushing {name} with {engine}", show=show)


def run(words: Sequence[str], doing: str, *, show: bool) -> None:
    """Run an engine; raises ConfigError with its last words."""
    try:
        done = subprocess.run(
            words,
            stdin=subprocess.DEVNULL,
            stdout=sys.__stderr__ if show else subprocess.PIPE,
            stderr=None if show else subprocess.STDOUT,
            text=True,
            errors="replace",
            check=False,
        )
    except OSError as error:
        raise ConfigError(f"{doing} failed: {error.strerror}: {words[0]!r}") from error
    if done.returncode != 0:
        said = "as it says above" if show else (done.stdout or "").strip()[-LONGEST:]
        raise ConfigError(f"{doing} failed (exit code {done.returncode}): {said}")

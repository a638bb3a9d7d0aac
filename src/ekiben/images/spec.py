"""Say what an image is made of, in values that cannot hold anything else.

In: what a bento says of itself, and what the caller says over it. Out: `ImagePlan`, frozen and checked.
A bento may come from anyone, so each value is held against its grammar here, whatever checked it before: once a plan
exists, no text in it can end a line, an argument or a quotation of the Dockerfile that is written from it.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ekiben.core.errors import ConfigError

USER_ID = 1034  # of the user and of the group that the container runs as
PORTS = range(1, 65536)
MAX_TEXT = 65_536  # letters in the value of a variable or a label
MAX_LINE = 1024  # letters in any other value

# The name of an image, perhaps with a tag and a digest (OCI distribution-spec 1.1; a host may have a port).
IMAGE = re.compile(
    r"(?:[A-Za-z0-9.-]+(?::[0-9]+)?/)?[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*"
    r"(?:/[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*)*"
    r"(?::[A-Za-z0-9_][A-Za-z0-9._-]{0,127})?(?:@sha256:[0-9a-f]{64})?"
)
# Debian policy 5.6.1 and 5.6.12, with an architecture and a version as apt-get takes them.
SYSTEM_PACKAGE = re.compile(r"[a-z0-9][a-z0-9+.-]*(?::[a-z0-9]+)?(?:=[A-Za-z0-9][A-Za-z0-9.+:~-]*)?")
VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")  # POSIX 8.1
PYTHON = re.compile(r"3\.[0-9]{1,2}(?:\.[0-9]{1,2})?")
MINOR = re.compile(r"3\.[0-9]{1,2}")  # of Python
CUDA = re.compile(r"[0-9]{1,2}\.[0-9]{1,2}\.[0-9]{1,2}")
PLATFORM = re.compile(r"[a-z0-9]+/[a-z0-9]+(?:/[a-z0-9]+)?")
PATH = re.compile(r"[A-Za-z0-9._/+!-]+")  # in the context; wheels and versions of packages have `+` and `!`
PROGRAM = re.compile(r"[a-z][a-z0-9_-]*")


def match(grammar: re.Pattern[str], value: Any, name: str, what: str, example: str) -> str:
    """Give *value* if it is text that fits *grammar* as a whole.

    Raises:
        ConfigError: it is not.
    """
    if not isinstance(value, str) or len(value) > MAX_LINE or not grammar.fullmatch(value):
        raise ConfigError(f"`{name}` must be {what}: {value!r}", hint=f"write {example}")
    return value


def check_text(value: Any, name: str) -> str:
    """Give *value* if it is text of one line, of letters that UTF-8 can write.

    Raises:
        ConfigError: it is not.
    """
    if not isinstance(value, str) or len(value) > MAX_TEXT:
        raise ConfigError(f"`{name}` must be text of at most {MAX_TEXT} letters: {str(value)[:80]!r}")
    if not all(is_writable(letter) for letter in value):
        raise ConfigError(
            f"`{name}` must be one line without control characters: {value[:80]!r}",
            hint="set what needs them when the container runs",
        )
    return value


def is_writable(letter: str) -> bool:
    """Say whether a letter can stand in a line, for every reader of lines."""
    code = ord(letter)
    is_control = code < 32 or 127 <= code < 160
    return not is_control and letter not in "\u2028\u2029\ufeff" and not 0xD800 <= code < 0xE000


def check_image(value: Any, name: str) -> str:
    """Give the name of an image; raises ConfigError."""
    return match(IMAGE, value, name, "the name of an image", "python:3.12-slim")


def check_path(value: Any, name: str) -> str:
    """Give a plain path in the context; raises ConfigError."""
    told = match(PATH, value, name, "a plain path below the context", "models/iris/v1")
    if told.startswith("/") or any(part in ("", ".", "..") for part in told.split("/")):
        raise ConfigError(f"`{name}` must be a plain path below the context: {told!r}")
    return told


def check_texts(values: Any, name: str, names: re.Pattern[str] | None) -> dict[str, str]:
    """Give a mapping of names to lines of text.

    Args:
        values: the mapping.
        name: what it is called.
        names: what its keys must fit; None: any line that is not empty and holds no `=`.

    Raises:
        ConfigError: it is no mapping, or a key or a value is wrong.
    """
    if not isinstance(values, Mapping):
        raise ConfigError(f"`{name}` must be a mapping of text to text: {values!r}")
    for key, value in values.items():
        if names is not None:
            match(names, key, f"a name in {name}", "the name of a variable", "LOG_LEVEL")
        elif "=" in check_text(key, f"a name in {name}") or not key.strip():  # a reader ends the name at the first `=`
            raise ConfigError(f"`{name}` must have names that are not empty and hold no `=`: {key!r}")
        check_text(value, f"{name}.{key}")
    return dict(values)


def check_packages(values: Any, name: str) -> tuple[str, ...]:
    """Give names of Debian packages; raises ConfigError."""
    if not isinstance(values, list | tuple):
        raise ConfigError(f"`{name}` must be a list of Debian packages: {values!r}")
    return tuple(
        match(SYSTEM_PACKAGE, each, f"{name}[{index}]", "the name of a Debian package", "libgomp1")
        for index, each in enumerate(values)
    )


@dataclass(frozen=True, slots=True)
class Server:
    """How the container serves, and how its health is asked for."""

    program: str = "ekiben"  # that the entry point starts
    prefix: str = "EKIBEN"  # of its variables
    port: int = 3000  # where no variable says another
    path: str = "/readyz"  # answers 200 once calls are taken
    is_tls: bool = False

    def __post_init__(self) -> None:
        """Hold each value against its grammar; raises ConfigError."""
        match(PROGRAM, self.program, "program", "the name of a program", "ekiben")
        match(VARIABLE, self.prefix, "prefix", "the beginning of a variable's name", "EKIBEN")
        check_text(self.path, "http.readyz")
        if type(self.port) is not int or self.port not in PORTS:  # True is no port
            raise ConfigError(f"`http.port` must be a port from 1 to 65535: {self.port!r}")


@dataclass(frozen=True, slots=True)
class Step:
    """What the project runs while its image is built.

    It is a command, or a script of the context.
    """

    command: str | None = None
    script: str | None = None

    def __post_init__(self) -> None:
        """Hold it against its grammar; raises ConfigError."""
        if (self.command is None) == (self.script is None):
            raise ConfigError(f"a step of an image must be a command or a script: {self.command!r}, {self.script!r}")
        if self.command is not None:
            check_text(self.command, "image.run")
        if self.script is not None:
            check_path(self.script, "image.run_script")


@dataclass(frozen=True, slots=True)
class ImagePlan:
    """All that the Dockerfile of a bento is written from.

    Making one raises ConfigError for a value that its grammar does not know.
    """

    base: str  # the image to start from
    python: str  # 3.11: of the packages, so of the image
    cuda: str | None = None  # 12.4.1: whose runtime is laid over the base
    system_packages: tuple[str, ...] = ()  # of Debian
    has_setup: bool = False  # a script of the project's runs after the packages
    args: tuple[str, ...] = ()  # variables that only the build knows
    env: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    models: tuple[str, ...] = ()  # folders of the context, each a layer
    server: Server = Server()
    is_root: bool = False  # the container serves as root
    before: tuple[Step, ...] = ()  # the Python packages
    after: tuple[Step, ...] = ()
    has_files: bool = False  # of the project, which steps find beside them
    defaults: Mapping[str, str] = field(default_factory=dict)  # of variables that only the build knows

    def __post_init__(self) -> None:
        """Hold each value against its grammar."""
        check_image(self.base, "docker.base_image")
        match(MINOR, self.python, "python_version", "a version of Python", '"3.12"')
        if self.cuda is not None:
            match(CUDA, self.cuda, "docker.cuda_version", "a version of CUDA with three numbers", '"12.4.1"')
        check_packages(self.system_packages, "docker.system_packages")
        check_texts(dict.fromkeys(self.args, ""), "--build-arg", VARIABLE)
        check_texts(self.env, "docker.env", VARIABLE)
        check_texts(self.labels, "labels", None)
        check_texts(self.defaults, "envs", VARIABLE)
        for each in self.models:
            check_path(each, "models")

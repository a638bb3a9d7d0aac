r"""Write the instructions of a Dockerfile, each from typed values.

In: values. Out: text of one line an instruction, which every reader of Dockerfiles takes apart into the same values.

Words of programs are written as JSON, which neither a shell nor the reader expands. Names and values of variables and
labels stand in double quotes, where only `\`, `"` and `$` mean something, and are written with a backslash before them.
What the reader would expand or could not hold is refused, whoever checked it before.

Source: the Dockerfile reference: parser directives, exec form, environment replacement.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ekiben.images.spec import VARIABLE, check_image, check_path, check_text, check_texts, match


@dataclass(frozen=True, slots=True)
class From:
    """Start from an image."""

    image: str

    def __str__(self) -> str:
        """Give the line."""
        return f"FROM {check_image(self.image, 'FROM')}"


@dataclass(frozen=True, slots=True)
class Arg:
    """Take a value from `--build-arg`, for the instructions that follow."""

    name: str
    default: str | None = None

    def __str__(self) -> str:
        """Give the line."""
        told = match(VARIABLE, self.name, "ARG", "the name of a variable", "TOKEN")
        return f"ARG {told}" if self.default is None else f"ARG {told}={quote(self.default, f'ARG {told}')}"


@dataclass(frozen=True, slots=True)
class Env:
    """Set variables, for what follows and in the container."""

    values: Mapping[str, str]

    def __str__(self) -> str:
        """Give the line."""
        for name in self.values:
            match(VARIABLE, name, "ENV", "the name of a variable", "LOG_LEVEL")
        return "ENV " + " ".join(f"{name}={quote(value, f'ENV {name}')}" for name, value in self.values.items())


@dataclass(frozen=True, slots=True)
class Find:
    """Find the programs of a folder before all others."""

    folder: str  # absolute

    def __str__(self) -> str:
        """Give the line."""
        return f'ENV PATH="/{check_path(self.folder.removeprefix("/"), "PATH")}:$PATH"'


@dataclass(frozen=True, slots=True)
class Label:
    """Write names and values on the image."""

    values: Mapping[str, str]

    def __str__(self) -> str:
        """Give the line."""
        check_texts(self.values, "LABEL", None)
        pairs = (f"{quote(name, 'LABEL')}={quote(value, f'LABEL {name}')}" for name, value in self.values.items())
        return "LABEL " + " ".join(pairs)


@dataclass(frozen=True, slots=True)
class Copy:
    """Put a file or the content of a folder into the image."""

    source: str  # in the context
    target: str  # an absolute path
    image: str | None = None  # where *source* is, if not in the context

    def __str__(self) -> str:
        """Give the line."""
        origin = f"--from={check_image(self.image, 'COPY')} " if self.image else ""
        return f"COPY {origin}{words([check_place(self.source), '/' + check_place(self.target.removeprefix('/'))])}"


@dataclass(frozen=True, slots=True)
class Run:
    """Run a program while the image is built; no shell reads its words."""

    words: tuple[str, ...]

    def __str__(self) -> str:
        """Give the line."""
        return f"RUN {words(self.words)}"


@dataclass(frozen=True, slots=True)
class Workdir:
    """Stand in a folder."""

    path: str

    def __str__(self) -> str:
        """Give the line."""
        return f"WORKDIR /{check_path(self.path.removeprefix('/'), 'WORKDIR')}"


@dataclass(frozen=True, slots=True)
class User:
    """Be another user from here on, by number."""

    number: int

    def __str__(self) -> str:
        """Give the line."""
        return f"USER {int(self.number)}:{int(self.number)}"


@dataclass(frozen=True, slots=True)
class Expose:
    """Say which port is listened on."""

    port: int

    def __str__(self) -> str:
        """Give the line."""
        return f"EXPOSE {int(self.port)}"


@dataclass(frozen=True, slots=True)
class Healthcheck:
    """Ask now and then whether calls are taken."""

    words: tuple[str, ...]
    interval: int = 30  # seconds
    timeout: int = 5
    start: int = 120  # seconds for a model to load, in which a failure does not count

    def __str__(self) -> str:
        """Give the line."""
        when = f"--interval={int(self.interval)}s --timeout={int(self.timeout)}s --start-period={int(self.start)}s"
        return f"HEALTHCHECK {when} CMD {words(self.words)}"


@dataclass(frozen=True, slots=True)
class Entrypoint:
    """Start with these words, and then those of `docker run`."""

    words: tuple[str, ...]

    def __str__(self) -> str:
        """Give the line."""
        return f"ENTRYPOINT {words(self.words)}"


@dataclass(frozen=True, slots=True)
class Cmd:
    """The words of `docker run` where it gives none."""

    words: tuple[str, ...]

    def __str__(self) -> str:
        """Give the line."""
        return f"CMD {words(self.words)}"


Instruction = From | Arg | Env | Find | Label | Copy | Run | Workdir | User | Expose | Healthcheck | Entrypoint | Cmd


def check_place(path: str) -> str:
    """Give a plain path of a file, or of a folder with `/` behind it.

    Raises:
        ConfigError: it is none.
    """
    check_path(path.removesuffix("/"), "COPY")
    return path


def words(values: Sequence[str]) -> str:
    """Write words as the exec form does."""
    return json.dumps([check_text(each, "a word of a command") for each in values], ensure_ascii=False)


def quote(value: str, name: str) -> str:
    """Write text so that the reader gives it back, letter by letter."""
    escaped = check_text(value, name).replace("\\", "\\\\").replace('"', '\\"').replace("$", "\\$")
    return f'"{escaped}"'

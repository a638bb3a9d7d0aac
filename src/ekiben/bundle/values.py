"""Check one value of a build, and name by its path the one that is wrong.

In: a value, its path such as `docker.base_image`, and the project's folder where the value is a path. Out: the value,
or a ConfigError. No path leads out of the project, no text holds a control character.
"""

import re
import shlex
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

from ekiben.core.errors import ConfigError, InvalidInput
from ekiben.core.paths import join_below
from ekiben.core.tag import Tag
from ekiben.services.checks import block, text

PIP_FLAGS = ("--pre", "--prefer-binary")
PIP_VALUES = ("--no-binary", "--only-binary")

SYSTEM_PACKAGE = re.compile(r"[a-z0-9][a-z0-9+.-]*(:[a-z0-9]+)?(=[A-Za-z0-9.+:~-]+)?")
# A repository of an image, then a tag and a digest (OCI distribution-spec 1.1; a host may have a port).
IMAGE = re.compile(
    r"(?:[A-Za-z0-9.-]+(?::[0-9]+)?/)?[a-z0-9]+(?:[._-]+[a-z0-9]+)*(?:/[a-z0-9]+(?:[._-]+[a-z0-9]+)*)*"
    r"(?::[A-Za-z0-9_][A-Za-z0-9._-]{0,127})?(?:@sha256:[0-9a-f]{64})?"
)
PYTHON_VERSION = re.compile(r"3\.[0-9]{1,2}(\.[0-9]{1,2})?")
CUDA_VERSION = re.compile(r"[0-9]{1,2}\.[0-9]{1,2}(\.[0-9]{1,2})?")
URL = re.compile(r"(https?|file)://\S+")

MAX_LENGTH = 1024  # letters in a value of one line

T = TypeVar("T")


def read_pip_args(args: Any) -> tuple[str, ...]:
    """Check `python.pip_args`: the options of pip that no other key stands for."""
    if args is None:
        return ()
    told = " ".join(args) if isinstance(args, list) and all(isinstance(each, str) for each in args) else args
    try:
        words = shlex.split(text(told, "python.pip_args"))
    except ValueError as error:
        raise ConfigError(f"`python.pip_args` must be words as a shell reads them: {args!r}") from error
    found: list[str] = []
    waiting = iter(words)
    for word in waiting:
        option, equals, value = word.partition("=")
        if word in PIP_FLAGS:
            found.append(word)
            continue
        if option not in PIP_VALUES:
            keys = "`index_url`, `extra_index_url`, `find_links`, `no_index` and `trusted_host` are keys of their own"
            known_words = ", ".join((*PIP_FLAGS, *PIP_VALUES))
            raise ConfigError(f"`python.pip_args` must consist of {known_words}: {word!r}", hint=keys)
        value = value if equals else next(waiting, "")
        if not value or value.startswith("-"):
            raise ConfigError(f"`python.pip_args` must have a value behind `{option}`: {args!r}")
        found += [option, value]
    return tuple(found)


def read_description(description: Any, context: Path) -> str:
    """Give the text, or that of the file that `file:README.md` names."""
    if description is None:
        return ""
    told = text(description, "description")
    if not told.startswith("file:"):
        return told
    place = context / read_file(told.removeprefix("file:").strip(), "description", context=context)
    try:
        return place.read_text("utf-8")
    except UnicodeDecodeError as error:
        raise ConfigError(f"`description` must name a text in UTF-8: {told!r}") from error


def read_file(value: Any, path: str, *, context: Path) -> str:
    """Give the path of a file of the project, relative to it, with forward slashes."""
    found = below(value, path, context=context)
    if not (context / found).is_file():
        raise ConfigError(f"`{path}` must name a file of the project, and there is none: {value!r}")
    return found


def below(value: Any, path: str, *, context: Path) -> str:
    """Give a path inside the project, relative to it."""
    try:
        place = join_below(context, text(value, path, "a path in the project"))
    except InvalidInput as error:
        raise ConfigError(
            f"`{path}` must be a path inside the project: {value!r}", hint="copy what it needs into the project"
        ) from error
    return place.relative_to(context).as_posix()


def read_tag_part(value: Any, path: str) -> str:
    """Give a name or a version."""
    told = text(value, path, "text, in quotes where it looks like a number")
    try:
        Tag(told)
    except InvalidInput as error:
        raise ConfigError(f"`{path}` is not allowed: {error.message}", hint=error.hint) from error
    return told


def read_tag(value: Any, path: str) -> str:
    """Give a tag, with or without a version."""
    try:
        return str(Tag.parse(text(value, path, "a tag such as iris:latest")))
    except InvalidInput as error:
        raise ConfigError(f"`{path}` must be a tag: {error.message}", hint=error.hint) from error


def read_url(value: Any, path: str) -> str:
    """Give a URL of an index."""
    return matched(value, path, URL, "a URL", "https://packages.example.org/simple")


def read_image(value: Any, path: str) -> str:
    """Give the name of an image."""
    return matched(value, path, IMAGE, "the name of an image", "python:3.12-slim")


def read_python_version(value: Any, path: str) -> str:
    """Give a version of Python, as text: YAML reads 3.10 as 3.1."""
    return matched(value, path, PYTHON_VERSION, "a version of Python in quotes", '"3.12"')


def read_cuda_version(value: Any, path: str) -> str:
    """Give a version of CUDA, as text."""
    return matched(value, path, CUDA_VERSION, "a version of CUDA in quotes", '"12.4.1"')


def matched(value: Any, path: str, grammar: re.Pattern[str], what: str, example: str) -> str:
    """Give text that fits *grammar*."""
    if not isinstance(value, str) or len(value) > MAX_LENGTH or not grammar.fullmatch(value):
        raise ConfigError(f"`{path}` must be {what}: {value!r}", hint=f"write {example}")
    return value


def known(value: Any, path: str, keys: "list[str] | tuple[str, ...]", refused: Mapping[str, str] | None = None) -> Any:
    """Give the keys that are said; one without a value is not said."""
    return {key: each for key, each in block(value, path, keys, refused).items() if each is not None}


def optional(given: Mapping[str, Any], key: str, read: Callable[[Any, str], T], section: str = "") -> T | None:
    """Read a key that may be missing."""
    path = f"{section}.{key}" if section else key
    return None if given.get(key) is None else read(given[key], path)


def texts(value: Any, path: str) -> tuple[str, ...]:
    """Give a list of text; one text alone is a list of one."""
    given = [value] if isinstance(value, str) else value
    if not isinstance(given, list | tuple):
        raise ConfigError(f"`{path}` must be a list of text: {value!r}")
    for index, each in enumerate(given):
        if not isinstance(each, str) or not each.strip():
            raise ConfigError(f"`{path}[{index}]` must be text, in quotes where it looks like something else: {each!r}")
    return tuple(given)


def check_letters(value: Any, path: str = "") -> None:
    """Refuse control characters everywhere; the description alone may have lines."""
    for place, told in walk(value, path):
        allowed = "\n\t\r" if place == "description" else ""
        if any((ord(letter) < 32 or 127 <= ord(letter) < 160) and letter not in allowed for letter in told):
            raise ConfigError(f"`{place}` must be one line without control characters: {told!r}")
        if any(0xD800 <= ord(letter) < 0xE000 or letter in "\u2028\u2029" for letter in told):
            raise ConfigError(f"`{place}` must be text that fits into one line of UTF-8: {told!r}")


def walk(value: Any, path: str) -> Iterator[tuple[str, str]]:
    """List all text in plain data, keys too, with its path."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from walk(key, path or "a key")
            yield from walk(inner, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list | tuple):
        for index, inner in enumerate(value):
            yield from walk(inner, f"{path}[{index}]")


def unquoted(value: str) -> str:
    """Take the quotes of a value in a file of variables away."""
    both = len(value) >= 2 and value[0] == value[-1] and value[0] in "'\""
    return value[1:-1] if both else value

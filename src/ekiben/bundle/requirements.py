"""Read which packages a project asks for, and let nothing else pass.

In: requirements as `bentofile.yaml` and requirements files hold them, the project's folder. Out: `Wanted`s, each
parsed (PEP 508) and written again by us, so that no line of a file can carry an option, a second line or a path that
leads out of the project into what uv reads.
Source: PEP 508, PEP 440; pip's format of requirements files.
"""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from ekiben.bundle.indexes import Indexes, check_secrets
from ekiben.core.errors import ConfigError, InvalidInput
from ekiben.core.paths import join_below

MAX_SIZE = 1024 * 1024  # bytes of a requirements file
COMMENT = re.compile(r"(^|\s)#.*$")
MAX_DEPTH = 5  # of files that name files
ARCHIVES = (".whl", ".tar.gz", ".zip")
HASH = re.compile(r"(sha256|sha384|sha512):[0-9a-f]{64,128}")
GIT = re.compile(r"git\+(https|http|ssh|file)://\S+")
EXTRAS = re.compile(r"(?P<path>[^\[\]]+?)(?P<extras>\[[A-Za-z0-9._, -]*\])?")
SETTINGS = {"-i": "--index-url", "-f": "--find-links"}
VALUED = ("--index-url", "--extra-index-url", "--find-links", "--trusted-host", "--no-binary", "--only-binary")
FLAGS = ("--no-index", "--pre", "--prefer-binary", "--require-hashes")
PACKAGES = re.compile(r":all:|:none:|[A-Za-z0-9][A-Za-z0-9._-]*(,[A-Za-z0-9][A-Za-z0-9._-]*)*")


@dataclass(frozen=True, slots=True)
class Wanted:
    """One thing to install.

    Either a `requirement` of an index or of a URL, or a `path` in the project, or a `git` address.
    """

    place: str  # where it was asked for, for an error
    requirement: Requirement | None = None
    path: Path | None = None  # a folder or an archive; absolute
    git: str | None = None  # without `git+`
    extras: frozenset[str] = frozenset()  # of a path or of git
    hashes: tuple[str, ...] = ()

    @property
    def name(self) -> str | None:
        """The package's name in its normal form; None where only its source knows."""
        return canonicalize_name(self.requirement.name) if self.requirement else None

    def __str__(self) -> str:
        if self.requirement is None:
            return f"git+{self.git}" if self.git else str(self.path)
        return " ".join((str(self.requirement), *(f"--hash={each}" for each in self.hashes)))


@dataclass(frozen=True, slots=True)
class Asked:
    """All that a project says of its packages."""

    wanted: tuple[Wanted, ...] = ()
    constraints: tuple[Requirement, ...] = ()
    indexes: Indexes = Indexes()
    choices: tuple[str, ...] = ()  # of `--pre`, `--prefer-binary`, `--no-binary NAME`, `--only-binary NAME`

    def plus(self, other: "Asked") -> "Asked":
        """Join what two places say."""
        return Asked(
            self.wanted + other.wanted,
            self.constraints + other.constraints,
            self.indexes.plus(other.indexes),
            self.choices + other.choices,
        )


def read_line(line: str, place: str, context: Path) -> Wanted:
    """Read one requirement.

    Args:
        line: a requirement (PEP 508), a git address, or a path in the project.
        place: where it stands, as the user would name it.
        context: the project's folder.

    Raises:
        ConfigError: it is none of these, or leads out of the project.
    """
    check_letters(line, place)
    told, *hashes = re.split(r"\s--hash[= ]", line.strip())
    told = COMMENT.sub("", told).strip() if not hashes else told.strip()
    digests = tuple(each.strip() for each in hashes)
    if not all(HASH.fullmatch(each) for each in digests):
        raise ConfigError(f"{place} must have hashes such as `--hash=sha256:…`: {line!r}")
    if told.startswith("-"):
        raise ConfigError(f"{place} must be a requirement, not an option: {line!r}", hint="say it by its own key")
    check_secrets(told, place)
    if GIT.fullmatch(told):
        return read_git(told, place, frozenset(), context)
    if is_path(told):
        return read_path(told, place, context, digests)
    try:
        requirement = Requirement(told)
    except InvalidRequirement as error:
        raise ConfigError(
            f"{place} must be a requirement such as `numpy>=1.26`: {line!r}", hint="PEP 508 says how they are written"
        ) from error
    if requirement.url is None:
        return Wanted(place, requirement, hashes=digests)
    return read_url(requirement, place, context, digests)


def read_url(requirement: Requirement, place: str, context: Path, hashes: tuple[str, ...]) -> Wanted:
    """Read `name @ URL`: git, a path of the project, an archive of a web server."""
    url = requirement.url or ""
    if GIT.fullmatch(url):
        if requirement.marker:
            raise ConfigError(f"{place} cannot have both a git address and a marker: {str(requirement)!r}")
        return read_git(url, place, frozenset(requirement.extras), context)
    if re.match(r"https?://", url):
        return Wanted(place, requirement, hashes=hashes)
    if url.startswith("file:") or is_path(url):
        path = join_project(url.removeprefix("file://").removeprefix("file:"), place, context)
        return Wanted(place, path=path, extras=frozenset(requirement.extras), hashes=hashes)
    raise ConfigError(f"{place} must name an https, git or relative address: {str(requirement)!r}")


def read_git(told: str, place: str, extras: frozenset[str], context: Path) -> Wanted:
    """Read `git+https://host/repository@ref#subdirectory=…`."""
    address, _, fragment = told.removeprefix("git+").partition("#")
    if address.startswith("file:"):
        join_project(address.removeprefix("file://").partition("@")[0], place, context)
    for part in filter(None, fragment.split("&")):
        key, _, value = part.partition("=")
        if key == "subdirectory" and (value.startswith(("/", "-")) or ".." in value.split("/")):
            raise ConfigError(f"{place} must name a folder of the repository: {told!r}")
        if key not in ("subdirectory", "egg"):
            raise ConfigError(f"{place} must have `subdirectory` or nothing behind `#`: {told!r}")
    return Wanted(place, git=address + (f"#{fragment}" if fragment else ""), extras=extras)


def read_path(told: str, place: str, context: Path, hashes: tuple[str, ...]) -> Wanted:
    """Read a path, with extras perhaps: `./lib[plot]`."""
    found = EXTRAS.fullmatch(told.removeprefix("file://").removeprefix("file:"))
    if found is None:
        raise ConfigError(f"{place} must be a path in the project: {told!r}")
    extras = frozenset(each.strip() for each in (found["extras"] or "[]")[1:-1].split(",") if each.strip())
    return Wanted(place, path=join_project(found["path"], place, context), extras=extras, hashes=hashes)


def join_project(text: str, place: str, context: Path) -> Path:
    """Give a path of the project, which must exist.

    An absolute one is taken where it lies in the project.
    """
    root = context.resolve()
    if text.startswith("/") and Path(text).is_relative_to(root):
        text = Path(text).relative_to(root).as_posix()
    try:
        path = join_below(root, text)
    except InvalidInput as error:
        raise ConfigError(f"{place} must be a path inside the project: {text!r}", hint="copy it into it") from error
    if not path.exists():
        raise ConfigError(f"{place} must be a path of the project, and there is nothing: {text!r}")
    return path


def is_path(told: str) -> bool:
    """Say whether a line is a path rather than a name."""
    bare = told.partition("[")[0]
    return told.startswith((".", "/", "~", "file:")) or (
        "@" not in told and "://" not in told and ("/" in bare or "\\" in bare or bare.endswith(ARCHIVES))
    )


def check_letters(line: str, place: str) -> None:
    """Refuse what another reader could take for the end of a line.

    Source: `str.splitlines`, by which pip reads.
    """
    if any((ord(letter) < 32 and letter != "\t") or 127 <= ord(letter) < 160 for letter in line) or any(
        letter in "\u2028\u2029" or 0xD800 <= ord(letter) < 0xE000 for letter in line
    ):
        raise ConfigError(f"{place} must be one line without control characters: {line!r}")


def read_file(path: Path, context: Path, *, depth: int = 0, constraints: bool = False) -> Asked:
    """Read a requirements file of the project, and those that it names.

    Args:
        path: the file.
        context: the project's folder, which nothing leads out of.
        depth: files that lead to this one.
        constraints: the file only narrows what others ask for.

    Raises:
        ConfigError: an option is not known, or a line is no requirement; the error names the line.
    """
    if depth > MAX_DEPTH:
        raise ConfigError(f"requirements files must not name each other more than {MAX_DEPTH} deep: {path.name}")
    asked = Asked()
    for number, told in lines(path):
        place = f"{path.name}:{number}"
        check_letters(told, place)
        line = COMMENT.sub("", told).strip()
        if not line:
            continue
        word, _, rest = line.replace("=", " ", 1).partition(" ") if line.startswith("--") else line.partition(" ")
        rest = rest.strip()
        if word in ("-r", "--requirement", "-c", "--constraint"):
            narrows = constraints or word in ("-c", "--constraint")
            inner = join_project(os.path.normpath(path.resolve().parent / rest), place, context)
            asked = asked.plus(read_file(inner, context, depth=depth + 1, constraints=narrows))
        elif word in ("-e", "--editable"):
            asked = asked.plus(Asked((read_line(rest, place, context),)))
        elif line.startswith("-"):
            asked = asked.plus(read_option(word, rest, place, context))
        elif constraints:
            narrowed = read_line(line, place, context).requirement
            if narrowed is None:
                raise ConfigError(f"{place} must be a requirement of an index, as it is a constraint: {line!r}")
            asked = asked.plus(Asked(constraints=(narrowed,)))
        else:
            asked = asked.plus(Asked((read_line(line, place, context),)))
    return asked


def read_option(word: str, rest: str, place: str, context: Path) -> Asked:
    """Read an option of a requirements file or of `pip_args`."""
    option = SETTINGS.get(word, word)
    if option == "--require-hashes" and not rest:
        return Asked()  # the lock has them anyway
    if option == "--no-index" and not rest:
        return Asked(indexes=Indexes(no_index=True))
    if option in FLAGS and not rest:
        return Asked(choices=(option,))
    if option not in VALUED or not rest:
        raise ConfigError(
            f"{place} must be a requirement or one of {', '.join((*VALUED, *FLAGS))}: {f'{word} {rest}'.strip()!r}"
        )
    if option in ("--no-binary", "--only-binary"):
        if not PACKAGES.fullmatch(rest):
            raise ConfigError(f"{place} must name packages behind `{option}`: {rest!r}")
        return Asked(choices=(f"{option} {rest}",))
    return Asked(indexes=Indexes.read({option: [rest]}, place, context))


def read_words(words: tuple[str, ...], place: str, context: Path) -> Asked:
    """Read `pip_args`, one word after the other."""
    asked, waiting = Asked(), iter(words)
    for word in waiting:
        option, _, value = word.partition("=")
        rest = value or (next(waiting, "") if SETTINGS.get(option, option) in VALUED else "")
        asked = asked.plus(read_option(option, rest, place, context))
    return asked


def lines(path: Path) -> Iterator[tuple[int, str]]:
    """List the lines of a requirements file by their number, continued ones joined."""
    if not path.is_file():
        raise ConfigError(f"a requirements file must be a file: {path.name!r}")
    data = path.read_bytes()
    if len(data) > MAX_SIZE:
        raise ConfigError(f"{path.name} must be at most {MAX_SIZE} bytes long, and is longer")
    try:
        text = data.decode("utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path.name} must be text in UTF-8: {error}") from error
    whole, first = "", 0
    for number, line in enumerate(text.replace("\r\n", "\n").split("\n"), 1):
        first = first if whole else number
        if line.endswith("\\"):
            if COMMENT.search(line):  # which goes on for pip, and ends here for uv
                raise ConfigError(f"{path.name}:{number} must not end a comment with a backslash: {line!r}")
            whole += line[:-1] + " "
            continue
        said, whole = whole + line, ""
        yield first, said
    if whole:
        yield first, whole

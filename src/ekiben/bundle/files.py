"""Choose the files of a project that go into its bento.

In: the project's folder, patterns to include and to exclude. Out: files by their path in the bento.
The rules are those of gitignore, nested ones in `.bentoignore` included. Nothing from outside the project goes in: a
link that leads out is an error where it is chosen, and one inside is the file that it points to.
Source: gitignore(5), by pathspec.
"""

import os
import stat
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ekiben.core.errors import ConfigError, UnsafeArchive
from ekiben.core.optional import need
from ekiben.core.paths import disk_errors
from ekiben.store.imports import MAX_MEMBERS
from ekiben.store.unpack import check_path

IGNORE = ".bentoignore"
ALWAYS = (
    ".git", ".hg", ".svn", ".venv", "venv", "__pycache__", "*.py[co]", ".DS_Store",
    ".mypy_cache", ".pytest_cache", ".ruff_cache", ".tox", ".nox", ".ipynb_checkpoints",
)  # fmt: skip
# Where programs keep passwords; a bento travels further than they may.
SECRETS = (
    ".env", ".env.local", ".netrc", ".pypirc", ".git-credentials", ".ssh", ".aws", ".azure", ".kube", ".gnupg",
    "**/.docker/config.json", "id_rsa", "id_ecdsa", "id_ed25519",
)  # fmt: skip
PREFIX = "src/"  # where the files will lie


@dataclass(frozen=True, slots=True)
class Rules:
    """Patterns of one folder, which hold for all that lies below it."""

    folder: str  # from the project, with a slash at its end; empty for the project's own
    patterns: Any  # a `GitIgnoreSpec`

    def ignores(self, path: str) -> bool | None:
        """Say whether *path* is ignored (True), taken back (False) or not spoken of."""
        found: bool | None = self.patterns.check_file(path.removeprefix(self.folder)).include
        return found


def choose_files(
    context: Path,
    include: Sequence[str] = ("*",),
    exclude: Sequence[str] = (),
    *,
    without: Sequence[Path] = (),
    on_secret: Callable[[str], None] = lambda path: None,
) -> dict[str, Path]:
    """Choose the files of a project.

    Args:
        context: the folder of the project.
        include: patterns; a file goes in where one matches it, or a folder that it lies in.
        exclude: patterns of what stays out all the same.
        without: folders that are no part of the project, wherever they lie.
        on_secret: told what stays out as it may hold passwords, unless a rule or *include* itself names it.

    Returns:
        By its path in the project, the real place of each file, in order.

    Raises:
        ConfigError: a pattern leads out of the project; a chosen file does, or could not be unpacked elsewhere.
        StoreError: a folder cannot be read.
    """
    base = context.resolve()
    wanted = compiled(include, "include")
    rules = (
        Rules("", compiled(ALWAYS, "always")),
        Rules("", compiled(secrets_but(include), "secrets")),
        Rules("", compiled(exclude, "exclude")),
    )
    hidden: list[str] = []
    skipped = frozenset(folder.resolve() for folder in without)
    found: dict[str, Path] = {}
    taken: dict[str, str] = {}
    for path, place in walk(base, "", rules, (base,), skipped, hidden):
        if not wanted.match_file(path):
            continue
        found[path] = real_file(base, path, place)
        check_name(path, taken)
        if len(found) > MAX_MEMBERS // 2:
            raise ConfigError(
                f"a bento must have at most {MAX_MEMBERS // 2} files, and {context} has more",
                hint=f"write what is not needed into {IGNORE}, such as `data/`",
            )
    for path in filter(wanted.match_file, hidden):
        on_secret(path)
    return dict(sorted(found.items()))


def secrets_but(include: Sequence[str]) -> list[str]:
    """Give the patterns of SECRETS, without what *include* asks for by its name."""
    secrets = compiled(SECRETS, "secrets")
    return [*SECRETS, *(f"!{pattern}" for pattern in include if secrets.match_file(pattern.strip("/")))]


def compiled(patterns: Sequence[str], key: str) -> Any:
    """Give a `GitIgnoreSpec`; raises ConfigError for a pattern that leads out."""
    spec = need("pathspec", "choosing the files of a bento", extra="build").GitIgnoreSpec
    for index, pattern in enumerate(patterns):
        if ".." in pattern.lstrip("!").replace("\\", "/").split("/"):
            raise ConfigError(f"`{key}[{index}]` must stay inside the project: {pattern!r}", hint="leave `..` out")
    try:
        return spec.from_lines(patterns)
    except ValueError as error:
        raise ConfigError(f"`{key}` must be patterns of gitignore: {error}") from error


def walk(
    folder: Path,
    path: str,
    rules: tuple[Rules, ...],
    above: tuple[Path, ...],
    skipped: frozenset[Path],
    hidden: list[str],
) -> Iterator[tuple[str, Path]]:
    """List what is not ignored below *folder*, files and links to files.

    Args:
        folder: where.
        path: the same from the project, with a slash at its end.
        rules: of the folders above, the nearest last.
        above: the real folders that were entered, so that links in a circle end.
        skipped: folders that are not entered.
        hidden: gets what is left out as it may hold passwords.
    """
    with disk_errors(f"cannot read {folder}", is_home=False):
        own = read_ignore(folder / IGNORE, path)
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    rules = (*rules, *own)
    for entry in entries:
        inner, place = path + entry.name, Path(entry.path)
        if not entry.is_dir():
            if not is_ignored(inner, rules, hidden):
                yield inner, place
            continue
        real = place.resolve()
        if is_ignored(inner + "/", rules, hidden) or real in skipped:
            continue
        if entry.is_symlink() and (real in above or not real.is_relative_to(above[0])):
            yield inner, place  # chosen or not, and if it is, refused
            continue
        yield from walk(place, inner + "/", rules, (*above, real), skipped, hidden)


def is_ignored(path: str, rules: tuple[Rules, ...], hidden: list[str]) -> bool:
    """Ask the nearest rules first; what is always left out is not taken back."""
    always, secrets, *others = rules
    if always.ignores(path):
        return True
    said = next((said for each in reversed(others) if (said := each.ignores(path)) is not None), None)
    if said is None and secrets.ignores(path):
        hidden.append(path)
        return True
    return bool(said)


def read_ignore(file: Path, path: str) -> tuple[Rules, ...]:
    """Read the `.bentoignore` of a folder, if it has one."""
    if not file.is_file() or file.is_symlink():
        return ()
    try:
        return (Rules(path, compiled(file.read_text("utf-8").splitlines(), f"{path}{IGNORE}")),)
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}{IGNORE} must be a text in UTF-8: {error}") from error


def real_file(base: Path, path: str, place: Path) -> Path:
    """Give the file that is chosen, or that the link which is chosen points to.

    Raises:
        ConfigError: it lies outside of the project, or is no file.
    """
    hint = f"copy what it points to into the project, or write `{path}` into {IGNORE}"
    try:
        real = place.resolve(strict=True)
    except (OSError, RuntimeError) as error:
        raise ConfigError(f"a link of the project points to nothing: {path!r}", hint=hint) from error
    if not real.is_relative_to(base):
        raise ConfigError(f"a link leads out of the project: {path!r}", hint=hint)
    if not stat.S_ISREG(real.lstat().st_mode):
        what = "leads in a circle" if real.is_dir() else "is neither a file nor a folder"
        raise ConfigError(f"what is included {what}: {path!r}", hint=f"write `{path}` into {IGNORE}")
    return real


def check_name(path: str, taken: dict[str, str]) -> None:
    """Refuse a path that not every system could unpack."""
    try:
        check_path(PREFIX + path)
    except UnsafeArchive as error:
        raise ConfigError(
            f"a file of the project has a path that not every system can write: {path[:200]!r}",
            hint=f"rename it, or leave it out by {IGNORE}",
        ) from error
    key = unicodedata.normalize("NFC", unicodedata.normalize("NFC", path).casefold())
    if key in taken:
        raise ConfigError(f"two files differ in capitals or accents only: {taken[key]!r} and {path!r}")
    taken[key] = path


def copy_files(files: dict[str, Path], target: Path, moment: int | None = None) -> int:
    """Copy the chosen files below *target*; give their size in bytes.

    Args:
        files: by their path in the project.
        target: a folder.
        moment: what the copies have as their time, in nanoseconds since 1970; None leaves it to the disk.

    Raises:
        StoreError: one cannot be read, or the disk is full.
    """
    total = 0
    for path, place in files.items():
        there = target / path
        there.parent.mkdir(parents=True, exist_ok=True)
        with disk_errors(f"cannot read {place}", is_home=False):
            # It was a file a moment ago; what took its place since is not followed and not waited for.
            handle = os.open(place, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
        with os.fdopen(handle, "rb") as source, there.open("xb") as copy:
            while chunk := source.read(1024 * 1024):
                total += len(chunk)
                copy.write(chunk)
            if os.fstat(source.fileno()).st_mode & stat.S_IXUSR:
                there.chmod(there.stat().st_mode | 0o111)
        if moment is not None:
            os.utime(there, ns=(moment, moment))
    return total


def restore_files(files: dict[str, Path], target: Path, moment: int) -> None:
    """Make *target* the chosen files again, after code in it has run.

    Args:
        files: by their path in the project.
        target: where `copy_files` put them.
        moment: the time that it gave them; what has another was changed.
    """
    for place in sorted(target.rglob("*"), reverse=True):
        if place.is_symlink() or not place.is_dir():
            if place.relative_to(target).as_posix() not in files or place.lstat().st_mtime_ns != moment:
                place.unlink()
        elif not any(place.iterdir()):
            place.rmdir()
    copy_files({path: place for path, place in files.items() if not (target / path).is_file()}, target, moment)

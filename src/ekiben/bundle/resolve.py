"""Ask uv for the versions that go together, with the hash of every file.

In: requirements, wheels that travel, where packages come from, a target. Out: `Pinned` packages in order. What travels
as a wheel is pinned by version and hash like all others, so that the result names no place of this machine.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from ekiben.bundle.indexes import NO_INDEX
from ekiben.bundle.target import Target
from ekiben.bundle.wheels import Carried
from ekiben.core.errors import ConfigError
from ekiben.core.uv import run_uv

INPUT, NARROWED = "requirements.in", "constraints.in"
WHY = "locking packages"


@dataclass(frozen=True, slots=True)
class Pinned:
    """One package of a lock."""

    name: str  # in its normal form
    version: str | None  # None where a URL says it
    requirement: str  # `name==1.0`, or `name @ URL`
    hashes: tuple[str, ...] = ()  # `sha256:…`

    def __str__(self) -> str:
        return " \\\n".join((self.requirement, *(f"    --hash={each}" for each in self.hashes)))


def compile_lock(
    lines: Iterable[str],
    *,
    constraints: Sequence[Requirement] = (),
    choices: Sequence[str] = (),
    carried: Mapping[str, Carried],
    target: Target,
    folder: Path,
    environ: Mapping[str, str],
) -> tuple[Pinned, ...]:
    """Resolve requirements for *target*.

    Args:
        lines: requirements that were checked.
        constraints: versions that are allowed of whatever is needed.
        choices: of `--pre`, `--prefer-binary`, `--no-binary NAME`, `--only-binary NAME`.
        carried: wheels that travel, by name; each is what its name means everywhere.
        target: where it will run.
        folder: an empty folder of one's own; uv looks for settings in it and above.
        environ: variables for uv.

    Raises:
        Unreachable: no index answered.
        ConfigError: nothing goes together.
    """
    (folder / INPUT).write_text("\n".join(lines) + "\n", "utf-8")
    (folder / NARROWED).write_text("".join(f"{each}\n" for each in constraints), "utf-8")
    words = ["pip", "compile", "--quiet", "--generate-hashes", "--no-header", "--no-annotate", "--color", "never"]
    words += ["--no-emit-index-url", "--no-emit-find-links", "--constraints", NARROWED]
    words += ["--python-version", target.python, "--python-platform", target.uv_platform, *uv_choices(choices), INPUT]
    words += ["--no-index"] if environ.get(NO_INDEX) else []
    if "--prefer-binary" in choices:
        with suppress(ConfigError):  # not everything has a wheel: the same without this wish
            printed = run_uv([*words, "--only-binary", ":all:"], why=WHY, cwd=folder, environ=environ)
            return tuple(read_output(printed, carried))
    return tuple(read_output(run_uv(words, why=WHY, cwd=folder, environ=environ), carried))


def uv_choices(choices: Sequence[str]) -> Iterator[str]:
    """Give uv's words for choices that pip has."""
    for choice in choices:
        option, _, names = choice.partition(" ")
        if option == "--pre":
            yield from ("--prerelease", "allow")
        elif names:
            for name in names.split(","):
                yield from (option, name)


def read_output(text: str, carried: Mapping[str, Carried]) -> Iterator[Pinned]:
    """Read what uv printed, and name no place of this machine.

    Raises:
        ConfigError: a line is not a pinned requirement.
    """
    for entry in re.sub(r"\\\n\s+", " ", text).split("\n"):
        if not entry.strip() or entry.lstrip().startswith("#"):
            continue
        told, *hashes = entry.split(" --hash=")
        try:
            requirement = Requirement(told.strip())
        except InvalidRequirement as error:
            raise ConfigError(f"uv gave a line that is no requirement: {entry!r}") from error
        name = canonicalize_name(requirement.name)
        digests = tuple(each.strip() for each in hashes)
        if name in carried:
            own = carried[name]
            yield Pinned(name, own.version, f"{name}=={own.version}", (own.digest,))
        elif requirement.url is not None:
            yield Pinned(name, None, f"{name} @ {requirement.url}", digests)
        else:
            exact = [pin.version for pin in requirement.specifier if pin.operator == "=="]
            if len(requirement.specifier) != 1 or not exact:
                raise ConfigError(f"uv gave a line that pins no version: {entry!r}")
            yield Pinned(name, exact[0], f"{name}=={exact[0]}", digests)

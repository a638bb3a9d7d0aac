"""Check a bento's list of packages before uv reads it on this machine.

In: the text of a lock. Out: nothing, or a ConfigError. A bento may be a stranger's, and uv would expand `${NAME}` into
the address of an index, read further files (`-r`), or take a package from a path of this disk.
Source: pip's format of requirements files; PEP 508.
"""

import re
from collections.abc import Iterator

from packaging.requirements import InvalidRequirement, Requirement

from ekiben.core.errors import ConfigError

HASH = re.compile(r"\s--hash=sha(256|384|512):[0-9a-f]{64,128}(?=\s|$)")
COMMENT = re.compile(r"(^|\s)#.*$")
FLAGS = ("--no-index", "--pre", "--prefer-binary", "--require-hashes")
NAMED = re.compile(r"--(only-binary|no-binary|trusted-host)[ =][A-Za-z0-9._:*,-]+")
ADDRESS = re.compile(r"--(index-url|extra-index-url|find-links)[ =]https?://[^\s\\]+")
VARIABLE = re.compile(r"\$\{?[A-Za-z_]")


def check_requirements(text: str) -> None:
    """Refuse a list that says more than which packages, and of which index.

    Raises:
        ConfigError: a line is something else, or names a variable of the environment.
    """
    for line in logical_lines(text):
        if VARIABLE.search(line):
            raise ConfigError(
                f"the bento's list of packages must name no variable of this machine's environment: {line!r}",
                hint="give the password of a private index by a .netrc, or build with `--engine docker`",
            )
        if line in FLAGS or NAMED.fullmatch(line) or ADDRESS.fullmatch(line):
            continue
        if not is_package(HASH.sub("", line).strip()):
            raise ConfigError(
                f"the bento's list of packages must have packages of an index only: {line!r}",
                hint="build it again, or make its image with `--engine docker`",
            )


def logical_lines(text: str) -> Iterator[str]:
    """Give the lines that say something, with those joined that end in a backslash.

    Raises:
        ConfigError: a comment ends in a backslash, which readers of such files take differently.
    """
    whole = ""
    for line in text.splitlines():
        if COMMENT.search(line) and line.endswith("\\"):
            raise ConfigError(f"a comment of the bento's list of packages must not end in a backslash: {line!r}")
        whole += COMMENT.sub("", line)
        if whole.endswith("\\"):
            whole = whole[:-1] + " "
            continue
        if whole.strip():
            yield whole.strip()
        whole = ""
    if whole.strip():
        yield whole.strip()


def is_package(told: str) -> bool:
    """Say whether a line is a package of an index."""
    try:
        return Requirement(told).url is None
    except InvalidRequirement:
        return False

"""Name a model or a bento: `name:version`.

In: text. Out: a `Tag`, checked by one grammar, ordered, hashable, safe as the name of a folder.
A fresh version is 16 letters that sort by the time they were made.
"""

import logging
import os
import re
import threading
import time
from dataclasses import dataclass, replace
from functools import total_ordering
from typing import Self

from ekiben.core.errors import InvalidInput

LATEST = "latest"
MAX_LENGTH = 63  # letters in a name, and in a version

# The letters of RFC 4648 base32 in lower case, in the order in which text sorts, so that later versions sort later.
_LETTERS = "234567abcdefghijklmnopqrstuvwxyz"
_GRAMMAR = re.compile(r"[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?")
_TIME_BITS, _RANDOM_BITS = 52, 28  # microseconds until the year 2112; together 80 bits, 16 letters of 5

_log = logging.getLogger(__name__)
_lock = threading.Lock()
_newest = 0  # the microsecond of the last version made by this process


@total_ordering
@dataclass(frozen=True, slots=True)
class Tag:
    """The name of a model or a bento, and which version of it.

    Args:
        name: at most 63 of `a-z 0-9 - . _`, a letter or digit first and last; capitals are lowered and logged.
        version: by the same rules; None or `latest` stands for the newest.

    Raises:
        InvalidInput: the name or the version breaks these rules.
    """

    name: str
    version: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", _check("name", self.name))
        if self.version is not None:
            object.__setattr__(self, "version", _check("version", self.version))

    @classmethod
    def parse(cls, text: "str | Tag") -> Self:
        """Read `name` or `name:version`; a tag is given back as it is.

        Raises:
            InvalidInput: *text* is not a tag.
        """
        if isinstance(text, Tag):
            return cls(text.name, text.version)
        if not isinstance(text, str):
            raise InvalidInput(f"a tag must be text such as 'iris:latest': {text!r}")
        name, colon, version = text.partition(":")
        if colon and not version:
            raise InvalidInput(f"a tag must have a version after its colon: {text!r}", hint=f"write {name!r} alone")
        return cls(name, version if colon else None)

    from_str = from_taglike = parse  # as BentoML's users call it

    @classmethod
    def fresh(cls, name: str) -> Self:
        """Give *name* a version that nobody else has, later in order than all before it."""
        return cls(name, make_version())

    @property
    def is_exact(self) -> bool:
        """True if the tag names one version for ever, and not `latest`."""
        return self.version not in (None, LATEST)

    def make_new_version(self) -> Self:
        """Give the same name with a version that nobody else has."""
        return self.fresh(self.name)

    def with_version(self, version: str | None) -> Self:
        """Give the same name with another version."""
        return replace(self, version=version)

    def __str__(self) -> str:
        return self.name if self.version is None else f"{self.name}:{self.version}"

    def __lt__(self, other: object) -> bool:
        return self._order() < other._order() if isinstance(other, Tag) else NotImplemented

    def _order(self) -> tuple[str, str]:
        return self.name, self.version or ""


def make_version() -> str:
    """Make a version: 16 letters of base32; the first ten and a half are the time.

    Versions made by one process sort strictly by time, whatever its clock does; two processes in the same
    microsecond differ by 28 random bits.
    """
    global _newest
    with _lock:
        _newest = max(time.time_ns() // 1000, _newest + 1)
        moment = _newest
    number = (moment % (1 << _TIME_BITS)) << _RANDOM_BITS | int.from_bytes(os.urandom(4)) >> (32 - _RANDOM_BITS)
    return "".join(_LETTERS[number >> shift & 31] for shift in range(75, -1, -5))


def is_part(text: str) -> bool:
    """Say whether *text* is a name or a version exactly as it stands."""
    return len(text) <= MAX_LENGTH and _GRAMMAR.fullmatch(text) is not None


def _check(field: str, value: str) -> str:
    if not isinstance(value, str):
        raise InvalidInput(f"the {field} of a tag must be text: {value!r}")
    lowered = value.lower()
    if len(lowered) > MAX_LENGTH:
        raise InvalidInput(f"the {field} of a tag must have at most {MAX_LENGTH} letters, not {len(value)}: {value!r}")
    if not _GRAMMAR.fullmatch(lowered):
        raise InvalidInput(
            f"the {field} of a tag must be of a-z 0-9 - . _ and begin and end with a letter or digit: {value!r}",
            hint=_suggest(lowered),
        )
    if lowered != value:
        _log.warning("the %s %r is lowered to %r", field, value, lowered)
    return lowered


def _suggest(lowered: str) -> str | None:
    tidy = re.sub(r"[^a-z0-9._-]+", "-", lowered).strip("-._")
    return f"write {tidy!r}" if tidy else None

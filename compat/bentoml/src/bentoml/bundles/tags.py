"""Name a bundle: `IrisClassifier:20261120083000_A1B2C3`.

In: text. Out: a `BundleTag`, checked by one grammar, safe as the name of two folders. Names are those of classes and
keep their capitals, which tags of models and bentos do not have.
"""

import datetime
import os
import re
from dataclasses import dataclass
from typing import Any, Self

from ekiben.core.errors import InvalidInput
from ekiben.core.tag import LATEST

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")
VERSION = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")  # none is hidden, climbs, or reads as an option


@dataclass(frozen=True, slots=True)
class BundleTag:
    """The name of a service and which version of it.

    Args:
        name: that of a class: at most 128 letters, digits and `_`.
        version: at most 128 of `A-Z a-z 0-9 _ . -`; None or `latest` stands for the newest.

    Raises:
        InvalidInput: the name or the version breaks these rules.
    """

    name: str
    version: str | None = None

    def __post_init__(self) -> None:
        name: Any = self.name
        if not isinstance(name, str) or not NAME.fullmatch(name):
            raise InvalidInput(f"the name of a bundle must be that of a class: {self.name!r}")
        if self.version is not None:
            check_version(self.version)

    @classmethod
    def parse(cls, text: "str | BundleTag") -> Self:
        """Read `Name` or `Name:version`; raises InvalidInput."""
        if isinstance(text, BundleTag):
            return cls(text.name, text.version)
        if not isinstance(text, str):
            raise InvalidInput(f"a bundle must be named by text such as 'IrisClassifier:latest': {text!r}")
        name, colon, version = text.partition(":")
        return cls(name, version if colon else None)

    @property
    def is_exact(self) -> bool:
        """Whether it names one version for ever."""
        return self.version not in (None, LATEST)

    def __str__(self) -> str:
        return self.name if self.version is None else f"{self.name}:{self.version}"


def check_version(text: Any) -> str:
    """Give a version that may name a folder; raises InvalidInput."""
    if not isinstance(text, str) or not VERSION.fullmatch(text):
        raise InvalidInput(
            f"the version of a bundle must be at most 128 of `A-Z a-z 0-9 _ . -`, the first no `.` or `-`: {text!r}"
        )
    return text


def check_exact(text: Any) -> str:
    """Give a version that names one bundle for ever; raises InvalidInput."""
    if check_version(text) == LATEST:
        raise InvalidInput(f"the version of a bundle must not be {LATEST!r}, which names the newest")
    return check_version(text)


def make_version() -> str:
    """Make a version: the time in UTC to the second, and six letters that differ."""
    now = datetime.datetime.now(datetime.UTC)
    return f"{now:%Y%m%d%H%M%S}_{os.urandom(3).hex().upper()}"

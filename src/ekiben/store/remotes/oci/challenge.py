"""Read what a registry asks for before it answers: `WWW-Authenticate`.

In: a header. Out: schemes with their parameters. Pure.
Source: RFC 9110, 11.6.1 and 5.6 (token, quoted-string); the distribution project's token authentication.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"  # noqa: S105 - a grammar, no password
_PIECE = re.compile(rf'[\s,]*(?:({_TOKEN})\s*=\s*(?:"((?:[^"\\]|\\.)*)"|({_TOKEN}))|({_TOKEN})(?:\s+|,|$))')
_LONGEST = 8192  # letters


@dataclass(frozen=True, slots=True)
class Challenge:
    """One way to be let in."""

    scheme: str  # in lower case: "bearer", "basic"
    parameters: Mapping[str, str]  # names in lower case


def parse_challenges(header: str) -> list[Challenge]:
    """Take a header apart; what cannot be read ends it."""
    found: list[tuple[str, dict[str, str]]] = []
    place, header = 0, header[:_LONGEST]
    while piece := _PIECE.match(header, place):
        name, quoted, plain, scheme = piece.groups()
        if scheme is not None:
            found.append((scheme.lower(), {}))
        elif found:
            value = plain if quoted is None else re.sub(r"\\(.)", r"\1", quoted)
            found[-1][1].setdefault(name.lower(), value)
        place = piece.end()
    return [Challenge(scheme, parameters) for scheme, parameters in found]

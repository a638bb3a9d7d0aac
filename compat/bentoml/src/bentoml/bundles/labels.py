"""Choose bundles by their labels, in the query language of 0.13.

In: `team=vision, stage In (dev, prod), owner Exists`. Out: a function that says yes or no of labels.
Every condition must hold. Source: the reference of BentoML 0.13, "label selectors".
"""

import re
from collections.abc import Callable, Mapping

from ekiben.core.errors import InvalidInput

Labels = Mapping[str, str]

WORD = r"[A-Za-z0-9_./-]+"
EQUAL = re.compile(rf"(?P<key>{WORD})\s*(?P<sign>!?=)\s*(?P<value>{WORD})")
AMONG = re.compile(
    rf"(?P<key>{WORD})\s+(?P<verb>In|NotIn)\s*\(\s*(?P<values>{WORD}(?:\s*,\s*{WORD})*)\s*\)", re.IGNORECASE
)
THERE = re.compile(rf"(?P<key>{WORD})\s+(?P<verb>Exists|DoesNotExist)", re.IGNORECASE)
COMMAS = re.compile(r",(?![^()]*\))")  # outside of parentheses


def read_query(text: str) -> Callable[[Labels], bool]:
    """Read a query.

    Raises:
        InvalidInput: a condition is none; the error names it.
    """
    conditions = [read_condition(part.strip()) for part in COMMAS.split(text)]
    return lambda labels: all(holds(labels) for holds in conditions)


def read_condition(text: str) -> Callable[[Labels], bool]:
    """Read one condition; raises InvalidInput."""
    if found := EQUAL.fullmatch(text):
        key, value, is_equal = found["key"], found["value"], found["sign"] == "="
        return lambda labels: (labels.get(key) == value) is is_equal
    if found := AMONG.fullmatch(text):
        key, values = found["key"], re.split(r"\s*,\s*", found["values"])
        is_in = found["verb"].lower() == "in"
        return lambda labels: (labels.get(key) in values) is is_in
    if found := THERE.fullmatch(text):
        key, is_there = found["key"], found["verb"].lower() == "exists"
        return lambda labels: (key in labels) is is_there
    raise InvalidInput(
        f"`--labels` must hold conditions, and this is none: {text!r}",
        hint="write `k=v`, `k!=v`, `k In (a, b)`, `k NotIn (a, b)`, `k Exists` or `k DoesNotExist`, between commas",
    )

"""Guess what was meant.

In: a name that is not there, and those that are. Out: a hint, or None.
"""

import difflib
from collections.abc import Iterable


def near_hint(name: str, names: Iterable[str]) -> str | None:
    """Ask about the nearest of *names*; upper and lower case count as the same letter."""
    folded = {each.lower(): each for each in names}
    found = difflib.get_close_matches(name.lower(), folded, 1)
    return f"did you mean `{folded[found[0]]}`?" if found else None

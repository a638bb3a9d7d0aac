"""Name values, shapes and places for whoever sent them.

In: a value that is wrong. Out: a few words, short enough for one line.
"""

from collections.abc import Sequence
from typing import Any

from ekiben.schema.content import Upload

PLAIN: dict[type, str] = {Upload: "a file", type(None): "null", dict: "an object", list: "a list", tuple: "a list"}
LONG = 10**30


def named(raw: Any) -> str:
    """Name a JSON value, cut to a readable length."""
    kind = type(raw)
    if kind in PLAIN:
        return PLAIN[kind]
    if kind is bool:
        return "true" if raw else "false"
    if kind is int and not -LONG < raw < LONG:
        return f"a whole number of {raw.bit_length()} bits"
    if kind not in (int, float, str):
        return f"a value of type {kind.__name__}"
    return shorten(repr(raw[:64] if kind is str else raw))


def shorten(text: str, limit: int = 60) -> str:
    """Cut *text* to a readable length."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


def spell(shape: Sequence[int]) -> str:
    """Write a shape as Python does, with `any` for an open length."""
    lengths = ["any" if length < 0 else str(length) for length in shape]
    return f"({lengths[0]},)" if len(lengths) == 1 else f"({', '.join(lengths)})"


def path_of(place: Sequence[int | str]) -> str:
    """Write a place as `x[3][1].name`."""
    path = ""
    for step in place:
        if isinstance(step, int):
            path += f"[{step}]"
        else:
            path += step if step == "[key]" or not path else f".{step}"
    return path

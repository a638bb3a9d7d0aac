"""Read the cells of a text table, which has no types of its own.

In: text. Out: numbers, truths, text, or nothing, as the endpoint's JSON Schema asks for it or as the text looks.
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ekiben.schema.wire import json as wire_json

WHOLE = re.compile(r"[+-]?[0-9]{1,4000}")  # more digits are refused by Python itself
NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?|[+-]?(inf|infinity)", re.IGNORECASE)
MISSING = frozenset({"", "na", "n/a", "nan", "null", "none"})  # in a column of numbers; in lower case
TRUTHS = {"true": True, "false": False}
NONE: Any = object()  # an empty cell, where the endpoint may have a default


def number(text: str) -> int | float:
    """Give a number; NaN for an empty cell.

    Raises:
        ValueError: the text is none.
    """
    plain = text.strip()
    if WHOLE.fullmatch(plain):
        return int(plain)
    if NUMBER.fullmatch(plain):
        return float(plain)
    if plain.lower() in MISSING:
        return math.nan
    if plain.lower() in TRUTHS:
        return int(TRUTHS[plain.lower()])
    raise ValueError(f"must be a number: {text[:60]!r}")


def is_number(text: str) -> bool:
    """Say whether *text* is a number, and not an empty cell."""
    plain = text.strip()
    return WHOLE.fullmatch(plain) is not None or NUMBER.fullmatch(plain) is not None


def guess(text: str) -> Any:
    """Give the number or the truth that *text* looks like; else the text."""
    plain = text.strip()
    if is_number(plain):
        return number(plain)
    return TRUTHS.get(plain.lower(), math.nan if plain.lower() == "nan" else text)


@dataclass(slots=True)
class Kinds:
    """What the columns of a table hold, settled by the first rows that hold anything.

    Rows that come later must fit, so that each batch has the same columns of the same types.
    """

    share: float  # of a column's filled cells that must be numbers, for it to count as a column of numbers
    known: dict[str, str] = field(default_factory=dict)  # number | truth | text
    members: tuple[str, ...] | None = None  # of JSON objects: those that were numbers in the first

    def see(self, names: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Settle the columns that were empty so far."""
        for index, name in enumerate(names):
            if name not in self.known:
                kind = self.kind([row[index] for row in rows])
                if kind is not None:
                    self.known[name] = kind

    def kind(self, cells: Sequence[str]) -> str | None:
        """Say what cells are; None where all are empty."""
        filled = [cell for cell in cells if cell.strip().lower() not in MISSING]
        if not filled:
            return None if not any(cell.strip() for cell in cells) else "number"
        if all(cell.strip().lower() in TRUTHS for cell in filled):
            return "truth"
        return "number" if sum(map(is_number, filled)) >= self.share * len(filled) else "text"

    def numeric(self, names: Sequence[str]) -> list[str]:
        """Give those of *names* that hold numbers or truths; empty columns may."""
        return [name for name in names if self.known.get(name) != "text"]

    def column(self, name: str, cells: Sequence[str]) -> list[Any]:
        """Read one column.

        Raises:
            ValueError: a cell does not fit.
        """
        kind = self.known.get(name, "number")
        if kind == "text":
            return [cell or None for cell in cells]
        try:
            if kind == "truth":
                return [None if not cell.strip() else TRUTHS[cell.strip().lower()] for cell in cells]
            return [number(cell) for cell in cells]
        except KeyError as error:
            raise ValueError(f"column `{name}` must be true or false, as in the first rows: {error}") from error
        except ValueError as error:
            raise ValueError(f"column `{name}` {error}") from error


@dataclass(frozen=True, slots=True)
class Asked:
    """What a JSON Schema asks for, so far as cells are concerned."""

    schema: Mapping[str, Any]
    root: Mapping[str, Any]  # where `$ref` leads

    def whole(self) -> Mapping[str, Any]:
        """Give the schema, behind its references."""
        schema = self.schema
        for _ in range(20):
            place = schema.get("$ref", "")
            if not place.startswith("#/$defs/"):
                return schema
            schema = self.root.get("$defs", {}).get(place.removeprefix("#/$defs/"), {})
        return schema

    def types(self) -> set[str]:
        """List the types that are taken; empty where any is."""
        schema = self.whole()
        parts = [*schema.get("anyOf", ()), *schema.get("oneOf", ()), *schema.get("allOf", ())]
        said = schema.get("type", ())
        found = {said} if isinstance(said, str) else set(said)
        for value in [*schema.get("enum", ()), *([schema["const"]] if "const" in schema else [])]:
            found.add("string" if isinstance(value, str) else "number")
        return found.union(*(Asked(part, self.root).types() for part in parts))

    def inner(self, name: str) -> "Asked":
        """Give what is asked for a member."""
        return Asked(self.whole().get("properties", {}).get(name, {}), self.root)

    def items(self) -> "Asked":
        """Give what is asked for each item of a list."""
        return Asked(self.whole().get("items", {}), self.root)

    @property
    def required(self) -> Sequence[str]:
        """The members that must be there."""
        return tuple(self.whole().get("required", ()))

    def read(self, text: str) -> Any:
        """Read one cell; NONE for an empty one that is no text.

        Raises:
            ValueError: it begins as JSON, where that is asked for, and is none.
        """
        types = self.types()
        if not text:
            return text if "string" in types and "null" not in types else NONE
        if "string" in types:
            return text
        if types & {"array", "object"} and text.lstrip()[:1] in ("[", "{"):
            return wire_json.load(text)
        return guess(text)

    def record(self, row: Mapping[str, str]) -> dict[str, Any]:
        """Read a row as an object; an empty cell is left out where the member may be.

        Raises:
            ValueError: as `read`.
        """
        found: dict[str, Any] = {}
        for name, text in row.items():
            value = self.inner(name).read(text)
            if value is not NONE:
                found[name] = value
            elif name in self.required:
                found[name] = None
        return found

"""Cells of text become what the endpoint asks for, or what they look like."""

import math
from typing import Any

import pytest

from ekiben.tools.batch.cells import NONE, Asked, Kinds, guess, number


@pytest.mark.parametrize(
    ("text", "value"),
    [("1", 1), (" 2.5 ", 2.5), ("-3e2", -300.0), (".5", 0.5), ("inf", math.inf), ("true", 1), ("+7", 7)],
)
def test_number(text: str, value: float) -> None:
    """Numbers are read as written; whole ones stay whole."""
    assert number(text) == value
    assert type(number(text)) is type(value)


@pytest.mark.parametrize("text", ["1_000", "0x10", "1,5", "abc", "1 2", "--1", "1e", "١"])
def test_no_number(text: str) -> None:
    """What only Python's own spelling takes for a number is none."""
    with pytest.raises(ValueError, match="must be a number"):
        number(text)
    assert guess(text) == text


@pytest.mark.parametrize("text", ["", "NA", "nan", "N/A", "null"])
def test_missing(text: str) -> None:
    """An empty cell among numbers is NaN."""
    assert math.isnan(number(text))


@pytest.mark.parametrize(
    ("schema", "text", "value"),
    [
        pytest.param({"type": "string"}, "007", "007", id="text stays text"),
        pytest.param({"type": "integer"}, "007", 7, id="a number is read"),
        pytest.param({"type": "string"}, "", "", id="empty text is text"),
        pytest.param({"type": "number"}, "", NONE, id="an empty number is none"),
        pytest.param({"anyOf": [{"type": "string"}, {"type": "null"}]}, "", NONE, id="an optional text may be none"),
        pytest.param({"type": "array"}, "[1, 2]", [1, 2], id="a list is written as JSON"),
        pytest.param({"$ref": "#/$defs/A"}, "5", "5", id="references are followed"),
        pytest.param({"enum": ["1", "2"]}, "1", "1", id="one of some texts is a text"),
        pytest.param({}, "true", True, id="without a type it is what it looks like"),
        pytest.param({"$ref": "#/$defs/Loop"}, "5", 5, id="a reference to itself ends"),
    ],
)
def test_asked(schema: dict[str, Any], text: str, value: Any) -> None:
    """A cell is read as the JSON Schema asks."""
    root = {"$defs": {"A": {"type": "string"}, "Loop": {"$ref": "#/$defs/Loop"}}}
    assert Asked(schema, root).read(text) == value


def test_kinds_hold() -> None:
    """The first rows settle what a column is; later ones must fit."""
    kinds = Kinds(0.5)
    kinds.see(["n", "t", "b", "e"], [["1", "x", "true", ""], ["2", "1", "false", ""], ["bad", "y", "", ""]])
    assert kinds.known == {"n": "number", "t": "text", "b": "truth"}
    assert kinds.column("n", ["1", "2.5"]) == [1, 2.5]
    with pytest.raises(ValueError, match="column `n` must be a number: 'bad'"):
        kinds.column("n", ["1", "bad"])
    with pytest.raises(ValueError, match="column `b` must be true or false"):
        kinds.column("b", ["maybe"])
    kinds.see(["e"], [["word"]])
    assert kinds.known["e"] == "text"
    assert Kinds(1.0).kind(["1", "2", "bad"]) == "text"

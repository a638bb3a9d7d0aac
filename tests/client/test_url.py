"""What stands in a URL is written so that a server reads the value that was given, and nothing else."""

import datetime
import uuid
from enum import Enum
from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ekiben.client.base import Kind, Route
from ekiben.client.url import spell, split
from ekiben.core.errors import InvalidInput


class Word(Enum):
    """A word."""

    ONE = "one"


def route(path: str, **places: str) -> Route:
    """Make a route."""
    return Route("go", path, "GET", "", (), False, {}, Kind(), {}, places=places)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("a b", "a b"), (7, "7"), (1.5, "1.5"), (True, "true"), (datetime.date(2026, 1, 2), "2026-01-02"),
        (Word.ONE, "one"), (uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"),
    ],
)  # fmt: skip
def test_spelling(value: Any, expected: str) -> None:
    """A value is written as JSON has it, without quotation marks."""
    assert spell(value) == expected


@given(st.text(st.characters(codec="utf-8"), min_size=1))
def test_a_segment_is_one_segment(text: str) -> None:
    """Whatever a value holds, it is one segment of the path, and reads as the value again."""
    path, _, _ = split(route("/a/{name}/b", name="path"), {"name": text})
    first, begin, middle, end = path.split("/")
    assert (first, begin, end) == ("", "a", "b")
    assert unquote(middle, errors="strict") == text
    assert middle not in (".", "..")
    assert not set(middle) & set("?#%") - {"%"}


def test_parts() -> None:
    """Path and query take what is theirs; the rest is the body, and None is not sent."""
    found = split(route("/x/{a}", a="path", b="query", c="query"), {"a": 1, "b": [1, 2], "c": None, "d": 4})
    assert found == ("/x/1", [("b", "1"), ("b", "2")], {"d": 4})


def test_a_route_without_any() -> None:
    """A route that has nothing in its URL is left as it is, whatever its body is."""
    assert split(route("/x"), [1, 2]) == ("/x", [], [1, 2])


@pytest.mark.parametrize("bound", [{"a": ""}, {}])
def test_nothing_in_a_path(bound: dict[str, Any]) -> None:
    """A path with nothing in place of a name would be another path, and is refused."""
    with pytest.raises(InvalidInput, match="`a` stands in the path and must not be empty"):
        split(route("/x/{a}", a="path"), bound)

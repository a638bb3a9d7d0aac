"""Queries over labels say yes where every condition holds."""

import pytest
from bentoml.bundles.labels import read_query

from ekiben.exceptions import InvalidInput

LABELS = {"team": "vision", "stage": "dev", "v": "1.2"}


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("team=vision", True),
        ("team=sound", False),
        ("team!=sound", True),
        ("team!=vision", False),
        ("owner!=me", True),
        ("stage In (dev, prod)", True),
        ("stage in (prod)", False),
        ("stage NotIn (dev,prod)", False),
        ("owner NotIn (me)", True),
        ("team Exists", True),
        ("owner Exists", False),
        ("owner DoesNotExist", True),
        ("team=vision, stage In (dev, prod), v=1.2", True),
        ("team=vision,stage=prod", False),
    ],
)
def test_queries(query: str, expected: bool) -> None:
    """Each kind of condition does what its words say."""
    assert read_query(query)(LABELS) is expected


@pytest.mark.parametrize("query", ["", "team", "team==vision", "team In vision", "team In ()", "=x", "a=b;c", "a=b,"])
def test_what_is_no_query(query: str) -> None:
    """Anything else is refused, with the condition that is none."""
    with pytest.raises(InvalidInput, match="`--labels` must hold conditions"):
        read_query(query)

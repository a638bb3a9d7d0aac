"""The form of an answer is the one that its caller weighs most."""

import pytest

from ekiben.schema.accept import choose

OFFERS = ("application/json", "application/x-npy", "text/csv; charset=utf-8")


@pytest.mark.parametrize(
    ("accepted", "expected"),
    [
        ("*/*", "application/json"),
        ("application/json", "application/json"),
        ("application/x-npy", "application/x-npy"),
        ("APPLICATION/X-NPY", "application/x-npy"),
        ("text/csv", "text/csv; charset=utf-8"),
        ("text/*", "text/csv; charset=utf-8"),
        ("application/*", "application/json"),
        ("application/x-npy, */*;q=0.1", "application/x-npy"),
        ("application/x-npy;q=0.1, */*;q=0.5", "application/json"),
        ("application/json;q=0, */*", "application/x-npy"),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "application/json"),
        ("image/png", None),
        ("application/json;q=0", None),
        ("", None),
        (", ,", None),
        ("text/csv;q=x", None),
        ("text/csv;q=nan, application/json;q=0.1", "application/json"),
        ("garbage", None),
        ("*", None),
    ],
)
def test_choose(accepted: str, expected: str | None) -> None:
    """The most specific range counts, then its weight, then the order of what there is."""
    assert choose(accepted, OFFERS) == expected

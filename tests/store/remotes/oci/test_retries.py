"""When a registry is asked again."""

import datetime

import pytest

from ekiben.store.remotes.oci.retries import Patience, decide_delay, read_retry_after

PATIENCE = Patience(attempts=5, first=1.0, longest=6.0, longest_asked=30.0)
NOW = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)


@pytest.mark.parametrize(
    ("attempt", "chance", "asked", "expected"),
    [
        pytest.param(1, 0.5, None, 0.5, id="chance takes a part of the delay"),
        pytest.param(3, 0.5, None, 2.0, id="which doubles"),
        pytest.param(4, 0.5, None, 3.0, id="up to its limit"),
        pytest.param(5, 0.5, None, None, id="and ends"),
        pytest.param(5, 0.5, 1.0, None, id="also where the registry asks for more"),
        pytest.param(1, 0.9, 7.0, 7.0, id="what the registry asks for counts"),
        pytest.param(1, 0.9, 9e9, 30.0, id="but not for ever"),
        pytest.param(1, 0.9, -1.0, 0.0, id="nor backwards"),
    ],
)
def test_delays(attempt: int, chance: float, asked: float | None, expected: float | None) -> None:
    """Delays double, with chance, and end."""
    assert decide_delay(attempt, chance, PATIENCE, asked) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(None, None, id="nothing"),
        pytest.param("3", 3.0, id="seconds"),
        pytest.param("Thu, 01 Jan 2026 00:00:09 GMT", 9.0, id="a date"),
        pytest.param("Wed, 31 Dec 2025 00:00:00 GMT", 0.0, id="a date that has passed"),
        pytest.param("Thu, 01 Jan 2026 00:00:09 -0000", 9.0, id="a date without a zone is UTC"),
        pytest.param("soon", None, id="words"),
        pytest.param("-5", None, id="no number"),
        pytest.param("9" * 400, 999999999.0, id="a number longer than any"),
    ],
)
def test_retry_after(text: str | None, expected: float | None) -> None:
    """`Retry-After` is read in both of its forms, and anything else is passed over."""
    assert read_retry_after(text, NOW) == expected

"""Latencies are kept in bounded memory, and their quantiles are right to 1 %."""

import pytest

from ekiben.tools.bench.histogram import SIZE, Histogram


def of(*values: float) -> Histogram:
    found = Histogram()
    for value in values:
        found.add(value)
    return found


@pytest.mark.parametrize("value", [1e-5, 0.000123, 0.01, 1.5, 60.0])
def test_values_are_right_to_one_percent(value: float) -> None:
    """Whatever its size, a value is found again to within 1 %."""
    assert of(value).quantile(0.5) == pytest.approx(value, rel=0.011)


def test_quantiles() -> None:
    """A quantile is what that share of the values does not pass."""
    found = of(*(number / 1000 for number in range(1, 101)))
    assert [found.quantile(share) for share in (0.5, 0.95, 0.99, 1.0)] == pytest.approx(
        [0.05, 0.095, 0.099, 0.1], rel=0.011
    )


def test_nothing_and_too_much() -> None:
    """No values have the quantile 0; values beyond the ends fall into the outer buckets."""
    assert Histogram().quantile(0.5) == 0.0
    found = of(0.0, 1e-9, 1e9)
    assert (found.counts[0], found.counts[SIZE - 1], found.total) == (2, 1, 3)


def test_put_together() -> None:
    """What two processes saw is what one would have seen."""
    both = of(0.1, 0.2, 0.3, 0.4)
    first = of(0.1, 0.4)
    first.take(of(0.2, 0.3).sparse())
    assert first == both

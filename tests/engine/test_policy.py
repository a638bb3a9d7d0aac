"""When a batch leaves, which call is too late, what a batch costs: plain numbers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ekiben.core.spec import BatchSpec
from ekiben.engine.policy import Cost, decide_wait, is_late


@pytest.mark.parametrize(
    ("items", "oldest", "expected"),
    [
        pytest.param(8, 0.0, 0.0, id="a full batch leaves at once"),
        pytest.param(9, 0.0, 0.0, id="so does one that is more than full"),
        pytest.param(1, 0.5, 0.0, id="no call waits past max_wait"),
        pytest.param(1, 0.7, 0.0, id="a late wake-up is never a negative wait"),
        pytest.param(3, 0.125, 0.375, id="otherwise the rest of max_wait"),
    ],
)
def test_decide_wait(items: int, oldest: float, expected: float) -> None:
    """A batch leaves when it is full or its oldest call has waited long enough."""
    assert decide_wait(items, oldest, BatchSpec(max_size=8, max_wait=0.5)) == expected


def test_no_wait_by_default() -> None:
    """A lone call is never delayed, unless `max_wait` asks for it."""
    assert decide_wait(1, 0.0, BatchSpec()) == 0.0


@pytest.mark.parametrize(
    ("age", "cost", "expected"),
    [
        pytest.param(0.0, 0.5, False, id="a fresh call has time"),
        pytest.param(0.5, 0.5, False, id="the last moment is in time"),
        pytest.param(0.6, 0.5, True, id="its batch would end too late"),
        pytest.param(1.1, 0.0, True, id="it has waited too long already"),
    ],
)
def test_is_late(age: float, cost: float, expected: bool) -> None:
    """A call is late when its age and the cost of its batch are more than `max_latency`."""
    assert is_late(age, cost, BatchSpec(max_latency=1.0)) is expected


def test_nothing_is_expected_before_anything_was_seen() -> None:
    """The first batch is never taken for too slow."""
    assert Cost().expect(100) == 0.0


@given(
    st.floats(0.0, 10.0),
    st.floats(0.0, 1.0),
    st.lists(st.integers(1, 64), min_size=2, max_size=30).filter(lambda sizes: len(set(sizes)) > 1),
)
def test_a_line_is_learned(fixed: float, each: float, sizes: list[int]) -> None:
    """Batches that cost a + b·n teach a and b."""
    cost = Cost()
    for size in sizes:
        cost = cost.observe(size, fixed + each * size)
    assert cost.expect(50) == pytest.approx(fixed + each * 50, rel=1e-3, abs=1e-3)


def test_batches_of_one_size_teach_their_mean() -> None:
    """Without different sizes there is no slope, and every size is expected to cost the same."""
    cost = Cost().observe(4, 0.2).observe(4, 0.2)
    assert cost.expect(1) == pytest.approx(0.2)
    assert cost.expect(400) == pytest.approx(0.2)


def test_old_batches_are_forgotten() -> None:
    """A model that has become slow is known to be slow after some batches."""
    cost = Cost()
    for _ in range(100):
        cost = cost.observe(1, 0.001)
    for _ in range(100):
        cost = cost.observe(1, 1.0)
    assert cost.expect(1) > 0.9


@given(st.lists(st.tuples(st.integers(1, 1000), st.floats(0.0, 100.0)), max_size=30), st.integers(1, 10_000))
def test_no_cost_is_negative(batches: list[tuple[int, float]], items: int) -> None:
    """Whatever was seen, no batch is expected to take less than no time."""
    cost = Cost()
    for size, seconds in batches:
        cost = cost.observe(size, seconds)
    assert cost.expect(items) >= 0.0

"""When a batch leaves, which call is too late, what a batch costs: plain numbers."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ekiben.core.spec import BatchSpec
from ekiben.engine.policy import Adaptive, Cost, Guarded, Moment, is_late


def learned(fixed: float, each: float) -> Adaptive:
    """Make a policy that knows what batches cost."""
    policy = Adaptive()
    for items in (1, 8, 32, 64):
        policy.observe(items, fixed + each * items)
    return policy


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        pytest.param(Moment(1, oldest=0.5), 0.0, id="no call waits past max_wait"),
        pytest.param(Moment(1, oldest=0.7), 0.0, id="a late wake-up is never a negative wait"),
        pytest.param(Moment(3, oldest=0.125), 0.375, id="otherwise the rest of max_wait"),
        pytest.param(Moment(0), 0.0, id="where nothing waits, nothing has to"),
    ],
)
def test_max_wait(moment: Moment, expected: float) -> None:
    """The oldest call of a batch waits for others as long as `max_wait` says."""
    assert Adaptive().wait(moment, BatchSpec(max_size=8, max_wait=0.5)) == expected


@pytest.mark.parametrize(
    ("policy", "moment", "expected"),
    [
        pytest.param(Adaptive(), Moment(1), 0.0, id="a lone first call leaves at once"),
        pytest.param(learned(1.0, 0.0), Moment(1), 0.0, id="so does a lone call of a costly model"),
        pytest.param(learned(1.0, 0.0), Moment(4, 0.5, 0.0, 0.0, missing=0), 0.0, id="nobody is missing"),
        pytest.param(learned(0.0, 0.1), Moment(4, 0.0, 0.0, 0.0, missing=4), 0.0, id="items cost, not runs"),
        pytest.param(learned(1.0, 0.0), Moment(4, 0.0, 0.0, 0.0, missing=4), 0.125, id="those answered are missing"),
        pytest.param(learned(1.0, 0.0), Moment(4, 0.0, 0.025, 0.1, missing=4), 0.1, id="no call came for a while"),
        pytest.param(learned(1.0, 0.0), Moment(4, 0.0, 0.125, 0.2, missing=4), 0.0, id="nobody comes any more"),
        pytest.param(learned(1.0, 0.0), Moment(4, 0.0, 0.0, 0.25, missing=4), 0.0, id="a quarter of the cost is over"),
        pytest.param(learned(1.0, 0.0), Moment(0, 0.0, 0.2, 0.2, missing=4), 0.05, id="nobody is back yet"),
    ],
)
def test_waiting_for_those_who_return(policy: Adaptive, moment: Moment, expected: float) -> None:
    """A batch waits for callers who were just answered, where a run costs more than its items, and not for long."""
    assert policy.wait(moment, BatchSpec(max_size=8)) == pytest.approx(expected, abs=1e-9)


def test_callers_who_do_not_return() -> None:
    """Nobody waits for callers who use not to come back; they are tried again now and then, and believed at once."""
    policy, moment = learned(1.0, 0.0), Moment(4, 0.0, 0.0, 0.0, missing=4)
    for _ in range(5):
        policy.welcome(4, 0)
    assert policy.wait(moment, BatchSpec()) == 0.0
    waits = []
    for _ in range(32):
        policy.welcome(4, 0)
        waits.append(policy.wait(moment, BatchSpec()) > 0.0)
    assert sum(waits) == 2
    policy.welcome(4, 4)
    assert policy.wait(moment, BatchSpec()) > 0.0


@given(
    st.builds(
        Moment,
        st.integers(0, 100),
        st.floats(0.0, 10.0),
        st.floats(0.0, 10.0),
        st.floats(0.0, 10.0),
        missing=st.integers(0, 64),
    ),
    st.floats(0.0, 1.0),
    st.floats(0.0, 1.0),
)
def test_no_wait_is_long(moment: Moment, fixed: float, each: float) -> None:
    """Whatever is seen, no batch waits longer than a quarter of what a run costs, nor less than no time."""
    wait = learned(fixed, each).wait(moment, BatchSpec())
    assert 0.0 <= wait <= 0.25 * fixed + 1e-6


class Own:
    """A policy of a user, which breaks when it is told to."""

    def __init__(self, wait: Any = 0.5) -> None:
        self.given = wait
        self.seen: list[Any] = []

    def wait(self, moment: Moment, spec: BatchSpec) -> Any:
        if self.given == "raises":
            raise KeyError("mine")
        return self.given

    def observe(self, items: int, seconds: float) -> None:
        self.seen.append((items, seconds))

    def expect(self, items: int) -> float:
        return float(items)

    def welcome(self, answered: int, returned: int) -> None:
        self.seen.append((answered, returned))


def test_own_policy() -> None:
    """The user's policy is asked and told everything, and its waits end before `max_latency` does."""
    own = Own()
    policy = Guarded(own, "a.b")
    assert policy.wait(Moment(1), BatchSpec()) == 0.5
    assert policy.wait(Moment(1, oldest=0.9), BatchSpec(max_latency=1.0)) == pytest.approx(0.1)
    policy.observe(3, 0.5)
    policy.welcome(2, 1)
    assert (policy.expect(7), own.seen) == (7.0, [(3, 0.5), (2, 1)])


@pytest.mark.parametrize("given", ["raises", "soon", None, float("nan"), True])
def test_own_policy_that_fails(given: Any, caplog: pytest.LogCaptureFixture) -> None:
    """A policy that raises or gives no number is logged once, and the usual one takes its place."""
    policy = Guarded(Own(given), "shop.predict")
    policy.observe(1, 0.25)
    assert [policy.wait(Moment(1), BatchSpec()) for _ in range(3)] == [0.0, 0.0, 0.0]
    assert [record.getMessage() for record in caplog.records] == [
        "the batching policy of shop.predict failed; the usual one takes its place"
    ]
    policy.observe(1, 0.25)
    assert policy.expect(1) == pytest.approx(0.25)


@given(st.floats(-10.0, 10.0))
def test_no_negative_wait(seconds: float) -> None:
    """A number that makes no sense does no harm."""
    assert Guarded(Own(seconds), "a.b").wait(Moment(1), BatchSpec(max_latency=2.0)) == min(max(0.0, seconds), 2.0)


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


def test_a_line_has_no_negative_part() -> None:
    """Where noise makes larger batches look cheaper, or small ones free, a and b stay at 0 or above."""
    falling = Cost().observe(1, 1.0).observe(10, 0.1)
    assert falling.line()[1] == 0.0
    steep = Cost().observe(10, 0.01).observe(11, 1.0)
    fixed, each = steep.line()
    assert fixed == 0.0
    assert each > 0.0

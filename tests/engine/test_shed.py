"""When a call that is refused may come back."""

import pytest

from ekiben.core.spec import BatchSpec
from ekiben.engine.policy import Adaptive
from ekiben.engine.shed import shed, soon


@pytest.mark.parametrize(
    ("waiting", "seconds", "expected"),
    [
        pytest.param(0, 0.001, 1, id="a second at least, as the header knows no parts"),
        pytest.param(0, 2.5, 3, id="the batch that runs"),
        pytest.param(25, 2.0, 6, id="and those before the one that a new call would be in"),
        pytest.param(10_000, 3600.0, 3600, id="an hour at most"),
        pytest.param(0, None, 1, id="before anything is known"),
    ],
)
def test_soon(waiting: int, seconds: float | None, expected: int) -> None:
    """A refused call is told to come back when what waits now will have been answered."""
    policy = Adaptive()
    if seconds is not None:
        policy.observe(10, seconds)
    spec = BatchSpec(max_size=10, max_latency=0.25)
    assert soon(waiting, spec, policy) == expected
    error = shed(spec, policy, waiting)
    assert (error.status, error.retry_after) == (503, expected)
    assert "within 250 ms (`max_latency_ms`)" in str(error)

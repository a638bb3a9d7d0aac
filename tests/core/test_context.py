"""What a method is given of its call."""

import pytest

from ekiben.core.context import Context


def test_progress_is_told() -> None:
    """Whoever listens hears the fraction and the words, not more than 1000 letters of them."""
    told: list[tuple[float, str]] = []
    context = Context(_report=lambda *found: told.append(found))
    context.progress(1, "x" * 2000)
    context.progress(0.5)
    assert told == [(1.0, "x" * 1000), (0.5, "")]


def test_progress_outside_of_a_task() -> None:
    """Nobody listens, and nothing happens: the same method can be called in both ways."""
    Context().progress(0.5, "half")


@pytest.mark.parametrize("fraction", [-0.1, 1.1, float("nan"), 40])
def test_wrong_progress(fraction: float) -> None:
    """A fraction is a number from 0 to 1, also where nobody listens."""
    with pytest.raises(ValueError, match=r"`fraction` must be a number from 0\.0 to 1\.0"):
        Context().progress(fraction)

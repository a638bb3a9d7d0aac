"""The code of a running call knows how much time is left."""

import threading
import time

import pytest

from ekiben.core.deadline import remaining, shorter, within


def test_outside_of_a_call() -> None:
    """Where no call runs nothing limits."""
    assert remaining() is None
    assert shorter(5) == 5
    assert shorter(None) is None


def test_inside_of_a_call() -> None:
    """Within a call the shorter time holds, and afterwards nothing is left of it."""
    with within(time.monotonic() + 100):
        assert 99 < (remaining() or 0) <= 100
        assert shorter(5) == 5
        assert 99 < (shorter(None) or 0) <= 100
        assert 99 < (shorter(1000) or 0) <= 100
        with within(None):
            assert remaining() is None
    assert remaining() is None


def test_time_is_never_negative() -> None:
    """A call that is late has 0 seconds left, not fewer."""
    with within(time.monotonic() - 5):
        assert remaining() == 0.0


def test_an_error_ends_it_too() -> None:
    """A method that raises leaves no deadline to the next call of its thread."""
    with pytest.raises(ValueError, match="bad"), within(time.monotonic()):
        raise ValueError("bad")
    assert remaining() is None


def test_threads_are_apart() -> None:
    """A deadline of one thread is not that of another."""
    seen: list[float | None] = []
    with within(time.monotonic() + 1):
        thread = threading.Thread(target=lambda: seen.append(remaining()))
        thread.start()
        thread.join()
    assert seen == [None]

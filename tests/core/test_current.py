"""Code without a `self` finds the service that it belongs to."""

import threading

import pytest

from ekiben.core import current
from ekiben.core.spec import ServiceSpec


def test_the_last_to_start_is_meant() -> None:
    """Of several services the last that began is the current one, until it ends; twice ended is ended."""
    first, second = current.Current(ServiceSpec("first")), current.Current(ServiceSpec("second"))
    before = current.current()
    ends = [current.begin(each) for each in (first, second)]
    try:
        assert current.current() is second
        ends[0]()
        assert current.current() is second
        with current.inside(first):
            assert current.current() is first
        assert current.current() is second
    finally:
        ends[1]()
        ends[1]()
    assert current.current() is before


def test_a_block_belongs_to_one_thread() -> None:
    """What a block belongs to is not seen by a thread beside it."""
    seen: list[object] = []
    mine = current.Current(ServiceSpec("mine"))
    with current.inside(mine):
        other = threading.Thread(target=lambda: seen.append(current.current()))
        other.start()
        other.join(10)
        assert current.current() is mine
    assert mine not in seen


def test_the_place_of_a_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker knows its place; a process that is none has the first."""
    monkeypatch.setattr(current, "_place", [0])
    assert current.worker_index() == 0
    current.settle_place(3)
    assert current.worker_index() == 3

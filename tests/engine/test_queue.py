"""Calls wait until a thread takes them: what is cut, in which order, and when."""

import asyncio
import threading
import time
from collections.abc import Iterator

import pytest

from ekiben.core.spec import BatchSpec
from ekiben.engine.messages import Call
from ekiben.engine.queue import CallQueue, Lane


def queue(**batches: BatchSpec) -> CallQueue:
    """Make a queue with a lane for each endpoint that batches; a call's items are those of its one list."""
    return CallQueue({name: Lane(spec, lambda call: len(call.args[0])) for name, spec in batches.items()})


def call(endpoint: str, *items: int) -> Call:
    return Call(endpoint, (list(items),), {}, arrived=time.monotonic())


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    made = asyncio.new_event_loop()
    yield made
    made.close()


def gone(loop: asyncio.AbstractEventLoop, endpoint: str, *items: int) -> Call:
    """Make a call that nobody waits for any more."""
    made = call(endpoint, *items)
    made.answer = loop.create_future()
    made.answer.cancel()
    return made


def test_calls_come_one_by_one() -> None:
    """Without batching each cut is one call, in the order of arrival."""
    calls = queue()
    for made in (first := call("a"), second := call("b")):
        calls.put(made)
    assert [calls.take(), calls.take()] == [[first], [second]]


def test_what_waits_is_one_batch() -> None:
    """A free thread takes everything that waits for one endpoint, at once."""
    calls = queue(a=BatchSpec())
    waiting = [call("a", 1), call("a", 2, 3), call("a", 4)]
    for made in waiting:
        calls.put(made)
    assert len(calls) == 3
    assert calls.take() == waiting
    assert len(calls) == 0


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        pytest.param([2, 2, 1], [[2, 2], [1]], id="items are counted, not calls"),
        pytest.param([1, 9, 1], [[1], [9], [1]], id="a call that is too large comes alone"),
        pytest.param([3, 2, 1], [[3], [2, 1]], id="no call overtakes one that did not fit"),
        pytest.param([4, 4], [[4], [4]], id="full batches"),
        pytest.param([0, 0, 4, 1], [[0, 0, 4], [1]], id="calls without items take no room"),
    ],
)
def test_cuts(sizes: list[int], expected: list[list[int]]) -> None:
    """A batch has at most `max_size` items, and calls keep their order."""
    calls = queue(a=BatchSpec(max_size=4))
    for size in sizes:
        calls.put(call("a", *range(size)))
    cuts = [[len(made.args[0]) for made in calls.take() or []] for _ in expected]
    assert cuts == expected


def test_endpoints_take_turns_by_age() -> None:
    """Whoever came first is served first, be it a batch or a call alone."""
    calls = queue(a=BatchSpec(), b=BatchSpec())
    for name in ("b", "alone", "a", "b", "a"):
        calls.put(call(name, 1))
    cuts = [[made.endpoint for made in calls.take() or []] for _ in range(3)]
    assert cuts == [["b", "b"], ["alone"], ["a", "a"]]


def test_dropped_calls(loop: asyncio.AbstractEventLoop) -> None:
    """A call that nobody waits for any more is dropped when the batch is cut, and takes no room in it."""
    calls = queue(a=BatchSpec(max_size=2))
    kept = [call("a", 1), call("a", 2)]
    for made in (gone(loop, "a", 0), kept[0], gone(loop, "a", 0, 0), kept[1]):
        calls.put(made)
    assert calls.take() == kept


def test_a_batch_of_dropped_calls_is_none(loop: asyncio.AbstractEventLoop) -> None:
    """Where nobody waits, the next work is taken instead."""
    calls = queue(a=BatchSpec())
    calls.put(gone(loop, "a", 1))
    calls.put(wanted := call("b", 1))
    assert calls.take() == [wanted]


@pytest.mark.parametrize(
    "batches", [pytest.param({}, id="without batches"), pytest.param({"a": BatchSpec()}, id="with")]
)
def test_closing(batches: dict[str, BatchSpec]) -> None:
    """What arrived before the end is still given out; then every thread is sent home."""
    calls = queue(**batches)
    calls.put(last := call("a", 1))
    calls.close()
    assert calls.take() == [last]
    assert [calls.take(), calls.take()] == [None, None]


def test_closing_ends_waiting() -> None:
    """A batch that could wait for more leaves when the queue closes."""
    calls = queue(a=BatchSpec(max_wait=1000.0))
    calls.put(last := call("a", 1))
    calls.close()
    assert calls.take() == [last]
    assert calls.take() is None


def test_a_waiting_batch_lets_others_pass() -> None:
    """While a batch waits to fill, a call that is in no batch is worked on."""
    calls = queue(a=BatchSpec(max_wait=1000.0))
    calls.put(call("a", 1))
    calls.put(other := call("alone"))
    assert calls.take() == [other]


def test_a_waiting_batch_leaves_when_full() -> None:
    """A thread that waits for a batch wakes as soon as it is full, long before `max_wait` is over."""
    calls = queue(a=BatchSpec(max_size=2, max_wait=1000.0))
    taken: list[list[Call] | None] = []
    thread = threading.Thread(target=lambda: taken.append(calls.take()))
    calls.put(first := call("a", 1))
    thread.start()
    calls.put(second := call("a", 2))
    thread.join(60)
    assert taken == [[first, second]]


def test_a_waiting_batch_leaves_in_time() -> None:
    """After `max_wait` a batch leaves with what it has, and not before."""
    calls = queue(a=BatchSpec(max_wait=0.05))
    calls.put(first := call("a", 1))
    assert calls.take() == [first]
    assert time.monotonic() - first.arrived >= 0.05


def test_threads_share_the_work() -> None:
    """Each call is taken by exactly one of several threads."""
    calls = queue(a=BatchSpec(max_size=3))
    taken: list[Call] = []

    def work() -> None:
        while (cut := calls.take()) is not None:
            taken.extend(cut)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    made = [call("a" if index % 2 else "alone", index) for index in range(200)]
    for each in made:
        calls.put(each)
    calls.close()
    for thread in threads:
        thread.join(60)
    assert sorted(each.args[0][0] for each in taken) == list(range(200))

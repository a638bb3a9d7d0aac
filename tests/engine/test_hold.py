"""When a free worker goes on after a batch: driven turn by turn, with a loop and a clock of plain values."""

from collections.abc import Callable
from typing import Any

import pytest

from ekiben.core.spec import BatchSpec
from ekiben.engine.hold import Finished, Hold
from ekiben.engine.messages import Call
from ekiben.engine.policy import Adaptive, Moment


class Timer:
    def __init__(self) -> None:
        self.is_cancelled = False

    def cancel(self) -> None:
        self.is_cancelled = True


class Loop:
    """Turns when it is told to."""

    def __init__(self) -> None:
        self.now = 100.0
        self.soon: list[Callable[[], None]] = []
        self.timers: list[tuple[float, Timer, Callable[[], None]]] = []

    def clock(self) -> float:
        return self.now

    def call_soon(self, action: Callable[[], None]) -> None:
        self.soon.append(action)

    def call_later(self, seconds: float, action: Callable[[], None]) -> Timer:
        timer = Timer()
        self.timers.append((self.now + seconds, timer, action))
        return timer

    def turn(self) -> None:
        due, self.soon = self.soon, []
        for action in due:
            action()

    def pass_time(self, seconds: float) -> None:
        self.now += seconds
        due = [each for each in self.timers if each[0] <= self.now]
        self.timers = [each for each in self.timers if each[0] > self.now]
        for _, timer, action in due:
            if not timer.is_cancelled:
                action()

    @property
    def waits(self) -> bool:
        return any(not timer.is_cancelled for _, timer, _ in self.timers)


class Asked:
    """A policy that says what it is told to, and notes what it is asked."""

    def __init__(self, *waits: float) -> None:
        self.waits = list(waits)
        self.moments: list[Moment] = []
        self.welcomed: list[tuple[int, int]] = []

    def wait(self, moment: Moment, spec: BatchSpec) -> float:
        self.moments.append(moment)
        return self.waits.pop(0) if self.waits else 0.0

    def observe(self, items: int, seconds: float) -> None: ...

    def expect(self, items: int) -> float:
        return 0.0

    def welcome(self, answered: int, returned: int) -> None:
        self.welcomed.append((answered, returned))


class Case:
    """A worker that has just answered a batch which took 8 seconds."""

    def __init__(self, policy: Any, calls: int = 4, waiting: int = 0, items: int = 1, **options: Any) -> None:
        self.loop = Loop()
        self.policy = policy
        self.gone = 0
        finished = Finished("a", calls, calls * items, 92.0, waiting, options.pop("is_shared", False))
        self.hold = Hold(self.loop, finished, BatchSpec(max_size=8, **options), policy, self.go, self.loop.clock)

    def go(self) -> None:
        self.gone += 1

    def come(self, calls: int, endpoint: str = "a") -> None:
        for _ in range(calls):
            self.hold.see(Call(endpoint, (), {}))

    def turn(self, *arrivals: int) -> None:
        """Turn the loop, and let so many calls come in each turn."""
        for arriving in arrivals:
            self.loop.turn()
            self.come(arriving)


def test_answers_first_then_turns() -> None:
    """Nothing is cut before the loop has written the answers and read what they provoked, be the batch full."""
    case = Case(Asked(), waiting=8)
    case.turn(0)
    assert case.gone == 0
    case.turn(0)
    assert case.gone == 1


def test_turns_that_bring_calls() -> None:
    """While turns bring those who were answered, the loop turns on, and the batch leaves when all are back."""
    case = Case(Asked())
    case.turn(0, 2, 1, 1)
    assert case.gone == 0
    case.turn(0)
    assert case.gone == 1
    assert [moment.missing for moment in case.policy.moments] == [0]


def test_quiet_turns_end_it() -> None:
    """After three turns that bring nobody the batch leaves, where the policy does not wait."""
    case = Case(Asked())
    case.turn(0, 2, 0, 0, 0)
    assert case.gone == 0
    case.turn(0)
    assert case.gone == 1


def test_nobody_comes() -> None:
    """After as many turns the worker goes, though nothing is there to cut."""
    case = Case(Asked())
    case.turn(0, 0)
    assert case.gone == 0
    case.turn(0)
    assert (case.gone, case.loop.soon) == (1, [])


@pytest.mark.parametrize("items", [pytest.param(1, id="a call has one item"), pytest.param(4, id="a call has four")])
def test_a_full_batch_asks_nobody(items: int) -> None:
    """Where a whole batch waits already, the policy is not asked and no time passes beyond the two turns."""
    case = Case(Asked(1000.0), waiting=8 // items, items=items)
    case.turn(0, 0)
    assert (case.gone, case.policy.moments) == (1, [])


def test_the_policy_is_told() -> None:
    """The policy sees who waits, for how long, who is missing, and since when."""
    case = Case(Asked(0.5), calls=4)
    case.turn(0)
    case.loop.now += 0.25
    case.turn(2, 0, 0)
    case.loop.now += 0.25
    case.turn(0, 0)
    assert case.policy.moments == [Moment(items=2, oldest=0.25, quiet=0.25, since=0.25, missing=2)]
    assert case.gone == 0


def test_the_wait_ends_when_nobody_is_missing() -> None:
    """The last one who was answered ends the wait; no earlier call wakes anybody."""
    case = Case(Asked(1000.0))
    case.turn(0, 1, 0, 0, 0, 0)
    case.come(2)
    assert (case.gone, len(case.policy.moments)) == (0, 1)
    case.come(1)
    assert case.gone == 1
    assert not case.loop.waits


def test_the_wait_ends_in_time() -> None:
    """When the policy's seconds are over it is asked again, and its 0 lets the worker go with what there is."""
    case = Case(Asked(2.0, 1.0))
    case.turn(0, 1, 0, 0, 0, 0)
    case.loop.pass_time(2.0)
    assert case.gone == 0
    case.loop.pass_time(1.0)
    assert (case.gone, len(case.policy.moments)) == (1, 3)


def test_no_endless_wait_for_nobody() -> None:
    """A policy that always wants to wait holds nobody where nothing waits: a worker that is free stays free."""
    case = Case(Asked(1.0, 1.0, 1.0))
    case.turn(0, 0, 0, 0)
    case.loop.pass_time(1.0)
    assert case.gone == 1
    assert not case.loop.waits


def test_a_window_beyond_those_who_return() -> None:
    """Where nobody is missing any more and the policy waits on, a full batch ends that wait."""
    case = Case(Asked(5.0, 5.0), calls=2)
    case.turn(0, 2, 0)
    assert case.gone == 0
    case.come(5)
    assert case.gone == 0
    case.come(1)
    assert case.gone == 1


def test_others_wait_for_nobody() -> None:
    """A call of another endpoint lets the worker go at once, be it there before or come meanwhile."""
    case = Case(Asked(1000.0))
    case.turn(0, 1, 0, 0, 0, 0)
    case.come(1, "b")
    assert case.gone == 1
    shared = Case(Asked(1000.0), waiting=2, is_shared=True)
    shared.turn(0, 0, 0)
    assert shared.gone == 1


def test_it_goes_once() -> None:
    """Calls, turns, timers and an end from outside let a worker go once, whatever comes after."""
    case = Case(Asked(1.0))
    case.turn(0, 1, 0, 0, 0, 0)
    case.hold.end()
    case.hold.end()
    case.come(10)
    case.loop.pass_time(10.0)
    case.turn(0, 0)
    assert case.gone == 1


def test_who_returns_is_learned() -> None:
    """Calls within a quarter of the batch's time count as returned, also after the worker went; later ones do not."""
    case = Case(Asked())
    case.turn(0, 1, 0, 0, 0, 0)
    assert case.gone == 1
    case.loop.now += 1.5
    case.come(1)
    case.come(1, "b")
    case.loop.now += 1.5
    case.come(1)
    case.hold.forget()
    assert case.policy.welcomed == [(4, 2)]


def test_reading_is_no_waiting() -> None:
    """The time in which turns bring calls is not taken off the time to wait for the rest."""
    policy = Adaptive()
    for items in (1, 4):
        policy.observe(items, 8.0)
    case = Case(policy)
    case.turn(0)
    for _ in range(3):
        case.loop.now += 1.5
        case.turn(1)
    case.turn(0, 0, 0, 0)
    assert case.gone == 0, "a quarter of 8 seconds is over, but they were spent on reading"
    case.loop.pass_time(1.0)
    assert case.gone == 1, "an eighth of the cost without a call"

"""Calls whose time is up are answered, by one timer."""

import asyncio
import time

import pytest

from ekiben.core.context import Context
from ekiben.core.errors import DeadlineExceeded
from ekiben.core.spec import EndpointSpec, Limits
from ekiben.engine.deadline import Deadlines, Limit, exceeded
from ekiben.engine.messages import Call


def waiting(caller: float | None = None) -> tuple[Call, "asyncio.Future[object]"]:
    """Make a call that waits for its answer; *caller* is the seconds that its caller allows."""
    answer = asyncio.get_running_loop().create_future()
    deadline = None if caller is None else time.monotonic() + caller
    return Call("go", (), {}, deadline=deadline, answer=answer), answer


async def test_overdue_calls_are_answered() -> None:
    """A call that takes too long gets DeadlineExceeded, which names the limit."""
    deadlines = Deadlines(Limit(0.01), asyncio.get_running_loop())
    first, second = waiting(), waiting()
    for call, _ in (first, second):
        deadlines.begin(call)
    for _, answer in (first, second):
        with pytest.raises(DeadlineExceeded, match=r"no answer within 0\.01 seconds"):
            await answer


async def test_later_calls_wait_longer() -> None:
    """A call that is due later is not answered with the earlier ones, and still is when its time has come."""
    deadlines = Deadlines(Limit(0.01), asyncio.get_running_loop())
    call, early = waiting()
    _, late = waiting()
    deadlines.begin(call)
    deadlines._ends[late] = time.monotonic() + 1000  # as if it had arrived then
    await asyncio.wait([early])
    assert not late.done()
    assert deadlines._timer is not None
    deadlines.close()
    assert isinstance(early.exception(), DeadlineExceeded)


async def test_answered_calls_are_left_alone() -> None:
    """A call that was answered in time keeps its answer, whether or not it was taken out."""
    deadlines = Deadlines(Limit(0.01), asyncio.get_running_loop())
    (one, answered), (two, removed), (three, waits) = waiting(), waiting(), waiting()
    for call in (one, two, three):
        deadlines.begin(call)
    answered.set_result("here")
    deadlines.remove(removed)
    await asyncio.wait([waits])
    assert answered.result() == "here"
    assert not removed.done()
    assert isinstance(waits.exception(), DeadlineExceeded)


async def test_one_timer() -> None:
    """However many calls wait there is one timer, and none once nobody waits."""
    loop = asyncio.get_running_loop()
    deadlines = Deadlines(Limit(0.01), loop)
    calls = [waiting() for _ in range(1000)]
    for call, _ in calls:
        deadlines.begin(call)
    timers = {id(handle) for handle in loop._scheduled if "Deadlines" in repr(handle)}  # type: ignore[attr-defined]
    assert len(timers) == 1
    for _, answer in calls:
        deadlines.remove(answer)
    await asyncio.sleep(0.05)
    assert deadlines._timer is None
    assert deadlines._ends == {}


async def test_closing_leaves_no_timer() -> None:
    """A server that stops leaves no timer behind, neither of all calls nor of a shortened one."""
    deadlines = Deadlines(Limit(1000.0), asyncio.get_running_loop())
    (usual, _), (short, _) = waiting(), waiting(500)
    deadlines.begin(usual)
    deadlines.begin(short)
    (timer,) = deadlines._own.values()
    deadlines.close()
    assert timer.cancelled()
    assert deadlines._timer is None


async def test_a_caller_can_shorten() -> None:
    """A call whose caller waits less is answered sooner than its neighbours, with the caller's limit as the reason."""
    deadlines = Deadlines(Limit(1000.0), asyncio.get_running_loop())
    (usual, patient), (short, mine) = waiting(), waiting(0.01)
    deadlines.begin(usual)
    deadlines.begin(short)
    with pytest.raises(DeadlineExceeded, match=r"within 0\.0\d+ seconds, the limit of the caller"):
        await mine
    assert not patient.done()
    deadlines.close()


async def test_no_limit_but_the_callers() -> None:
    """An endpoint without a limit still keeps to what its caller allows, and watches nothing else."""
    deadlines = Deadlines(Limit(None), asyncio.get_running_loop())
    (one, endless), (two, mine), (three, gone) = waiting(), waiting(0), waiting(1000)
    for call in (one, two, three):
        deadlines.begin(call)
    deadlines.remove(gone)
    deadlines.remove(endless)
    with pytest.raises(DeadlineExceeded):
        await mine
    assert deadlines._own == deadlines._ends == {}
    assert deadlines._timer is None


@pytest.mark.parametrize(
    ("timeout", "service", "expected"),
    [
        pytest.param(None, 60.0, Limit(60.0, "service"), id="the service's limit holds where the endpoint says none"),
        pytest.param(5.0, 60.0, Limit(5.0, "endpoint"), id="an endpoint may have a shorter one"),
        pytest.param(90.0, 60.0, Limit(90.0, "endpoint"), id="an endpoint may have a longer one"),
        pytest.param(0.0, 60.0, Limit(None, "endpoint"), id="0 stands for no limit"),
        pytest.param(None, None, Limit(None, "service"), id="a service may have none"),
    ],
)
def test_whose_limit(timeout: float | None, service: float | None, expected: Limit) -> None:
    """The limit of a call is its endpoint's, else its service's."""
    assert Limit.of(EndpointSpec("go", "/go", timeout=timeout), Limits(timeout=service)) == expected


@pytest.mark.parametrize(
    ("limit", "caller", "expected", "words"),
    [
        pytest.param(Limit(60.0), None, 60.0, "within 60 seconds, the limit of the service", id="the service's"),
        pytest.param(Limit(5.0, "endpoint"), None, 5.0, "within 5 seconds, the limit of the endpoint", id="its own"),
        pytest.param(Limit(60.0), 2.0, 2.0, "within 2 seconds, the limit of the caller", id="a shorter one holds"),
        pytest.param(Limit(None), 2.0, 2.0, "within 2 seconds, the limit of the caller", id="the only one holds"),
        pytest.param(Limit(60.0), 90.0, 60.0, "within 60 seconds, the limit of the service", id="no caller lengthens"),
    ],
)
def test_the_earliest_holds(limit: Limit, caller: float | None, expected: float, words: str) -> None:
    """The earliest deadline holds, the method's context knows it, and the error says whose it was."""
    deadline = None if caller is None else time.monotonic() + caller
    call = Call("go", (), {}, Context(), deadline=deadline)
    limit.begin(call)
    assert call.deadline is not None
    assert call.deadline - call.arrived == pytest.approx(expected, abs=0.01)
    assert call.context is not None
    assert call.context.deadline == call.deadline
    assert 0 <= (call.context.remaining() or -1) <= expected
    assert words in str(limit.error(call))


def test_nothing_limits() -> None:
    """Without any limit a call has no deadline, and its method sees that."""
    call = Call("go", (), {}, Context())
    Limit(None).begin(call)
    assert call.deadline is None
    assert call.context is not None
    assert call.context.remaining() is None


def test_words() -> None:
    """The error names the seconds as the user wrote them, and whose they are; its hint says what to raise."""
    assert str(exceeded(30.0)) == "no answer within 30 seconds, the limit of the service"
    assert str(exceeded(0.00001, "endpoint", "chunk")) == "no chunk within 0.001 seconds, the limit of the endpoint"
    assert "client" in str(exceeded(1, "caller").hint)
    assert exceeded(30.0).status == 504

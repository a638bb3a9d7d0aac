"""Calls wait once, for whichever worker is free, and none is lost when a worker ends."""

import asyncio
import pickle
import threading
import time
from collections.abc import Iterator
from typing import Any, cast

import pytest

import ekiben
from ekiben.core.errors import DeadlineExceeded, TooManyRequests, Unavailable
from ekiben.engine import wire
from ekiben.engine.job import Job
from ekiben.engine.member import AHEAD, Member
from ekiben.engine.switch import Switch
from ekiben.engine.wire import Frame, Kind
from tests.engine.linked import linked, until

GATES: dict[str, threading.Event] = {}
BATCHES: list[int] = []
SEEN: list[Any] = []


@ekiben.service(traffic={"timeout": 30, "max_concurrency": 200})
class Sums:
    """Adds, slowly where it is told to."""

    @ekiben.api(batchable=True, max_batch_size=8)
    def add(self, numbers: list[int]) -> list[int]:
        """Add one to each; a batch with 99 waits."""
        BATCHES.append(len(numbers))
        if 99 in numbers:
            assert GATES["99"].wait(60)
        return [number + 1 for number in numbers]

    @ekiben.api
    def hold(self, name: str) -> str:
        """Wait for a gate."""
        SEEN.append(name)
        assert GATES[name].wait(60)
        return name

    @ekiben.api
    async def forever(self) -> None:
        """Wait until it is cancelled."""
        SEEN.append("forever")
        try:
            await asyncio.Event().wait()
        finally:
            SEEN.append("cancelled")

    @ekiben.api
    async def at_once(self) -> str:
        """Answer at once."""
        return "now"

    @ekiben.api(timeout=0.05)
    def late(self, name: str) -> str:
        """Take longer than is allowed."""
        return self.hold(name)

    @ekiben.api
    def left(self, ctx: ekiben.Context) -> float | None:
        """Say how much time is left."""
        return ctx.remaining()


@pytest.fixture(autouse=True)
def _gates() -> Iterator[None]:
    GATES.clear()
    GATES.update({name: threading.Event() for name in ("a", "b", "c", "99")})
    BATCHES.clear()
    SEEN.clear()
    yield
    for gate in GATES.values():
        gate.set()


async def test_calls_are_answered() -> None:
    """A call goes to a worker and its answer comes back, buffers and all."""
    async with linked(Sums) as found:
        assert await found.ask("add", numbers=[1, 2]) == [2, 3]
        _, buffers = await found.pool.submit("add", {"numbers": [1]}, [b"passed on"])
        assert bytes(wire.view(buffers[0])) == b"passed on"


async def test_what_waits_leaves_together() -> None:
    """Calls that come while the worker is busy are one batch, cut at its largest size."""
    async with linked(Sums) as found:
        first = asyncio.create_task(found.ask("add", numbers=[99]))
        await until(lambda: BATCHES == [1])
        rest = [asyncio.create_task(found.ask("add", numbers=[number])) for number in range(12)]
        await until(lambda: found.pool.waiting == 12)
        GATES["99"].set()
        assert await asyncio.gather(first, *rest) == [[100], *([number + 1] for number in range(12))]
        assert BATCHES == [1, 8, 4]
        assert found.pool.batches["add"].sizes[:4] == [1, 0, 1, 1]
        assert found.pool.batches["add"].calls == 13, "what each of them waited in the front is counted"


async def test_calls_wait_for_any_worker() -> None:
    """A call that waits goes to the worker that is free first; the others are not given more than they run."""
    async with linked(Sums, workers=2) as found:
        calls = {name: asyncio.create_task(found.ask("hold", name=name)) for name in ("a", "b")}
        await until(lambda: sorted(SEEN) == ["a", "b"])
        calls["c"] = asyncio.create_task(found.ask("hold", name="c"))
        await until(lambda: found.pool.waiting == 1)
        GATES["b"].set()
        await until(lambda: "c" in SEEN)
        assert not calls["a"].done()
        GATES["c"].set()
        assert await calls["c"] == "c"
        GATES["a"].set()
        assert await calls["a"] == "a"


async def test_a_worker_that_ends_costs_what_it_had_begun() -> None:
    """A begun call gets 503 with the reason; one that was not begun is answered by another worker."""
    async with linked(Sums) as found:
        begun = asyncio.create_task(found.ask("hold", name="a"))
        await until(lambda: SEEN == ["a"])
        waits = asyncio.create_task(found.ask("add", numbers=[1]))
        await until(lambda: found.pool.waiting == 1)
        found.workers[0].close()
        with pytest.raises(Unavailable, match="worker that ran this call ended"):
            await begun
        assert not waits.done()
        GATES["a"].set()
        await found.add()
        assert await waits == [2]


async def test_what_was_sent_and_not_begun_goes_to_another_once() -> None:
    """A call that a worker had on its way in is given to another; if that ends too, it is 503."""
    async with linked(Sums, workers=0) as found:
        sock, mark = found.attach()
        sock.sendall(b"".join(wire.pack(Frame(Kind.READY))[0]))
        await until(lambda: found.pool.is_ready)
        call = asyncio.create_task(found.ask("add", numbers=[1]))
        await until(lambda: found.pool.admission.inside == 1 and found.pool.waiting == 0)
        assert not mark.is_set(0)
        sock.close()
        await until(lambda: found.pool.waiting == 1)
        other, _ = found.attach()
        other.sendall(b"".join(wire.pack(Frame(Kind.READY))[0]))
        await until(lambda: found.pool.waiting == 0)
        other.close()
        with pytest.raises(Unavailable, match="worker that ran this call ended"):
            await call


async def test_deadlines_end_calls_and_not_their_place() -> None:
    """After its 504 a sync call that is stuck keeps its worker busy until it really ends."""
    async with linked(Sums) as found:
        with pytest.raises(DeadlineExceeded, match=r"0\.05 seconds, the limit of the endpoint"):
            await found.ask("late", name="a")
        waits = asyncio.create_task(found.ask("hold", name="b"))
        await until(lambda: found.pool.waiting == 1)
        assert SEEN == ["a"]
        GATES["a"].set()
        GATES["b"].set()
        assert await waits == "b"


async def test_a_call_that_nobody_waits_for_is_dropped_at_the_cut() -> None:
    """A waiting call whose deadline passed never reaches a worker."""
    async with linked(Sums) as found:
        busy = asyncio.create_task(found.ask("hold", name="a"))
        await until(lambda: SEEN == ["a"])
        with pytest.raises(DeadlineExceeded, match="the limit of the caller"):
            await found.ask("hold", name="b", deadline=time.monotonic() + 0.05)
        GATES["a"].set()
        await busy
        assert await found.ask("add", numbers=[1]) == [2]
        assert SEEN == ["a"]


async def test_a_worker_knows_how_long_a_call_has() -> None:
    """The deadline crosses: a call sees what is left of its caller's time, in another process too."""
    async with linked(Sums) as found:
        assert 0 < await found.ask("left", deadline=time.monotonic() + 5) <= 5
        assert 5 < await found.ask("left") <= 30


async def test_a_client_that_leaves_ends_its_coroutine() -> None:
    """An `async def` call is cancelled in its worker when nobody waits any more."""
    async with linked(Sums) as found:
        call = asyncio.create_task(found.ask("forever"))
        await until(lambda: SEEN == ["forever"])
        call.cancel()
        await until(lambda: SEEN == ["forever", "cancelled"])
        assert found.workers[0].inside == 0 or await found.ask("add", numbers=[1]) == [2]


async def test_limits_hold_at_the_front() -> None:
    """More calls than `max_concurrency` are refused at once, though no worker was asked."""
    async with linked(Sums) as found:
        calls = [asyncio.create_task(found.ask("hold", name="a")) for _ in range(200)]
        await until(lambda: found.pool.admission.inside == 200)
        with pytest.raises(TooManyRequests, match="200 calls at once"):
            await found.ask("add", numbers=[1])
        GATES["a"].set()
        assert set(await asyncio.gather(*calls)) == {"a"}


async def test_nothing_is_taken_before_a_worker_is_ready() -> None:
    """Until the first worker is ready calls are refused, as while a service starts."""
    async with linked(Sums, workers=0) as found:
        with pytest.raises(Unavailable, match="starting"):
            await found.ask("add", numbers=[1])


@pytest.mark.parametrize(
    "frame",
    [
        pytest.param(Frame(Kind.CALLS, ["add", True, [], [], [], [], []]), id="a frame that only a front sends"),
        pytest.param(Frame(Kind.REPLIES, 7), id="replies that are none"),
        pytest.param(Frame(Kind.REPLIES, [[], [1], []]), id="a reply without a body"),
        pytest.param(Frame(Kind.REPLIES, [[], [1], [["value", 1]], []]), id="columns of different lengths"),
        pytest.param(Frame(Kind.REPLIES, [[["nothing", 1, 1.0]], [], [], []]), id="a batch of no endpoint"),
        pytest.param(Frame(Kind.TOLD, None), id="an answer to nothing"),
        pytest.param(Frame(Kind.PARTS, [[1], []]), id="pieces of different columns"),
        pytest.param(Frame(Kind.PARTS, [[[]], [None]], [b"x"]), id="a piece of no call"),
        pytest.param(Frame(Kind.MORE, [1, 1]), id="what only a front tells"),
    ],
)
async def test_a_worker_that_talks_nonsense_is_given_up(frame: Frame) -> None:
    """A frame that means nothing ends its link, is reported, and the other worker goes on."""
    async with linked(Sums) as found:
        sock, _ = found.attach()
        sock.sendall(b"".join(wire.pack(Frame(Kind.READY))[0]) + b"".join(wire.pack(frame)[0]))
        await until(lambda: bool(found.broken))
        assert "means nothing" in found.broken[0][1]
        assert await found.ask("add", numbers=[1]) == [2]
        sock.close()


async def test_a_pickle_is_refused_at_both_ends() -> None:
    """A pickle at the front's end or at the worker's ends that link; nothing in it runs."""
    async with linked(Sums) as found:
        sock, _ = found.attach()
        sock.sendall(pickle.dumps(Evil()))
        await until(lambda: bool(found.broken))
        sock.close()
        worker = found.workers[0]
        front = next(member for member in found.pool._members if member.is_ready)
        front._link._sock.send(pickle.dumps(Evil()))  # the attack needs the socket itself
        await worker.ended.wait()
        assert worker.failure is not None
        assert "EVIL" not in SEEN


async def test_an_unknown_endpoint_ends_the_link() -> None:
    """A worker does not look up what it does not have."""
    async with linked(Sums) as found:
        front = found.pool._members[0]
        front._link.send(Frame(Kind.CALLS, ["__init__", False, [1], [{}], [0], [None], [0]]))
        await found.workers[0].ended.wait()
        assert "no such endpoint" in str(found.workers[0].failure)


async def test_random_replies_do_no_harm() -> None:
    """A reply to a call that nobody made is passed over."""
    async with linked(Sums) as found:
        found.workers[0]._link.send(Frame(Kind.REPLIES, [[], [12345], [["value", 1]], [0]]))
        assert await found.ask("add", numbers=[1]) == [2]
        assert found.broken == []


class Evil:
    """Would run code wherever it is unpickled."""

    def __reduce__(self) -> Any:
        return SEEN.append, ("EVIL",)


async def test_short_calls_are_sent_ahead_and_are_not_lost() -> None:
    """A worker of short calls has some more than it runs; when it ends, those go to another and only one is lost."""
    async with linked(Sums) as found:
        for _ in range(10):
            await found.ask("left")
        begun = asyncio.create_task(found.ask("hold", name="a"))
        await until(lambda: SEEN == ["a"])
        ahead = [asyncio.create_task(found.ask("left")) for _ in range(20)]
        await until(lambda: found.pool.waiting == 20 - AHEAD)
        found.workers[0].close()
        with pytest.raises(Unavailable, match="worker that ran this call ended"):
            await begun
        GATES["a"].set()
        await found.add()
        assert len(await asyncio.gather(*ahead)) == 20


async def test_what_was_sent_ahead_is_dropped_with_its_caller() -> None:
    """A call that waits at a worker is not run once nobody waits for it."""
    async with linked(Sums) as found:
        for _ in range(10):
            await found.ask("left")
        busy = asyncio.create_task(found.ask("hold", name="a"))
        await until(lambda: SEEN == ["a"])
        gone = asyncio.create_task(found.ask("hold", name="b"))
        await until(lambda: found.workers[0].inside == 2)
        gone.cancel()
        await until(lambda: found.workers[0].inside == 1)
        GATES["a"].set()
        await busy
        assert await found.ask("add", numbers=[1]) == [2]
        assert SEEN == ["a"]


async def test_a_worker_that_leaves_gets_no_more() -> None:
    """A worker that drains answers what it has; what comes later waits for another."""
    async with linked(Sums) as found:
        begun = asyncio.create_task(found.ask("hold", name="a"))
        await until(lambda: SEEN == ["a"])
        leaving = asyncio.create_task(found.workers[0].drain(60))
        await until(lambda: not found.pool.is_ready)
        waits = asyncio.create_task(found.ask("add", numbers=[1]))
        GATES["a"].set()
        assert await begun == "a"
        await leaving
        assert not waits.done()
        await found.add()
        assert await waits == [2]


async def test_a_stream_whose_reader_left_is_not_begun() -> None:
    """A stream that no worker has yet when its reader leaves is given to none, where it would wait for ever."""
    async with linked(Sums) as found:
        found.pool.stream("forever", {}).close()
        assert await found.ask("add", numbers=[1]) == [2]
        assert SEEN == []
        assert [worker.inside for worker in found.workers] == [0]


@pytest.mark.parametrize("endpoint", ["at_once", "add"])
async def test_calls_with_many_buffers_go_in_several_frames(endpoint: str) -> None:
    """Calls, or answers, whose buffers together are more than one frame takes are all answered."""
    parts = [b"%d" % number for number in range(wire.MOST_BUFFERS // 3)]
    arguments: dict[str, Any] = {"numbers": [1]} if endpoint == "add" else {}
    async with linked(Sums) as found:
        done = await asyncio.gather(*(found.pool.submit(endpoint, arguments, parts) for _ in range(8)))
        assert [len(buffers) for _, buffers in done] == [len(parts)] * 8
        assert all(bytes(wire.view(buffers[-1])) == parts[-1] for _, buffers in done)
    assert found.broken == []


@pytest.mark.parametrize(
    ("endpoint", "arguments"), [("forever", {}), ("hold", {"name": "a"}), ("add", {"numbers": [1]})]
)
async def test_a_call_that_is_dropped_as_it_comes(endpoint: str, arguments: dict[str, Any]) -> None:
    """A caller that leaves at once, so that call and cancel are read together, keeps no place of the worker."""
    async with linked(Sums) as found:
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        job = Job(endpoint, (), {}, answer=answer, head=arguments)
        found.pool.enter(job)
        found.pool._pump()
        answer.cancel()
        found.pool.leave(job)
        await until(lambda: found.pool._members[0].load == 0)
        assert found.workers[0].inside == 0
        assert await found.ask("left") is not None
        assert await found.ask("add", numbers=[1]) == [2]


async def test_a_call_of_another_service_that_is_dropped_as_it_comes() -> None:
    """A front that reads a call of a worker and its end together keeps nothing of it."""
    asked: list[str] = []

    async def send(service: str, *rest: Any) -> Any:
        asked.append(service)
        await asyncio.Event().wait()

    switch, member = Switch(send, lambda *call: None), cast("Member", object())
    for end in (lambda: switch.drop(member, 1), lambda: switch.forget(member)):
        switch.begin(member, Frame(Kind.CALL, [1, "other", "say", None, None]))
        end()
        await until(lambda: not switch._tasks)
    assert asked == ["other", "other"]

"""A call that is let in without anybody waiting is answered once, counted, and dropped when it is let out early."""

import asyncio
import threading
from typing import Any

import pytest

import ekiben
from ekiben.core.errors import DeadlineExceeded, Unavailable
from ekiben.engine.local import LocalDispatcher
from ekiben.engine.messages import Call
from tests.engine.running import dispatcher_of, running


class Slot:
    """An answer that notes what it gets, and lets its call out then, as a front does."""

    def __init__(self, dispatcher: LocalDispatcher, name: str, /, **kwargs: Any) -> None:
        self.given: list[Any] = []
        self.came = asyncio.Event()
        self.call = Call(name, (), kwargs, answer=self)
        self.door = dispatcher.door(name)
        self.door.enter(self.call)

    def done(self) -> bool:
        return self.came.is_set()

    def set_result(self, result: Any, /) -> None:
        self.given.append(result)
        self.leave()

    def set_exception(self, exception: Exception, /) -> None:
        self.given.append(exception)
        self.leave()

    def leave(self) -> None:
        self.came.set()
        self.door.leave(self.call)


@ekiben.service
class Calls:
    """What the tests call."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.ran: list[str] = []
        self.ended = asyncio.Event()

    @ekiben.api
    def double(self, number: int) -> int:
        return number * 2

    @ekiben.api
    async def triple(self, number: int) -> int:
        return number * 3

    @ekiben.api(batchable=True)
    def quadruple(self, numbers: list[int]) -> list[int]:
        return [number * 4 for number in numbers]

    @ekiben.api(batchable=True)
    async def quintuple(self, numbers: list[int]) -> list[int]:
        return [number * 5 for number in numbers]

    @ekiben.api
    def wait(self, name: str) -> str:
        self.ran.append(name)
        assert self.go.wait(60)
        return name

    @ekiben.api
    async def wait_on_loop(self) -> str:
        try:
            await asyncio.Event().wait()
        finally:
            self.ended.set()
        return ""

    @ekiben.api(timeout=0.02)
    async def late_on_loop(self) -> str:
        await asyncio.Event().wait()
        return ""

    @ekiben.api(timeout=0.02)
    def late(self) -> str:
        assert self.go.wait(60)
        return ""


@pytest.mark.parametrize(
    ("name", "given", "expected"),
    [
        pytest.param("double", {"number": 2}, 4, id="a sync method"),
        pytest.param("triple", {"number": 2}, 6, id="an async one"),
        pytest.param("quadruple", {"numbers": [1, 2]}, [4, 8], id="a batch in the thread"),
        pytest.param("quintuple", {"numbers": [1, 2]}, [5, 10], id="a batch on the loop"),
    ],
)
async def test_answered(name: str, given: dict[str, Any], expected: Any) -> None:
    """Each kind of endpoint has a door, and the call counts as inside until it is let out."""
    async with running(Calls) as dispatcher:
        slots = [Slot(dispatcher, name, **given) for _ in range(50)]
        assert dispatcher.admission.inside == 50
        async with asyncio.timeout(30):
            for slot in slots:
                await slot.came.wait()
        assert [slot.given for slot in slots] == [[expected]] * 50
        assert dispatcher.admission.inside == 0


@pytest.mark.parametrize("name", ["late", "late_on_loop"])
async def test_deadline(name: str) -> None:
    """A call that takes too long is answered with the deadline, once, and is out."""
    async with running(Calls) as dispatcher:
        slot = Slot(dispatcher, name)
        async with asyncio.timeout(30):
            await slot.came.wait()
        dispatcher.instance.target.go.set()  # type: ignore[union-attr]  # it runs
        await asyncio.sleep(0)
        assert [type(given) for given in slot.given] == [DeadlineExceeded]
        assert dispatcher.admission.inside == 0


async def test_a_call_that_is_let_out_early_does_not_run() -> None:
    """What still waits in the queue is dropped; what runs on the loop is cancelled; neither is answered."""
    async with running(Calls) as dispatcher:
        target: Any = dispatcher.instance.target  # type: ignore[union-attr]  # it runs
        first, second = Slot(dispatcher, "wait", name="first"), Slot(dispatcher, "wait", name="second")
        second.leave()
        on_loop = Slot(dispatcher, "wait_on_loop")
        await asyncio.sleep(0)
        on_loop.leave()
        target.go.set()
        async with asyncio.timeout(30):
            await target.ended.wait()
            await first.came.wait()
        third = Slot(dispatcher, "double", number=1)
        async with asyncio.timeout(30):
            await third.came.wait()
        assert target.ran == ["first"]
        assert (second.given, on_loop.given) == ([], [])
        assert dispatcher.admission.inside == 0


async def test_no_door_before_the_start() -> None:
    """Nobody gets in before the instance is there, or after it ended."""
    with pytest.raises(Unavailable, match="starting"):
        dispatcher_of(Calls).door("double")
    async with running(Calls) as dispatcher:
        dispatcher.admission.draining = True
        with pytest.raises(Unavailable, match="stopping"):
            Slot(dispatcher, "double", number=1)
    with pytest.raises(Unavailable):
        dispatcher.door("double")


async def test_closing_cancels() -> None:
    """A dispatcher that stops leaves no task behind."""
    async with running(Calls) as dispatcher:
        target: Any = dispatcher.instance.target  # type: ignore[union-attr]  # it runs
        Slot(dispatcher, "wait_on_loop")
        await asyncio.sleep(0)
    async with asyncio.timeout(30):
        await target.ended.wait()


@ekiben.service(inline=True)
class Inline:
    """Runs on the loop."""

    @ekiben.api
    def thread(self) -> int:
        return threading.get_ident()

    @ekiben.api
    def leave(self) -> None:
        raise SystemExit(3)


async def test_inline() -> None:
    """A sync method that may run on the loop does, in its next turn; one that was let out before does not run."""
    async with running(Inline) as dispatcher:
        slot, gone, error = Slot(dispatcher, "thread"), Slot(dispatcher, "thread"), Slot(dispatcher, "leave")
        gone.leave()
        assert slot.given == []
        async with asyncio.timeout(30):
            await slot.came.wait()
            await error.came.wait()
        assert (slot.given, gone.given) == ([threading.get_ident()], [])
        assert str(error.given[0]) == "the endpoint raised SystemExit: 3"
        assert dispatcher.admission.inside == 0

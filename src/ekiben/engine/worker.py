"""Be a worker: take calls from a front, answer them by this process's engine.

In: frames. Out: frames. What stands in a call, and how it becomes an answer, is known to whoever made `serve`: bytes of
HTTP, or values of another service. Answers that are ready in one turn of the loop leave as one frame.
"""

import asyncio
import inspect
import logging
import socket
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from ekiben.core.errors import Unavailable
from ekiben.engine.gate import Gate, Passing
from ekiben.engine.incoming import Incoming
from ekiben.engine.instance import probe, reaches
from ekiben.engine.job import Done, Job
from ekiben.engine.link import Link
from ekiben.engine.local import LocalDispatcher
from ekiben.engine.member import Mark
from ekiben.engine.messages import Call
from ekiben.engine.outgoing import Outgoing
from ekiben.engine.turn import Form, Turn, cancel_begun
from ekiben.engine.wire import MOST_BUFFERS, Buffer, Frame, Kind, WireError

log = logging.getLogger("ekiben")

Serve = Callable[[str, Any, Sequence[Buffer]], Awaitable[Done]]
"""Answers one call, by endpoint, head and buffers; never raises but for the end of its task."""


FormOf = Callable[[str, Any], Form | None]
"""Gives the form of a call by endpoint and head; None: `Serve` answers it, in a task."""


_passing: ContextVar[Passing] = ContextVar("ekiben_passing")


@dataclass(slots=True)
class Notes:
    """Takes what a batching endpoint has to tell; the front counts it."""

    name: str
    told: list[tuple[str, int, float]] = field(repr=False)

    def note(self, items: int, seconds: float) -> None:
        """Pass on one batch."""
        self.told.append((self.name, items, seconds))

    def note_waits(self, waits: Sequence[float]) -> None:
        """Pass on nothing: calls waited in the front, which counts that itself."""


class Worker:
    """The worker's end of a link.

    Args:
        dispatcher: runs the service here; made of what `within` gives.
        sock: our end of the pair.
        mark: where the front reads what we have begun.
    """

    def __init__(self, dispatcher: LocalDispatcher, sock: socket.socket, mark: Mark) -> None:
        self.dispatcher = dispatcher
        self.ended = asyncio.Event()  # the front is gone
        self.failure: WireError | None = None
        self._told: list[tuple[str, int, float]] = []
        dispatcher.batches = {name: Notes(name, self._told) for name in dispatcher.batches}  # type: ignore[misc]  # mypy: they note alike
        self._mark = mark
        self._serve: Serve | None = None
        self._form_of: FormOf = formless
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._turns: dict[int, Turn] = {}  # calls without a task
        self._last: asyncio.Future[None] | None = None  # somebody waits for the last of them
        self._passing: dict[int, Passing] = {}
        self._due: dict[int, int] = {}  # spots of calls that wait for a thread
        bound = dispatcher.bound
        is_loose = {name: each.is_async or bound.spec.inline for name, each in bound.signatures.items()}
        self._loose = {name for name, found in is_loose.items() if found}  # run on the event loop
        self._streams = {each.name for each in bound.spec.endpoints if each.stream}
        self._loose |= self._streams  # that can be ended at any time
        self._alone = dispatcher.alone - self._streams
        dispatcher.begun = self._note_begin
        self._replies: list[tuple[int, Done]] = []
        self._probes: set[asyncio.Task[None]] = set()
        self._asked: dict[int, asyncio.Future[Done]] = {}  # calls of other services
        self._opened: dict[int, Incoming] = {}  # those of them that come in pieces
        self._number = 0
        self._link = Link(sock, self._hear, self._close)
        self._outgoing = Outgoing(self._link.send)

    @property
    def inside(self) -> int:
        """Calls without an answer."""
        return len(self._tasks) + len(self._turns)

    def ready(self, serve: Serve, form_of: FormOf | None = None) -> None:
        """Take calls, now that the instance is there.

        Args:
            serve: answers those that take a task.
            form_of: knows those that take none.
        """
        self._serve, self._form_of = serve, form_of or formless
        self._link.send(Frame(Kind.READY))

    async def submit(self, call: Call) -> Any:
        """Answer a call of `serve`; those of one cut go on together."""
        passing = _passing.get(None)
        if passing is not None:
            call.deadline = passing.deadline
            passing.arrive()
            await passing.gate.wait()
            if passing.endpoint in self._alone:
                self._due[id(call)] = passing.spot
            if passing.endpoint in self._streams:
                return await self.dispatcher.submit(call)
        door = self.dispatcher.door(call.endpoint)
        call.answer = answer = asyncio.get_running_loop().create_future()
        door.enter(call)
        try:
            return await answer
        finally:
            door.leave(call)
            self._due.pop(id(call), None)

    async def send_part(self, head: Any, body: Buffer) -> None:
        """Send a piece of the running call's answer; waits where its reader is behind."""
        await self._outgoing.put(_passing.get().number, head, body)

    async def call(
        self, service: str, endpoint: str, head: Any, buffers: Sequence[Buffer], deadline: float | None
    ) -> Done:
        """Call another service by the front; raises Unavailable where that is gone."""
        loop = asyncio.get_running_loop()
        self._number += 1
        number, answer = self._number, loop.create_future()
        self._asked[number] = answer
        self._link.send(Frame(Kind.CALL, [number, service, endpoint, head, deadline], buffers))
        try:
            done: Done = await answer
            return done
        except asyncio.CancelledError:
            self._link.send(Frame(Kind.DROP, number))
            raise
        finally:
            del self._asked[number]

    def open(
        self, service: str, endpoint: str, head: Any, buffers: Sequence[Buffer], deadline: float | None
    ) -> Incoming:
        """Ask another service for a stream, by the front; whoever asks closes it."""
        self._number += 1
        number, answer = self._number, asyncio.get_running_loop().create_future()
        job = Job(endpoint, (), {}, answer=answer, number=number, keeper=self)
        self._asked[number], self._opened[number] = answer, Incoming(job, answer, self._leave)
        self._link.send(Frame(Kind.CALL, [number, service, endpoint, head, deadline], buffers))
        return self._opened[number]

    def say(self, kind: Kind, value: Any = None) -> None:
        """Send the front a frame without buffers."""
        self._link.send(Frame(kind, value))

    def _leave(self, call: Call) -> None:
        """Let go of a stream that nobody reads any more."""
        assert isinstance(call, Job)
        if call.is_wanted:
            self.say(Kind.DROP, call.number)
        del self._asked[call.number], self._opened[call.number]

    async def drain(self, seconds: float) -> None:
        """Take no more; wait *seconds* at most for the calls inside, and send the rest."""
        self._link.send(Frame(Kind.LEAVING))
        self._last = asyncio.get_running_loop().create_future()
        if not self._turns:
            self._last.set_result(None)
        if self._tasks or self._turns:
            await asyncio.wait([self._last, *self._tasks.values()], timeout=seconds)
        for _ in range(2):
            await asyncio.sleep(0)  # the answers are sent at the end of a turn

    def close(self) -> None:
        """Close the link."""
        self._link.close()

    def _close(self, error: WireError | None) -> None:
        self.failure = error
        for task in self._tasks.values():
            cancel_begun(task)
        for turn in list(self._turns.values()):
            turn.cancel()
        for answer in self._asked.values():
            if not answer.done():
                answer.set_exception(Unavailable("the server is gone"))
        self.ended.set()

    def _hear(self, frame: Frame) -> None:
        """Take in a frame of the front; nonsense ends the link."""
        try:
            match frame.kind:
                case Kind.CALLS:
                    endpoint, is_batch, *columns = frame.value
                    self._take(endpoint, is_batch, list(zip(*columns, strict=True)), frame.buffers)
                case Kind.MORE:
                    number, count = frame.value
                    self._outgoing.more(number, count)
                case Kind.PARTS:
                    numbers, heads = frame.value
                    for number, head, buffer in zip(numbers, heads, frame.buffers, strict=True):
                        if number in self._opened:
                            self._opened[number].feed(head, (buffer,))
                case Kind.CANCEL:
                    self._cancel(frame.value)
                case Kind.CALLED:
                    number, head = frame.value
                    answer = self._asked.get(number)
                    if answer is not None and not answer.done():
                        answer.set_result((head, frame.buffers))
                case Kind.ASK:
                    number, what = frame.value
                    task = asyncio.get_running_loop().create_task(self._tell(number, what))
                    self._probes.add(task)
                    task.add_done_callback(self._probes.discard)
                case _:
                    raise ValueError(f"a front does not say {frame.kind.name}")
        except (TypeError, ValueError, KeyError, IndexError) as error:
            self._link.close(WireError(f"the front sent a frame that means nothing: {error}"))

    def _take(self, endpoint: str, is_batch: bool, records: list[Any], buffers: Sequence[Buffer]) -> None:
        """Begin with a cut: calls that need no task are read, then go in together."""
        if self._serve is None or endpoint not in self.dispatcher.bound.signatures:
            raise ValueError(f"no such endpoint: {endpoint!r}")
        at, loop, ready = 0, asyncio.get_running_loop(), []
        others = []
        for number, head, held, deadline, spot in records:
            part = buffers[at : at + held]
            at += held
            form = self._form_of(endpoint, head)
            if form is None:
                others.append((number, self._serve(endpoint, head, part), deadline, spot))
                continue
            turn = self._turns[number] = Turn(number, spot, head, form, self._finish)
            if turn.read(endpoint, part, deadline) is not None:
                ready.append(turn)
        self._enter(endpoint, ready)
        begun = [] if endpoint in self._alone else [spot for *_, spot in others]
        gate = Gate(len(others), lambda: self._begin(begun))
        if not is_batch:
            gate.open()
        for number, work, deadline, spot in others:
            passing = Passing(gate, number, deadline, endpoint, spot)
            self._tasks[number] = loop.create_task(self._answer(number, work, passing))
            self._passing[number] = passing

    def _enter(self, endpoint: str, turns: Sequence[Turn]) -> None:
        """Let calls in that were read."""
        is_alone = endpoint in self._alone
        for turn in turns:
            if is_alone:
                self._due[id(turn.call)] = turn.spot
            else:
                self._mark.set(turn.spot)
        for turn in turns:
            try:
                door = self.dispatcher.door(endpoint)
            except Unavailable as error:
                turn.set_exception(error)
            else:
                turn.enter(door)

    def _finish(self, turn: Turn, done: Done | Awaitable[Done]) -> None:
        """Send what became of a call without a task; what takes longer gets one now."""
        if turn.call is not None:
            self._due.pop(id(turn.call), None)
        if isinstance(done, tuple):
            del self._turns[turn.number]
            self._reply(turn.number, done)
            if not self._turns and self._last is not None and not self._last.done():
                self._last.set_result(None)
        else:
            task = asyncio.get_running_loop().create_task(self._end(turn, done))
            self._probes.add(task)
            task.add_done_callback(self._probes.discard)

    async def _end(self, turn: Turn, work: Awaitable[Done]) -> None:
        self._finish(turn, await work)

    def _begin(self, spots: Sequence[int]) -> None:
        for spot in spots:
            self._mark.set(spot)

    def _note_begin(self, call: Call) -> None:
        """Note that a lone sync call begins; on its thread."""
        spot = self._due.pop(id(call), None)
        if spot is not None:
            self._mark.set(spot)

    def _cancel(self, number: int) -> None:
        """Drop a call that nobody waits for; a sync one that was begun goes on."""
        turn = self._turns.get(number)
        if turn is not None and (self._is_loose(turn) or not self._mark.is_set(turn.spot)):
            turn.cancel()
        passing = self._passing.get(number)
        if passing is not None and (passing.endpoint in self._loose or not self._mark.is_set(passing.spot)):
            cancel_begun(self._tasks[number])

    def _is_loose(self, turn: Turn) -> bool:
        return turn.call is not None and turn.call.endpoint in self._loose

    async def _answer(self, number: int, work: Awaitable[Done], passing: Passing) -> None:
        _passing.set(passing)
        try:
            self._reply(number, await work)
        except asyncio.CancelledError:
            self._reply(number, (None, ()))  # nobody reads it; it says that the place is free
        finally:
            self._outgoing.end(number)
            passing.arrive()
            del self._tasks[number], self._passing[number]

    def _reply(self, number: int, done: Done) -> None:
        if not self._replies:
            asyncio.get_running_loop().call_soon(self._send)
        self._replies.append((number, done))

    def _send(self) -> None:
        """Send all that is ready, as one frame where it fits."""
        replies, self._replies = self._replies, []
        told, self._told[:] = list(self._told), []
        for part in framed(replies):
            numbers = [number for number, _ in part]
            heads = [head for _, (head, _) in part]
            held = [len(buffers) for _, (_, buffers) in part]
            every = [buffer for _, (_, buffers) in part for buffer in buffers]
            try:
                self._link.send(Frame(Kind.REPLIES, [told, numbers, heads, held], every))
            except WireError as error:
                log.error("an answer does not fit into a frame: %s", error)
                self._link.close(error)
                return
            told = []

    async def _tell(self, number: int, what: str) -> None:
        """Answer a question to the service's own health method; one that raises says no.

        It is not ready where one that it depends on at an address is not.
        """
        hooks, instance = self.dispatcher.bound.hooks, self.dispatcher.instance
        name = hooks.ready if what == "ready" else hooks.alive if what == "alive" else None
        check = None if instance is None else probe(instance, name)
        try:
            answer = what != "ready" or instance is None or await reaches(instance)
            answer = answer and (check is None or bool(await called(check)))
        except Exception:
            log.exception("the health method `%s` failed", name)
            answer = False
        self._link.send(Frame(Kind.TOLD, [number, answer]))


async def called(check: Callable[[], Any]) -> Any:
    """Call a health method, off the loop unless it is `async def`."""
    return await check() if inspect.iscoroutinefunction(check) else await asyncio.to_thread(check)


def formless(endpoint: str, head: Any) -> Form | None:
    """Know no form: every call takes a task."""
    return None


def framed(replies: Sequence[tuple[int, Done]]) -> Iterator[list[tuple[int, Done]]]:
    """Put answers together that have room in one frame; one too large stands alone."""
    part: list[tuple[int, Done]] = []
    held = 0
    for reply in replies:
        count = len(reply[1][1])
        if part and held + count > MOST_BUFFERS:
            yield part
            part, held = [], 0
        part.append(reply)
        held += count
    yield part

"""Answer calls by workers in processes of their own, which take from one queue.

In: jobs, from the event loop. Out: what a worker answered. A worker that is free takes what waits; nothing is pushed to
one that is busy. A worker that ends costs the calls that it had begun; those it had not go to another, once.
"""

import asyncio
import logging
import socket
import time
from collections.abc import Callable, Sequence
from functools import partial
from itertools import count
from typing import Any

from ekiben.core.errors import Unavailable
from ekiben.core.spec import BoundService
from ekiben.engine.deadline import Deadlines, Limit
from ekiben.engine.hold import Finished, Hold, Holds
from ekiben.engine.incoming import Incoming
from ekiben.engine.job import Done, Job, Line
from ekiben.engine.limits import Admission
from ekiben.engine.member import Cut, Mark, Member
from ekiben.engine.messages import Call
from ekiben.engine.observe import BatchCounts
from ekiben.engine.policy import is_late, policy_of
from ekiben.engine.shed import shed
from ekiben.engine.switch import Switch
from ekiben.engine.wire import Buffer, Frame, Kind, WireError

log = logging.getLogger("ekiben")

EARLY = 0.01  # seconds that a timer may fire before its time
ASK = 5.0  # seconds that a worker's own health method may take


class Pool:
    """The workers of one service, and the calls that wait for them.

    Args:
        bound: the service.
        broken: is told of a worker that has to be replaced, and why.
        switch: passes on what the workers ask of other services.
    """

    def __init__(
        self,
        bound: BoundService,
        broken: Callable[[int, str], None] = lambda index, why: None,
        switch: Switch | None = None,
    ) -> None:
        self.bound = bound
        self.admission = Admission(bound.spec.limits.max_concurrency)
        self.batches = {e.name: BatchCounts() for e in bound.spec.endpoints if e.batch is not None}
        self._broken = broken
        self._switch = switch
        self._members: list[Member] = []
        self._lines: dict[str, Line] = {}
        self._distinct: list[Line] = []
        self._holds = Holds()
        self._held: dict[Member, Hold] = {}
        self._is_due = False  # what waits is looked at at the end of this turn
        self._deadlines: dict[str, Deadlines] = {}
        self._numbers = count(1)
        self._questions: dict[int, asyncio.Future[bool]] = {}
        self._timer: asyncio.TimerHandle | None = None
        self.was_ready = False
        self.came = asyncio.Event()  # a worker was ready
        self._is_reloading = False
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def is_ready(self) -> bool:
        """Whether a worker takes calls."""
        return not self.admission.draining and any(member.is_ready for member in self._members)

    @property
    def waiting(self) -> int:
        """Calls that no worker has yet."""
        return sum(len(line.jobs) for line in self._distinct)

    def open(self) -> None:
        """Settle, on the running loop, how each endpoint's calls wait."""
        self._loop = asyncio.get_running_loop()
        alone, loose = Line("alone"), Line("loose", on_loop=True)
        for each in self.bound.spec.endpoints:
            on_loop = self.bound.signatures[each.name].is_async or each.stream  # streams take turns with each other
            line = loose if on_loop else alone
            if each.batch is not None:
                line = Line(each.name, each.batch, on_loop, policy=policy_of(self.bound, each.name))
            self._lines[each.name] = line
            self._deadlines[each.name] = Deadlines(Limit.of(each, self.bound.spec.limits), self._loop)
        self._distinct = list({id(line): line for line in self._lines.values()}.values())

    def attach(self, index: int, sock: socket.socket, mark: Mark) -> None:
        """Take in a worker that starts; it gets calls once it says that it is ready."""
        member = Member(index, sock, mark, self.bound.spec.threads, self._hear, self._lose)
        member.is_aside = self._is_reloading
        self._members.append(member)

    def begin_reload(self) -> None:
        """Let workers that start from now on wait beside the others."""
        self._is_reloading = True

    def end_reload(self, *, is_done: bool) -> None:
        """Give calls to those beside the others; none to these if it *is_done*."""
        self._is_reloading = False
        for member in self._members:
            if not member.is_aside and is_done:
                member.is_ready, member.is_leaving = False, True
        for member in self._members:
            if member.is_aside:
                member.is_aside = False
                member.is_ready = member.said_ready
        self._pump_soon()

    async def submit(
        self, endpoint: str, head: Any, buffers: Sequence[Buffer] = (), deadline: float | None = None
    ) -> Done:
        """Let a worker answer one call.

        Args:
            endpoint: its name.
            head: plain values for the worker.
            buffers: bytes for the worker.
            deadline: the caller's, of time.monotonic.

        Raises:
            Unavailable: no worker was ever ready, or the one that ran the call ended.
            TooManyRequests: a limit is reached.
            DeadlineExceeded: the answer did not come in time.
        """
        assert self._loop is not None
        answer: asyncio.Future[Done] = self._loop.create_future()
        job = Job(endpoint, (), {}, deadline=deadline, answer=answer, head=head, buffers=buffers)
        self.enter(job)
        try:
            return await answer
        finally:
            self.leave(job)

    def stream(
        self, endpoint: str, head: Any, buffers: Sequence[Buffer] = (), deadline: float | None = None
    ) -> Incoming:
        """Let a worker answer one call piece by piece; whoever asks closes it."""
        assert self._loop is not None
        answer: asyncio.Future[Done] = self._loop.create_future()
        job = Job(endpoint, (), {}, deadline=deadline, answer=answer, head=head, buffers=buffers)
        incoming = Incoming(job, answer, self.leave)
        job.part = incoming.feed
        self.enter(job)
        job.deadline = deadline  # the worker counts the time of the whole stream
        return incoming

    def enter(self, call: Call) -> None:
        """Let a job wait for a worker; raises what `submit` does before it waits."""
        if not self.was_ready:
            raise Unavailable("the service is starting", retry_after=1)
        assert isinstance(call, Job)
        self.admission.enter()
        call.number = next(self._numbers)
        self._deadlines[call.endpoint].begin(call)
        self._lines[call.endpoint].jobs.append(call)
        self._holds.see(call)
        self._pump_soon()

    def leave(self, call: Call) -> None:
        """Let it out, once: its answer is there, or nobody waits for that any more."""
        assert isinstance(call, Job)
        assert call.answer is not None
        self._deadlines[call.endpoint].remove(call.answer)
        self.admission.leave()
        if call.keeper is not None:
            self._see_stuck(call)
            call.keeper.say(Kind.CANCEL, call.number)  # a sync call that was begun runs on, and keeps its place

    async def ask(self, what: str) -> bool:
        """Ask the health method of each worker that is ready; True only if all say so."""
        ready = [member for member in self._members if member.is_ready]
        return all(await asyncio.gather(*(self._ask(member, what) for member in ready)))

    def close(self) -> None:
        """Close all links; whoever still waits is told."""
        for member in list(self._members):
            member.close()
        for line in self._distinct:
            for job in line.jobs:
                refuse(job, "the server stopped before the answer was there")
            line.jobs.clear()
        for deadlines in self._deadlines.values():
            deadlines.close()
        if self._timer is not None:
            self._timer.cancel()

    def _pump_soon(self) -> None:
        """Look at what waits once the loop has read all there is to read."""
        if not self._is_due:
            assert self._loop is not None
            self._is_due = True
            self._loop.call_soon(self._pump)

    def _pump(self) -> None:
        """Give what is due to workers that are free, to the least busy first."""
        self._is_due = False
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        now = time.monotonic()
        ready = [member for member in self._members if member.is_ready and not member.is_resting]
        while True:
            ready.sort(key=lambda member: member.load)
            if not any(self._serve(member, now, self._distinct) for member in ready):
                break
        spare = [line for line in self._distinct if line.jobs]
        if all(line.spec is None or line.on_loop for line in spare):  # a batch that waits comes first
            while any(self._serve(member, now, spare, is_spare=True) for member in ready):
                ready.sort(key=lambda member: member.load)

    def _serve(self, member: Member, now: float, lines: Sequence[Line], *, is_spare: bool = False) -> bool:
        """Give *member* the oldest cut that is due and fits; say whether there was one."""
        due: Line | None = None
        for line in lines:
            pause = line.pause(now)
            if pause is None or not (member.has_spare(line) if is_spare else member.has_room(line)):
                continue
            if pause > 0.0:
                self._come_back(pause)
            elif due is None or line.jobs[0].arrived < due.jobs[0].arrived:
                due = line
        if due is None:
            return False
        jobs = [job for job in due.cut() if not is_shed(job, due, now)]
        try:
            if jobs:
                member.give(due, jobs, now)
                if due.spec is not None:
                    self.batches[jobs[0].endpoint].note_waits([now - job.arrived for job in jobs])
        except WireError as error:
            for job in jobs:
                refuse(job, f"the call does not fit into a frame: {error}")
        return True

    def _come_back(self, pause: float) -> None:
        """Look again in *pause* seconds, or before, where another line is due first."""
        assert self._loop is not None
        if self._timer is not None:
            if self._timer.when() <= self._loop.time() + pause:
                return
            self._timer.cancel()
        self._timer = self._loop.call_later(pause, self._pump)

    def _hear(self, member: Member, frame: Frame) -> None:
        """Take in a frame of a worker; nonsense ends its link."""
        try:
            match frame.kind:
                case Kind.READY:
                    member.said_ready = True
                    if not member.is_aside:
                        member.is_ready = self.was_ready = True
                        self.came.set()
                        self._pump()
                case Kind.LEAVING:
                    member.is_ready = False
                case Kind.REPLIES:
                    notes, *columns = frame.value
                    self._take(member, notes, list(zip(*columns, strict=True)), frame.buffers)
                case Kind.PARTS:
                    numbers, heads = frame.value
                    for number, head, buffer in zip(numbers, heads, frame.buffers, strict=True):
                        self._pass_part(member.job(number), head, buffer)
                case Kind.CALL | Kind.DROP | Kind.MORE if self._switch is not None:
                    self._switch.hear(member, frame)
                case Kind.TOLD:
                    number, answer = frame.value
                    if number in self._questions and not self._questions[number].done():
                        self._questions[number].set_result(answer is True)
                case _:
                    raise ValueError(f"a worker does not say {frame.kind.name}")
        except (TypeError, ValueError, KeyError) as error:
            member.close(WireError(f"a worker sent a frame that means nothing: {error}"))

    def _take(self, member: Member, notes: Any, records: Any, buffers: Sequence[Buffer]) -> None:
        at, now = 0, time.monotonic()
        for name, items, seconds in notes:
            self.batches[name].note(items, seconds)
        for number, head, held in records:
            found = member.take(number, now)
            if found is not None:
                job, cut = found
                if cut.left == 0:
                    self._free(member, cut, now)
                if job.answer is not None and job.is_wanted:
                    job.answer.set_result((head, buffers[at : at + held]))
            at += held

    def _pass_part(self, job: Job | None, head: Any, buffer: Buffer) -> None:
        """Hand a piece to whoever reads it; from the first on the worker watches the time."""
        if job is None or job.part is None or job.answer is None or not job.is_wanted:
            return
        self._deadlines[job.endpoint].remove(job.answer)
        job.part(head, (buffer,))

    def _free(self, member: Member, cut: Cut, now: float) -> None:
        """Give a worker more to do; after a batch, once its callers could ask again."""
        line = cut.line
        line.policy.observe(cut.size, now - cut.sent)
        if line.spec is None:
            self._pump_soon()
            return
        assert self._loop is not None
        is_shared = any(each.jobs for each in self._distinct if each is not line)
        finished = Finished(line.name, cut.size, cut.size, cut.sent, len(line.jobs), is_shared)
        member.is_resting = True
        hold = self._holds.begin(self._loop, finished, line.spec, line.policy, partial(self._go_on, member))
        self._held[member] = hold

    def _see_stuck(self, job: Job) -> None:
        """Look later whether a call whose time is up still holds its worker."""
        after = self.bound.spec.limits.kill_after
        if after is None or job.part is not None or job.deadline is None or time.monotonic() < job.deadline - EARLY:
            return  # its time is not up: its caller left
        member = next((member for member in self._members if member is job.keeper), None)
        if member is not None and not self._lines[job.endpoint].on_loop:
            assert self._loop is not None
            self._loop.call_later(after, self._give_up, member, job, after)

    def _give_up(self, member: Member, job: Job, after: float) -> None:
        """Have a worker replaced whose call is still stuck."""
        if job.keeper is member and member.is_ready and member.has_begun(job.number):
            member.is_ready = False
            self._broken(member.index, f"a call of `{job.endpoint}` went on {after:g} seconds beyond its time")

    def _go_on(self, member: Member) -> None:
        self._held.pop(member, None)
        member.is_resting = False
        self._pump()

    def _lose(self, member: Member, error: WireError | None) -> None:
        """Settle what a worker had when its link ended."""
        self._members.remove(member)
        member.is_ready = False
        if member in self._held:
            self._held[member].end()
        if self._switch is not None:
            self._switch.forget(member)
        again: list[tuple[Line, Job]] = []
        for number, held in member.inside.items():
            job = held.job
            job.keeper = None
            if member.has_begun(number) or job.tries:
                refuse(job, "the worker that ran this call ended before the answer was there")
            else:
                job.tries += 1
                again.append((held.cut.line, job))
        member.forget()
        for line, job in reversed(again):
            line.jobs.appendleft(job)
        if error is not None and not (member.is_leaving or member.is_aside):
            log.error("worker %d of %s broke its link: %s", member.index, self.bound.spec.name, error)
            self._broken(member.index, str(error))
        self._pump()

    async def _ask(self, member: Member, what: str) -> bool:
        number = next(self._numbers)
        future: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._questions[number] = future
        member.say(Kind.ASK, [number, what])
        try:
            async with asyncio.timeout(ASK):
                return await future
        except TimeoutError:
            return False
        finally:
            del self._questions[number]


def is_shed(job: Job, line: Line, now: float) -> bool:
    """Refuse a job that comes too late for its batch; say whether it was."""
    if line.spec is None or not is_late(now - job.arrived, line.policy.expect(1), line.spec):
        return False
    if job.answer is not None and job.is_wanted:
        job.answer.set_exception(shed(line.spec, line.policy, len(line.jobs)))
    return True


def refuse(job: Job, why: str) -> None:
    """Answer a job that no worker will answer."""
    if job.answer is not None and job.is_wanted:
        job.answer.set_exception(Unavailable(why, retry_after=1))

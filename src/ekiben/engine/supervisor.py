"""Keep groups of workers running: start, watch, start again, replace, end.

In: groups. Out: as many ready workers as they ask for, until told to stop; or words that say why that cannot be.
A worker that dies is started again, at once the first time and later with growing pauses. One that dies again and again
soon after its start, or never starts for the same reason, ends the whole, as soon as no other of its group takes calls:
whoever started us has to see it.
Lives on any event loop; installs no signal handlers.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ekiben.core.errors import ServiceLoadError, Unavailable
from ekiben.engine.control import Message
from ekiben.engine.process import Group, State, Worker, ending

log = logging.getLogger("ekiben")

PAUSES = (0.0, 0.5, 1.0, 2.0, 4.0)  # seconds before the next start, by deaths in a row
SETTLED = 10.0  # seconds after which a ready worker's death is not part of a row
DEATHS = 5  # in a row that end the whole
REASONS = 3  # starts in a row that failed in the same words

Answers = Mapping[str, Callable[[Worker, Message], Awaitable[Message]]]


@dataclass(slots=True, eq=False)
class Slot:
    """A place in a group, and who fills it."""

    group: Group
    index: int
    worker: Worker | None = None
    deaths: int = 0  # in a row
    reasons: list[str] = field(default_factory=list)  # of starts that failed, in a row

    def note_death(self, worker: Worker, code: int, now: float, *, is_last: bool) -> float:
        """Count a death that nobody asked for.

        Args:
            worker: who died.
            code: its exit code.
            now: of time.monotonic.
            is_last: no other worker of the group takes calls.

        Returns:
            Seconds until the next start.

        Raises:
            ServiceLoadError: there were too many in a row, and nobody else is there.
        """
        lived = 0.0 if worker.readied is None else now - worker.readied
        self.deaths = 1 if lived >= SETTLED else self.deaths + 1
        self.reasons = [] if worker.failure is None else [*self.reasons, str(worker.failure)]
        if is_last and worker.failure is not None and self.reasons[-REASONS:] == [str(worker.failure)] * REASONS:
            raise worker.failure
        if is_last and self.deaths >= DEATHS:
            raise ServiceLoadError(
                f"{self.group.name} {self.index} died {self.deaths} times in a row, last time it {ending(code)}",
                hint="its own words, if it had any, stand above",
            )
        return PAUSES[min(self.deaths, len(PAUSES)) - 1]


class Supervisor:
    """Keeps groups of workers running.

    Args:
        groups: in any order.
        heard: is told what workers say, `ended` included.
        answers: to the workers' questions, by kind.
    """

    def __init__(
        self,
        groups: Sequence[Group],
        *,
        heard: Callable[[Worker, Message], None] = lambda worker, message: None,
        answers: Answers | None = None,
    ) -> None:
        self.groups = {group.name: group for group in groups}
        self.restarts = dict.fromkeys(self.groups, 0)  # after deaths that nobody asked for
        self.failure: ServiceLoadError | None = None  # what ended the whole
        self.is_stopping = False
        self._slots = {group.name: [Slot(group, index) for index in range(group.count)] for group in groups}
        self._generations = dict.fromkeys(self.groups, 0)
        self._notes: dict[str, Mapping[str, Any]] = {name: {} for name in self.groups}
        self._heard = heard
        self._answers = answers or {}
        self._living: set[Worker] = set()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._news = asyncio.Event()  # set, and replaced, at each change
        self._rolling = asyncio.Lock()
        self._was_ready = False

    @property
    def is_ready(self) -> bool:
        """Whether every place is filled with a worker that takes calls."""
        return all(is_filled(slot) for slots in self._slots.values() for slot in slots)

    def workers(self, *names: str) -> list[Worker]:
        """List the workers that fill a place in these groups, or in all."""
        found = (slot.worker for name in names or self._slots for slot in self._slots[name])
        return [worker for worker in found if worker is not None and worker.state is not State.ENDED]

    async def start(self, notes: Mapping[str, Any] | None = None) -> None:
        """Start all workers, in order of `after`, without waiting for them."""
        for group in self.groups.values():
            self._notes[group.name] = notes or {}
            self._begin(self._fill(group))

    async def wait_ready(self) -> None:
        """Wait until all is ready; raises ServiceLoadError where that will not be."""
        while self.failure is None and not self.is_stopping:
            if self.is_ready:
                return
            await self._next()
        raise self.failure or ServiceLoadError("it was stopped before it was ready")

    async def wait(self) -> None:
        """Wait until all has ended; raises ServiceLoadError where nobody asked for that."""
        while not self.is_stopping and self.failure is None:
            await self._next()
        if self.failure is not None:
            raise self.failure

    async def roll(
        self,
        name: str,
        notes: Mapping[str, Any] | None = None,
        taken: Callable[[], None] = lambda: None,
        once: Mapping[str, Any] | None = None,
    ) -> None:
        """Start a group afresh beside the old workers, and end these once that is ready.

        Args:
            name: the group.
            notes: for the new workers, and for those that are started in their places later.
            taken: is called when the new ones stand in the places of the old, before these end.
            once: more notes, for the new workers alone.

        Raises:
            ServiceLoadError: a new one failed; the old ones stay.
        """
        async with self._rolling:
            if self.is_stopping:
                raise ServiceLoadError("it is stopping")
            slots = self._slots[name]
            self._generations[name] += 1
            fresh: list[Worker] = []
            try:
                for slot in slots:
                    fresh.append(self._spawn(slot, {**(notes or {}), **(once or {})}))
                await self._all_ready(fresh)
            except BaseException:
                await asyncio.gather(*(worker.stop(0.0) for worker in fresh))
                raise
            self._notes[name] = notes or {}
            old = [slot.worker for slot in slots if slot.worker is not None]
            for slot, worker in zip(slots, fresh, strict=True):
                slot.worker, slot.deaths, slot.reasons = worker, 0, []
            for worker in old:
                worker.is_expected = True
            taken()
            self._tell()
            await asyncio.gather(*(worker.retire() for worker in old))

    def recycle(self, worker: Worker, why: str, drain: float | None = None) -> None:
        """End one worker, and start another in its place at once.

        Does nothing to one that ends already.
        """
        slot = self._slots[worker.group.name][worker.index]
        if slot.worker is not worker or worker.is_expected or self.is_stopping:
            return
        log.warning("%r is replaced: %s", worker, why)
        self.restarts[worker.group.name] += 1
        worker.is_expected = True
        slot.worker = self._spawn(slot, self._notes[worker.group.name])
        self._tell()
        self._begin(worker.stop(drain))

    def end(self) -> None:
        """Let `wait` return; the workers go on until `stop`."""
        self.is_stopping = True
        self._tell()

    async def stop(self, drain: float | None = None) -> None:
        """End all workers, those that others came after last; return when none is left."""
        self.end()
        while self._living:
            needed = {name for worker in self._living for name in worker.group.after}
            last = [worker for worker in self._living if worker.group.name not in needed]
            await asyncio.gather(*(worker.stop(drain) for worker in last))
        others = self._tasks - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    def kill(self) -> None:
        """End all workers at once, by force; `stop` then returns."""
        self.is_stopping = True
        for worker in self._living:
            worker.is_expected = True
            worker.kill()

    async def ask_all(self, kind: str, timeout: float, **values: Any) -> dict[Worker, Message | None]:
        """Ask all that are ready; None stands for one that did not answer in time."""

        async def ask(worker: Worker) -> Message | None:
            try:
                return await worker.ask(kind, timeout, **values)
            except Unavailable as error:
                log.debug("%r: %s", worker, error)
                return None

        asked = [worker for worker in self._living if worker.state in (State.READY, State.DRAINING)]
        return dict(zip(asked, await asyncio.gather(*map(ask, asked)), strict=True))

    def _spawn(self, slot: Slot, notes: Mapping[str, Any]) -> Worker:
        """Start one worker; it fills the slot only if the caller says so."""
        generation = self._generations[slot.group.name]
        worker = Worker(slot.group, slot.index, generation, self._note, self._answers)
        worker.start(notes)
        self._living.add(worker)
        log.debug("%r was started", worker)
        return worker

    async def _all_ready(self, workers: Sequence[Worker]) -> None:
        """Wait until workers that fill no slot are ready; raises ServiceLoadError."""
        while not all(worker.state is State.READY for worker in workers):
            for worker in workers:
                if worker.state is State.ENDED or self.is_stopping:
                    raise reason(worker)
            await self._next()

    async def _fill(self, group: Group) -> None:
        """Start a group when those before are ready, and keep each place filled."""
        while not all(is_filled(slot) for name in group.after for slot in self._slots[name]):
            await self._next()
        if not self.is_stopping:
            for slot in self._slots[group.name]:
                slot.worker = self._spawn(slot, self._notes[group.name])
                self._begin(self._keep(slot))

    async def _keep(self, slot: Slot) -> None:
        """Start another worker whenever the one in the slot dies unasked."""
        while not self.is_stopping:
            worker = slot.worker
            assert worker is not None
            # Not for its end alone: it may be replaced, and its successor must not go unwatched while it drains.
            while slot.worker is worker and not worker.exited.done() and not self.is_stopping:
                await self._next()
            if slot.worker is not worker or self.is_stopping:
                continue
            code = worker.exited.result()
            if worker.failure is not None and not self._was_ready:
                raise worker.failure
            is_last = not any(is_filled(other) for other in self._slots[slot.group.name] if other is not slot)
            pause = slot.note_death(worker, code, time.monotonic(), is_last=is_last)
            said = f": {worker.failure}" if worker.failure is not None else ""
            when = f" in {pause:g} s" if pause else ""
            log.error("%s %d %s and is started again%s%s", slot.group.name, slot.index, ending(code), when, said)
            await asyncio.sleep(pause)
            if slot.worker is worker and not self.is_stopping:
                self.restarts[slot.group.name] += 1
                slot.worker = self._spawn(slot, self._notes[slot.group.name])

    def _note(self, worker: Worker, message: Message) -> None:
        if message["say"] == "ended":
            self._living.discard(worker)
        self._was_ready = self._was_ready or self.is_ready
        self._heard(worker, message)
        self._tell()

    def _tell(self) -> None:
        """Wake whoever waits for a change."""
        self._news.set()
        self._news = asyncio.Event()

    async def _next(self) -> None:
        await self._news.wait()

    def _begin(self, work: Any) -> None:
        """Run *work* beside; what it raises ends the whole."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._finish)

    def _finish(self, task: "asyncio.Task[Any]") -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None and self.failure is None:
            if not isinstance(error, ServiceLoadError):
                log.error("the supervisor failed", exc_info=error)
                error = ServiceLoadError(f"the supervisor failed: {error!r}")
            self.failure = error
            self._tell()


def is_filled(slot: Slot) -> bool:
    """Say whether a slot has a worker that takes calls."""
    return slot.worker is not None and slot.worker.state is State.READY


def reason(worker: Worker) -> ServiceLoadError:
    """Say why a worker did not become ready."""
    if worker.failure is not None:
        return worker.failure
    if not worker.exited.done():
        return ServiceLoadError(f"{worker.group.name} {worker.index} was stopped before it was ready")
    return ServiceLoadError(
        f"{worker.group.name} {worker.index} {ending(worker.exited.result())} before it was ready",
        hint="its own words, if it had any, stand above",
    )

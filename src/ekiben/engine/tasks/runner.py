"""Run tasks, one after the other, each in a process that can be killed.

In: requests. Out: records, and answers once they are there. A task is run at least once: when its process or its server
dies amid it, it waits again, until it was started `max_attempts` times.
"""

import asyncio
import logging
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ekiben.core.errors import DeadlineExceeded, EkibenError, ServiceLoadError, Unavailable
from ekiben.core.spec import EndpointSpec, TasksSpec
from ekiben.engine.observe import TaskCounts
from ekiben.engine.tasks.desk import Desk, Waiters
from ekiben.engine.tasks.process import Outcome, TaskProcess
from ekiben.engine.tasks.record import Answer, Record, Request, State
from ekiben.engine.tasks.store import TaskStore

log = logging.getLogger("ekiben")

TICK = 0.5  # seconds between looks at what other processes wrote
ROUNDS = 10  # ticks between looks at whether other servers live, and at what is too old
PAUSES = (0.2, 1.0, 5.0)  # seconds before the next start, by processes in a row that died
CANCELED, LATE, STOPPING = "canceled", "late", "stopping"

Launch = Callable[[], TaskProcess]
Render = Callable[[BaseException], Answer]


@dataclass(slots=True, eq=False)
class Running:
    """A task that runs here."""

    record: Record
    process: TaskProcess
    reason: str = ""  # why it is to end before its time
    is_told: bool = True  # what it said last is in the database


class Tasks:
    """The tasks of one service, in this server.

    Args:
        path: the folder that keeps them.
        spec: how many, how long.
        endpoints: those that are tasks.
        launch: makes a process, which is not started yet.
        render: writes an error as the answer that it is.
    """

    def __init__(
        self, path: Path, spec: TasksSpec, endpoints: Sequence[EndpointSpec], launch: Launch, render: Render
    ) -> None:
        self.counts = TaskCounts(running={each.name: 0 for each in endpoints})
        self._path = path
        self._spec = spec
        self._endpoints: Mapping[str, EndpointSpec] = {each.name: each for each in endpoints}
        self._launch = launch
        self._render = render
        self._desk = Desk()
        self._waiters = Waiters()
        self._running: dict[str, Running] = {}
        self._wake = asyncio.Event()
        self._paused = asyncio.Event()
        self._loops: list[asyncio.Task[None]] = []
        self._beside: set[asyncio.Task[None]] = set()

    @property
    def running(self) -> int:
        """Tasks that run here now."""
        return len(self._running)

    @property
    def is_paused(self) -> bool:
        """Whether no more tasks are started."""
        return self._paused.is_set()

    async def open(self) -> None:
        """Open the database; tasks are kept from now on.

        Raises:
            CorruptItem: the database is damaged; the error names the file.
            StoreError: it cannot be opened.
        """
        await self._desk.open(
            lambda: TaskStore(self._path, max_waiting=self._spec.max_pending, retention=self._spec.retention)
        )

    async def start(self) -> None:
        """Take over what dead servers left, and begin to run tasks."""
        again = await self._desk.ask_safely(lambda store: store.recover(self._lost))
        if again:
            log.info("%d tasks that had not ended are run again", again)
        loop = asyncio.get_running_loop()
        self._loops = [loop.create_task(self._work()) for _ in range(self._spec.workers)]
        self._loops.append(loop.create_task(self._watch()))

    def pause(self) -> None:
        """Start no more tasks; those that run go on."""
        self._paused.set()
        self._wake.set()
        for task in self._waiters.tasks - self._running.keys():
            self._waiters.wake(task)

    async def stop(self) -> None:
        """End what runs, which waits again for the next start; close the database."""
        self.pause()
        for running in self._running.values():
            self._interrupt(running, STOPPING)
        if self._loops:
            *workers, watch = self._loops
            await asyncio.gather(*workers)
            watch.cancel()
            await asyncio.wait([watch])
        if self._beside:
            await asyncio.wait(self._beside)
        await self._desk.close()

    async def submit(self, endpoint: str, request: Request, *, token: str | None = None, waits: bool = False) -> Record:
        """Keep a task, which runs when its turn comes; raises what `TaskStore.add` does."""
        if self.is_paused:
            raise Unavailable("the server is stopping", retry_after=5)
        most = self._endpoints[endpoint].max_attempts
        record = await self._desk.ask(
            lambda store: store.add(endpoint, request, max_attempts=most, token=token, waits=waits)
        )
        self._wake.set()
        return record

    async def get(self, task: str, endpoint: str, wait: float | None = 0.0) -> Record:
        """Find a task, once it has finished or after *wait* seconds (None: however long).

        Raises:
            NotFound: there is none.
        """
        end = None if wait is None else time.monotonic() + wait
        while True:
            future = self._waiters.add(task)  # before looking, as it may end just then
            try:
                record = await self._get(task, endpoint)
                left = None if end is None else end - time.monotonic()
                is_left = self.is_paused and task not in self._running
                if record.is_finished or is_left or (left is not None and left <= 0):
                    return record
                await asyncio.wait([future], timeout=left)
            finally:
                self._waiters.remove(task, future)

    async def answer(self, task: str) -> Answer:
        """Give a task's answer; raises WrongState where there is none."""
        return await self._desk.ask(lambda store: store.answer(task))

    async def cancel(self, task: str, endpoint: str) -> Record:
        """End a task, and wait until it has; one that has finished stays as it is.

        Raises:
            NotFound: there is none.
        """
        await self._get(task, endpoint)
        record = await self._desk.ask(lambda store: store.cancel(task))
        running = self._running.get(task)
        if running is not None:
            self._interrupt(running, CANCELED)
        elif record.is_finished:
            self._waiters.wake(task)
        return await self.get(task, endpoint, wait=self._spec.grace + 2 * TICK + 1.0)

    async def retry(self, task: str, endpoint: str) -> Record:
        """Run the stored request of a finished task again, as a new task."""
        if self.is_paused:
            raise Unavailable("the server is stopping", retry_after=5)
        await self._get(task, endpoint)
        record = await self._desk.ask(lambda store: store.retry(task))
        self._wake.set()
        return record

    def discard(self, task: str, endpoint: str) -> None:
        """End a task that nobody waits for any more, and forget it; returns at once."""
        made = asyncio.get_running_loop().create_task(self._discard(task, endpoint))
        self._beside.add(made)
        made.add_done_callback(self._beside.discard)

    async def waiting(self) -> int:
        """Count the tasks that wait."""
        return await self._desk.ask(lambda store: store.waiting())

    async def _discard(self, task: str, endpoint: str) -> None:
        try:
            record = await self.cancel(task, endpoint)
            if record.is_finished:
                await self._desk.ask(lambda store: store.remove([task]))
        except EkibenError as error:  # it is canceled at the next start, and removed in time
            log.warning("a task that nobody waits for could not be removed: %s", error)

    async def _get(self, task: str, endpoint: str) -> Record:
        record = await self._desk.ask(lambda store: store.get(task, endpoint))
        running = self._running.get(task)
        if running is not None and not record.is_finished:
            return replace(record, fraction=running.record.fraction, words=running.record.words)
        return record

    async def _work(self) -> None:
        """Take tasks and run them, one after the other, all in one process while it lives."""
        process: TaskProcess | None = None
        died = 0  # in a row
        while (record := await self._next()) is not None:
            if self.is_paused:  # meanwhile
                await self._put_back(record, refund=True)
                break
            running = self._running[record.id] = Running(record, process or self._launch())
            self.counts.begin(record.endpoint)
            process, is_fine = await self._run(running, is_new=process is None)
            self.counts.leave(record.endpoint)
            del self._running[record.id]
            self._waiters.wake(record.id)
            died = 0 if is_fine else died + 1
            if died:
                await self._rest(PAUSES[min(died, len(PAUSES)) - 1])
        if process is not None:
            await process.end()

    async def _next(self) -> Record | None:
        """Wait for a task, and claim it; None once no more are to start."""
        names = list(self._endpoints)
        while not self.is_paused:
            self._wake.clear()
            record = await self._desk.ask_safely(lambda store: store.claim(names))
            if record is not None:
                return record
            await self._wake.wait()
        return None

    async def _rest(self, seconds: float) -> None:
        """Let some time pass, unless the server stops."""
        waiting = asyncio.ensure_future(self._paused.wait())
        await asyncio.wait([waiting], timeout=seconds)
        waiting.cancel()

    async def _run(self, running: Running, *, is_new: bool) -> tuple[TaskProcess | None, bool]:
        """Run one task to some end.

        Returns:
            The process if it can be used again, and whether it did not die.
        """
        task, process = running.record.id, running.process
        limit = self._endpoints[running.record.endpoint].timeout or None
        timer: asyncio.TimerHandle | None = None
        place = self._desk.store.folder.staging()
        try:
            try:
                request = await self._desk.ask(lambda store: store.request(task))
                if is_new:
                    await process.start()
                if running.reason:
                    outcome = Outcome(is_stopped=True)
                else:
                    if limit is not None:
                        timer = asyncio.get_running_loop().call_later(limit, self._interrupt, running, LATE)
                    head = {"task": task, "endpoint": running.record.endpoint, "place": str(place), "limit": limit}
                    outcome = await process.run(request, head, lambda *told: note(running, *told))
            except ServiceLoadError as error:
                outcome = Outcome(reason=str(error))
            except EkibenError as error:
                outcome = Outcome(self._render(error))
            except Exception as error:  # the border: a loop that ended here would run no task any more
                log.exception("task %s could not be run", task)
                if process.pid is not None:
                    process.kill()
                    await process.end()
                outcome = Outcome(reason=f"could not be used: {error}")
            finally:
                if timer is not None:
                    timer.cancel()
            if outcome.answer is None:
                place.unlink(missing_ok=True)  # a piece of one, on a disk that may be full
            await self._settled(running, outcome)
        finally:
            place.unlink(missing_ok=True)
        self._waiters.wake(task)
        if outcome.is_stopped and process.pid is not None:
            await process.end()  # with its last hooks
        return (process if process.pid is not None else None), not outcome.reason or bool(running.reason)

    async def _settled(self, running: Running, outcome: Outcome) -> None:
        """Write down how a run ended, as soon as the disk takes it."""
        record, reason = running.record, outcome.reason or "was interrupted"
        if outcome.answer is not None:
            state = State.FAILED if outcome.answer.error is not None else State.COMPLETED
            await self._finish(record, state, outcome.answer)
        elif running.reason == CANCELED:
            await self._finish(record, State.CANCELED)
        elif running.reason == STOPPING:
            await self._put_back(record, refund=True)
        elif running.reason == LATE:
            limit = self._endpoints[record.endpoint].timeout
            error = DeadlineExceeded(f"the task took longer than {limit:g} seconds, the `timeout` of its `@task`")
            await self._finish(record, State.FAILED, self._render(error))
        elif record.attempts >= record.max_attempts:
            log.error("task %s failed: its process %s", record.id, reason)
            words = f"the process of the task {reason}; it was started {times(record.attempts)}"
            await self._finish(record, State.FAILED, self._render(Unavailable(words)))
        else:
            log.warning("the process of task %s %s; it is run again", record.id, reason)
            await self._put_back(record, refund=False)
            self._wake.set()

    async def _finish(self, record: Record, state: State, answer: Answer | None = None) -> None:
        await self._surely(lambda store: store.finish(record, state, answer))
        self.counts.end(record.endpoint, str(state))

    async def _put_back(self, record: Record, *, refund: bool) -> None:
        await self._surely(lambda store: store.put_back(record, refund=refund))

    def _lost(self, record: Record) -> Answer:
        """Answer for a task whose server died too often."""
        return self._render(
            Unavailable(f"the server ended while the task ran; it was started {times(record.attempts)}")
        )

    def _interrupt(self, running: Running, reason: str) -> None:
        if not running.reason:
            running.reason = reason
        running.process.interrupt(self._spec.grace)

    async def _watch(self) -> None:
        """Look now and then: at what other servers wrote, and at what has become too old."""
        rounds = 0
        while True:
            await asyncio.sleep(TICK)
            for running in list(self._running.values()):
                if not running.is_told:
                    running.is_told = True
                    await self._desk.ask_safely(self._reported(running.record))
            if await self._desk.ask_safely(lambda store: store.has_changed()):
                await self._look()
            rounds += 1
            if rounds % ROUNDS == 0:
                await self._desk.ask_safely(lambda store: store.recover(self._lost))
                self._wake.set()
                await self._desk.ask_safely(lambda store: store.expire())

    async def _look(self) -> None:
        """See what another process did to tasks that we run or wait for."""
        self._wake.set()
        for task in {*self._running, *self._waiters.tasks}:
            record = await self._desk.ask_safely(lambda store, task=task: store.get(task))  # type: ignore[misc]  # mypy: a default
            if record is None or record.is_finished:
                self._waiters.wake(task)
            elif record.canceling and task in self._running:
                self._interrupt(self._running[task], CANCELED)

    @staticmethod
    def _reported(record: Record) -> Callable[[TaskStore], None]:
        return lambda store: store.report(record.id, record.fraction or 0.0, record.words)

    async def _surely(self, do: Callable[[TaskStore], None]) -> None:
        """Ask until the disk takes it: an answer is not lost for a full disk."""
        pause = TICK
        while True:
            try:
                await self._desk.ask(do)
            except EkibenError as error:
                log.error("how a task ended cannot be written yet: %s", error)
                if self.is_paused:  # it is run again by the next server
                    return
            else:
                return
            await self._rest(pause)
            pause = min(2 * pause, 10.0)


def note(running: Running, fraction: float, words: str) -> None:
    """Note what a task says of itself."""
    running.record = replace(running.record, fraction=fraction, words=words)
    running.is_told = False


def times(count: int) -> str:
    """Say how often."""
    return "once" if count == 1 else f"{count} times"


def name_folder(home: Path, service: str, given: str | os.PathLike[str] | None) -> Path:
    """Say where the tasks of a service are kept."""
    base = home / "tasks" if given is None else Path(os.path.abspath(Path(given).expanduser()))
    return base / service

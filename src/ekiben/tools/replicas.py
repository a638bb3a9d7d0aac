"""Run several whole processes of a service behind the same sockets.

In: a plan, which says all that a supervisor has to know; it loads neither the service nor its libraries. Out: a running
service, until a signal ends it. SIGHUP starts all afresh beside the old ones, and so does a newer model that lands in
the store, where that is asked for. What `latest` stands for is settled here, once for all that start together.
"""

import asyncio
import logging
import signal
import socket
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from ekiben.core.errors import ServiceLoadError, Unavailable
from ekiben.engine import machine
from ekiben.engine.control import Message
from ekiben.engine.figures import Totals
from ekiben.engine.passing import ROLE, Giver
from ekiben.engine.process import Group, State, Worker
from ekiben.engine.supervisor import Supervisor
from ekiben.engine.swap import MODELS, TRIAL, TRIED, Swap, Versions, shown

log = logging.getLogger("ekiben")

NAME = "worker"
PATIENCE = 1.0  # seconds for a worker to tell what it counted
LINGER = 5.0  # seconds that an idle connection may keep a replaced worker
LOADING = 1800.0  # seconds for workers with a newer model to be ready
PROBATION = 60.0  # seconds of these for the service's own method to say so, once its instance is there


class Landing(Protocol):
    """What notices newer models."""

    def start(self, told: Callable[[], object]) -> None:
        """Begin to watch; *told* is called on another thread when something may land."""

    def stop(self) -> None:
        """Watch no more."""

    def latest(self) -> Mapping[str, str | None]:
        """Give the newest version of each model; may take its time."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a supervisor has to know."""

    service: str
    workers: int
    command: Sequence[str]  # of one worker
    drain: float  # seconds
    gpus: float | None = None
    env: Mapping[str, str] = field(default_factory=dict)  # for each worker
    models: Mapping[str, str] = field(default_factory=dict)  # versions by name, of those that are swapped
    store: str | None = None  # the folder of these
    loading: float = LOADING
    trial: float = PROBATION


class Replicas:
    """The workers of one service, and who watches them.

    Args:
        plan: what to run.
        sockets: listening ones; they stay their owner's.
        on_ready: is called once, when all workers take calls.
        landing: notices newer versions of the plan's models; None swaps none.
    """

    def __init__(
        self,
        plan: Plan,
        sockets: Sequence[socket.socket],
        on_ready: Callable[[], None],
        landing: Landing | None = None,
    ) -> None:
        self._plan = plan
        self._landing = landing
        self._swap = Swap(plan.models)
        self._sockets = sockets
        self._on_ready = on_ready
        self._taking: set[Worker] = set()
        self._totals = Totals()
        self._giver: Giver | None = None
        self._supervisor: Supervisor | None = None
        self._rolling: asyncio.Task[None] | None = None
        self._is_asked = False  # to start all afresh
        self._has_landed = False  # a newer model, perhaps
        self._gone: set[str] = set()  # names of models of which the store has none

    async def run(self) -> None:
        """Run until a signal, or `end`; raises ServiceLoadError."""
        shares = machine.shares(self._plan.workers, self._plan.gpus)
        group = Group(
            name=NAME, command=self._plan.command, count=self._plan.workers,
            env=lambda index: {**self._plan.env, **shares[index].env}, cpus=lambda index: shares[index].cpus,
            pairs=(ROLE,), drain=self._plan.drain, linger=LINGER,
        )  # fmt: skip
        supervisor = self._supervisor = Supervisor([group], heard=self._hear, answers={"metrics": self._measure})
        self._giver = Giver(self._sockets)
        self._listen_to_signals()
        try:
            await supervisor.start(self._pins(self._swap.in_use))
            if await became_ready(supervisor):
                self._on_ready()
                if self._landing is not None:
                    loop = asyncio.get_running_loop()
                    self._landing.start(lambda: loop.call_soon_threadsafe(self.look))
            await supervisor.wait()
        finally:
            if self._landing is not None:
                await asyncio.to_thread(self._landing.stop)
            await supervisor.stop()
            if self._rolling is not None:
                await asyncio.wait([self._rolling])
            self._giver.close()

    def end(self) -> None:
        """Let all end in order; the second time, at once."""
        assert self._supervisor is not None
        if self._supervisor.is_stopping:
            self._supervisor.kill()
        else:
            self._supervisor.end()

    def roll(self) -> None:
        """Start all workers afresh beside the old ones; once more if that goes on."""
        self._is_asked = True
        self._go_on()

    def look(self) -> None:
        """See whether a newer model has landed, and start workers with it."""
        self._has_landed = True
        self._go_on()

    def _go_on(self) -> None:
        if self._rolling is None or self._rolling.done():
            self._rolling = asyncio.get_running_loop().create_task(self._work())

    async def _work(self) -> None:
        """Do what is asked for, one after the other."""
        assert self._supervisor is not None
        while not self._supervisor.is_stopping and (self._is_asked or self._has_landed):
            if self._is_asked:
                self._is_asked = False
                await self._roll()
                continue
            self._has_landed = False
            tried = await self._next()
            if tried:
                self._has_landed = True  # there may be more, also by then
                await self._take_in(tried)

    async def _roll(self) -> None:
        """Start all afresh, with what is newest by now, refused before or not."""
        log.info("starting %d workers afresh", self._plan.workers)
        self._swap.forget()
        await self._replace(await self._next(), "the new workers cannot start, and the old ones stay")

    async def _take_in(self, tried: Versions) -> None:
        """Start workers with newer models beside the old ones."""
        old = self._old(tried)
        log.info("loading %s beside %s", shown(tried), old)
        await self._replace(tried, f"{shown(tried)} is refused, and {old} stays")

    async def _replace(self, tried: Versions, otherwise: str) -> None:
        """Put fresh workers in the places of the old.

        With newer models they have to stand a trial.

        Args:
            tried: the newer models, if there are any.
            otherwise: is logged with the reason where the old ones stay.
        """
        assert self._supervisor is not None
        notes = self._pins({**self._swap.in_use, **tried})
        once = {TRIAL: self._plan.trial, TRIED: sorted(tried)} if tried else {}
        try:
            async with asyncio.timeout(self._plan.loading if tried else None) as limit:

                def taken() -> None:
                    limit.reschedule(None)  # the old ones may take their time to end
                    self._take_over(tried)

                await self._supervisor.roll(NAME, notes, taken, once)
        except (ServiceLoadError, TimeoutError) as error:
            if not self._supervisor.is_stopping:
                is_late = isinstance(error, TimeoutError)
                words = f"they were not ready within {self._plan.loading:g} seconds" if is_late else error
                log.error("%s: %s", otherwise, words)
                if tried:
                    self._swap.refuse(tried)

    def _take_over(self, tried: Versions) -> None:
        self._direct()
        if tried:
            log.info("%s is served in place of %s", shown(tried), self._old(tried))
            self._swap.accept(tried)
        log.info("the new workers have taken over")

    def _old(self, tried: Versions) -> str:
        return shown({name: self._swap.in_use[name] for name in tried})

    async def _next(self) -> dict[str, str]:
        """Say which models are to be loaded in place of those in use, if any."""
        if self._landing is None:
            return {}
        latest = await asyncio.to_thread(self._landing.latest)
        gone = {name for name, version in latest.items() if version is None}
        for name in sorted(gone - self._gone):
            version = self._swap.in_use[name]
            log.warning("the store has no version of %s any more; %s stays, as long as workers live", name, version)
        self._gone = gone
        return self._swap.next(latest)

    def _pins(self, versions: Versions) -> dict[str, Any]:
        """Give the notes that hold workers to these versions."""
        return {MODELS: {"root": self._plan.store, "versions": dict(versions)}} if versions else {}

    def _hear(self, worker: Worker, message: Message) -> None:
        if message["say"] == "taking":
            self._taking.add(worker)
        elif message["say"] == "ended":
            self._taking.discard(worker)
            self._totals.end(worker)
        elif message["say"] == "figures":
            self._count(worker, message)
        elif message["say"] == "stuck":
            assert self._supervisor is not None
            self._supervisor.recycle(worker, str(message.get("words")), 0.0)
        self._direct()

    async def _measure(self, asker: Worker, message: Message) -> Message:
        """Tell what all workers counted; of one that does not answer, what it said last.

        Raises:
            Unavailable: the one that asks tells nothing itself, and shall say why to whoever asked it.
        """
        assert self._supervisor is not None
        told = await self._supervisor.ask_all("figures", PATIENCE)
        if asker in told and told[asker] is None:
            raise Unavailable("this worker told no figures")
        for worker in sorted(told, key=lambda each: (each.generation, each.index)):
            if (found := told[worker]) is not None and worker.state is not State.ENDED:
                self._count(worker, found)
        ready = [worker for worker in self._supervisor.workers(NAME) if worker.state is State.READY]
        restarts = self._supervisor.restarts[NAME]
        found = {"families": self._totals.families(), "restarts": restarts, "workers": len(ready)}
        if self._landing is not None:
            counts = {"swapped": self._swap.swapped, "refused": self._swap.refused}
            found |= {"swaps": counts, "models": self._swap.in_use}
        return found

    def _count(self, worker: Worker, told: Message) -> None:
        try:
            self._totals.take(worker, str(worker.index), told)
        except ValueError as error:
            log.warning("%r told no figures: %s", worker, error)

    def _direct(self) -> None:
        """Give the next connections to who is ready, else to who lives: it says 503."""
        assert self._supervisor is not None
        assert self._giver is not None
        placed = self._supervisor.workers(NAME)  # a fresh one waits until all are ready, and then for its place
        living = [worker for worker in self._taking if ROLE in worker.ends and (worker in placed or worker.is_expected)]
        ready = [worker for worker in living if worker.state is State.READY and not worker.is_expected]
        self._giver.give_to([worker.ends[ROLE] for worker in ready or living])

    def _listen_to_signals(self) -> None:
        if threading.current_thread() is threading.main_thread():
            loop = asyncio.get_running_loop()
            loop.add_signal_handler(signal.SIGTERM, self.end)
            loop.add_signal_handler(signal.SIGINT, self.end)
            loop.add_signal_handler(signal.SIGHUP, self.roll)


async def became_ready(supervisor: Supervisor) -> bool:
    """Wait until all is ready; False says that a stop came first."""
    try:
        await supervisor.wait_ready()
    except ServiceLoadError:
        if supervisor.failure is not None:
            raise
        return False
    return True

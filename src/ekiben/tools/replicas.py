"""Run several whole processes of a service behind the same sockets.

In: a plan, which says all that a supervisor has to know; it loads neither the service nor its libraries. Out: a running
service, until a signal ends it. SIGHUP starts all afresh beside the old ones.
"""

import asyncio
import logging
import signal
import socket
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from ekiben.core.errors import ServiceLoadError, Unavailable
from ekiben.engine import machine
from ekiben.engine.control import Message
from ekiben.engine.figures import Totals
from ekiben.engine.passing import ROLE, Giver
from ekiben.engine.process import Group, State, Worker
from ekiben.engine.supervisor import Supervisor

log = logging.getLogger("ekiben")

NAME = "worker"
PATIENCE = 1.0  # seconds for a worker to tell what it counted
LINGER = 5.0  # seconds that an idle connection may keep a replaced worker


@dataclass(frozen=True, slots=True)
class Plan:
    """What a supervisor has to know."""

    service: str
    workers: int
    command: Sequence[str]  # of one worker
    drain: float  # seconds
    gpus: float | None = None
    env: Mapping[str, str] = field(default_factory=dict)  # for each worker


class Replicas:
    """The workers of one service, and who watches them.

    Args:
        plan: what to run.
        sockets: listening ones; they stay their owner's.
        on_ready: is called once, when all workers take calls.
    """

    def __init__(self, plan: Plan, sockets: Sequence[socket.socket], on_ready: Callable[[], None]) -> None:
        self._plan = plan
        self._sockets = sockets
        self._on_ready = on_ready
        self._taking: set[Worker] = set()
        self._totals = Totals()
        self._giver: Giver | None = None
        self._supervisor: Supervisor | None = None
        self._rolling: asyncio.Task[None] | None = None
        self._roll_again = False

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
            await supervisor.start()
            if await became_ready(supervisor):
                self._on_ready()
            await supervisor.wait()
        finally:
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
        if self._rolling is not None and not self._rolling.done():
            self._roll_again = True
            return
        self._rolling = asyncio.get_running_loop().create_task(self._roll())

    async def _roll(self) -> None:
        assert self._supervisor is not None
        log.info("starting %d workers afresh", self._plan.workers)
        try:
            await self._supervisor.roll(NAME, taken=self._take_over)
        except ServiceLoadError as error:
            if not self._supervisor.is_stopping:
                log.error("the new workers cannot start, and the old ones stay: %s", error)
        if self._roll_again:
            self._roll_again = False
            await self._roll()

    def _take_over(self) -> None:
        self._direct()
        log.info("the new workers have taken over")

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
        return {"families": self._totals.families(), "restarts": restarts, "workers": len(ready)}

    def _count(self, worker: Worker, told: Message) -> None:
        try:
            self._totals.take(worker, str(worker.index), told)
        except ValueError as error:
            log.warning("%r told no figures: %s", worker, error)

    def _direct(self) -> None:
        """Give the next connections to who is ready, else to who lives: it says 503."""
        assert self._supervisor is not None
        assert self._giver is not None
        living = [worker for worker in self._taking if ROLE in worker.ends]
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

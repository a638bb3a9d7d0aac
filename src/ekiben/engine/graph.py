"""Run a service by workers in other processes, from the one that listens.

In: a service, and the command line that starts a worker. Out: the same face as `LocalDispatcher` has, so that whoever
listens need not know where the model is. The workers are ours to start, to replace and to end.
"""

import asyncio
import inspect
import logging
import os
import socket
from collections.abc import Callable, Sequence
from typing import Any

from ekiben.core.errors import EkibenError
from ekiben.core.spec import BoundService
from ekiben.engine.instance import deployment_hooks
from ekiben.engine.job import Done
from ekiben.engine.local import failure_of
from ekiben.engine.member import Mark
from ekiben.engine.pool import Pool
from ekiben.engine.process import Group, Sockets
from ekiben.engine.supervisor import Supervisor
from ekiben.engine.wire import Buffer

log = logging.getLogger("ekiben")

LINK = "link"  # the role of the socket that calls go through
MARK = "mark"  # the role of the memory that says how far a worker came


class RemoteDispatcher:
    """One service, whose instances are in processes of their own.

    Args:
        bound: the service.
        command: starts a worker; the supervisor adds what it inherits.
        count: of workers.
        drain: seconds for calls that run when it is stopped.
    """

    def __init__(self, bound: BoundService, command: Sequence[str], count: int, drain: float) -> None:
        self.bound = bound
        self.pool = Pool(bound, self._replace)
        self.admission = self.pool.admission
        self.batches = self.pool.batches
        self.state: dict[str, Any] = {}
        self.on_failure: Callable[[BaseException], None] = lambda error: None
        self._marks: dict[int, Mark] = {}
        group = Group(name=bound.spec.name, command=command, count=count, open=self._open, drain=drain)
        self._supervisor = Supervisor([group])
        self._watching: asyncio.Task[None] | None = None

    @property
    def has_started(self) -> bool:
        """Whether there were workers that take calls; one that ended is being replaced."""
        return self.pool.was_ready

    @property
    def is_ready(self) -> bool:
        """Whether a worker takes calls."""
        return self.pool.is_ready

    @property
    def waiting(self) -> int:
        """Calls that no worker has yet."""
        return self.pool.waiting

    async def start(self) -> None:
        """Start the workers, and return when all of them are ready.

        Raises:
            ServiceLoadError: one cannot start; the error has its words.
        """
        self.pool.open()
        try:
            for hook in deployment_hooks(self.bound):
                await (hook() if inspect.iscoroutinefunction(hook) else asyncio.to_thread(hook))
        except Exception as error:
            raise failure_of(self.bound, error) from error
        await self._supervisor.start()
        try:
            await self._supervisor.wait_ready()
        except BaseException:
            await self._end(0.0)
            raise
        self._watching = asyncio.create_task(self._watch())

    async def stop(self, drain: float = 0.0) -> None:
        """Refuse new calls, let those inside end within *drain* seconds, end the workers."""
        if not await self.admission.drain(drain):
            log.warning("%d calls had no answer after %g seconds and are given up", self.admission.inside, drain)
        if self._watching is not None:
            self._watching.cancel()
        await self._end(drain)

    async def submit(
        self, endpoint: str, head: Any, buffers: Sequence[Buffer] = (), deadline: float | None = None
    ) -> Done:
        """Let a worker answer one call; raises what `Pool.submit` does."""
        return await self.pool.submit(endpoint, head, buffers, deadline)

    async def ask(self, what: str) -> bool:
        """Ask the service's own health method, `ready` or `alive`, of each worker."""
        return await self.pool.ask(what)

    async def _end(self, drain: float) -> None:
        await self._supervisor.stop(drain)
        self.pool.close()

    async def _watch(self) -> None:
        """Report what ends the whole: workers that die again and again."""
        try:
            await self._supervisor.wait()
        except EkibenError as error:
            self.on_failure(error)

    def _open(self, index: int) -> Sockets:
        """Make what one worker inherits; the ends that are ours join the pool."""
        ours, theirs = socket.socketpair()
        mark, fd = Mark.make()
        self.pool.attach(index, ours, mark)
        return {LINK: [theirs], MARK: [os.fdopen(fd, "rb")]}

    def _replace(self, index: int, why: str) -> None:
        for worker in self._supervisor.workers(self.bound.spec.name):
            if worker.index == index:
                self._supervisor.recycle(worker, why, 0.0)

"""Run services in processes of their own, from the process that listens.

In: services in the order in which they need each other, and the command line that starts a worker. Out: for each a pool
that answers its calls; all have one supervisor. `RemoteDispatcher` has the face of `LocalDispatcher`, so that whoever
listens need not know where the service is.
"""

import asyncio
import inspect
import json
import logging
import os
import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from hashlib import sha256
from typing import Any

from ekiben.core.errors import EkibenError, ServiceLoadError, Unavailable
from ekiben.core.spec import BoundService
from ekiben.engine.control import Message
from ekiben.engine.door import Door
from ekiben.engine.figures import Totals
from ekiben.engine.handle import Far, Open
from ekiben.engine.incoming import Incoming
from ekiben.engine.instance import deployment_hooks
from ekiben.engine.job import Done
from ekiben.engine.local import failure_of
from ekiben.engine.machine import shares
from ekiben.engine.member import Mark
from ekiben.engine.placement import count_gpus
from ekiben.engine.pool import Pool
from ekiben.engine.process import Group, Sockets, State, Worker
from ekiben.engine.supervisor import Supervisor
from ekiben.engine.switch import Send, Switch
from ekiben.engine.wire import Buffer

log = logging.getLogger("ekiben")

LINK = "link"  # the role of the socket that calls go through
FRONT = "front"  # the place of this process among those that count
ARRIVAL = 5.0  # seconds for workers that are ready to ask for calls
PATIENCE = 1.0  # seconds for workers to tell what they counted
KNOWN = "endpoints"  # the note that says what the front knows
MARK = "mark"  # the role of the memory that says how far a worker came


@dataclass(frozen=True, slots=True)
class Start:
    """How workers are started and ended."""

    command: Sequence[str]  # without what the supervisor adds
    folder: str  # where the command means what it says
    count: Callable[[BoundService], int]  # of workers
    drain: float  # seconds for calls that run when it is stopped
    env: Mapping[str, str] = field(default_factory=dict)  # beside our own


class Graph:
    """Services in processes, and the calls between them.

    Args:
        root: what is served; its hooks run before anything starts.
        bounds: those that get processes, each after what it depends on.
        start: how.
    """

    def __init__(self, root: BoundService, bounds: Sequence[BoundService], start: Start) -> None:
        self.root = root
        self.on_failure: Callable[[BaseException], None] = lambda error: None
        switch = Switch(self.call, self.open)
        self._streams = {(one.spec.name, each.name) for one in bounds for each in one.spec.endpoints if each.stream}
        self.pools = {one.spec.name: Pool(one, partial(self._replace, one.spec.name), switch) for one in bounds}
        is_here = root.spec.name not in [one.spec.name for one in bounds]
        taken = gpus_of(root) if is_here else 0  # what runs in this process has the first of all
        groups = []
        for one in bounds:
            groups.append(self._group(one, start, taken))
            taken += gpus_of(one)
        self._supervisor = Supervisor(groups, heard=self._hear)
        self._totals = Totals()
        self._notes = {KNOWN: {one.spec.name: known(one) for one in bounds}}
        self._rolling: asyncio.Task[None] | None = None
        self._roll_again = False
        self._watching: asyncio.Task[None] | None = None
        self.loop: asyncio.AbstractEventLoop  # from the start on

    @property
    def is_ready(self) -> bool:
        """Whether each service has a worker that takes calls."""
        return all(pool.is_ready for pool in self.pools.values())

    async def start(self) -> None:
        """Start all workers, those of dependencies first; return when all are ready.

        Raises:
            ServiceLoadError: one cannot start; the error has its words.
        """
        self.loop = asyncio.get_running_loop()
        for pool in self.pools.values():
            pool.open()
        try:
            for hook in deployment_hooks(self.root):
                await (hook() if inspect.iscoroutinefunction(hook) else asyncio.to_thread(hook))
        except Exception as error:
            raise failure_of(self.root, error) from error
        await self._supervisor.start(self._notes)
        try:
            await self._supervisor.wait_ready()
            async with asyncio.timeout(ARRIVAL):  # they have told the supervisor, and the pools by another way
                await asyncio.gather(*(pool.came.wait() for pool in self.pools.values()))
        except TimeoutError:
            log.warning("a worker that is ready has not asked for calls within %g seconds", ARRIVAL)
        except BaseException:
            await self.stop()
            raise
        self._watching = asyncio.create_task(self._watch())

    async def stop(self, drain: float = 0.0) -> None:
        """End all workers, those of dependencies last."""
        if self._watching is not None:
            self._watching.cancel()
        self._roll_again = False
        await self._supervisor.stop(drain)
        if self._rolling is not None:
            await asyncio.wait([self._rolling])
        for pool in self.pools.values():
            pool.close()

    async def call(
        self, service: str, endpoint: str, head: Any, buffers: Sequence[Buffer], deadline: float | None
    ) -> Done:
        """Let a service answer; raises what `Pool.submit` does."""
        pool = self.pools.get(service)
        if pool is None or endpoint not in pool.bound.signatures:
            raise Unavailable(f"there is no `{endpoint}` of a service `{service}` here")
        return await pool.submit(endpoint, head, buffers, deadline)

    def stream(
        self, service: str, endpoint: str, head: Any, buffers: Sequence[Buffer], deadline: float | None
    ) -> Incoming:
        """Let a service answer piece by piece; raises what `Pool.stream` does."""
        return self.pools[service].stream(endpoint, head, buffers, deadline)

    def open(
        self, service: str, endpoint: str, head: Any, buffers: Sequence[Buffer], deadline: float | None
    ) -> Incoming | None:
        """Do that for an endpoint that streams; None for any other."""
        is_stream = (service, endpoint) in self._streams
        return self.stream(service, endpoint, head, buffers, deadline) if is_stream else None

    async def measure(self, own: Mapping[str, Any]) -> dict[str, Any]:
        """Tell what all processes counted, at the last where one is silent.

        Args:
            own: what this one counted, as `Totals.take` has it.
        """
        self._totals.take(FRONT, FRONT, own)
        told = await self._supervisor.ask_all("figures", PATIENCE)
        for worker in sorted(told, key=lambda each: (each.generation, each.index)):
            if (found := told[worker]) is not None and worker.state is not State.ENDED:
                self._count(worker, found)
        services = []
        for name, pool in self.pools.items():
            ready = [each for each in self._supervisor.workers(name) if each.state is State.READY]
            services.append([name, pool.bound.spec.version or "", self._supervisor.restarts[name], len(ready)])
        return {"families": self._totals.families(), "services": services}

    def roll(self) -> None:
        """Start all workers afresh beside the old ones; once more if that goes on."""
        if self._rolling is not None and not self._rolling.done():
            self._roll_again = True
            return
        self._rolling = asyncio.get_running_loop().create_task(self._roll())

    async def _roll(self) -> None:
        """Let new workers take over, or the old ones stay; dependencies first."""
        for name, pool in self.pools.items():
            log.info("starting %d workers of %s afresh", self._supervisor.groups[name].count, name)
            pool.begin_reload()
            try:
                await self._supervisor.roll(name, self._notes, partial(self._take_over, name))
            except ServiceLoadError as error:
                pool.end_reload(is_done=False)
                if not self._supervisor.is_stopping:
                    log.error("the new workers cannot start, and the old ones stay: %s", error)
                break
        if self._roll_again and not self._supervisor.is_stopping:
            self._roll_again = False
            await self._roll()

    def _take_over(self, name: str) -> None:
        self.pools[name].end_reload(is_done=True)
        log.info("the new workers of %s have taken over", name)

    def _hear(self, worker: Worker, message: Message) -> None:
        """Note what a worker says of its figures, and its end."""
        if message["say"] == "figures":
            self._count(worker, message)
        elif message["say"] == "ended":
            self._totals.end(worker)

    def _count(self, worker: Worker, told: Message) -> None:
        name = worker.group.name
        place = str(worker.index) if name == self.root.spec.name else f"{name} {worker.index}"
        try:
            self._totals.take(worker, place, told)
        except ValueError as error:
            log.warning("%r told no figures: %s", worker, error)

    async def _watch(self) -> None:
        """Report what ends the whole: workers that die again and again."""
        try:
            await self._supervisor.wait()
        except EkibenError as error:
            self.on_failure(error)

    def _group(self, bound: BoundService, start: Start, taken: int) -> Group:
        name = bound.spec.name
        after = [bind().spec.name for bind in bound.dependencies.values()]
        found = shares(start.count(bound), bound.spec.resources.get("gpu"), taken)
        own = bound.environ or (lambda index: {})
        return Group(
            name=name,
            command=start.command,
            folder=start.folder,
            count=len(found),
            env=lambda index: {**start.env, **found[index].env, **own(index)},
            cpus=lambda index: found[index].cpus,
            open=partial(self._open, name),
            after=tuple(after),
            drain=start.drain,
        )

    def _open(self, service: str, index: int) -> Sockets:
        """Make what one worker inherits; the ends that are ours join its pool."""
        ours, theirs = socket.socketpair()
        mark, fd = Mark.make()
        self.pools[service].attach(index, ours, mark)
        return {LINK: [theirs], MARK: [os.fdopen(fd, "rb")]}

    def _replace(self, service: str, index: int, why: str) -> None:
        for worker in self._supervisor.workers(service):
            if worker.index == index:
                self._supervisor.recycle(worker, why, 0.0)


class RemoteDispatcher:
    """One service, whose instances are in processes of their own.

    Args:
        bound: the service.
        graph: runs it, and what it depends on.
    """

    def __init__(self, bound: BoundService, graph: Graph) -> None:
        self.bound = bound
        self.graph = graph
        self.pool = graph.pools[bound.spec.name]
        self.admission = self.pool.admission
        self.batches = self.pool.batches

    @property
    def has_started(self) -> bool:
        """Whether there were workers that take calls; one that ended is being replaced."""
        return self.pool.was_ready

    @property
    def is_ready(self) -> bool:
        """Whether a worker takes calls, of this service and of each that it depends on."""
        return self.graph.is_ready

    @property
    def waiting(self) -> int:
        """Calls that no worker has yet."""
        return self.pool.waiting

    @property
    def needs(self) -> Graph:
        """What runs the workers."""
        return self.graph

    async def start(self) -> None:
        """Start the workers; raises what `Graph.start` does."""
        await self.graph.start()

    async def stop(self, drain: float = 0.0) -> None:
        """Refuse new calls, let those inside end within *drain* seconds, end the workers."""
        if not await self.admission.drain(drain):
            log.warning("%d calls had no answer after %g seconds and are given up", self.admission.inside, drain)
        await self.graph.stop(drain)

    async def submit(
        self, endpoint: str, head: Any, buffers: Sequence[Buffer] = (), deadline: float | None = None
    ) -> Done:
        """Let a worker answer one call; raises what `Pool.submit` does."""
        return await self.pool.submit(endpoint, head, buffers, deadline)

    def stream(self, endpoint: str, head: Any, buffers: Sequence[Buffer], deadline: float | None) -> Incoming:
        """Let a worker answer one call piece by piece; raises what `Pool.enter` does."""
        return self.pool.stream(endpoint, head, buffers, deadline)

    def roll(self) -> None:
        """Start all workers afresh, of this service and of those it depends on."""
        self.graph.roll()

    def door(self, endpoint: str) -> Door:
        """Give the way in for a job of an endpoint, which is the pool itself."""
        return self.pool

    async def ask(self, what: str) -> bool:
        """Ask the service's own health method, `ready` or `alive`, of each worker.

        One is not ready either where it does not reach what it depends on at an address.
        """
        has_remote = any(each.url is not None for each in self.bound.spec.dependencies)
        if what == "ready" and self.bound.hooks.ready is None and not has_remote:
            return True
        return await self.pool.ask(what)


def gpus_of(bound: BoundService) -> int:
    """Say how many GPUs a service takes."""
    return count_gpus(bound.spec.resources.get("gpu"))


def known(bound: BoundService) -> str:
    """Give a digest of what a front knows of a service and its workers share."""
    endpoints = [asdict(each) for each in bound.spec.endpoints]
    return sha256(json.dumps(endpoints, sort_keys=True, default=str).encode()).hexdigest()


def check_known(bound: BoundService, notes: Mapping[str, Any]) -> None:
    """Hold a worker to what its front knows; raises ServiceLoadError."""
    name = bound.spec.name
    if notes.get(KNOWN, {}).get(name, known(bound)) != known(bound):
        raise ServiceLoadError(
            f"the endpoints of `{name}` are not those that the server was started with",
            hint="stop it, and start it anew",
        )


def joined(bound: BoundService, send: Send, open: Open, loop: Callable[[], asyncio.AbstractEventLoop]) -> BoundService:
    """Give a service whose dependencies are in other processes.

    Args:
        bound: the service.
        send: passes a call on.
        open: asks for a stream.
        loop: gives the event loop where *send* runs, once the instance is made.
    """

    def create(found: Mapping[str, Any]) -> Any:
        handles = {name: Far(bind(), send, loop(), open) for name, bind in bound.dependencies.items()}
        return bound.create({**found, **handles})

    beside = tuple(joined(one, send, open, loop) for one in bound.services)
    return replace(bound, create=create, dependencies={}, on_deployment=(), services=beside)

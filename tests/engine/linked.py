"""A pool and workers in one event loop, over real pairs of sockets, without processes."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from ekiben.core.context import Context
from ekiben.engine.local import LocalDispatcher
from ekiben.engine.member import Mark
from ekiben.engine.messages import Call
from ekiben.engine.pool import Pool
from ekiben.engine.unhurried import Unwatched, within
from ekiben.engine.wire import Buffer
from ekiben.engine.worker import Worker
from ekiben.schema.codec import plan


class Linked:
    """A pool, and the workers that were added to it; a call's head is its arguments."""

    def __init__(self, cls: Any) -> None:
        self.bound = cls.__ekiben_service__()
        self.broken: list[tuple[int, str]] = []
        self.pool = Pool(self.bound, lambda index, why: self.broken.append((index, why)))
        self.pool.open()
        self.workers: list[Worker] = []

    async def add(self) -> Worker:
        """Start one more worker."""
        sock, mark = self.attach()
        codecs = {name: plan(signature) for name, signature in self.bound.signatures.items()}
        dispatcher = LocalDispatcher(within(self.bound), codecs, Unwatched)
        worker = Worker(dispatcher, sock, mark)
        await dispatcher.start()

        async def serve(endpoint: str, head: Any, buffers: list[Buffer]) -> Any:
            try:
                return ["value", await worker.submit(Call(endpoint, (), dict(head), Context()))], buffers
            except Exception as error:  # noqa: BLE001 - the border of this small worker
                return ["error", str(error)], ()

        worker.ready(serve)
        self.workers.append(worker)
        return worker

    def attach(self) -> tuple[socket.socket, Mark]:
        """Add a member whose end the test holds itself."""
        ours, theirs = socket.socketpair()
        mark, fd = Mark.make()
        self.pool.attach(len(self.workers), ours, mark)
        other = Mark(fd)
        os.close(fd)
        return theirs, other

    async def ask(self, endpoint: str, deadline: float | None = None, **arguments: Any) -> Any:
        """Call an endpoint."""
        (kind, value), _ = await self.pool.submit(endpoint, arguments, (), deadline)
        assert kind == "value", value
        return value

    async def close(self) -> None:
        """End all."""
        self.pool.close()
        for worker in self.workers:
            worker.close()
            await worker.dispatcher.stop()


@asynccontextmanager
async def linked(cls: Any, workers: int = 1) -> AsyncIterator[Linked]:
    """Run a service class by a pool with some workers."""
    found = Linked(cls)
    try:
        for _ in range(workers):
            await found.add()
        await until(lambda: sum(member.is_ready for member in found.pool._members) == workers)
        yield found
    finally:
        await found.close()


async def until(is_true: Callable[[], bool]) -> None:
    """Let the loop turn until something is so."""
    async with asyncio.timeout(60):
        while not is_true():
            await asyncio.sleep(0.001)

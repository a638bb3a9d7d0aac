"""Work on the database of tasks from an event loop, and wait for tasks there.

In: functions of a store. Out: what they give. One thread does all of them, so that no disk holds the loop up.
"""

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from ekiben.core.errors import EkibenError, Unavailable
from ekiben.engine.tasks.store import TaskStore

log = logging.getLogger("ekiben")

T = TypeVar("T")


class Desk:
    """The thread of a store."""

    def __init__(self) -> None:
        self._thread: ThreadPoolExecutor | None = None
        self._store: TaskStore | None = None

    @property
    def store(self) -> TaskStore:
        """The store; raises Unavailable where it is not open."""
        if self._store is None:
            raise Unavailable("the service is starting or stopping", retry_after=1)
        return self._store

    async def open(self, make: Callable[[], TaskStore]) -> None:
        """Start the thread, and open the store on it; raises what *make* does."""
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="ekiben-tasks")
        try:
            self._store = await self._do(make)
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """Close the store after what is being done, and end the thread."""
        store, self._store = self._store, None
        if store is not None:
            await self._do(store.close)
        if self._thread is not None:
            self._thread.shutdown()
            self._thread = None

    async def ask(self, do: Callable[[TaskStore], T]) -> T:
        """Do something with the store; raises what *do* does, and Unavailable."""
        store = self.store
        return await self._do(lambda: do(store))

    async def ask_safely(self, do: Callable[[TaskStore], T]) -> T | None:
        """The same, where another time will do as well: what goes wrong is only logged."""
        try:
            return await self.ask(do)
        except EkibenError as error:
            log.warning("the database of tasks: %s", error)
            return None

    async def _do(self, do: Callable[[], T]) -> T:
        assert self._thread is not None
        return await asyncio.get_running_loop().run_in_executor(self._thread, do)


class Waiters:
    """Those who wait for tasks, on one event loop."""

    def __init__(self) -> None:
        self._futures: dict[str, set[asyncio.Future[None]]] = {}

    @property
    def tasks(self) -> set[str]:
        """What is waited for."""
        return set(self._futures)

    def add(self, task: str) -> "asyncio.Future[None]":
        """Begin to wait."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._futures.setdefault(task, set()).add(future)
        return future

    def remove(self, task: str, future: "asyncio.Future[None]") -> None:
        """Wait no longer."""
        found = self._futures.get(task)
        if found is not None:
            found.discard(future)
            if not found:
                del self._futures[task]

    def wake(self, task: str) -> None:
        """Let all who wait for a task look again."""
        for future in self._futures.pop(task, set()):
            if not future.done():
                future.set_result(None)
